"""Drafts of what lines say, for the decoder to check many tokens at once.

The layer that spells columns is right for most letters of print. The decoder then checks a run of
them in one go instead of writing them one by one (speculative decoding, Leviathan et al. 2023):
what comes out is what the decoder alone would have written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pagereader.recognize.spelling import Speller

LEAST = 0.3
"""A run of drafted tokens ends where it is this unlikely to be right to its end."""
REACH = 4
"""Columns around the strongest one that tell where the decoder looked."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a line may say.

    Attributes:
        tokens: Without start and end.
        columns: Where each is, in columns of the line, rising.
        sureness: How likely each is right, 0..1.
    """

    tokens: list[int]
    columns: list[float]
    sureness: list[float]

    def run(self, first: int, most: int) -> list[int]:
        """Return the tokens from the ``first`` on that are worth checking together."""
        likely, end = 1.0, first
        while end < min(len(self.tokens), first + most) and likely >= LEAST:
            likely *= self.sureness[end]
            end += 1
        return self.tokens[first:end]

    def resume(self, wrong: int, token: int, where: Callable[[], float]) -> int:
        """Return which token comes next, after the decoder wrote something else than drafted.

        Args:
            wrong: Number of the drafted token that the decoder did not write; the number of
                tokens if it wrote on after the last.
            token: What it wrote instead.
            where: Tells at which column it looked for that.
        """
        if wrong >= len(self.tokens) or self.tokens[wrong] == token:
            return wrong + 1
        if self.tokens[wrong + 1 : wrong + 2] == [token]:  # the draft has one too many
            return wrong + 2
        if wrong > 0 and self.tokens[wrong - 1] == token:  # of twins that touch it sees one
            return wrong
        column, following = where(), max(0, wrong - 2)
        while following < len(self.tokens) and self.columns[following] <= column:
            following += 1
        return following


@torch.inference_mode()
def draft(speller: Speller, states: Sequence[Tensor]) -> list[Draft]:
    """Return a draft for each line of batches, each of shape (lines, encoder tokens, hidden)."""
    scores = speller.scores(states)
    best, tokens = scores.max(dim=-1)
    sureness = (best - scores.logsumexp(dim=-1)).exp().double().numpy()
    spoken = tokens.numpy()
    return [
        _spelled(spoken[here], sureness[here], speller.blank) for here in speller.columns(states)
    ]


def _spelled(tokens: NDArray[np.int64], sure: NDArray[np.float64], blank: int) -> Draft:
    """Take neighbouring columns that say the same together, and leave out blanks."""
    starts = np.flatnonzero(np.diff(tokens, prepend=-1))
    ends = np.append(starts[1:], len(tokens))
    said = tokens[starts] != blank
    if not said.any():
        return Draft([], [], [])
    surest = np.maximum.reduceat(sure, starts)
    middle = (starts + ends) / 2
    return Draft(tokens[starts][said].tolist(), middle[said].tolist(), surest[said].tolist())


def looked_at(attention: NDArray[np.float32]) -> float:
    """Return at which column the decoder looked, of its attention over all columns."""
    peak = int(attention.argmax())
    left = max(0, peak - REACH)
    near: list[float] = attention[left : peak + REACH + 1].tolist()
    total = sum(near)
    if not total > 0:  # nowhere, or not a number
        return peak + 0.5
    return left + 0.5 + sum(at * share for at, share in enumerate(near)) / total
