"""Run a checkpoint's image encoder, on as many columns as the lines have.

ViT and DeiT, the encoders of all published TrOCR models, run over their weights in our own order:
one product for query, key and value, results written over what is no longer wanted, and one
plane of pixels instead of three (lines are grey, so the three planes say the same).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pagereader.errors import ModelError
from pagereader.recognize.decoding import ROWS
from pagereader.recognize.layers import (
    LayerMaker,
    Linear,
    LinearFactory,
    Norm,
    activation,
    plain_linear,
)
from pagereader.recognize.preprocess import ImageRules
from pagereader.recognize.weights import PREFIXES

SCORES = 2_000_000
"""Attention's scores that are computed at a time, so that they stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One encoder layer, in the order of use."""

    first_norm: Norm
    qkv: Linear
    out: Linear
    second_norm: Norm
    up: Linear
    down: Linear


class Encoder:
    """The encoder of a model with its normalisation.

    A model whose patches are as high as its image may get images narrower than its own: their
    columns are tokens in reading order, and take the matching slice of its positions.
    (``interpolate_pos_encoding`` of transformers scrambles such grids.)

    Args:
        model: A VisionEncoderDecoderModel, or the weights of one.
        rules: How it wants its lines.
        device: Where to run.
        dtype: To run in.
        linear: Makes a product from weight and bias; replaced by quantised ones.

    Attributes:
        prefix: Tokens that come before those of the patches; negative if the encoder merges
            patches, so that none of its tokens belongs to one.

    Raises:
        ModelError: if the model reads strips and is neither ViT nor DeiT, or does not run.
    """

    def __init__(
        self,
        model: Any,
        rules: ImageRules,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        linear: LinearFactory = plain_linear,
    ) -> None:
        self.device = device or torch.device("cpu")
        self.dtype = dtype
        self.rules = rules
        self.lookup = torch.from_numpy(rules.lookup()).to(self.device)
        rows, columns = rules.height // rules.patch_height, rules.width // rules.patch_width
        self.vit: VisionTransformer | None = None
        if model.encoder.config.model_type in PREFIXES:  # others run as they are
            make = LayerMaker(self.device, dtype, linear)
            self.vit = VisionTransformer(model.encoder, rules, make)
            self.prefix = len(self.vit.prefix)
        elif rules.strip:
            raise ModelError(
                f"the encoder {type(model.encoder).__name__} reads no lines of different widths",
                "encoders with wide images must be ViT or DeiT",
            )
        else:
            self.stock = model.encoder.to(device=self.device, dtype=dtype)
            self.prefix = self._count() - rows * columns

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
        if self.vit is not None:
            grey = pixels.to(self.device, non_blocking=True).long()
            return self.vit(self.lookup[0][grey].to(self.dtype))[:lines]
        states: Tensor = self.stock(pixel_values=self.normalise(pixels)).last_hidden_state
        return states[:lines]

    def _count(self) -> int:
        """Return how many tokens an encoder that we do not know makes of a line."""
        blank = torch.zeros((1, self.rules.height, self.rules.width), dtype=torch.uint8)
        try:
            return int(self(blank).shape[1])
        except Exception as error:
            raise ModelError(
                f"the encoder {type(self.stock).__name__} does not run: {error}",
                "try --device cpu --precision exact, or another --model",
            ) from error

    def normalise(self, pixels: Tensor) -> Tensor:
        """Turn uint8 (batch, height, width) into the model's input (batch, channels, h, w)."""
        grey = pixels.to(self.device, non_blocking=True).long()
        planes = [values[grey] for values in self.lookup]
        return torch.stack(planes, dim=1).to(self.dtype)


