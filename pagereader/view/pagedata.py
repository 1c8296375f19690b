"""A page as the viewer's script wants it: plain JSON that cannot break out of its element."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from pagereader.document import Flag, Line, Page, Points, Region, Word

LOW_CONFIDENCE = 0.6
"""Below this a reading is shaded strongly, and a line counts as doubtful."""
MIDDLE_CONFIDENCE = 0.85
"""Below this a reading is shaded lightly."""

_DOUBTFUL = frozenset({Flag.TRUNCATED, Flag.REPEATED, Flag.FAILED})
# What could end a <script> element, open a comment in it, or is no character at all.
_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def safe_json(value: Any) -> str:
    """Return ``value`` as JSON that may stand inside a ``<script type="application/json">``.

    Raises:
        ValueError: if a number in it is not finite.
    """
    plain = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)


def page_data(page: Page, notice: str = "") -> dict[str, Any]:
    """Return what the viewer shows of ``page``; ``notice`` is said above it."""
    width, height = page_size(page)
    return {
        "width": width,
        "height": height,
        "orientation": page.orientation,
        "language": page.language,
        "error": "" if page.error is None else str(page.error),
        "notice": notice,
        "regions": [_region(region) for region in page.regions],
    }


def page_summary(page: Page) -> dict[str, Any]:
    """Return what the list of pages shows of ``page``."""
    width, height = page_size(page)
    return {
        "label": page_label(page),
        "width": width,
        "height": height,
        "orientation": page.orientation,
        "error": page.error is not None,
        "doubts": sum(is_doubtful(line) for line in page.lines),
    }


def page_label(page: Page) -> str:
    """Return the page's image and number; without folders, which are nobody else's business."""
    path = page.image_path or page.source.path
    name = PurePath(path).name or path
    alone = page.source.count == 1 or (page.source.count is None and page.source.index == 0)
    return name if alone else f"{name}, page {page.source.number}"


def page_size(page: Page) -> tuple[int, int]:
    """Return width and height; those of an A4 sheet for a failed page that has none."""
    if page.width > 0 and page.height > 0:
        return page.width, page.height
    return 1240, 1754


def is_doubtful(line: Line) -> bool:
    """Tell whether a person should look at ``line``: it is flagged or its confidence is low."""
    unsure = line.confidence is not None and line.confidence < LOW_CONFIDENCE
    return unsure or not _DOUBTFUL.isdisjoint(line.flags)


def _region(region: Region) -> dict[str, Any]:
    return {
        "type": str(region.type),
        "polygon": _flat(region.polygon),
        "row": region.row,
        "column": region.column,
        "lines": [_line(line) for line in region.lines],
        "regions": [_region(nested) for nested in region.regions],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "text": line.text,
        "polygon": _flat(line.polygon),
        "baseline": _flat(line.baseline),
        "confidence": _confidence(line.confidence),
        "doubtful": is_doubtful(line),
        "flags": sorted(str(flag) for flag in line.flags),
        "error": line.error,
        "alternatives": [
            {"text": other.text, "confidence": _confidence(other.confidence)}
            for other in line.alternatives
        ],
        "words": _words(line.words),
    }


def _words(words: Sequence[Word]) -> list[dict[str, Any]]:
    return [
        {
            "text": word.text,
            "polygon": _flat(word.polygon),
            "confidence": _confidence(word.confidence),
        }
        for word in words
    ]


def _confidence(value: float | None) -> float | None:
    return round(value, 3) if value is not None and math.isfinite(value) else None


def _flat(points: Points) -> list[int]:
    """Return x, y, x, y, ... in whole pixels; nothing if a coordinate is not finite."""
    values = [float(value) for value in points.ravel()]
    return [round(value) for value in values] if all(map(math.isfinite, values)) else []
