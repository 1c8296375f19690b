"""Run a checkpoint's image encoder, on as many columns as the lines have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pagereader.recognize.decoding import ROWS
from pagereader.recognize.preprocess import ImageRules


class StripEmbeddings(nn.Module):
    """Embeds images narrower than the model's with the matching slice of its positions.

    Stands in for the embeddings of a ViT or DeiT whose patches are as high as its image, so
    that columns are tokens in reading order. (``interpolate_pos_encoding`` of transformers
    scrambles such grids.)
    """

    def __init__(self, embeddings: Any) -> None:
        super().__init__()
        self.patch_embeddings: Any = embeddings.patch_embeddings
        self.position_embeddings: Tensor = embeddings.position_embeddings
        tokens = [embeddings.cls_token]
        if getattr(embeddings, "distillation_token", None) is not None:
            tokens.append(embeddings.distillation_token)
        self.prefix = nn.Parameter(torch.cat(tokens, dim=1), requires_grad=False)

    def forward(self, pixel_values: Tensor, **_: Any) -> Tensor:
        """Return token embeddings, shape (batch, prefix + columns, hidden)."""
        columns = self.patch_embeddings.projection(pixel_values).flatten(2).transpose(1, 2)
        prefix = self.prefix.expand(len(columns), -1, -1)
        tokens = torch.cat([prefix, columns], dim=1)
        return tokens + self.position_embeddings[:, : tokens.shape[1]]


class Encoder:
    """The encoder of a model with its normalisation.

    Args:
        model: A VisionEncoderDecoderModel; its embeddings are replaced if it reads strips.
        rules: How it wants its lines.
        device: Where to run.
        dtype: To run in.
    """

    def __init__(
        self,
        model: Any,
        rules: ImageRules,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.device = device or torch.device("cpu")
        self.dtype = dtype
        self.rules = rules
        self.encoder = model.encoder
        embeddings = getattr(self.encoder, "embeddings", None)
        if rules.strip and not isinstance(embeddings, StripEmbeddings):
            self.encoder.embeddings = StripEmbeddings(embeddings)
        self.encoder.to(device=self.device, dtype=dtype)
        self.lookup = torch.from_numpy(rules.lookup()).to(self.device)
        grid = (rules.height // rules.patch_height) * (rules.width // rules.patch_width)
        positions = getattr(embeddings, "position_embeddings", None)
        self.prefix = 1 if positions is None else int(positions.shape[1]) - grid

    @torch.inference_mode()
    def __call__(self, pixels: Tensor) -> Tensor:
        """Encode uint8 grey lines, shape (batch, height, width).

        Returns:
            Hidden states, shape (batch, prefix + rows * columns, hidden).
        """
        lines = len(pixels)
        patches = pixels[0].numel() // (self.rules.patch_height * self.rules.patch_width)
        least = -(-ROWS // patches)
        if lines < least:  # few rows take other kernels: a line must not hang on its neighbours
            pixels = torch.cat([pixels, pixels[-1:].expand(least - lines, -1, -1)])
        states: Tensor = self.encoder(pixel_values=self.normalise(pixels)).last_hidden_state
        return states[:lines]

    def normalise(self, pixels: Tensor) -> Tensor:
        """Turn uint8 (batch, height, width) into the model's input (batch, channels, h, w)."""
        grey = pixels.to(self.device, non_blocking=True).long()
        planes = [values[grey] for values in self.lookup]
        return torch.stack(planes, dim=1).to(self.dtype)
