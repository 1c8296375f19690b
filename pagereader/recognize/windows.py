"""Which tokens of which lines a decoder looks at together, and how they lie in memory.

Lines show windows of different lengths. Weights are multiplied with all their tokens one after
another (packed), without gaps; for attention every window is padded to one width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pagereader.recognize.decoding import filled_up, round_up

WIDTH = 8
"""Tokens in a window at most. What comes after a wrong token is looked at in vain, so longer ones
were no faster; and with one width for all, a line's attention does not depend on its neighbours."""
REACH_STEP = 16
"""What windows look back on is padded to a multiple of this: for less, products and softmax take
other kernels, whose last digits differ."""


@dataclass(frozen=True, slots=True)
class Windows:
    """What every line shows.

    Attributes:
        tokens: Packed, and some more to fill up the rows that kernels take; shape (packed,).
        places: Of each token in its line, shape (packed,).
        rows: Of each token's line in the caches, without the filling; shape (tokens,).
        slots: Where each token is in the padded (lines * WIDTH) ones, shape (tokens,).
        sources: Which packed token each padded one is, shape (lines * WIDTH,); where a window is
            shorter, its first.
        bias: 0 where a token may look and -inf elsewhere, shape (lines, 1, WIDTH, reach).
    """

    tokens: Tensor
    places: Tensor
    rows: Tensor
    slots: Tensor
    sources: Tensor
    bias: Tensor

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return len(self.bias)

    @property
    def reach(self) -> int:
        """Tokens of a line that are looked at, and that caches must have room for."""
        return int(self.bias.shape[3])

    @classmethod
    def of(cls, shown: Sequence[Sequence[int]], firsts: Sequence[int]) -> Windows:
        """Lay out windows, row by row.

        Args:
            shown: Tokens of each, 1 to WIDTH.
            firsts: Place of the first token of each in its line.
        """
        lengths, first = np.array([len(window) for window in shown]), np.array(firsts)
        rows = np.repeat(np.arange(len(shown)), lengths)
        count = len(rows)
        starts = np.cumsum(lengths) - lengths
        within = np.arange(count) - starts[rows]
        slots, sources = rows * WIDTH + within, np.repeat(starts, WIDTH)
        sources[slots] = np.arange(count)
        tokens, places = np.zeros((2, filled_up(count)), np.int64)
        tokens[:count] = [token for window in shown for token in window]
        places[:count] = first[rows] + within
        reach = round_up(int((first + lengths).max()), REACH_STEP)
        hidden = np.arange(reach) > first[:, None, None] + np.arange(WIDTH)[:, None]
        bias = np.where(hidden, np.float32(-np.inf), np.float32(0))
        return cls(
            torch.from_numpy(tokens),
            torch.from_numpy(places),
            torch.from_numpy(rows),
            torch.from_numpy(slots),
            torch.from_numpy(sources),
            torch.from_numpy(bias)[:, None],
        )

    def pad(self, packed: Tensor) -> Tensor:
        """Return values of the packed tokens, shape (packed, size), as (lines, WIDTH, size)."""
        return packed.index_select(0, self.sources).view(self.lines, WIDTH, -1)

    def pack(self, padded: Tensor, out: Tensor) -> None:
        """Write values of (lines * WIDTH, size) to the first rows of ``out``, (packed, size)."""
        torch.index_select(padded, 0, self.slots, out=out[: len(self.slots)])
