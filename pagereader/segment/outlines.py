"""Polygons of lines: as far as their own letters reach, not into their neighbours."""

from __future__ import annotations

import numpy as np

from pagereader.document import Points
from pagereader.segment.found import FoundLine
from pagereader.segment.parameters import Parameters

_TO_NEIGHBOUR = 0.6  # share of the way to a neighbouring centre that an outline may take
_LEAST_H = (0.55, 0.45)  # over and under the centre, however near the neighbours


def outlines(lines: list[FoundLine], height: float, parameters: Parameters) -> list[Points]:
    """Return one polygon a line, in the pixels of ``lines``, clockwise from the top left."""
    boxes = np.array([line.box for line in lines]).reshape(-1, 4)
    result = []
    for line, box in zip(lines, boxes, strict=True):
        x, y = line.centre.T
        over = np.full(len(x), parameters.upper_reach_h * height)
        under = np.full(len(x), parameters.lower_reach_h * height)
        close = (boxes[:, 0] < box[2]) & (boxes[:, 2] > box[0])
        close &= (boxes[:, 1] < box[3] + 3 * height) & (boxes[:, 3] > box[1] - 3 * height)
        for k in np.flatnonzero(close):
            other = lines[k].centre
            if lines[k] is line:
                continue
            away = np.interp(x, other[:, 0], other[:, 1], np.nan, np.nan) - y  # no number beside it
            share = _TO_NEIGHBOUR * np.abs(away)
            above, below = away < -0.5 * height, away > 0.5 * height
            np.minimum(over, np.maximum(share, _LEAST_H[0] * height), out=over, where=above)
            np.minimum(under, np.maximum(share, _LEAST_H[1] * height), out=under, where=below)
        ends = x.copy()
        ends[0] -= parameters.end_reach_h * height
        ends[-1] += parameters.end_reach_h * height
        upper, lower = np.column_stack([ends, y - over]), np.column_stack([ends, y + under])
        result.append(np.vstack([upper, lower[::-1]]))
    return result
