"""Confidence of characters, words and lines from the tokens' probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

DIGITS = 4
"""Decimals that are kept: what lies beyond is rounding noise of the machine."""


def probability(log_prob: float) -> float:
    """Return a token's probability, 0 to 1; 0 if it is not a number."""
    if math.isnan(log_prob):
        return 0.0
    return round(min(1.0, math.exp(min(0.0, log_prob))), DIGITS)


def probabilities(log_probs: NDArray[np.float64]) -> list[float]:
    """Return what :func:`probability` says of each, shape (n,)."""
    values = np.exp(np.minimum(log_probs, 0.0))
    values = np.round(values, DIGITS)
    shares: list[float] = np.where(np.isnan(values), 0.0, values).tolist()
    return shares


def geometric_mean(log_probs: Iterable[float]) -> float | None:
    """Return the geometric mean of probabilities, 0 to 1, or None if there are none.

    A value that is not a number counts as impossible, so the mean is never NaN.
    """
    values = list(log_probs)
    if not values:
        return None
    return probability(math.fsum(values) / len(values))
