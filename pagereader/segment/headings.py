"""Large print: letters so high that the filter for lines answers at their heads and their feet.

Its lines are made of the letters themselves, and of several lines that were found on the same
letters one is kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import Floats, median
from pagereader.segment.clean import Letters
from pagereader.segment.found import FoundLine
from pagereader.segment.groups import groups_of, line_of

_LETTERS = 3  # of a line at least
_SMALL = 0.55  # others are at least so high, of the height of large ones,
_LARGE = 0.3  # and this share of all letters of a line is large
_GAP = 1.3  # letters stand apart by at most so many times their height
_SAME_HEIGHT = 0.6  # share of the lower letters that two lines on the same letters have in common
_SAME_PLACE = 0.5  # and of the shorter line
_LARGE_H = 1.4  # where either has letters so high


def large_lines(letters: Letters, slope: float) -> list[FoundLine]:
    """Return the lines of large print of a page.

    Args:
        letters: Ink and its components.
        slope: dy/dx of the lines.
    """
    if len(letters.large) < _LETTERS:
        return []
    usual = median(letters.large[:, 3])
    boxes = letters.boxes[letters.boxes[:, 3] > _SMALL * usual]  # low letters stand between them
    boxes = boxes[np.argsort(boxes[:, 0])]
    large = {tuple(box) for box in letters.large.tolist()}
    lines = []
    for group in groups_of(boxes, slope, _GAP * usual):
        of_large = sum(tuple(box[:4]) in large for box in group.tolist())
        if of_large >= max(_LETTERS, _LARGE * len(group)):
            lines.append(line_of(group, slope))
    return lines


def once(lines: list[FoundLine], height: float) -> list[FoundLine]:
    """Return the lines, of those on the same large letters only the one that has most of them.

    Args:
        lines: In working pixels.
        height: Letter height H of the page.
    """
    large = [i for i, line in enumerate(lines) if line.height > _LARGE_H * height]
    boxes = np.array([line.box for line in lines]).reshape(-1, 4)
    gone: set[int] = set()
    for i in large:
        near = [int(k) for k in _near(boxes, i, lines[i].height) if k not in gone]
        if i in gone or len(near) < 2:
            continue
        hulls = np.array([_hull(lines[k]) for k in near])
        found = np.flatnonzero(_on_the_same(hulls, near.index(i)))
        best = found[hulls[found, 4].argmax()]
        gone.update(near[k] for k in found if k != best)
    return [line for i, line in enumerate(lines) if i not in gone]


def _near(boxes: Floats, i: int, reach: float) -> NDArray[np.intp]:
    """The lines that may stand on the letters of one, and itself."""
    left, top, right, bottom = boxes.T
    near = (top < bottom[i] + reach) & (bottom > top[i] - reach)
    near &= (left < right[i] + reach) & (right > left[i] - reach)
    return np.flatnonzero(near)


def _hull(line: FoundLine) -> Floats:
    """Left, usual top, right, usual bottom, number of a line's letters."""
    if not len(line.boxes):
        return np.array([*line.box, 0.0])
    x, y, w, h, _ = line.boxes.T
    tall = h > 0.5 * line.height
    if not tall.any():
        tall[:] = True
    top, bottom = median(y[tall]), median((y + h)[tall])
    return np.array([x.min(), top, (x + w).max(), bottom, tall.sum()], np.float64)


def _on_the_same(hulls: Floats, i: int) -> NDArray[np.bool_]:
    """Which lines stand on the same letters as one of them."""
    left, top, right, bottom, _ = hulls.T
    high = np.minimum(bottom, bottom[i]) - np.maximum(top, top[i])
    wide = np.minimum(right, right[i]) - np.maximum(left, left[i])
    same = high > _SAME_HEIGHT * np.minimum(bottom - top, bottom[i] - top[i])
    same &= wide > _SAME_PLACE * np.minimum(right - left, right[i] - left[i])
    same[i] = True
    return np.asarray(same, np.bool_)
