"""Which number formats to compute in, on which device."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from pagereader.errors import UsageError
from pagereader.recognize.quantized import is_int8_available


@dataclass(frozen=True, slots=True)
class Precision:
    """A choice of number formats.

    Attributes:
        name: For the provenance: "fp32", "bf16", "fp16", "int8".
        dtype: Of activations, caches and, without int8, weights.
        int8: Whether the weight products are computed in 8-bit integers.
        reason: Why, in a few words.
    """

    name: str
    dtype: torch.dtype
    int8: bool = False
    reason: str = ""


FP32 = Precision("fp32", torch.float32)
WIDE = 512
"""Hidden size from which int8 products are faster than those in bf16, where a CPU has both: to
bring a number to an integer costs the same, however many products it is then part of."""
CACHE_BYTES = 2 << 30
"""Most memory that the decoder's caches take in main memory."""


def choose_device(name: str) -> torch.device:
    """Return the device for "auto", "cpu", "cuda", "cuda:1" or "mps".

    Raises:
        UsageError: if it is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(name)
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there[device.type]:
        raise UsageError(f"there is no device {name!r} here", "use --device auto or cpu")
    return device


def choose_precision(name: str, device: torch.device, width: int = 0) -> Precision:
    """Return what to compute in for one of :data:`pagereader.options.PRECISIONS`.

    Args:
        name: One of them.
        device: Where the model runs.
        width: The hidden size of its encoder.

    Raises:
        UsageError: if the device cannot do it.
    """
    if name in ("exact", "fp32"):
        return Precision("fp32", torch.float32, reason="asked for")
    if name == "bf16":
        return Precision("bf16", torch.bfloat16, reason="asked for")
    if name == "fp16":
        if device.type == "cpu":
            raise UsageError("fp16 is for GPUs only", "use --precision fast or exact")
        return Precision("fp16", torch.float16, reason="asked for")
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision("bf16", torch.bfloat16, reason="the GPU computes in bf16")
        return Precision("fp16", torch.float16, reason="the GPU has no bf16")
    if name == "fast" and device.type == "cpu":
        return _fast_on_cpu(width)
    if device.type == "cpu" and has_bf16_units():
        return Precision("bf16", torch.bfloat16, reason="the CPU computes in bf16")
    return Precision("fp32", torch.float32, reason=f"exact on {device.type}")


def memory_for_caches(device: torch.device) -> int:
    """Return how many bytes the decoder's caches of one batch may take.

    Half of what is free on a GPU; elsewhere 2 GiB, or an eighth of the machine's if less.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) // 2
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not every system tells
        return CACHE_BYTES
    return min(CACHE_BYTES, memory // 8)


def has_bf16_units() -> bool:
    """Tell whether this is an x86 processor that multiplies bf16 in hardware.

    There the bundled model was found to read as well as in fp32 (79 pages: CER 0.1823 and 0.1830),
    clear lines in two thirds of the time.
    """
    known = torch.cpu.get_capabilities()
    return any(known.get(name, False) for name in ("amx_bf16", "avx512_bf16"))


def has_fast_bf16() -> bool:
    """Tell whether the CPU multiplies bf16 in hardware; elsewhere it is emulated and slow."""
    return has_bf16_units() or bool(torch.cpu.get_capabilities().get("bf16", False))


def int8_pays() -> bool:
    """Tell whether the CPU multiplies 8-bit integers in hardware, so that int8 products pay.

    Without VNNI or AMX they were found no faster than fp32 ones from end to end.
    """
    known = torch.cpu.get_capabilities()
    units = ("avx512_vnni", "avx_vnni", "amx_int8")
    return is_int8_available() and any(known.get(name, False) for name in units)


def _fast_on_cpu(width: int) -> Precision:
    bf16 = has_fast_bf16()
    if (width >= WIDE or not bf16) and int8_pays():
        dtype = torch.bfloat16 if bf16 else torch.float32
        return Precision("int8", dtype, int8=True, reason="the CPU computes in int8")
    if bf16:
        return Precision("bf16", torch.bfloat16, reason="the CPU computes in bf16")
    return Precision("fp32", torch.float32, reason="the CPU computes in neither bf16 nor int8")
