"""Regions: lines in reading order, parted where one block ends and another begins."""

from __future__ import annotations

import numpy as np

from pagereader.segment.arrays import Floats

_SAME_SIZE = 1.6  # lines of one region differ at most so much in letter height
_GAP = 1.5  # and stand at most so many times their usual distance apart
_GAP_H = 3.2


def regions_of(
    rows: list[list[int]], boxes: Floats, sizes: Floats, height: float
) -> list[list[list[int]]]:
    """Part the rows of a page, in reading order, into blocks.

    Args:
        rows: Lines as positions, in reading order.
        boxes: Left, centre y, right, half height of each line on a level page, shape (n, 4).
        sizes: Letter height of each line, shape (n,).
        height: Letter height of the page.
    """
    if not rows:
        return []
    blocks = [[rows[0]]]
    for row in rows[1:]:
        if _goes_on(blocks[-1], row, boxes, sizes, height):
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks


def _goes_on(
    block: list[list[int]], row: list[int], boxes: Floats, sizes: Floats, height: float
) -> bool:
    """Whether ``row`` belongs to the block that ends just before it."""
    last, now = boxes[block[-1]], boxes[row]
    down = float(now[:, 1].mean() - last[:, 1].mean())
    if down <= 0:
        return False
    lap = min(now[:, 2].max(), last[:, 2].max()) - max(now[:, 0].min(), last[:, 0].min())
    narrow = min(np.ptp(now[:, [0, 2]]), np.ptp(last[:, [0, 2]]))
    if lap < 0.5 * narrow:
        return False
    ratio = float(np.median(sizes[row]) / np.median(sizes[block[-1]]))
    if not 1 / _SAME_SIZE < ratio < _SAME_SIZE:
        return False
    if len(block) < 2:
        return down < _GAP_H * height
    steps = np.diff([boxes[r, 1].mean() for r in block])
    return down < max(_GAP * float(np.median(steps)), 0.4 * _GAP_H * height)
