"""Products, norms and activations that encoder and decoder are made of, over stock modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Linear = Callable[[Tensor], Tensor]
LinearFactory = Callable[[Tensor, Tensor | None], Linear]
IN_PLACE: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": torch.ops.aten.gelu_.default,
    "relu": torch.relu_,
}
"""The activations of all published TrOCR models, writing into their input."""


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation."""

    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        """Normalise over the last axis."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


def plain_linear(weight: Tensor, bias: Tensor | None) -> Linear:
    """Return the product with a weight matrix as it is."""
    return lambda x: F.linear(x, weight, bias)


@dataclass(frozen=True, slots=True)
class LayerMaker:
    """Turns stock modules into products and norms on a device, in a number format.

    Attributes:
        device: Where they run.
        dtype: Of weights and activations.
        linear: Makes a product from weight and bias; replaced by quantised ones.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    linear: LinearFactory = plain_linear

    def own(self, tensor: Tensor) -> Tensor:
        """Return a weight as it is computed with."""
        return tensor.detach().to(self.device, self.dtype).contiguous()

    def fuse(self, *linears: Any) -> Linear:
        """Return one product that gives the outputs of all, side by side."""
        weight = torch.cat([linear.weight for linear in linears]) if linears[1:] else None
        bias = None
        if linears[0].bias is not None:
            bias = self.own(torch.cat([linear.bias for linear in linears]))
        return self.linear(self.own(linears[0].weight if weight is None else weight), bias)

    def norm(self, module: Any) -> Norm:
        """Return a layer normalisation."""
        return Norm(self.own(module.weight), self.own(module.bias), float(module.eps))


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """Return an activation by its name in transformers; it may write into its input."""
    if name in IN_PLACE:
        return IN_PLACE[name]
    from transformers.activations import ACT2FN

    function: Callable[[Tensor], Tensor] = ACT2FN[name]
    return function
