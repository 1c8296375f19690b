"""What a transcription is: documents of pages of regions of lines of words.

All coordinates are pixels of the original page image, x to the right and y down, whatever
was done to the image on the way. Polygons and baselines are float arrays of shape (n, 2).
Lists are in reading order: ``page.regions``, ``region.lines``, ``line.words``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Corners of a polygon or vertices of a baseline, shape (n, 2): x, y in page pixels."""


class Flag(StrEnum):
    """What a reader of the result must know about a line."""

    BLANK = "blank"
    """No ink in the crop: the text is empty on purpose."""
    TRUNCATED = "truncated"
    """The recogniser reached its length limit: the end of the line may be missing."""
    REPEATED = "repeated"
    """The recogniser fell into a loop; the repetition was cut off."""
    FAILED = "failed"
    """The line could not be read; its text is empty because of an error."""
    SPLIT = "split"
    """Too wide for the recogniser: read in overlapping pieces and merged."""
    BOXED = "boxed"
    """No trustworthy outline: a plain box stands in for the polygon."""


class RegionType(StrEnum):
    """What a block of the page is, in the words of PAGE-XML."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    HEADER = "header"
    """Running head."""
    FOOTER = "footer"
    PAGE_NUMBER = "page-number"
    MARGINALIA = "marginalia"
    FOOTNOTE = "footnote"
    CAPTION = "caption"
    DROP_CAPITAL = "drop-capital"
    OTHER = "other"
    TABLE = "table"
    """A table: its cells are nested text regions, in rows."""
    IMAGE = "image"
    """A picture or ornament: holds no lines."""
    SEPARATOR = "separator"
    """A ruling: holds no lines."""


class _ByValue:
    """Equal to another of its kind that holds the same; arrays leave that to who compares."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = [each.name for each in fields(self)]  # type: ignore[arg-type]
        return all(_same(getattr(self, name), getattr(other, name)) for name in names)


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(np.asarray(one), np.asarray(other))
    if isinstance(one, Exception):
        return type(one) is type(other) and repr(one) == repr(other)
    return one == other


@dataclass(slots=True, eq=False)
class Word(_ByValue):
    """One word of a line.

    Attributes:
        text: The word, without surrounding space.
        polygon: Its outline, inside the line's.
        confidence: 0 to 1, the geometric mean of its characters', or None if unknown.
        char_confidences: One value a character of ``text``, or empty.
        id: Unique in its page; writers make one up where it is empty.
    """

    text: str
    polygon: Points
    confidence: float | None = None
    char_confidences: tuple[float, ...] = ()
    id: str = ""


@dataclass(slots=True)
class Alternative:
    """Another reading of a line, less likely than the line's own text."""

    text: str
    confidence: float | None = None


@dataclass(slots=True, eq=False)
class Line(_ByValue):
    """One line of text.

    Attributes:
        polygon: Outline, shape (n, 2), n >= 3.
        baseline: Polyline through the feet of the letters in reading direction, shape (n, 2),
            n >= 2.
        height: Letter height (cap height for print) in page pixels; 0 if unknown.
        text: The reading; empty for blank, failed or not yet read lines.
        confidence: 0 to 1, or None if unknown. Not calibrated.
        words: The words with their outlines; empty if the recogniser gives none.
        flags: What a reader must know.
        alternatives: Other readings, best first.
        id: Unique in its page; writers make one up where it is empty.
        error: Why the line failed, if ``Flag.FAILED`` is set.
    """

    polygon: Points
    baseline: Points
    height: float = 0.0
    text: str = ""
    confidence: float | None = None
    words: list[Word] = field(default_factory=list)
    flags: frozenset[Flag] = frozenset()
    alternatives: list[Alternative] = field(default_factory=list)
    id: str = ""
    error: str = ""


@dataclass(slots=True, eq=False)
class Region(_ByValue):
    """A block of the page: a paragraph, heading, table, picture and so on.

    Attributes:
        polygon: Outline, shape (n, 2), n >= 3.
        type: What kind of block this is.
        lines: Its own lines in reading order.
        regions: Nested regions in reading order (the cells of a table), read after ``lines``.
        id: Unique in its page; writers make one up where it is empty.
        row: For a cell of a table: its row and column, from 0; None elsewhere.
        column: See ``row``.
    """

    polygon: Points
    type: RegionType = RegionType.PARAGRAPH
    lines: list[Line] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    id: str = ""
    row: int | None = None
    column: int | None = None

    def all_lines(self) -> Iterator[Line]:
        """Yield this region's lines and those of nested regions, in reading order."""
        yield from self.lines
        for region in self.regions:
            yield from region.all_lines()

    @property
    def text(self) -> str:
        """The lines' texts joined by newlines."""
        return "\n".join(line.text for line in self.all_lines())


