"""Choose the library that multiplies fp32 matrices on the CPU, by trying.

torch multiplies through MKL, which on some AMD processors runs at half the speed of oneDNN.
``torch.backends.mkldnn.matmul.fp32_precision = "bf16"`` sends products to oneDNN; on processors
with bf16 units it may also lower their precision, so it is used only where a product is found
to come out the same, and faster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

SAME = 2e-6
"""Relative difference below which two fp32 products count as the same."""
WORTH = 1.15
"""Speed-up from which another way of computing is worth taking."""


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
    """Tell whether oneDNN gives the same product of 512 rows as MKL, and sooner.

    Takes some ten milliseconds; asked once for each size.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(512, inputs, generator=generator)
    weight = torch.randn(outputs, inputs, generator=generator)
    with torch.inference_mode():

        def usual() -> Tensor:
            return F.linear(x, weight)

        def other() -> Tensor:
            with through_onednn():
                return F.linear(x, weight)

        try:
            difference = (other() - usual()).norm() / usual().norm()
        except (AttributeError, RuntimeError):
            return False
        return float(difference) < SAME and speed_up(usual, other) > WORTH


def speed_up(usual: Callable[[], object], other: Callable[[], object], times: int = 7) -> float:
    """Return how many times faster ``other`` is, by the best of runs taken in turn."""
    best = [float("inf"), float("inf")]
    for _ in range(times):
        for number, work in enumerate((usual, other)):
            start = time.perf_counter()
            work()
            best[number] = min(best[number], time.perf_counter() - start)
    return best[0] / best[1]
