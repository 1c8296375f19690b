"""Weight products through oneDNN, with weights that are laid out for its kernels once.

torch multiplies fp32 matrices through MKL, which AMD's processors with AVX-512 run slower than
oneDNN: at half the speed on Zen 5, by a tenth on Zen 4. In bf16 torch uses oneDNN itself, and gains
by the layout.

What decides is the processor and never a stopwatch: the same machine gives the same bytes, busy
or idle.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

SAME = 2e-6
"""Relative difference below which two fp32 products count as the same."""
USUAL_ROWS = 64
"""Rows that the layout is chosen for; it serves any number."""


class PackedLinear:
    """A product with a weight matrix.

    Args:
        weight: Shape (outputs, inputs).
        bias: Shape (outputs,), or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight, USUAL_ROWS)
        self.bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply, shape (..., inputs) to (..., outputs)."""
        rows = x.reshape(-1, x.shape[-1])
        out: Tensor = torch.ops.mkldnn._linear_pointwise(
            rows, self.packed, self.bias, "none", [], "none"
        )
        return out.view(*x.shape[:-1], out.shape[1])


@cache
def packing_pays(dtype: torch.dtype) -> bool:
    """Tell whether packed products are faster here, and the same as torch's own.

    For fp32 they were found to be on AMD's Zen 4 and 5, and not on Zen 3, which lacks AVX-512.
    """
    if dtype == torch.float32:
        if torch.backends.cpu.get_cpu_capability() != "AVX512" or not _is_amd():
            return False
    elif dtype != torch.bfloat16:
        return False
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(512, 256, generator=generator).to(dtype)
    weight = torch.randn(512, 256, generator=generator).to(dtype)
    with torch.inference_mode():
        usual = F.linear(x, weight).float()
        try:
            other = PackedLinear(weight, None)(x).float()
        except (AttributeError, NotImplementedError, RuntimeError):  # a torch without oneDNN
            return False
    same = SAME if dtype == torch.float32 else float(torch.finfo(dtype).eps)
    return float((other - usual).norm() / usual.norm()) < same


def _is_amd() -> bool:
    return str(torch.cpu.get_capabilities().get("cpu_name", "")).startswith("AMD")