class VisionTransformer:
    """The layers of a ViT or DeiT, as functions over its weights.

    Args:
        stock: A ViTModel or DeiTModel, or the weights of one.
        rules: How it wants its lines.
        make: Device, number format and kind of the products.
    """

    def __init__(self, stock: Any, rules: ImageRules, make: LayerMaker) -> None:
        config, embeddings = stock.config, stock.embeddings
        self.heads = int(config.num_attention_heads)
        self.patch = (rules.patch_height, rules.patch_width)
        self.activation = activation(config.hidden_act)
        weight, bias = one_plane(embeddings.patch_embeddings.projection, rules)
        self.project = plain_linear(make.own(weight), make.own(bias))
        positions = embeddings.position_embeddings[0]
        tokens = [embeddings.cls_token[0]]
        if getattr(embeddings, "distillation_token", None) is not None:
            tokens.append(embeddings.distillation_token[0])
        first = torch.cat(tokens)
        self.prefix = make.own(first + positions[: len(first)])
        self.positions = make.own(positions[len(first) :])
        self.layers = [
            Layer(
                first_norm=make.norm(layer.layernorm_before),
                qkv=make.fuse(
                    layer.attention.q_proj, layer.attention.k_proj, layer.attention.v_proj
                ),
                out=make.fuse(layer.attention.o_proj),
                second_norm=make.norm(layer.layernorm_after),
                up=make.fuse(layer.mlp.fc1),
                down=make.fuse(layer.mlp.fc2),
            )
            for layer in stock.layers
        ]
        self.last_norm = make.norm(stock.layernorm)
        in_bf16 = make.device.type == "cpu" and make.dtype == torch.bfloat16
        self.attend = attend_in_bf16 if in_bf16 else F.scaled_dot_product_attention

    def __call__(self, plane: Tensor) -> Tensor:
        """Encode one plane of normalised pixels, shape (batch, height, width).

        Returns:
            Hidden states, shape (batch, tokens, hidden).
        """
        embedded = self._embed(plane)
        lines, tokens, size = embedded.shape
        x = embedded.view(lines * tokens, size)
        for layer in self.layers:
            qkv = layer.qkv(layer.first_norm(x)).view(lines, tokens, 3, self.heads, -1)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            mixed = self.attend(q, k, v).transpose(1, 2)
            x += layer.out(mixed.reshape(lines * tokens, size))
            x += layer.down(self.activation(layer.up(layer.second_norm(x))))
        return self.last_norm(x).view(lines, tokens, size)

    def _embed(self, plane: Tensor) -> Tensor:
        """Return token embeddings, shape (batch, prefix + rows * columns, hidden)."""
        lines, (high, wide) = len(plane), self.patch
        rows, columns = plane.shape[1] // high, plane.shape[2] // wide
        plane = plane[:, : rows * high, : columns * wide]  # what fills no patch is not seen
        patches = plane.view(lines, rows, high, columns, wide).transpose(2, 3)
        embedded = self.project(patches.reshape(lines * rows * columns, high * wide))
        first = len(self.prefix)
        tokens = embedded.new_empty(lines, first + rows * columns, embedded.shape[1])
        tokens[:, :first] = self.prefix
        columns_at = self.positions[: rows * columns]
        torch.add(embedded.view(lines, rows * columns, -1), columns_at, out=tokens[:, first:])
        return tokens


def attend_in_bf16(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend as ``scaled_dot_product_attention`` does, in two thirds of its time on CPUs.

    All are of shape (lines, heads, tokens, head size).
    """
    lines, heads, tokens, size = q.shape
    step = max(1, SCORES // (heads * tokens * tokens))
    mixed = q.new_empty(q.shape)
    for first in range(0, lines, step):
        here = slice(first, first + step)
        scores = torch.matmul(q[here] * size**-0.5, k[here].transpose(2, 3))
        torch.matmul(torch.softmax(scores, dim=-1), v[here], out=mixed[here])
    return mixed


def one_plane(convolution: Any, rules: ImageRules) -> tuple[Tensor, Tensor]:
    """Return the patch projection's weight and bias for one grey plane instead of three.

    The plane holds the first channel's values v; those of channel c are
    (v * std[0] + mean[0] - mean[c]) / std[c], which goes into weight and bias.

    Returns:
        Weight, shape (hidden, patch pixels), and bias, shape (hidden,).
    """
    weight = convolution.weight.detach().double()
    mean = torch.tensor(rules.mean, dtype=torch.float64)[:, None, None]
    std = torch.tensor(rules.std, dtype=torch.float64)[:, None, None]
    shift = (weight * ((mean[0] - mean) / std)).sum(dim=(1, 2, 3))
    bias = shift if convolution.bias is None else convolution.bias.detach().double() + shift
    return (weight * (std[0] / std)).sum(dim=1).flatten(1).float(), bias.float()
