"""Our own JSON, back into pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np

import pagereader.errors as errors
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
from pagereader.parse.pagexml import NamedPage

VERSION = 1
"""The newest form of the file that is understood."""

Entry = dict[str, Any]


def read_json(data: bytes, path: str) -> Iterator[NamedPage]:
    """Yield the pages of a JSON file.

    Raises:
        ValueError: if it is none of ours.
        KeyError, TypeError, AttributeError: if an entry is missing or of the wrong kind.
    """
    document = json.loads(data)
    if not isinstance(document, dict) or "pagereader" not in document:
        raise ValueError("it is JSON, but not pagereader's")
    if document["pagereader"] != VERSION:
        raise ValueError(f"its version {document['pagereader']!r} is not {VERSION}")
    for entry in document["pages"]:
        page = _page(entry, path)
        yield NamedPage(page, str(entry.get("image") or page.image_path))


def _page(entry: Entry, path: str) -> Page:
    dpi = entry.get("dpi")
    return Page(
        int(entry["width"]),
        int(entry["height"]),
        _source(entry.get("source", {}), path),
        [_region(region) for region in entry.get("regions", [])],
        dpi=(float(dpi[0]), float(dpi[1])) if dpi else None,
        orientation=int(entry.get("orientation", 0)),
        skew=float(entry.get("skew", 0.0)),
        steps=[_step(step) for step in entry.get("steps", [])],
        image_path=str(entry.get("image_path", "")),
        language=str(entry.get("language", "")),
        error=_error(entry.get("error")),
    )


def _source(entry: Entry, path: str) -> PageSource:
    modified, count = entry.get("modified"), entry.get("count")
    return PageSource(
        str(entry.get("path", path)),
        max(0, int(entry.get("index", 0))),
        None if count is None else int(count),
        None if modified is None else datetime.fromisoformat(modified),
    )


def _step(entry: Entry) -> ProcessingStep:
    settings = tuple((str(name), str(value)) for name, value in entry.get("settings", []))
    return ProcessingStep(str(entry["name"]), str(entry["tool"]), settings)


def _error(entry: Entry | None) -> Exception | None:
    if entry is None:
        return None
    kind = getattr(errors, str(entry.get("type")), errors.PageError)
    if not (isinstance(kind, type) and issubclass(kind, errors.PagereaderError)):
        kind = errors.PageError
    error: Exception = kind(str(entry.get("message", "")), str(entry.get("advice", "")))
    return error


def _region(entry: Entry) -> Region:
    row, column = entry.get("row"), entry.get("column")
    return Region(
        _points(entry["polygon"]),
        RegionType(entry.get("type", "paragraph")),
        [_line(line) for line in entry.get("lines", [])],
        [_region(nested) for nested in entry.get("regions", [])],
        str(entry.get("id", "")),
        None if row is None else int(row),
        None if column is None else int(column),
    )


def _line(entry: Entry) -> Line:
    return Line(
        _points(entry["polygon"]),
        _points(entry["baseline"]),
        float(entry.get("height", 0.0)),
        str(entry["text"]),
        _share(entry.get("confidence")),
        [_word(word) for word in entry.get("words", [])],
        frozenset(Flag(flag) for flag in entry.get("flags", [])),
        [
            Alternative(str(other["text"]), _share(other.get("confidence")))
            for other in entry.get("alternatives", [])
        ],
        str(entry.get("id", "")),
        str(entry.get("error", "")),
    )


def _word(entry: Entry) -> Word:
    return Word(
        str(entry["text"]),
        _points(entry["polygon"]),
        _share(entry.get("confidence")),
        tuple(float(value) for value in entry.get("char_confidences", [])),
        str(entry.get("id", "")),
    )


def _share(value: object) -> float | None:
    return None if value is None else min(1.0, max(0.0, float(str(value))))


def _points(rows: object) -> Points:
    array = np.array(rows, np.float64).reshape(-1, 2)
    if not np.isfinite(array).all():
        raise ValueError("a point is no number")
    return array
