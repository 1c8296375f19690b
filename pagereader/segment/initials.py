"""Drop capitals: a large first letter beside which two or more lines begin.

The lines run into it, as it is ink on their way; they are made to begin after it, and it is a
line of its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import Floats
from pagereader.segment.clean import Letters
from pagereader.segment.found import FoundLine
from pagereader.segment.groups import line_of

_HEIGHT_H = (2.2, 12.0)
_HEIGHT_PITCH = 1.35  # it is at least so high,
_SHAPE = (0.4, 1.4)  # and so many times as wide as high
_INK = 0.15  # share of its size squared: strokes grow with a letter, those of a pen do not
_BEFORE_H = 1.0  # no line beside it begins further to the left,
_AFTER_H = 2.0  # or so far to the right
_GOES_ON_H = 6.0  # and all go on at least so far
_LINES = 2
_LEVEL_H = 0.6  # its top is level with that of the first of them, its foot with that of the last
_ITSELF_H = 0.5  # a line that reaches no further beyond it is made of it,
_ITS_SIZE = 0.6  # or whose letters have this share of its height


def part_initials(
    lines: list[FoundLine], letters: Letters, slope: float, height: float, pitch: float
) -> list[FoundLine]:
    """Return the lines, and drop capitals apart from those that they begin.

    Args:
        lines: In working pixels.
        letters: Ink and its components.
        slope: dy/dx of the lines.
        height: Letter height H of the page.
        pitch: Distance between lines.
    """
    boxes = _candidates(letters.boxes, height, pitch)
    if len(lines) < _LINES:
        return lines
    places = _places(lines)
    for box in boxes:
        made_of_it = _are_made_of(places, box, height)
        beside = _beside(box, lines, places, ~made_of_it, height)
        if beside:
            right = float(box[0] + box[2])
            lines = [
                _after(line, right, height) if i in beside else line
                for i, line in enumerate(lines)
                if not made_of_it[i]
            ]
            lines.append(replace(line_of(box[None], slope), initial=True))
            places = _places(lines)
    return lines


def _places(lines: list[FoundLine]) -> Floats:
    """First and last x, least, greatest and mean y of centres, letter height; shape (6, n)."""
    rows = []
    for line in lines:
        x, y = line.centre.T
        rows.append((x[0], x[-1], y.min(), y.max(), y.mean(), line.height))
    return np.array(rows, np.float64).T


def _candidates(boxes: NDArray[np.int32], height: float, pitch: float) -> NDArray[np.int32]:
    """Return the boxes of what has the height, shape and weight of a drop capital."""
    w, h, area = boxes[:, 2:].T
    fits = (h > max(_HEIGHT_H[0] * height, _HEIGHT_PITCH * pitch)) & (h < _HEIGHT_H[1] * height)
    fits &= (w > _SHAPE[0] * h) & (w < _SHAPE[1] * h) & (area > _INK * np.maximum(w, h) ** 2)
    return np.asarray(boxes[fits], np.int32)


def _are_made_of(places: Floats, box: NDArray[np.int32], height: float) -> NDArray[np.bool_]:
    """Which lines hold the letter of a box, and are hardly longer or of its size."""
    left, top, width, tall, _ = box.tolist()
    first, last, _, _, middle, size = places
    reach = _ITSELF_H * height
    inside = (top < middle) & (middle < top + tall)
    within = (last < left + width + reach) | (size > _ITS_SIZE * tall)
    return np.asarray(inside & (first > left - reach) & within, np.bool_)


def _beside(
    box: NDArray[np.int32],
    lines: list[FoundLine],
    places: Floats,
    asked: NDArray[np.bool_],
    height: float,
) -> set[int]:
    """Return those of the lines ``asked`` for that begin beside a letter.

    None if others run through it.
    """
    left, top, width, tall, _ = box.tolist()
    right = left + width
    first, last, highest, lowest, _, _ = places
    near = asked & (first <= right + _AFTER_H * height) & (last >= left)
    near &= (lowest > top) & (highest < top + tall)
    beside: dict[int, float] = {}
    for i in np.flatnonzero(near).tolist():
        y = float(np.interp(right, *lines[i].centre.T))
        if not top < y < top + tall:
            continue
        if first[i] < left - _BEFORE_H * height or last[i] < right + _GOES_ON_H * height:
            return set()
        beside[i] = y
    if len(beside) < _LINES:
        return set()
    heads = min(y - lines[i].foot for i, y in beside.items())
    feet = max(y + lines[i].foot for i, y in beside.items())
    level = max(abs(heads - top), abs(feet - top - tall)) < _LEVEL_H * height
    return set(beside) if level else set()


def with_initials(letters: Letters, lines: list[FoundLine]) -> Letters:
    """Return letters that count the drop capitals among ``lines`` as large print."""
    boxes = [line.boxes[:, :4] for line in lines if line.initial]
    return replace(letters, large=np.vstack([letters.large, *boxes])) if boxes else letters


def first_beside(initial: int, boxes: Floats, height: float) -> int | None:
    """Return the uppermost line that begins beside a drop capital, None if there is none.

    Args:
        initial: Its position.
        boxes: Left, centre y, right, half height of each line on a level page, shape (n, 4).
        height: Letter height H of the page.
    """
    _, middle, right, half = boxes[initial]
    beside = np.abs(boxes[:, 1] - middle) < half
    beside &= np.abs(boxes[:, 0] - right) < _AFTER_H * height
    found = np.flatnonzero(beside)
    return int(found[boxes[found, 1].argmin()]) if len(found) else None


def _after(line: FoundLine, x: float, height: float) -> FoundLine:
    """Return what of a line lies to the right of ``x``; it begins with its first letter there."""
    kept = line.boxes[line.boxes[:, 0] + line.boxes[:, 2] / 2 > x]
    start = float(np.min(kept[:, 0], initial=x + _AFTER_H * height))
    if line.centre[0, 0] >= start:
        return line
    first = [start, np.interp(start, *line.centre.T)]
    centre = np.vstack([first, line.centre[line.centre[:, 0] > start]])
    return replace(line, centre=centre, boxes=kept)
