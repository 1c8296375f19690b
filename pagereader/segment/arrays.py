"""Small helpers on masks and runs that several steps of the segmenter share."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

_NEEDS_BLUR = 0.8
_ROWS = 64  # that are looked up together,
_BLUR_ROWS = 256  # and blurred

Mask = NDArray[np.uint8]
"""0 or 1, shape (height, width)."""
Grey = NDArray[np.uint8]
"""Grey values, shape (height, width)."""
Labels = NDArray[np.uint16] | NDArray[np.int32]
"""Number of the component of each pixel, shape (height, width)."""
Components = tuple[Labels, NDArray[np.int32]]
"""The labels of a mask, and left, top, width, height, area of each, shape (n, 5)."""
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


def long_runs(mask: Mask, lengths: NDArray[np.intp]) -> Mask:
    """Keep the runs along rows of at least so many pixels; ``lengths`` of each row, shape (n,).

    An opening with a row of pixels, at a cost that does not grow with its length; most rows lack
    the full bytes that such a run would have.
    """
    full = np.count_nonzero(np.packbits(mask, axis=1) == 255, axis=1)
    likely = full >= (lengths - 7) // 8
    result = np.zeros(mask.shape, np.uint8)
    if likely.any():
        result[likely] = _long_runs(mask[likely], lengths[likely])
    return result


def _long_runs(mask: Mask, lengths: NDArray[np.intp]) -> Mask:
    rows, columns = mask.shape
    apart = np.zeros((rows, columns + 1), np.uint8)  # so that no run goes on into the next row
    apart[:, 1:] = mask
    flat = apart.ravel()
    steps = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts, ends = steps[::2], steps[1::2]
    if len(ends) < len(starts):
        ends = np.append(ends, flat.size)
    result = np.zeros_like(apart)
    long = ends - starts >= lengths[starts // (columns + 1)]
    for start, end in zip(starts[long], ends[long], strict=True):
        result.ravel()[start:end] = 1
    return result[:, 1:]


def components(mask: Mask) -> Components:
    """Return the label of every pixel, 0 for background, and the boxes of the labels.

    Boxes are left, top, width, height, area, shape (n, 5); row 0 is the background.
    """
    try:  # 16 bits are three times as fast, and enough for all but noise
        found = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_16U)
    except cv2.error:
        found = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    return found[1], np.asarray(found[2], np.int32)  # type: ignore[return-value]


def labelled(mask: Mask) -> Labels:
    """Return the labels of ``components`` alone, in half the time."""
    try:
        found = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_16U)
    except cv2.error:
        found = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
    return found[1]  # type: ignore[return-value]


def picked(wanted: NDArray[np.bool_], labels: Labels) -> Mask:
    """Return the pixels of the components that are ``wanted``, one value a label.

    Some rows at a time: numpy makes numbers of 8 bytes of the labels that it looks up.
    """
    table, result = wanted.view(np.uint8), np.empty(labels.shape, np.uint8)
    for row in range(0, len(labels), _ROWS):
        part = slice(row, row + _ROWS)
        np.take(table, labels[part], out=result[part], mode="clip")
    return result


def median(values: ArrayLike) -> float:
    """Return the median of some values, shape (n,); far sooner than numpy where they are few."""
    ordered = np.array(values)
    ordered.sort()
    count = len(ordered)
    if not count:
        return math.nan
    if count % 2:
        return float(ordered[count // 2])
    return float((ordered[count // 2 - 1] + ordered[count // 2]) / 2)


def percentile(values: NDArray[Any], share: float) -> float:
    """Return the value under which so many percent of some lie, between two as numpy does.

    Far sooner than numpy, which loads its masked arrays for it.
    """
    place = (values.size - 1) * (share / 100)
    below = int(place)
    above = min(below + 1, values.size - 1)
    ordered = np.partition(values, (below, above), axis=None)
    low, high, part = float(ordered[below]), float(ordered[above]), place - below
    if part < 0.5:
        return low + (high - low) * part
    return high - (high - low) * (1 - part)


def runs(on: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return starts and ends (exclusive) of the True runs of a 1-D array."""
    padded = np.zeros(len(on) + 2, np.bool_)
    padded[1:-1] = on
    steps = np.flatnonzero(padded[1:] != padded[:-1])
    return steps[::2], steps[1::2]


def shrunk(values: NDArray[Any], factor: float) -> Map:
    """Return a map or a mask made smaller, sharply: gaps between words stay.

    A factor of 1 or more leaves the size alone. It is kept exactly: the last row and column may
    stand for less than a whole pixel. Halving by averages and interpolating the rest finds the
    same lines as averaging areas of broken sizes, at a quarter of its cost.
    """
    if factor >= 1 or min(values.shape) * factor < 1:
        return np.asarray(values, np.float32)
    width, height = (max(1, round(side * factor)) for side in values.shape[::-1])
    if not values.any():
        return np.zeros((height, width), np.float32)
    if values.dtype != np.uint8:
        values, scale = np.asarray(values, np.float32), 1.0
    else:
        values, scale = values * np.uint8(255), 1 / 255
    times = int(np.log2(1 / factor))
    values, factor = halved(values, times), factor * 2**times
    small = cv2.resize(values, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    result = small[:height, :width].astype(np.float32)
    result *= np.float32(scale)
    return result


def resized(values: NDArray[Any], factor: float) -> NDArray[Any]:
    """Return ``values`` made smaller; a factor of 1 or more leaves the size alone.

    The factor is kept exactly: the last row and column may stand for less than a whole pixel.
    Halving first, then blurring a little and sampling is several times faster than averaging
    areas of broken sizes.
    """
    if factor >= 1 or min(values.shape) * factor < 1:
        return values
    times = int(np.log2(1 / factor))
    values, factor = halved(values, times), factor * 2**times
    if factor < _NEEDS_BLUR:
        values = _blurred(values)
    return cv2.resize(values, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)


def _blurred(values: NDArray[Any]) -> NDArray[Any]:
    """Return ``values`` blurred by 3 x 3, some rows at a time: OpenCV is slow on a page at once."""
    result = np.empty_like(values)
    for row in range(0, len(values), _BLUR_ROWS):
        first = max(0, row - 1)
        part = cv2.GaussianBlur(values[first : row + _BLUR_ROWS + 1], (3, 3), 0)
        result[row : row + _BLUR_ROWS] = part[row - first :][:_BLUR_ROWS]
    return result


def halved(values: NDArray[Any], times: int) -> NDArray[Any]:
    """Return ``values`` shrunk by averaging to half, ``times`` over: far faster than at once.

    Sides that do not divide evenly are filled up with their last row or column.
    """
    rows, columns = (-side % 2**times for side in values.shape)
    if rows or columns:
        values = cv2.copyMakeBorder(values, 0, rows, 0, columns, cv2.BORDER_REPLICATE)
    for _ in range(times):
        size = (values.shape[1] // 2, values.shape[0] // 2)
        values = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return values


def doubled(values: NDArray[Any], times: int, shape: tuple[int, ...], method: int) -> NDArray[Any]:
    """Return what was ``halved`` at its full ``shape`` again.

    ``method`` is OpenCV's interpolation.
    """
    size = (values.shape[1] * 2**times, values.shape[0] * 2**times)
    return cv2.resize(values, size, interpolation=method)[: shape[0], : shape[1]]
