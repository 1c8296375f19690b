"""Drafts of what lines say, for the decoder to check many tokens at once.

The layer that spells columns is right for most letters of print. The decoder then checks a run of
them in one go instead of writing them one by one (speculative decoding, Leviathan et al. 2023):
what comes out is what the decoder alone would have written. A line of which the columns are
certain need not be checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pagereader.recognize.certainty import certainties
from pagereader.recognize.decoding import DecodedLine
from pagereader.recognize.spelling import Speller

LEAST = 0.3
"""A run of drafted tokens ends where it is this unlikely to be right to its end."""
TRUSTED = 0.5
"""Chance from which a line is taken as its columns spell it, unchecked: it is likelier than all
other texts together."""
REACH = 4
"""Columns around the strongest one that tell where the decoder looked."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a line may say.

    Attributes:
        tokens: Without start and end.
        columns: Where each is, in columns of the line, rising.
        sureness: How likely each is, given those before it, 0..1.
        chance: How likely the line says just this, 0..1.
    """

    tokens: list[int]
    columns: list[float]
    sureness: NDArray[np.float64]
    chance: float = 0.0

    @property
    def certain(self) -> bool:
        """Whether the decoder need not check it. That there is nothing, columns do not decide."""
        return bool(self.tokens) and self.chance >= TRUSTED

    def run(self, first: int, most: int) -> list[int]:
        """Return the tokens from the ``first`` on that are worth checking together."""
        likely, end = 1.0, first
        while end < min(len(self.tokens), first + most) and likely >= LEAST:
            likely *= self.sureness[end]
            end += 1
        return self.tokens[first:end]

    def line(self, sources: int, prefix: int) -> DecodedLine:
        """Return the draft as what a decoder put out that saw the same columns.

        Args:
            sources: Encoder tokens of the line.
            prefix: Those before the columns.
        """
        count = len(self.tokens)
        attention = np.zeros((count, sources), np.float32)
        at = np.clip(np.array(self.columns) - 0.5, 0, sources - prefix - 1)
        left, rows = at.astype(np.int64), np.arange(count)
        right = np.minimum(left + 1, sources - prefix - 1)
        attention[rows, prefix + left] = 1 - (at - left)
        attention[rows, prefix + right] += at - left
        return DecodedLine(self.tokens, np.log(self.sureness), attention, ended=True)

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
    # Softmax takes a third of the time of logsumexp, and numpy's argmax a tenth of torch's.
    shares = torch.softmax(speller.scores(states), dim=-1).numpy()
    spoken = shares.argmax(axis=-1)
    lines = list(speller.columns(states))
    spelled = [_spelled(spoken[here], speller.blank) for here in lines]
    blanks = [shares[here, speller.blank].astype(np.float64) for here in lines]
    letters = [
        shares[here][:, tokens].astype(np.float64)
        for here, (tokens, _) in zip(lines, spelled, strict=True)
    ]
    logs, chances = certainties(blanks, letters, [tokens for tokens, _ in spelled])
    return [
        Draft(tokens, [place / speller.parts for place in places], np.exp(log), chance)
        for (tokens, places), log, chance in zip(spelled, logs, chances.tolist(), strict=True)
    ]


def _spelled(tokens: NDArray[np.int64], blank: int) -> tuple[list[int], list[float]]:
    """Take neighbours that say the same together, and leave out blanks.

    Returns:
        What is said, and where.
    """
    starts = np.flatnonzero(np.diff(tokens, prepend=-1))
    ends = np.append(starts[1:], len(tokens))
    said = tokens[starts] != blank
    return tokens[starts][said].tolist(), ((starts + ends) / 2)[said].tolist()


def looked_at(attention: NDArray[np.float32]) -> float:
    """Return at which column the decoder looked, of its attention over all columns."""
    peak = int(attention.argmax())
    left = max(0, peak - REACH)
    near: list[float] = attention[left : peak + REACH + 1].tolist()
    total = sum(near)
    if not total > 0:  # nowhere, or not a number
        return peak + 0.5
    return left + 0.5 + sum(at * share for at, share in enumerate(near)) / total
