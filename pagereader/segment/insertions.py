"""Words written in between two lines, which are too short to answer to the filter for lines.

Ink there may also be a loop or a stroke of the lines themselves: a word has several parts of
like height, is at least twice as long as high, and ink all along.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import median
from pagereader.segment.clean import Letters
from pagereader.segment.found import FoundLine
from pagereader.segment.groups import MOST_GROUPS, centre_of, groups_of, line_of, unclaimed

_CLAIMED_H = 0.55  # what stands so near to a line is part of it
_HEIGHT_H = (0.4, 1.6)
_WIDTH_H = (0.12, 9.0)
_PARTS = 3  # letters, or joined ones, of a word at least
_LENGTH_H = 1.9  # least length of a word,
_LENGTH = 2.0  # in its own letters' heights,
_COVERED = 0.55  # and how much of it letters hold
_INK = 0.15  # share of the space of its letters
_APART_H = (0.55, 3.2)  # from the lines over and under it


def insertions(
    lines: list[FoundLine], letters: Letters, slope: float, height: float
) -> list[FoundLine]:
    """Return the words between lines.

    Args:
        lines: The lines found so far, in working pixels.
        letters: Ink and its components.
        slope: dy/dx of the lines.
        height: Letter height H of the page.
    """
    boxes = unclaimed(lines, letters, _CLAIMED_H * height)
    w, h = boxes[:, 2:4].T
    as_letters = (h > _HEIGHT_H[0] * height) & (h < _HEIGHT_H[1] * height)
    as_letters &= (w > _WIDTH_H[0] * height) & (w < _WIDTH_H[1] * height)
    groups = groups_of(boxes[as_letters], slope, height)
    if len(groups) > MOST_GROUPS:
        return []
    words = [group for group in groups if _is_word(group, height)]
    return [line_of(word, slope) for word in words if _is_between(word, lines, slope, height)]


def _is_word(group: NDArray[np.int32], height: float) -> bool:
    length = float((group[:, 0] + group[:, 2]).max() - group[:, 0].min())
    size = median(group[:, 3])
    return bool(
        len(group) >= _PARTS
        and length > max(_LENGTH_H * height, _LENGTH * size)
        and group[:, 2].sum() > _COVERED * length
        and group[:, 4].sum() > _INK * length * height
    )


def _is_between(
    group: NDArray[np.int32], lines: list[FoundLine], slope: float, height: float
) -> bool:
    """Whether a line runs over a word and one under it, neither far away."""
    (left, first), (right, last) = centre_of(group, slope)
    x, y = (left + right) / 2, (first + last) / 2
    over = under = False
    for line in lines:
        if line.centre[0, 0] < x < line.centre[-1, 0]:
            down = (float(np.interp(x, *line.centre.T)) - y) / height
            over |= -_APART_H[1] < down < -_APART_H[0]
            under |= _APART_H[0] < down < _APART_H[1]
    return over and under
