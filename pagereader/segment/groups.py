"""Letters that stand on no line, grouped to short texts."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.document import Points
from pagereader.segment.arrays import median
from pagereader.segment.clean import Letters
from pagereader.segment.found import FoundLine

MOST_GROUPS = 300  # no page has so many short texts; texture has
_GAP_H = 1.0  # letters of one text stand at most so far apart,
_LEVEL_H = 0.45  # differ so much in height over the foot
_ALIKE = 1.8  # and so many times in size


def unclaimed(lines: list[FoundLine], letters: Letters, reach: float) -> NDArray[np.int32]:
    """Return the boxes whose middle lies further than ``reach`` from all lines, left to right.

    Left, top, width, height, area, shape (n, 5), in working pixels.
    """
    claimed = np.zeros(letters.ink.shape, np.uint8)
    thickness = max(1, int(2 * reach))
    for line in lines:
        curve = line.centre.round().astype(np.int32)
        cv2.polylines(claimed, [curve], False, (1,), thickness)
    boxes = letters.boxes
    x, y, w, h, _ = boxes.T
    left = boxes[claimed[y + h // 2, x + w // 2] == 0]
    return np.asarray(left[np.argsort(left[:, 0])], np.int32)


def groups_of(boxes: NDArray[np.int32], slope: float, height: float) -> list[NDArray[np.int32]]:
    """Return boxes that stand side by side as one text; they come from left to right."""
    gap = _GAP_H * height
    groups: list[list[int]] = []
    values = boxes.tolist()
    open_ones: list[list[int]] = []  # those that end near enough for what comes
    for i, (x, y, w, h, _) in enumerate(values):
        open_ones = [g for g in open_ones if x - values[g[-1]][0] - values[g[-1]][2] < gap]
        for group in reversed(open_ones):
            last_x, last_y, last_w, last_h, _ = values[group[-1]]
            along = x + w / 2 - last_x - last_w / 2
            off = y + h / 2 - last_y - last_h / 2 - slope * along
            if abs(off) < _LEVEL_H * height and 1 / _ALIKE < h / last_h < _ALIKE:
                group.append(i)
                break
        else:
            groups.append([i])
            open_ones.append(groups[-1])
        if len(groups) > MOST_GROUPS:
            break
    return [boxes[group] for group in groups]


def centre_of(group: NDArray[np.int32], slope: float) -> Points:
    """Return the centre curve of a text, at the page's slope; shape (2, 2)."""
    left, right = group[:, 0].min(), (group[:, 0] + group[:, 2]).max()
    middle = median(group[:, 1] + group[:, 3] / 2)
    half = slope * (right - left) / 2
    return np.array([[left, middle - half], [right, middle + half]], np.float64)


def line_of(group: NDArray[np.int32], slope: float) -> FoundLine:
    """Return a text as a line."""
    size = median(group[:, 3])
    return FoundLine(centre_of(group, slope), size / 2, size, group)
