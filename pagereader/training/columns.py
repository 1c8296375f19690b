"""The layer that learns to spell a line's columns beside the decoder, and the loss that teaches it.

CTC, Graves et al. 2006; joint training as in Watanabe et al. 2017. Reading uses the layer as
:mod:`pagereader.recognize.spelling` says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import ctc_loss, linear, log_softmax

from pagereader.recognize.spelling import read_layer

COLUMN_SPELLER = "ctc_head"
"""Name of the layer in the model while it is trained."""
PARTS = 2
"""Parts of a column that are spelled one after another: small print has a letter in each half."""


class ColumnSpeller(nn.Module):
    """A linear layer that gives scores for the tokens in each part of a column.

    Args:
        hidden: Size of the encoder's states.
        tokens: Size of the alphabet.
    """

    def __init__(self, hidden: int, tokens: int) -> None:
        super().__init__()
        bound = hidden**-0.5  # as nn.Linear begins
        self.weight = nn.Parameter(torch.empty(PARTS, tokens, hidden).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(PARTS, tokens))

    def forward(self, columns: Tensor) -> Tensor:
        """Return logits of shape (lines, parts of all columns, tokens).

        Args:
            columns: States of shape (lines, columns, hidden).
        """
        scores = linear(columns, self.weight.flatten(0, 1), self.bias.flatten())
        return scores.view(len(columns), -1, self.bias.shape[1])

    def take_up(self, folder: Path) -> None:
        """Go on from the layer of an earlier run, for the tokens that it knew, if there is one."""
        layer = read_layer(folder)
        if layer is None or layer[0].shape[2] != self.weight.shape[2]:
            return
        with torch.no_grad():
            for own, old in zip((self.weight, self.bias), layer, strict=True):
                if len(old) in (1, PARTS):
                    known = min(own.shape[1], old.shape[1])
                    own[:, :known] = old[:, :known].float()


def columns_loss(speller: nn.Module, columns: Tensor, texts: Tensor, blank: int) -> Tensor:
    """Return the CTC loss of lines.

    Args:
        speller: The layer.
        columns: The encoder's states of shape (lines, columns, hidden).
        texts: Tokens without start and end, padded with blanks, shape (lines, tokens).
        blank: The token that stands for nothing, which no text holds.
    """
    scores = log_softmax(speller(columns).float(), dim=-1).transpose(0, 1)
    return ctc_loss(
        scores,
        texts,
        torch.full((len(texts),), len(scores), device=texts.device),
        (texts != blank).sum(dim=1),
        blank=blank,
        zero_infinity=True,  # lines with more letters than parts teach the decoder only
    )


def add_column_speller(model: Any, tokens: int) -> ColumnSpeller:
    """Give the encoder the layer; it travels in the run's checkpoints."""
    speller = ColumnSpeller(model.config.encoder.hidden_size, tokens)
    model.add_module(COLUMN_SPELLER, speller)
    return speller


def remove_column_speller(model: Any) -> dict[str, Tensor]:
    """Take the layer off again and return its weights; empty if there is none."""
    speller = getattr(model, COLUMN_SPELLER, None)
    if speller is None:
        return {}
    weights = {name: tensor.detach().cpu() for name, tensor in speller.state_dict().items()}
    delattr(model, COLUMN_SPELLER)
    return weights
