"""Where the ink of a crop is: blank lines, and the white gaps between words."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

LEAST_CONTRAST = 16.0
"""Grey levels by which ink differs from paper at the least."""
LEAST_INK_H2 = 0.0015
"""Ink pixels of the smallest mark, as a share of the crop's squared height (a dot is 0.005)."""


def ink_mask(pixels: Pixels) -> NDArray[np.bool_]:
    """Return which pixels of a grey crop, shape (h, w), differ clearly from its paper.

    The paper is the median grey and the noise its median deviation, so that grain and
    show-through do not count, and white letters on black do.
    """
    return cv2.LUT(pixels, _ink_levels(histogram(pixels)).astype(np.uint8)).view(np.bool_)


def percentile(counts: NDArray[np.float32], share: float) -> float:
    """Return the grey under which so many percent lie, as ``np.percentile`` does, unsorted.

    Args:
        counts: The pixels' :func:`histogram`.
        share: 0 to 100.
    """
    running = np.cumsum(counts, dtype=np.int64)
    place = (running[-1] - 1) * (share / 100)
    below = int(place)
    around = [below, min(below + 1, int(running[-1]) - 1)]
    low, high = running.searchsorted(around, side="right").tolist()
    return float(low + (high - low) * (place - below))


def histogram(pixels: Pixels) -> NDArray[np.float32]:
    """Return how often each grey occurs, shape (256,)."""
    return np.asarray(cv2.calcHist([pixels], [0], None, [256], [0, 256]).ravel(), np.float32)


def _ink_levels(counts: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which greys are ink, from how often each occurs."""
    paper = _median(counts)
    away = np.abs(np.arange(256) - paper)
    noise = 1.4826 * _median(np.bincount(away, weights=counts, minlength=256))
    return np.asarray(away > max(LEAST_CONTRAST, 4.0 * noise))


def _median(counts: NDArray[Any]) -> int:
    """Return the median of values 0..255 from how often each occurs."""
    running = np.cumsum(counts)
    return int(np.searchsorted(running, running[-1] / 2))


def is_blank(pixels: Pixels) -> bool:
    """Tell whether a crop holds no ink. TrOCR makes up text for such crops."""
    counts = histogram(pixels)
    there = np.flatnonzero(counts)
    if there[-1] - there[0] < LEAST_CONTRAST:
        return True
    height = pixels.shape[0]
    least = max(2.0, LEAST_INK_H2 * height * height)
    return bool(counts[_ink_levels(counts)].sum() < least)


def gaps(pixels: Pixels) -> NDArray[np.float64]:
    """Return the runs of columns without ink, shape (n, 2): start and end in crop pixels.

    The two margins are always the first and the last gap, be they zero wide. Rows at the very
    top and bottom do not count: there the neighbour lines' ink intrudes.
    """
    height, width = pixels.shape
    edge = round(0.12 * height)
    rows = ink_mask(pixels)[edge : max(edge + 1, height - edge)]
    counts = cv2.reduce(rows.view(np.uint8), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0]
    inked = counts > 0.03 * len(rows)
    change = np.flatnonzero(np.diff(np.concatenate([[False], inked, [False]]).astype(np.int8)))
    if not len(change):
        return np.array([[0.0, 0.0], [width, width]], np.float64)
    inner = np.column_stack([change[1:-1:2], change[2::2]])
    ends = np.array([[0, change[0]], [change[-1], width]])
    return np.concatenate([ends[:1], inner, ends[1:]]).astype(np.float64)
