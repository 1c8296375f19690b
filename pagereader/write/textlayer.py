"""The invisible text of a page: each word exactly over its picture, each line one run of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pagereader.document import Points
from pagereader.write.glyphless import DESCENT, WIDTH, GlyphlessFont
from pagereader.write.placed import PlacedLine, PlacedRegion

_ONE_LINE = 0.45  # of the size: how far the feet of a line's words may differ
_NEARLY_LEVEL = np.radians(20)

FONT = "PagereaderGlyphless"
"""Name of the font in the pages' resources."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Text to be shown along a straight line.

    Attributes:
        letters: In the order they are seen, left to right, each with its marks.
        start: Where its box begins, on its lower edge, in page pixels.
        direction: Unit vector along the writing, in page pixels (y down).
        length: Of its box, in pixels.
        gap: White space from its end to the next run, in pixels; 0 at the end of a line.
    """

    letters: list[str]
    start: Points
    direction: Points
    length: float
    gap: float = 0.0


def text_layer(lines: Sequence[PlacedLine], to_pdf: Sequence[float], font: GlyphlessFont) -> bytes:
    """Return the content stream that shows ``lines`` invisibly.

    Args:
        lines: In reading order.
        to_pdf: The six numbers of the matrix from page pixels to PDF user space.
        font: Takes note of the characters.
    """
    shown = [_show(line, np.array(to_pdf, np.float64), font) for line in lines if line.text]
    return ("q\nBT 3 Tr\n" + "".join(shown) + "ET Q\n").encode()


def all_lines(regions: Sequence[PlacedRegion]) -> list[PlacedLine]:
    """Return every line of the page in reading order."""
    return [line for region in regions for line in region.all_lines()]


def _show(line: PlacedLine, to_pdf: Points, font: GlyphlessFont) -> str:
    size, runs = _runs(line)
    commands = [f"/{FONT} {_number(size)} Tf\n"]
    for run in runs:
        matrix = _text_matrix(run, size, to_pdf)
        natural = len(run.letters) * WIDTH * size
        commands.append(
            f"{_number(100 * run.length / natural)} Tz {' '.join(map(_number, matrix))} Tm "
            f"{font.encode(run.letters)} Tj\n"
        )
        if run.gap:
            stretch = 100 * run.gap / (WIDTH * size)
            commands.append(f"{_number(stretch)} Tz {font.encode(' ')} Tj\n")
    return "".join(commands)


def _text_matrix(run: _Run, size: float, to_pdf: Points) -> list[float]:
    a, b, c, d, e, f = to_pdf
    linear = np.array([[a, b], [c, d]])
    up = np.array([run.direction[1], -run.direction[0]])
    origin = run.start + up * DESCENT * size
    return [*(run.direction @ linear), *(up @ linear), *(origin @ linear + (e, f))]


def _number(value: float) -> str:
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _runs(line: PlacedLine) -> tuple[float, list[_Run]]:
    """Return the height of the line's characters and its runs from left to right."""
    path = _path(line)
    direction = _direction(path)
    parts = [(_seen(word.text), word.points) for word in line.words] or [
        (_seen_line(line.text), line.points)
    ]
    boxes = [
        _Box.of(letters, corners.astype(np.float64), path, direction) for letters, corners in parts
    ]
    boxes.sort(key=lambda box: box.left)
    size = max(1.0, float(np.median([box.height for box in boxes])))
    drop = float(np.median([box.drop for box in boxes]))  # the line's, so that it is one line
    feet = _gathered(np.array([box.foot for box in boxes]), size)
    runs = []
    for i, (box, foot) in enumerate(zip(boxes, feet, strict=True)):
        gap = 0.0
        if i + 1 < len(boxes):
            gap = max(0.05 * size, boxes[i + 1].left - box.right)
        runs.append(_Run(box.letters, box.start(foot + drop), direction, box.right - box.left, gap))
    return size, runs


def _gathered(feet: Points, size: float) -> Points:
    """Bring the heights of a line's words a little together if that makes it one line.

    Poppler takes words whose feet differ by half their size for other lines. A slant of a degree
    is that much on a wide page, and can be halved without leaving the words.
    """
    spread = float(np.ptp(feet))
    if not _ONE_LINE * size < spread <= 2 * _ONE_LINE * size:
        return feet
    gathered: Points = feet.mean() + (feet - feet.mean()) * (_ONE_LINE * size / spread)
    return gathered


def _path(line: PlacedLine) -> Points:
    """The baseline, or the level lower edge of the line where it has none."""
    if line.baseline is not None and np.ptp(line.baseline, axis=0).max() > 0:
        return line.baseline.astype(np.float64)
    left, _, right, bottom = line.box
    return np.array([[left, bottom], [max(right, left + 1), bottom]], np.float64)


@dataclass(frozen=True, slots=True)
class _Box:
    """A word measured along the writing.

    Attributes:
        letters: In the order they are seen.
        left: Its start along ``direction``, in pixels from the page's origin.
        right: Its end.
        height: Across the writing.
        drop: How far its lower edge lies under the baseline.
        foot: Where the baseline lies across ``direction``, in pixels from the page's origin.
        direction: Unit vector of the writing.
    """

    letters: list[str]
    left: float
    right: float
    height: float
    drop: float
    foot: float
    direction: Points

    @classmethod
    def of(cls, letters: list[str], corners: Points, path: Points, direction: Points) -> _Box:
        down = np.array([-direction[1], direction[0]])
        along, across = corners @ direction, corners @ down
        centre = (along.min() + along.max()) / 2
        stretch = path @ direction
        order = np.argsort(stretch)
        foot = float(np.interp(centre, stretch[order], (path @ down)[order]))
        return cls(
            letters,
            float(along.min()),
            max(float(along.max()), float(along.min()) + 1.0),
            float(np.ptp(across)),
            float(across.max()) - foot,
            foot,
            direction,
        )

    def start(self, bottom: float) -> Points:
        """Its lower left corner, in page pixels, if its lower edge lies at ``bottom`` across."""
        down = np.array([-self.direction[1], self.direction[0]])
        corner: Points = self.direction * self.left + down * bottom
        return corner


def _direction(path: Points) -> Points:
    """Unit vector of the writing: an axis of the page, unless the line is far from any.

    Poppler takes a word apart whose letters rise by half a point, MuPDF a line whose words change
    direction. So the words of slanted and bent lines stand level, each at its own height.
    """
    chord: Points = path[-1] - path[0]
    quarter = np.pi / 2
    angle = float(np.arctan2(chord[1], chord[0]))
    nearest = round(angle / quarter) * quarter
    if abs(angle - nearest) < _NEARLY_LEVEL:
        angle = nearest
    return np.array([np.cos(angle), np.sin(angle)])


def _is_right_to_left(text: str) -> bool:
    kinds = [unicodedata.bidirectional(char) for char in text]
    right = sum(kind in ("R", "AL") for kind in kinds)
    return right > 0 and right >= sum(kind == "L" for kind in kinds)


def _clusters(text: str) -> Iterator[str]:
    """Letters with the marks that stand on them."""
    cluster = ""
    for char in text:
        if cluster and not unicodedata.combining(char):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def _seen(word: str) -> list[str]:
    """The letters as they stand on paper, left to right: readers of PDF expect that order."""
    letters = list(_clusters(word))
    return letters[::-1] if _is_right_to_left(word) else letters


def _seen_line(text: str) -> list[str]:
    if not _is_right_to_left(text):
        return list(_clusters(text))
    words = [_seen(word) for word in reversed(text.split(" "))]
    return [letter for i, word in enumerate(words) for letter in ([" "] if i else []) + word]
