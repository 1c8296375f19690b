"""How likely the columns of a line begin with what a reading says so far.

A decoder knows which letters often follow each other, and writes what it has not seen; the layer
that spells columns sees no further than a column. A search that weighs both reads hands better
than either (hybrid CTC/attention decoding, Watanabe et al. 2017; the recursion is that of Graves
2008, for all columns at once).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pagereader.recognize.spelling import Speller

_NEVER = -1e6
"""Logarithm of the probability of what cannot be: unlike -inf, its differences are numbers."""
_TINY = 1e-300
"""Sums of probabilities below this are taken for it."""


class Prefixes:
    """The readings of some lines that a search follows, as the columns see them.

    Of each reading and each number of columns it holds the logarithm of the probability that so
    many columns say just this, once for those whose last column is blank and once for those whose
    last column is the last letter: fp64, shape (lines, beams, columns + 1).

    Args:
        speller: Spells the columns.
        states: Of the lines, in batches, each of shape (lines, encoder tokens, hidden).
        beams: Readings of each line.
    """

    def __init__(self, speller: Speller, states: Sequence[Tensor], beams: int) -> None:
        scores = torch.log_softmax(speller.scores(states), dim=-1).cpu().double()
        lines = [scores[here] for here in speller.columns(states)]
        self._blank = speller.blank
        longest = max(len(line) for line in lines)
        # Columns beyond a line's own are blank for certain, which changes nothing.
        logs = torch.full((len(lines), longest, scores.shape[1]), _NEVER, dtype=torch.float64)
        logs[:, :, self._blank] = 0.0
        for number, line in enumerate(lines):
            logs[number, : len(line)] = line
        self._logs = logs.transpose(1, 2).contiguous()  # (lines, tokens, columns)
        self._shares = logs.exp()  # (lines, columns, tokens)
        blanks = torch.cumsum(logs[:, :, self._blank], dim=1)
        self._blanks = torch.nn.functional.pad(blanks, (1, 0))
        self._on_blank = self._blanks[:, None].repeat(1, beams, 1)
        self._on_letter = torch.full_like(self._on_blank, _NEVER)
        self._last = torch.full((len(lines), beams), self._blank)

    def scores(self, ends: Sequence[int]) -> Tensor:
        """Return how likely the columns begin with each reading and one token more.

        Args:
            ends: Tokens that end a line; with them, that the columns say the reading and no more.

        Returns:
            Logarithms, fp64, shape (lines, beams, tokens).
        """
        said = torch.logaddexp(self._on_blank, self._on_letter)
        scores = _log_products(said[:, :, :-1], self._shares)
        # A letter that comes twice has a blank between, or columns take both for one.
        again = self._last[:, :, None]
        twins = self._logs.gather(1, _wide(again, self._logs.shape[2])).exp()
        parted = _log_products(self._on_blank[:, :, None, :-1], twins[..., None])
        scores.scatter_(2, again, parted[..., 0])
        scores[:, :, ends] = said[:, :, -1:]
        scores[:, :, self._blank] = _NEVER
        return scores

    def follow(self, parents: NDArray[np.int64], tokens: NDArray[np.int64]) -> None:
        """Go on with other readings.

        Args:
            parents: Which reading each comes from, shape (lines, beams),
            tokens: and what it says next, likewise.
        """
        origin, said = torch.from_numpy(parents), torch.from_numpy(tokens)
        columns = self._shares.shape[1]
        on_blank, on_letter = (
            values.gather(1, _wide(origin[:, :, None], columns + 1))
            for values in (self._on_blank, self._on_letter)
        )
        twin = (self._last.gather(1, origin) == said)[:, :, None]
        before = torch.where(twin, on_blank, torch.logaddexp(on_blank, on_letter))
        letter = torch.cumsum(self._logs.gather(1, _wide(said[:, :, None], columns)), dim=2)
        letter = torch.nn.functional.pad(letter, (1, 0))
        self._on_letter = _spread(before, letter)
        self._on_blank = _spread(self._on_letter, self._blanks[:, None])
        self._last = said

    def leave(self, row: int) -> None:
        """Let a line leave; the last one takes its place."""
        end = len(self._last) - 1
        for name in ("_logs", "_shares", "_blanks", "_on_blank", "_on_letter", "_last"):
            values = getattr(self, name)
            values[row] = values[end]
            setattr(self, name, values[:end])


def _wide(numbers: Tensor, width: int) -> Tensor:
    """Repeat what has the shape (lines, beams, 1) along its last axis."""
    return numbers.expand(-1, -1, width)


def _log_products(logs: Tensor, shares: Tensor) -> Tensor:
    """Return logarithms of the sums over columns of what is before them times what they say."""
    most = logs.amax(dim=-1, keepdim=True)
    return torch.matmul((logs - most).exp(), shares).clamp_min(_TINY).log() + most


def _spread(before: Tensor, sums: Tensor) -> Tensor:
    """Return how likely columns end within a run of a token.

    The recursion ``r[t] = (r[t - 1] + before[t - 1]) * share[t]`` without its loop.

    Args:
        before: Logarithms of what is before the run, by columns,
        sums: and of the products of the token's shares in the columns up to each; both have the
            shape (lines, beams, columns + 1).
    """
    run = sums[..., 1:] + torch.logcumsumexp(before[..., :-1] - sums[..., :-1], dim=-1)
    return torch.nn.functional.pad(run, (1, 0), value=_NEVER)
