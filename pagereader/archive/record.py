"""A page as bytes and back, exact to the last bit, for the ledger.

Documents such as hOCR hold all their pages, so a page that was read before an interruption must
be kept until its document is written, and must then give the same bytes as if it were fresh.
"""

from __future__ import annotations

import json
import zlib
from datetime import datetime
from typing import Any

from pagereader.document import (
    Alternative,
    Flag,
    Line,
    Page,
    PageSource,
    Points,
    ProcessingStep,
    Region,
    RegionType,
    Word,
)
from pagereader.geometry import points


def pack(page: Page) -> bytes:
    """Return a page that was read as compressed JSON; ``page.error`` is not kept."""
    return zlib.compress(json.dumps(_from_page(page), default=float).encode(), 1)


def unpack(data: bytes) -> Page:
    """Return the page that :func:`pack` was given."""
    return _to_page(json.loads(zlib.decompress(data)))


def _from_page(page: Page) -> dict[str, Any]:
    source = page.source
    return {
        "size": [page.width, page.height],
        "source": [
            source.path,
            source.index,
            source.count,
            source.modified.isoformat() if source.modified else None,
        ],
        "regions": [_from_region(region) for region in page.regions],
        "dpi": page.dpi,
        "turn": [page.orientation, page.skew],
        "steps": [[step.name, step.tool, step.settings] for step in page.steps],
        "image": page.image_path,
        "language": page.language,
    }


def _to_page(data: dict[str, Any]) -> Page:
    path, index, count, modified = data["source"]
    source = PageSource(
        path, index, count, datetime.fromisoformat(modified) if modified is not None else None
    )
    width, height = data["size"]
    return Page(
        width,
        height,
        source,
        [_to_region(region) for region in data["regions"]],
        dpi=None if data["dpi"] is None else tuple(data["dpi"]),
        orientation=data["turn"][0],
        skew=data["turn"][1],
        steps=[
            ProcessingStep(name, tool, tuple((key, value) for key, value in settings))
            for name, tool, settings in data["steps"]
        ],
        image_path=data["image"],
        language=data["language"],
    )


def _from_region(region: Region) -> dict[str, Any]:
    return {
        "polygon": _from_points(region.polygon),
        "type": str(region.type),
        "lines": [_from_line(line) for line in region.lines],
        "regions": [_from_region(nested) for nested in region.regions],
        "id": region.id,
        "cell": [region.row, region.column],
    }


def _to_region(data: dict[str, Any]) -> Region:
    row, column = data["cell"]
    return Region(
        points(data["polygon"]),
        RegionType(data["type"]),
        [_to_line(line) for line in data["lines"]],
        [_to_region(nested) for nested in data["regions"]],
        data["id"],
        row,
        column,
    )


def _from_line(line: Line) -> dict[str, Any]:
    return {
        "polygon": _from_points(line.polygon),
        "baseline": _from_points(line.baseline),
        "height": line.height,
        "text": line.text,
        "confidence": line.confidence,
        "words": [
            [word.text, _from_points(word.polygon), word.confidence, word.char_confidences, word.id]
            for word in line.words
        ],
        "flags": sorted(line.flags),
        "alternatives": [[other.text, other.confidence] for other in line.alternatives],
        "id": line.id,
        "error": line.error,
    }


def _to_line(data: dict[str, Any]) -> Line:
    return Line(
        points(data["polygon"]),
        points(data["baseline"]),
        data["height"],
        data["text"],
        data["confidence"],
        [
            Word(text, points(polygon), confidence, tuple(chars), name)
            for text, polygon, confidence, chars, name in data["words"]
        ],
        frozenset(Flag(flag) for flag in data["flags"]),
        [Alternative(text, confidence) for text, confidence in data["alternatives"]],
        data["id"],
        data["error"],
    )


def _from_points(values: Points) -> list[list[float]]:
    rows: list[list[float]] = values.tolist()
    return rows
