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
        layer: Gives a score for every token.
        blank: The token that stands for nothing.
        prefix: Encoder tokens before those of the columns.
    """

    def __init__(self, layer: Linear, blank: int, prefix: int) -> None:
        self.layer = layer
        self.blank, self.prefix = blank, prefix

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
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            layer = load_file(folder / LAYER_FILE)
            weight, bias = (layer[name].to(device, dtype) for name in ("weight", "bias"))
        except (OSError, KeyError, SafetensorError):
            return None  # reading goes on without
        if weight.shape != shape or bias.shape != shape[:1]:
            return None
        return cls(linear(weight, bias), blank, prefix)

    def scores(self, states: Sequence[Tensor]) -> Tensor:
        """Return what the layer makes of batches of states, each (lines, encoder tokens, hidden).

        Returns:
            Logits of all lines one after another, fp32, shape (encoder tokens, tokens); some
            rows at the end belong to none.
        """
        return self.layer(flattened(states)).float()

    def columns(self, states: Sequence[Tensor]) -> Iterator[slice]:
        """Yield which rows of the scores are the columns of each line."""
        first = 0
        for count in (part.shape[1] for part in states for _ in part):
            yield slice(first + self.prefix, first + count)
            first += count
