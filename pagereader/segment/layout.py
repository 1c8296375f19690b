"""Blocks of lines that belong together."""

from __future__ import annotations

import numpy as np

from pagereader.segment.found import FoundLine

_BLOCK_GAP_H = 4.5


def blocks_of(lines: list[FoundLine], height: float) -> list[list[int]]:
    """Return the lines, as positions, in blocks of those that stand under each other."""
    boxes = np.array([line.box for line in lines]).reshape(-1, 4)
    blocks: list[list[int]] = []
    for i in np.argsort(boxes[:, 1]):
        fits = []
        for block in blocks:
            last = boxes[block[-1]]
            lap = min(boxes[i, 2], last[2]) - max(boxes[i, 0], last[0])
            narrow = min(boxes[i, 2] - boxes[i, 0], last[2] - last[0])
            if 0 < boxes[i, 1] - last[1] < _BLOCK_GAP_H * height and lap > 0.5 * narrow:
                fits.append(block)
        if len(fits) == 1:
            fits[0].append(int(i))
        else:
            blocks.append([int(i)])
    return blocks
