"""Grey of more than 8 bits, which Pillow would cut off above 255."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
_DEPTHS = (255, 1023, 4095, 16383, 65535)


def sample_levels(image: Image.Image) -> tuple[int | None, bool]:
    """Return the bits of a grey sample if the file tells, and whether 0 is white."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(_BITS_PER_SAMPLE, (1,))
        return int(bits[0]), image.tag_v2.get(_PHOTOMETRIC) == 0
    return (16 if image.mode.startswith("I") else None), False


def in_8_bits(image: Image.Image, bits: int | None, zero_is_white: bool) -> NDArray[np.uint8]:
    """Return the pixels of a deep grey image (mode I, I;16 or F) as uint8.

    Args:
        image: As loaded.
        bits: Of a sample, see :func:`sample_levels`.
        zero_is_white: Whether it is a negative; Pillow turns round up to 8 bits only.
    """
    values = _scaled(np.asarray(image), image.mode, bits)
    return 255 - values if zero_is_white else values


def _scaled(values: NDArray[Any], mode: str, bits: int | None) -> NDArray[np.uint8]:
    """Map deep grey values to 0..255 by the bits that they use, or their range if unknown."""
    if mode.startswith("I;16"):
        wide = values.astype(np.uint32)
        brightest = int(wide.max(initial=0))
        # Cameras and scanners of 10 to 14 bits save their values as they are.
        top = 4095 if bits == 12 else next(step for step in _DEPTHS if brightest <= step)
        return np.asarray(np.minimum((wide * 255 + top // 2) // top, 255), np.uint8)
    wide_values = np.nan_to_num(values.astype(np.float64), nan=np.inf, posinf=np.inf)
    finite = wide_values[np.isfinite(wide_values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low >= 0:
        low = 0.0
        steps = [65535.0] if bits == 16 else [255.0, 65535.0]
        if mode == "F":
            steps.insert(0, 1.0)
        high = next((step for step in steps if high <= step), high)
    share = np.clip((wide_values - low) / max(high - low, 1e-30), 0, 1)
    return np.asarray(np.rint(share * 255), np.uint8)
