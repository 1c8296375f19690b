"""Weight products in 8-bit integers: weights a row, activations a line of the batch at a time.

torch's own dynamic quantisation scales a whole batch by its largest value, so that a line's
reading would hang on its neighbours. Here every row of the activations has its own scale: rows
are brought to the same range before one product with a fixed scale, and back after it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEPS = 127
"""Integer steps from zero to the largest value of a weight row."""
SAFE_STEPS = 63
"""Steps of an activation row where the CPU has no VNNI: there the products of two neighbours
are added in 16 bits, and more steps would silently saturate."""
TINY = 1e-12
BLOCK = 512
"""Rows that are multiplied at a time: what comes of them stays in the processor's cache."""


class Int8Linear(nn.Module):
    """A linear layer on oneDNN's int8 kernels.

    Args:
        weight: Shape (outputs, inputs).
        bias: Shape (outputs,), or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        weight = weight.detach().float()
        scales = (weight.abs().amax(dim=1) / STEPS).clamp_min(TINY)
        steps = (weight / scales[:, None]).round().clamp(-STEPS, STEPS).to(torch.int8)
        vnni = torch.cpu._is_vnni_supported()
        self.steps = STEPS if vnni else SAFE_STEPS
        self.packed = torch.ops.onednn.qlinear_prepack(steps, None)
        self.scales = scales
        self.zeros = torch.zeros(len(scales), dtype=torch.long)
        self.bias = torch.zeros(len(scales)) if bias is None else bias.detach().float()

    def forward(self, x: Tensor) -> Tensor:
        """Multiply, shape (..., inputs) to (..., outputs)."""
        rows = x.reshape(-1, x.shape[-1])
        out = x.new_empty((len(rows), len(self.scales)))
        for first in range(0, len(rows), BLOCK):
            here = slice(first, first + BLOCK)
            self._multiply(rows[here].float(), out[here])
        return out.view(*x.shape[:-1], out.shape[-1])

    def _multiply(self, rows: Tensor, out: Tensor) -> None:
        largest = rows.abs().amax(dim=1, keepdim=True).clamp_min_(TINY)
        zero = self.steps + 1
        # To uint8 around the zero point; adding half and cutting off is rounding.
        steps = (rows * (self.steps / largest)).add_(zero + 0.5).to(torch.uint8)
        product = torch.ops.onednn.qlinear_pointwise(
            steps,
            1.0 / self.steps,
            zero,
            self.packed,
            self.scales,
            self.zeros,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        out.copy_(torch.addcmul(self.bias, product, largest, out=product))


def is_int8_available() -> bool:
    """Tell whether this torch has the kernels, by multiplying once."""
    try:
        x, weight = torch.linspace(-1, 1, 64).view(4, 16), torch.linspace(-1, 1, 128).view(8, 16)
        exact = F.linear(x, weight)
        error = (Int8Linear(weight, None)(x) - exact).norm() / exact.norm()
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    return bool(error < 0.05)
