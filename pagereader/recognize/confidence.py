"""Confidence of characters, words and lines from the tokens' probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterable

DIGITS = 4
"""Decimals that are kept: what lies beyond is rounding noise of the machine."""


def probability(log_prob: float) -> float:
    """Return a token's probability, 0 to 1; 0 if it is not a number."""
    if math.isnan(log_prob):
        return 0.0
    return round(min(1.0, math.exp(min(0.0, log_prob))), DIGITS)


def geometric_mean(log_probs: Iterable[float]) -> float | None:
    """Return the geometric mean of probabilities, 0 to 1, or None if there are none.

    A value that is not a number counts as impossible, so the mean is never NaN.
    """
    values = list(log_probs)
    if not values:
        return None
    if any(math.isnan(value) for value in values):
        return 0.0
    return probability(math.fsum(values) / len(values))