@dataclass(frozen=True, slots=True)
class PageSource:
    """Where a page came from.

    Attributes:
        path: The input as the user named it; "-" for standard input.
        index: Page of that file, from 0.
        count: How many pages the file has, or None if not known.
        modified: When the input was last changed, for reproducible dates in the outputs.
    """

    path: str
    index: int = 0
    count: int | None = None
    modified: datetime | None = None

    @property
    def number(self) -> int:
        """Page of the file, from 1, as people count."""
        return self.index + 1

    def __str__(self) -> str:
        return self.path if self.count == 1 else f"{self.path}, page {self.number}"


@dataclass(frozen=True, slots=True)
class ProcessingStep:
    """Provenance: one thing that was done to make the transcription.

    Attributes:
        name: What was done: "segmentation", "recognition".
        tool: What did it, with its version: "pagereader.lines 0.1.0".
        settings: Everything that decides the result, as strings.
    """

    name: str
    tool: str
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, eq=False)
class Page(_ByValue):
    """One page and what was read on it.

    Attributes:
        width: Of the original image, in pixels.
        height: Of the original image, in pixels.
        source: Where the page came from.
        regions: Blocks in reading order.
        dpi: Horizontal and vertical resolution if the file tells, else None.
        orientation: Degrees (0, 90, 180, 270) to turn the image clockwise so that it is upright.
        skew: Degrees by which the text slopes down to the right once upright.
        steps: Provenance, in the order of processing.
        image_path: The image that the coordinates belong to, if it exists as a file; else empty.
        language: ISO 639-1 code, or empty.
        error: Why the page failed, or None. A failed page has no regions.
        damage: What is wrong with the pixels of a damaged file, or empty. Such a page was read as
            far as it can be, and counts as failed all the same.
    """

    width: int
    height: int
    source: PageSource
    regions: list[Region] = field(default_factory=list)
    dpi: tuple[float, float] | None = None
    orientation: int = 0
    skew: float = 0.0
    steps: list[ProcessingStep] = field(default_factory=list)
    image_path: str = ""
    language: str = ""
    error: Exception | None = None
    damage: str = ""

    @property
    def lines(self) -> list[Line]:
        """All lines of the page in reading order."""
        return [line for region in self.regions for line in region.all_lines()]

    @property
    def text(self) -> str:
        """The page's text: lines end in newlines, regions are parted by an empty line."""
        return "\n\n".join(region.text for region in self.regions if any(region.all_lines()))

    @property
    def confidence(self) -> float | None:
        """Mean of the lines' confidences, weighted by their length; None if none is known."""
        known = [(line.confidence, max(1, len(line.text))) for line in self.lines]
        weighed = [(c, n) for c, n in known if c is not None]
        if not weighed:
            return None
        return sum(c * n for c, n in weighed) / sum(n for _, n in weighed)


@dataclass(slots=True)
class Document:
    """Pages that belong together, usually those of one file.

    Attributes:
        pages: In order, failed ones included.
        path: The input as the user named it.
    """

    pages: list[Page] = field(default_factory=list)
    path: str = ""

    @property
    def text(self) -> str:
        """The pages' texts, parted by form feeds."""
        return "\f".join(page.text for page in self.pages)


@dataclass(slots=True, eq=False)
class PageImage(_ByValue):
    """A page as pixels, before anything was read.

    Attributes:
        pixels: uint8, shape (height, width) for grey or (height, width, 3) for RGB.
        source: Where it came from.
        dpi: Resolution if the file tells, else None.
        image_path: The file that holds exactly these pixels, or empty (a rendered PDF page).
        known: Regions and lines that the input already has (PAGE, ALTO, hOCR), or None.
        damage: What is wrong with the pixels, if the file is damaged, or empty.
    """

    pixels: NDArray[np.uint8]
    source: PageSource
    dpi: tuple[float, float] | None = None
    image_path: str = ""
    known: Page | None = None
    damage: str = ""

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def grey(self) -> NDArray[np.uint8]:
        """The page as grey values, shape (height, width)."""
        if self.pixels.ndim == 2:
            return self.pixels
        weights = np.array([0.299, 0.587, 0.114], np.float32)
        return np.asarray(np.rint(self.pixels @ weights), np.uint8)
