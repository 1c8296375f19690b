"""Choose the library that multiplies fp32 matrices on the CPU.

torch multiplies through MKL, which on AMD's Zen 5 runs at half the speed of oneDNN.
``torch.backends.mkldnn.matmul.fp32_precision = "bf16"`` sends products to oneDNN; on processors
with bf16 units it may also lower their precision, so it is used only where a product is found to
come out the same.

What decides is the processor and never a stopwatch: the same machine gives the same bytes, busy
or idle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
import torch.nn.functional as F

SAME = 2e-6
"""Relative difference below which two fp32 products count as the same."""


@contextmanager
def through_onednn(wanted: bool = True) -> Iterator[None]:
    """Send fp32 products to oneDNN within the block, if ``wanted``.

    The setting holds for the whole process while the block runs.
    """
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = matmul.fp32_precision
    if wanted:
        matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        if wanted:
            matmul.fp32_precision = before


@cache
def onednn_pays(inputs: int, outputs: int) -> bool:
    """Tell whether oneDNN is the faster library here and gives the same product as MKL.

    Twice as fast it was found to be on Zen 5, whose units are 512 bits wide; on Zen 4 (AVX-512
    in halves) and Zen 3 (AVX2) no faster in large products and slower in small ones.
    """
    if torch.backends.cpu.get_cpu_capability() != "AVX512" or not _is_zen5():
        return False
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(512, inputs, generator=generator)
    weight = torch.randn(outputs, inputs, generator=generator)
    with torch.inference_mode():
        usual = F.linear(x, weight)
        try:
            with through_onednn():
                other = F.linear(x, weight)
        except (AttributeError, RuntimeError):
            return False
    return float((other - usual).norm() / usual.norm()) < SAME


def _is_zen5() -> bool:
    """Tell whether the processor is of AMD's Zen 5 or later: Zen 4 lacks AVX-VNNI."""
    known = torch.cpu.get_capabilities()
    is_amd = str(known.get("cpu_name", "")).startswith("AMD")
    return is_amd and bool(known.get("avx_vnni", False))
