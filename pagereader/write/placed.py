"""A page ready to be written: ids, clean text and whole-number outlines inside one another.

All writers that know places start from :func:`place`, so what makes an output valid is decided
here once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

from pagereader.document import Alternative, Line, Page, Region, Word
from pagereader.write.outline import (
    IntPoints,
    around,
    corners_of,
    inside,
    outline,
    outlines,
    page_box,
    polyline,
)
from pagereader.write.sanitise import Ids, clean_text, confidence

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in page pixels."""


class _Placed:
    """Whatever has an outline."""

    __slots__ = ()
    shape: Polygon

    @property
    def box(self) -> Box:
        """Its bounding box."""
        left, top, right, bottom = self.shape.bounds
        return round(left), round(top), round(right), round(bottom)

    @property
    def points(self) -> IntPoints:
        """Its corners."""
        return corners_of(self.shape)


@dataclass(slots=True)
class PlacedWord(_Placed):
    """A word with an outline inside its line's."""

    word: Word
    id: str
    shape: Polygon
    text: str

    @property
    def confidence(self) -> float | None:
        """Its confidence as outputs hold it."""
        return confidence(self.word.confidence)

    @property
    def char_confidences(self) -> tuple[float, ...]:
        """One value a character of ``text``; empty if not known for each."""
        values = [confidence(value) for value in self.word.char_confidences]
        known = tuple(value for value in values if value is not None)
        return known if len(known) == len(self.text) else ()


@dataclass(slots=True)
class PlacedLine(_Placed):
    """A line with an outline inside its region's; its words say exactly its text, or are none."""

    line: Line
    id: str
    shape: Polygon
    baseline: IntPoints | None
    text: str
    words: list[PlacedWord] = field(default_factory=list)

    @property
    def confidence(self) -> float | None:
        """Its confidence as outputs hold it."""
        return confidence(self.line.confidence)

    @property
    def alternatives(self) -> list[Alternative]:
        """Other readings as outputs hold them."""
        return [
            Alternative(clean_text(other.text), confidence(other.confidence))
            for other in self.line.alternatives
        ]

    @property
    def flags(self) -> list[str]:
        """Names of the flags, sorted."""
        return sorted(str(flag) for flag in self.line.flags)


@dataclass(slots=True)
class PlacedRegion(_Placed):
    """A region whose outline holds its lines and nested regions."""

    region: Region
    id: str
    shape: Polygon
    lines: list[PlacedLine] = field(default_factory=list)
    regions: list[PlacedRegion] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its own lines' texts, joined by newlines."""
        return "\n".join(line.text for line in self.lines)

    def all_lines(self) -> Iterator[PlacedLine]:
        """Yield its lines and those of nested regions, in reading order."""
        yield from self.lines
        for region in self.regions:
            yield from region.all_lines()


def wanted_ids(regions: Sequence[Region]) -> Iterator[str]:
    """Yield every id that regions, lines and words already have."""
    for region in regions:
        yield region.id
        for line in region.lines:
            yield line.id
            yield from (word.id for word in line.words)
        yield from wanted_ids(region.regions)


def place(page: Page, ids: Ids | None = None) -> list[PlacedRegion]:
    """Return the page's regions ready to be written.

    Args:
        page: Any page, however ugly its text and outlines.
        ids: Ids already given out in the same file; by default the page is alone in it.
    """
    names = ids or Ids(wanted_ids(page.regions))
    area = page_box(page.width, page.height)
    return [
        _place_region(region, f"r{number}", area, names)
        for number, region in enumerate(page.regions, 1)
    ]


def _place_region(region: Region, name: str, page: Polygon, ids: Ids) -> PlacedRegion:
    placed_id = ids.claim(region.id, name)
    shape = outline(region.polygon, page)
    lines = [
        _place_line(line, f"{name}_l{number}", shape, page, ids)
        for number, line in enumerate(region.lines, 1)
    ]
    regions = [
        _place_region(nested, f"{name}_r{number}", page, ids)
        for number, nested in enumerate(region.regions, 1)
    ]
    children = [line.shape for line in lines] + [nested.shape for nested in regions]
    if shape is None:
        shape = children[0] if children else page
    return PlacedRegion(region, placed_id, around(shape, children, page), lines, regions)


def _place_line(
    line: Line, name: str, parent: Polygon | None, page: Polygon, ids: Ids
) -> PlacedLine:
    placed_id = ids.claim(line.id, name)
    baseline = polyline(line.baseline, page)
    shape = outline(line.polygon, page) or _stand_in(line, baseline, parent, page)
    text = clean_text(line.text)
    words = _place_words(line, text, name, shape, page, ids)
    children: list[BaseGeometry] = [word.shape for word in words]
    if baseline is not None:
        children.append(baseline)
    shape = around(shape, children, page)
    feet = None if baseline is None else corners_of(baseline)
    return PlacedLine(line, placed_id, shape, feet, text, words)


def _place_words(
    line: Line, text: str, name: str, shape: Polygon, page: Polygon, ids: Ids
) -> list[PlacedWord]:
    """The words, if they say what the line says: where they differ, the line is right."""
    texts = [(word, clean_text(word.text)) for word in line.words]
    texts = [(word, said) for word, said in texts if said]
    if " ".join(said for _, said in texts) != text:
        return []
    own = [found or shape for found in outlines([word.polygon for word, _ in texts], page)]
    return [
        PlacedWord(word, ids.claim(word.id, f"{name}_w{number}"), fitted or outer, said)
        for number, ((word, said), outer, fitted) in enumerate(
            zip(texts, own, inside(own, shape), strict=True), 1
        )
    ]


def _stand_in(
    line: Line, baseline: LineString | None, parent: Polygon | None, page: Polygon
) -> Polygon:
    """An outline for a line that has none: around its words, over its baseline, its region."""
    words = [shape for word in line.words if (shape := outline(word.polygon, page))]
    if words:
        return around(words[0], words, page)
    if baseline is not None:
        left, top, right, bottom = baseline.bounds
        rise = line.height if np.isfinite(line.height) and 0 < line.height < 1e6 else 10.0
        corners = [[left, top - 1.5 * rise], [right, top - 1.5 * rise]]
        corners += [[right, bottom + 0.5 * rise], [left, bottom + 0.5 * rise]]
        over = outline(np.array(corners), page)
        if over is not None:
            return over
    return parent if parent is not None else box(0, 0, 1, 1)
