"""Polygons of lines: as far as their own letters reach, not into their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pagereader.document import Points
from pagereader.segment.arrays import Floats
from pagereader.segment.found import FoundLine
from pagereader.segment.parameters import Parameters

_TO_NEIGHBOUR = 0.6  # share of the way to a neighbouring centre that an outline may take
_LEAST_H = (0.55, 0.45)  # over and under the centre, however near the neighbours
_LARGE_H = 1.15  # lines whose usual letter is larger reach as far as their letters do,
_DESCENDER = 0.35  # in shares of that letter's height: under the baseline at least so far,
_MARGIN = 0.15  # and so much further,
_FEW = 0.05  # share of other lines' letters that may reach over their outline
_HIGHEST = 4.5  # what is so many times as high is no letter, or two lines' that touch
_MOST = (2.8, 2.5)  # but over and under the centre at most so far


def outlines(
    lines: list[FoundLine], letters: NDArray[np.int32], height: float, parameters: Parameters
) -> list[Points]:
    """Return one polygon a line, in the pixels of ``lines``, clockwise from the top left.

    Args:
        lines: In working pixels.
        letters: Left, top, width, height, area of all letters of the page, shape (n, 5).
        height: Letter height H of the page.
        parameters: Limits.
    """
    ordered = letters[np.argsort(letters[:, 0])].T.astype(np.float64)
    boxes = np.array([line.box for line in lines]).reshape(-1, 4)
    sizes = np.array([max(height, line.height / _LARGE_H) for line in lines])
    near, result = 3 * sizes.max(initial=height), []
    for line, box, size in zip(lines, boxes, sizes.tolist(), strict=True):
        x, y = line.centre.T
        reach = _reach(line, ordered, height, parameters)
        over, under = (np.full(len(x), far) for far in reach)
        close = (boxes[:, 0] < box[2]) & (boxes[:, 2] > box[0])
        close &= (boxes[:, 1] < box[3] + near) & (boxes[:, 3] > box[1] - near)
        apart = np.maximum(boxes[:, 1] - box[3], box[1] - boxes[:, 3])  # at least
        close &= _TO_NEIGHBOUR * 2 * size / (size + sizes) * apart < max(reach) + 1
        for k in np.flatnonzero(close):
            other = lines[k].centre
            if lines[k] is line:
                continue
            away = np.interp(x, other[:, 0], other[:, 1], np.nan, np.nan) - y  # no number beside it
            share = _TO_NEIGHBOUR * 2 * size / (size + sizes[k]) * np.abs(away)
            above, below = away < -0.5 * height, away > 0.5 * height
            np.minimum(over, np.maximum(share, _LEAST_H[0] * height), out=over, where=above)
            np.minimum(under, np.maximum(share, _LEAST_H[1] * height), out=under, where=below)
        ends = x.copy()
        ends[0] -= parameters.end_reach_h * size
        ends[-1] += parameters.end_reach_h * size
        upper, lower = np.column_stack([ends, y - over]), np.column_stack([ends, y + under])
        result.append(np.vstack([upper, lower[::-1]]))
    return result


def _reach(
    line: FoundLine, letters: Floats, height: float, parameters: Parameters
) -> tuple[float, float]:
    """How far an outline may reach over and under the centre, where nothing else is near.

    Usually as far as the letters of print do; further if many letters on a line, or of large
    ones the highest and lowest, reach further. ``letters`` come from left to right, shape (5, n).
    """
    over, under = parameters.upper_reach_h * height, parameters.lower_reach_h * height
    large = line.height > _LARGE_H * height
    size = line.height if large else height
    first, end = letters[0].searchsorted(line.centre[[0, -1], 0])
    x, y, w, h, _ = letters[:, first:end]
    middle = np.interp(x + w / 2, *line.centre.T)
    on_it = (y < middle) & (y + h > middle) & (h < _HIGHEST * size)
    if not on_it.any():
        return over, under
    few = 0 if large else int(_FEW * np.count_nonzero(on_it))
    ways = middle - y, y + h - middle
    highest, lowest = (float(np.sort(far[on_it])[-1 - few]) + _MARGIN * size for far in ways)
    if large:
        lowest = max(lowest, line.foot + (_DESCENDER + _MARGIN) * size)
    return max(over, min(highest, _MOST[0] * size)), max(under, min(lowest, _MOST[1] * size))
