"""Find and cut the loops that an autoregressive decoder can fall into."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_PERIOD = 24
"""Tokens of the longest phrase whose repetition is looked for."""
LEAST_TOKENS = 24
"""A loop covers at least this many tokens: rulings like "......" are shorter on real lines."""
LEAST_TIMES = 4
"""A loop says its phrase at least so often."""


def loop_at_end(tokens: Sequence[int]) -> int | None:
    """Return the period of the loop that a line ends with, or None.

    A loop is a phrase that fills the end of the line, said at least ``LEAST_TIMES`` times and
    over at least ``LEAST_TOKENS`` tokens.
    """
    count = len(tokens)
    for period in range(1, min(LONGEST_PERIOD, count // LEAST_TIMES) + 1):
        needed = max(LEAST_TOKENS, LEAST_TIMES * period)
        if count < needed:
            continue
        run = period
        while run < count and tokens[count - 1 - run] == tokens[count - 1 - run + period]:
            run += 1
        if run >= needed:
            return period
    return None


def cut_loop(tokens: Sequence[int]) -> int:
    """Return how many tokens remain if the loop at the end is said only once."""
    period = loop_at_end(tokens)
    if period is None:
        return len(tokens)
    keep = len(tokens)
    while keep > period and tokens[keep - 1] == tokens[keep - 1 - period]:
        keep -= 1
    return keep
