"""Drafts of what lines say, for the decoder to check many tokens at once.

A layer on the encoder spells each column of a strip, as it learned to beside the decoder (CTC,
Graves et al. 2006). That costs next to nothing and is right for most letters of print. The decoder
then checks a run of them in one go instead of writing them one by one (speculative decoding,
Leviathan et al. 2023): what comes out is what the decoder alone would have written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pagereader.recognize.decoding import flattened
from pagereader.recognize.layers import Linear, LinearFactory, plain_linear

LAYER_FILE = Path("training") / "ctc.safetensors"
"""Where a model's folder has the layer, if it was trained with one."""
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


class Drafter:
    """The layer that spells columns.

    Args:
        scores: The layer, giving a score for every token.
        blank: The token that stands for nothing.
        prefix: Encoder tokens before those of the columns.
    """

    def __init__(self, scores: Linear, blank: int, prefix: int) -> None:
        self.scores = scores
        self.blank, self.prefix = blank, prefix

    @classmethod
    def load(
        cls,
        folder: Path,
        shape: tuple[int, int],
        blank: int,
        prefix: int,
        dtype: torch.dtype = torch.float32,
        linear: LinearFactory = plain_linear,
    ) -> Drafter | None:
        """Return the layer in a model's folder; None if there is none that fits.

        Args:
            folder: Of the model.
            shape: Tokens and hidden size of the model.
            blank: The token that stands for nothing.
            prefix: Encoder tokens before those of the columns.
            dtype: Of the encoder's states.
            linear: Makes a product from weight and bias.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            layer = load_file(folder / LAYER_FILE)
            weight, bias = layer["weight"].to(dtype), layer["bias"].to(dtype)
        except (OSError, KeyError, SafetensorError):
            return None  # reading goes on without
        if weight.shape != shape or bias.shape != shape[:1]:
            return None
        return cls(linear(weight, bias), blank, prefix)

    @torch.inference_mode()
    def __call__(self, states: Sequence[Tensor]) -> list[Draft]:
        """Return a draft for each line of batches, each of shape (lines, tokens, hidden)."""
        scores = self.scores(flattened(states)).float()
        best, tokens = scores.max(dim=-1)
        sureness = (best - scores.logsumexp(dim=-1)).exp().double().numpy()
        drafts, spoken, first = [], tokens.numpy(), self.prefix
        for count in (part.shape[1] for part in states for _ in part):
            here = slice(first, first + count - self.prefix)
            drafts.append(self._spelled(spoken[here], sureness[here]))
            first += count
        return drafts

    def _spelled(self, tokens: NDArray[np.int64], sure: NDArray[np.float64]) -> Draft:
        """Take neighbouring columns that say the same together, and leave out blanks."""
        starts = np.flatnonzero(np.diff(tokens, prepend=-1))
        ends = np.append(starts[1:], len(tokens))
        said = tokens[starts] != self.blank
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
