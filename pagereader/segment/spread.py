"""Two-page spreads: where the fold is."""

from __future__ import annotations

import numpy as np

from pagereader.segment.arrays import Mask

_SEARCHED = (0.38, 0.62)  # the fold lies in this part of the width
_CENTRAL = 0.3  # how much ink, as a share of the usual, a column at the edge of it must lack


def fold(ink: Mask, height: float) -> slice:
    """Return the columns of the fold: the whitest ones near the middle, about 1 H wide.

    Args:
        ink: Text of the spread, upright.
        height: Letter height in its pixels.
    """
    columns = ink.shape[1]
    width = max(1, round(height))
    profile = np.convolve(ink.mean(axis=0), np.ones(2 * width + 1) / (2 * width + 1), "same")
    low, high = (int(share * columns) for share in _SEARCHED)
    at = np.arange(low, max(high, low + 1))
    away = np.abs(at / columns - 0.5) / (_SEARCHED[1] - 0.5)
    middle = int(at[(profile[at] + _CENTRAL * profile.mean() * away).argmin()])
    return slice(max(0, middle - width // 2), min(columns, middle + width // 2 + 1))
