"""JSON with everything we know: what is written here, :mod:`pagereader.parse` reads back.

Coordinates are kept to a hundredth of a pixel, confidences to four digits, as they are: not
clamped, not fitted into one another. Numbers that are none are left out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from pagereader import __version__
from pagereader.document import Line, Page, Points, ProcessingStep, Region, Word
from pagereader.errors import PagereaderError
from pagereader.write.given import with_names
from pagereader.write.sanitise import confidence

_PAIR = re.compile(r"\[\n *(-?[\d.]+),\n *(-?[\d.]+)\n *\]")
"""A point over four lines, to be put on one. Texts hold no raw line break: they never match."""

VERSION = 1
"""Raised when readers of the old form would misunderstand the new one."""


class JsonWriter:
    """Writes the whole document, failed pages with their errors included."""

    format: str = "json"
    suffix: str = ".json"
    one_page_a_file: bool = False

    def render(self, pages: Sequence[Page], image_names: Sequence[str]) -> bytes:
        """Return the file's content; see :class:`pagereader.stages.Writer`."""
        document = {
            "pagereader": VERSION,
            "creator": f"pagereader {__version__}",
            "pages": [_page(p, name) for p, name in with_names(pages, image_names)],
        }
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
        text = _PAIR.sub(r"[\1, \2]", text)
        # Half of a surrogate pair is no character, but JSON can name it: \ud800.
        text = re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)
        return text.encode() + b"\n"


def _page(page: Page, image_name: str) -> dict[str, Any]:
    source = page.source
    return _filled(
        {
            "source": _filled(
                {
                    "path": source.path,
                    "index": source.index,
                    "count": source.count,
                    "modified": source.modified.isoformat() if source.modified else None,
                }
            ),
            "image": image_name,
            "image_path": page.image_path,
            "width": page.width,
            "height": page.height,
            "dpi": _numbers(page.dpi or ()),
            "orientation": page.orientation,
            "skew": _number(page.skew),
            "language": page.language,
            "confidence": confidence(page.confidence),
            "error": _error(page.error),
            "steps": [_step(step) for step in page.steps],
            "regions": [_region(region) for region in page.regions],
        },
        keep=("regions", "image", "width", "height", "orientation"),
    )


def _error(error: Exception | None) -> dict[str, str] | None:
    if error is None:
        return None
    if isinstance(error, PagereaderError):
        return {
            "type": type(error).__name__,
            "message": str(error.message),
            "advice": str(error.advice),
        }
    return {"type": type(error).__name__, "message": str(error)}


def _step(step: ProcessingStep) -> dict[str, Any]:
    return {"name": step.name, "tool": step.tool, "settings": [list(s) for s in step.settings]}


def _region(region: Region) -> dict[str, Any]:
    return _filled(
        {
            "id": region.id,
            "type": str(region.type),
            "row": region.row,
            "column": region.column,
            "polygon": _points(region.polygon),
            "lines": [_line(line) for line in region.lines],
            "regions": [_region(nested) for nested in region.regions],
        },
        keep=("polygon",),
    )


def _line(line: Line) -> dict[str, Any]:
    return _filled(
        {
            "id": line.id,
            "text": line.text,
            "confidence": confidence(line.confidence),
            "flags": sorted(map(str, line.flags)),
            "error": line.error,
            "height": _number(line.height) or None,
            "polygon": _points(line.polygon),
            "baseline": _points(line.baseline),
            "words": [_word(word) for word in line.words],
            "alternatives": [
                _filled({"text": other.text, "confidence": confidence(other.confidence)}, ("text",))
                for other in line.alternatives
            ],
        },
        keep=("text", "polygon", "baseline"),
    )


def _word(word: Word) -> dict[str, Any]:
    known = [confidence(value) for value in word.char_confidences]
    return _filled(
        {
            "id": word.id,
            "text": word.text,
            "confidence": confidence(word.confidence),
            "char_confidences": known if None not in known else [],
            "polygon": _points(word.polygon),
        },
        keep=("text", "polygon"),
    )


def _filled(entries: dict[str, Any], keep: Sequence[str] = ()) -> dict[str, Any]:
    """The entries without those that say nothing: None and empty texts and lists."""
    return {
        key: value
        for key, value in entries.items()
        if key in keep or not (value is None or value == "" or value == [])
    }


def _points(values: Points) -> list[list[float]]:
    corners = np.asarray(values, np.float64).reshape(-1, 2)
    rows = [_numbers(row) for row in corners.tolist()]
    return [row for row in rows if len(row) == 2]


def _numbers(values: Sequence[float]) -> list[float]:
    known = [_number(value) for value in values]
    return [value for value in known if value is not None]


def _number(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    rounded = round(float(value), 2)
    return int(rounded) if rounded.is_integer() else rounded
