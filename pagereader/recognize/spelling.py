"""The layer on a strip model's encoder that spells a line column by column.

Training has it learn beside the decoder (CTC, Graves et al. 2006) and leaves it beside the
weights. It costs next to nothing and does not know what words there are: the decoder checks what
it drafts (:mod:`pagereader.recognize.drafts`), and a search weighs what it sees against what the
decoder expects (:mod:`pagereader.recognize.prefixes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from pagereader.recognize.decoding import flattened
from pagereader.recognize.layers import Linear, LinearFactory, plain_linear

LAYER_FILE = Path("training") / "ctc.safetensors"
"""Where a model's folder has the layer, if it was trained with one."""


class Speller:
    """The layer that spells columns.

    Args:
        layer: Gives a score for every token, of each part of a column after the other.
        blank: The token that stands for nothing.
        prefix: Encoder tokens before those of the columns.
        parts: Parts of a column that are spelled one after another: one column may show more than
            one letter.
    """

    def __init__(self, layer: Linear, blank: int, prefix: int, parts: int = 1) -> None:
        self.layer = layer
        self.blank, self.prefix, self.parts = blank, prefix, parts

    @classmethod
    def load(
        cls,
        folder: Path,
        shape: tuple[int, int],
        blank: int,
        prefix: int,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        linear: LinearFactory = plain_linear,
    ) -> Speller | None:
        """Return the layer in a model's folder; None if there is none that fits.

        Args:
            folder: Of the model.
            shape: Tokens and hidden size of the model.
            blank: The token that stands for nothing.
            prefix: Encoder tokens before those of the columns.
            device: Of the encoder's states; the CPU if None.
            dtype: Of the encoder's states.
            linear: Makes a product from weight and bias.
        """
        layer = read_layer(folder)
        if layer is None:  # reading goes on without
            return None
        weight, bias = (tensor.to(device, dtype) for tensor in layer)
        if weight.shape[1:] != shape or bias.shape != weight.shape[:2]:
            return None
        return cls(linear(weight.flatten(0, 1), bias.flatten()), blank, prefix, len(weight))

    def scores(self, states: Sequence[Tensor]) -> Tensor:
        """Return what the layer makes of batches of states, each (lines, encoder tokens, hidden).

        Returns:
            Logits of all lines one after another, fp32, shape (parts of all encoder tokens,
            tokens); some rows at the end belong to none.
        """
        scores = self.layer(flattened(states)).float()
        return scores.view(len(scores) * self.parts, -1)

    def columns(self, states: Sequence[Tensor]) -> Iterator[slice]:
        """Yield which rows of the scores are the columns of each line."""
        first = 0
        for count in (part.shape[1] for part in states for _ in part):
            yield slice((first + self.prefix) * self.parts, (first + count) * self.parts)
            first += count


def read_layer(folder: Path) -> tuple[Tensor, Tensor] | None:
    """Return weight and bias of the layer in a model's folder; None if it holds none.

    Returns:
        Weight, shape (parts of a column, tokens, hidden), and bias, shape (parts, tokens). Layers
        of early models have no axis for the parts and one part.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        layer = load_file(folder / LAYER_FILE)
        weight, bias = layer["weight"], layer["bias"]
    except (OSError, KeyError, SafetensorError):
        return None
    return (weight, bias) if weight.dim() == 3 else (weight[None], bias[None])
