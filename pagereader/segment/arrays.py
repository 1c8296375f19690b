"""Small helpers on masks and runs that several steps of the segmenter share."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
"""0 or 1, shape (height, width)."""
Grey = NDArray[np.uint8]
"""Grey values, shape (height, width)."""
Floats = NDArray[np.float64]
Map = NDArray[np.float32]
"""Values of a page at map resolution, shape (height, width)."""


def kernel(height: float, width: float) -> Mask:
    """Return a rectangular structuring element of at least 1 x 1."""
    return np.ones((max(1, int(height)), max(1, int(width))), np.uint8)


def opened(mask: Mask, height: float, width: float) -> Mask:
    """Keep what holds a rectangle of this size; outside the image is 0.

    Without the constant border OpenCV counts the outside as set, and every margin stays.
    """
    element = kernel(height, width)
    return np.asarray(
        cv2.morphologyEx(
            mask, cv2.MORPH_OPEN, element, borderType=cv2.BORDER_CONSTANT, borderValue=(0,)
        ),
        np.uint8,
    )


def closed(mask: Mask, height: float, width: float) -> Mask:
    """Fill what holds no rectangle of this size."""
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel(height, width)), np.uint8)


def dilated(mask: Mask, height: float, width: float) -> Mask:
    """Grow by a rectangle of this size."""
    return np.asarray(cv2.dilate(mask, kernel(height, width)), np.uint8)


def components(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the label of every pixel, 0 for background, and the boxes of the labels.

    Boxes are left, top, width, height, area, shape (n, 5); row 0 is the background.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def runs(on: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return starts and ends (exclusive) of the True runs of a 1-D array."""
    steps = np.diff(np.concatenate([[0], on.astype(np.int8), [0]]))
    return np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)


def shrunk(values: NDArray[np.generic], factor: float) -> Map:
    """Return ``values`` made smaller by averaging; a factor of 1 or more leaves the size alone.

    The factor is kept exactly: the last row and column may stand for less than a whole pixel.
    """
    floats = np.asarray(values, np.float32)
    if factor >= 1 or min(floats.shape) * factor < 1:
        return floats
    small = cv2.resize(floats, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)
