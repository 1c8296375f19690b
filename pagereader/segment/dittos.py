"""Ditto marks: small strokes under one another, each level with a line of its row.

They are no larger than specks, so only a column of them counts, in which hardly one stands
anywhere but beside a line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import Floats

_HEIGHT_H = (0.2, 0.75)
_WIDTH_H = (0.1, 1.3)
_MOST = 600  # so many specks are dirt
_ALIGNED_H = 0.7
_LEVEL_H = 0.7  # from the middle of a line
_REACH_H = 20.0  # a line of its row is no further away
_APART_H = 1.1  # marks of one column are at least so far apart
_COLUMN = 5  # marks in a column at least,
_LEVEL = 0.8  # share of them that stand beside a line
_STROKES = 3


def small_marks(
    boxes: NDArray[np.int32], lines: Floats, slope: float, height: float
) -> NDArray[np.int32]:
    """Return the boxes that may be strokes of ditto marks: small ones, in a column of some.

    Args:
        boxes: Left, top, width, height, area of what no line claims, shape (n, 5).
        lines: Left, centre y, right of the lines on a page laid level, shape (m, 3).
        slope: dy/dx of the lines.
        height: Letter height H.
    """
    w, h = boxes[:, 2:4].T
    small = (h > _HEIGHT_H[0] * height) & (h < _HEIGHT_H[1] * height)
    small &= (w > _WIDTH_H[0] * height) & (w < _WIDTH_H[1] * height)
    marks = boxes[small]
    if not _COLUMN <= len(marks) <= _MOST:
        return np.asarray(marks[:0], np.int32)
    x = marks[:, 0] + marks[:, 2] / 2
    y = marks[:, 1] + marks[:, 3] / 2 - slope * x
    level = (np.abs(lines[:, 1] - y[:, None]) < 1.5 * _LEVEL_H * height).any(axis=1)
    column = np.abs(x[:, None] - x) < 2 * _ALIGNED_H * height
    many = (column & level).sum(axis=1) >= _COLUMN
    return np.asarray(marks[(column & many).any(axis=1)], np.int32)


def are_dittos(
    marks: Floats, strokes: NDArray[np.intp], lines: Floats, height: float
) -> NDArray[np.bool_]:
    """Say which marks are ditto marks, shape (n,).

    Args:
        marks: Left, centre y, right of each on a page laid level, shape (n, 3).
        strokes: Number of strokes of each, shape (n,).
        lines: The same of the lines, shape (m, 3).
        height: Letter height H.
    """
    x, y = (marks[:, 0] + marks[:, 2]) / 2, marks[:, 1]
    aside = np.maximum(lines[:, 0] - marks[:, 2:], marks[:, :1] - lines[:, 2])
    beside = (np.abs(lines[:, 1] - y[:, None]) < _LEVEL_H * height) & (aside > 0)
    level = (beside & (aside < _REACH_H * height)).any(axis=1) & (strokes <= _STROKES)
    column = np.abs(x[:, None] - x) < _ALIGNED_H * height
    near = column & (np.abs(y[:, None] - y) < _APART_H * height)
    alone = near.sum(axis=1) == 1
    good = level & alone
    many = (column & good).sum(axis=1)
    share = many / column.sum(axis=1)
    return np.asarray(good & (many >= _COLUMN) & (share >= _LEVEL), np.bool_)
