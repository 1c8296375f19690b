"""Reading order of blocks, after Breuel.

T. M. Breuel, High performance document layout analysis (2003): block a is read before b if they
share columns and a stands higher, or if a stands wholly to the left of b and no block between
them spans both. The order is a topological sort of these.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import Floats


def reading_order(boxes: Floats) -> list[int]:
    """Return positions of ``boxes`` (left, top, right, bottom; shape (n, 4)) as they are read."""
    before = precedence(boxes)
    left, order = set(range(len(boxes))), []
    while left:
        free = [i for i in left if not any(before[j, i] for j in left if j != i)]
        chosen = min(free or left, key=lambda i: (boxes[i, 1], boxes[i, 0]))
        order.append(chosen)
        left.remove(chosen)
    return order


def precedence(boxes: Floats) -> NDArray[np.bool_]:
    """Return for each pair whether the first is read before the second."""
    count = len(boxes)
    x0, y0, x1, y1 = boxes.T
    lap = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    narrow = np.minimum((x1 - x0)[:, None], x1 - x0)
    stacked = lap > 0.1 * narrow
    before = np.where(stacked, y0[:, None] < y0, x1[:, None] < x1)
    for a, b in np.argwhere(before & ~stacked):
        spans = (lap[:, a] > 0) & (lap[:, b] > 0)
        spans &= (y0 > min(y1[a], y1[b])) & (y0 < max(y0[a], y0[b]))
        if spans.any():
            before[a, b] = False
    before[np.arange(count), np.arange(count)] = False
    return np.asarray(before, np.bool_)
