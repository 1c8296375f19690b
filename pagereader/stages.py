"""The stages of a reading as protocols, the data that passes between them, and how to find them.

A third party adds a stage through the entry points ``pagereader.segmenters`` and
``pagereader.recognizers``, or simply passes an object to :class:`pagereader.Reader`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pagereader.document import Alternative, Flag, Page, PageImage, ProcessingStep, Region
from pagereader.errors import UsageError
from pagereader.geometry import LineWarp


@dataclass(slots=True)
class Segmentation:
    """What a segmenter found.

    Attributes:
        regions: Blocks with their lines, in reading order, in page pixels.
        orientation: Degrees (0, 90, 180, 270) to turn the image clockwise so that it is upright.
        skew: Degrees by which the text slopes down to the right once upright.
        may_be_on_head: Whether the page may as well have to be turned by 180 degrees more. Its
            lines are then read both ways, and if they read better the other way, a segmenter for
            that orientation is made by ``from_options`` of the same class.
    """

    regions: list[Region] = field(default_factory=list)
    orientation: int = 0
    skew: float = 0.0
    may_be_on_head: bool = False


@dataclass(slots=True)
class LineCrop:
    """One line cut from its page and straightened along its baseline.

    Attributes:
        pixels: uint8 grey, shape (height, width), both at least 1; text upright, ink dark.
        warp: Maps crop pixels back to the page.
    """

    pixels: NDArray[np.uint8]
    warp: LineWarp


@dataclass(slots=True)
class WordSpan:
    """A word on its crop.

    Attributes:
        text: The word, without surrounding space.
        start: Left end in crop pixels.
        end: Right end in crop pixels, greater than ``start``.
        confidence: 0 to 1.
        char_confidences: One value a character of ``text``, or empty.
    """

    text: str
    start: float
    end: float
    confidence: float
    char_confidences: tuple[float, ...] = ()


@dataclass(slots=True)
class LineReading:
    """What a recogniser read on one crop.

    Attributes:
        text: The reading. Empty if blank or failed.
        confidence: 0 to 1, or None if nothing was read.
        words: In order, not overlapping; empty if the recogniser gives none. Their texts joined
            by single spaces are ``text``.
        flags: What the reader must know.
        alternatives: Other readings, best first.
        error: Why the reading failed, if it did.
    """

    text: str = ""
    confidence: float | None = None
    words: list[WordSpan] = field(default_factory=list)
    flags: frozenset[Flag] = frozenset()
    alternatives: list[Alternative] = field(default_factory=list)
    error: str = ""


@runtime_checkable
class Segmenter(Protocol):
    """Finds the lines of a page. Called from several threads at once."""

    def segment(self, image: PageImage) -> Segmentation:
        """Return regions and lines in reading order; empty for a page without text."""
        ...

    def cut(self, image: PageImage, regions: Sequence[Region]) -> list[LineCrop]:
        """Return one crop for each line of ``regions``, in the order of ``all_lines()``."""
        ...

    def describe(self) -> ProcessingStep:
        """Return the step's provenance."""
        ...


@runtime_checkable
class Recognizer(Protocol):
    """Reads line crops. Called from one thread at a time.

    It may have an attribute ``lines_a_batch``: how many crops it would like to be given at once.
    """

    def read(self, crops: Sequence[LineCrop]) -> list[LineReading]:
        """Return one reading a crop, in the same order; a line that fails is flagged, not raised.

        Raises:
            ModelError: if no line at all can be read (the model itself is broken).
        """
        ...

    def describe(self) -> ProcessingStep:
        """Return the step's provenance: model, its fingerprint, precision, versions."""
        ...


@runtime_checkable
class Writer(Protocol):
    """Turns pages into the bytes of one output file.

    Attributes:
        format: Name on the command line: "page", "alto", "hocr", "txt", "json".
        suffix: Of its files: ".xml", ".alto.xml", ".hocr", ".txt", ".json".
        one_page_a_file: Whether each page gets a file of its own.
    """

    format: str
    suffix: str
    one_page_a_file: bool

    def render(self, pages: Sequence[Page], image_names: Sequence[str]) -> bytes:
        """Return the file's content.

        Args:
            pages: Exactly one page if ``one_page_a_file``, else all pages of the document.
            image_names: For each page, its image file as the output should name it: a path
                relative to the output file, or a bare name if there is no such file.
        """
        ...


def check_stage(kind: str, stage: object) -> None:
    """Refuse what cannot be a stage before it costs a page: a class, say, in place of an object.

    Args:
        kind: "segmenter" or "recognizer".
        stage: What was given, or None.

    Raises:
        UsageError: if a method is missing.
    """
    methods = {"segmenter": ("segment", "cut", "describe"), "recognizer": ("read", "describe")}[
        kind
    ]
    missing = [name for name in methods if not callable(getattr(stage, name, None))]
    if stage is not None and (missing or isinstance(stage, type)):
        raise UsageError(
            f"{stage!r} is no {kind}", f"give an object with the methods {', '.join(methods)}"
        )


def load_stage(kind: str, name: str) -> Any:
    """Return the class registered as ``name`` in the entry points ``pagereader.<kind>``.

    Raises:
        UsageError: if nothing goes by that name.
    """
    known = {point.name: point for point in entry_points(group=f"pagereader.{kind}")}
    if name not in known:
        raise UsageError(
            f"no {kind.removesuffix('s')} is called {name!r}", f"known: {', '.join(sorted(known))}"
        )
    return known[name].load()
