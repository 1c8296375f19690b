"""Lines that were doubted and fill a hole in a stack of lines that stand evenly.

Joined hands may leave a line hardly a letter of its own, and what shows through the paper may
look like a picture under it; but where one line is missing between others, it is that line.
"""

from __future__ import annotations

import numpy as np

from pagereader.segment.arrays import Floats, median
from pagereader.segment.found import FoundLine

_BESIDE = 4  # lines over and under a hole that tell how far lines stand apart
_LEAST = 3  # distances that tell it
_MOST_LINES = 2  # missing in one hole
_EVEN = 0.25  # share of the usual distance by which lines may be off
_OVER = 0.6  # share of a line that the others run over or under
_LONG_H = 5.0  # shorter pieces may be anything


def in_holes(doubted: list[FoundLine], lines: list[FoundLine], height: float) -> list[FoundLine]:
    """Return those of ``doubted`` that fill a hole between ``lines``.

    Args:
        doubted: Pieces that may be text, in working pixels.
        lines: What is text.
        height: Letter height H.
    """
    long = [line for line in doubted if np.ptp(line.centre[:, 0]) > _LONG_H * height]
    if not long or len(lines) < _LEAST + 1:
        return []
    ends = np.array([line.centre[[0, -1], 0] for line in lines])
    return [line for line in long if _fills_hole(line, lines, ends)]


def _fills_hole(line: FoundLine, others: list[FoundLine], ends: Floats) -> bool:
    x, y = line.centre.T
    shared = np.minimum(ends[:, 1], x[-1]) - np.maximum(ends[:, 0], x[0])
    over = np.flatnonzero(shared > _OVER * (x[-1] - x[0]))
    middle = (x[0] + x[-1]) / 2
    rows = np.sort([np.interp(middle, *others[i].centre.T) for i in over])
    here = float(np.interp(middle, x, y))
    at = int(np.searchsorted(rows, here))
    if not 0 < at < len(rows):
        return False
    first = max(0, at - _BESIDE)
    steps = np.delete(np.diff(rows[first : at + _BESIDE]), at - 1 - first)
    if len(steps) < _LEAST:
        return False
    usual, hole = median(steps), float(rows[at] - rows[at - 1])
    count = round(hole / usual)
    if not 2 <= count <= _MOST_LINES + 1 or abs(hole - count * usual) > _EVEN * usual:
        return False
    place = (here - rows[at - 1]) / (hole / count)
    return bool(abs(place - round(place)) < _EVEN and 0 < round(place) < count)
