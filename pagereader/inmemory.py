"""Images that are in memory already, made into pixels as files are."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagereader.deepgrey import in_8_bits, sample_levels
from pagereader.errors import UsageError


def pixels_of(image: NDArray[np.uint8] | Image.Image) -> NDArray[np.uint8]:
    """Return ``image`` as uint8, shape (height, width) for grey or (height, width, 3) for RGB.

    A Pillow image of another mode is converted, and laid on white where it is transparent. An
    array is not: floats up to 1, say, would all be black.

    Raises:
        UsageError: if ``image`` is of another type or shape.
    """
    if isinstance(image, Image.Image):
        pixels = _of_pillow(image)
    elif isinstance(image, (str, bytes, os.PathLike)):
        raise UsageError(
            f"read_image takes pixels, and no {type(image).__name__}",
            "read takes the names of files; Pillow opens what is in memory",
        )
    else:
        pixels = np.asarray(image)
    is_image = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not is_image or not pixels.size:
        raise UsageError(
            f"an array of {pixels.dtype} {pixels.shape} is no image",
            "give uint8, (height, width) or (height, width, 3)",
        )
    return pixels


def _of_pillow(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I") or image.mode == "F":
        return in_8_bits(image, *sample_levels(image))
    if "A" in image.mode.upper()[1:] or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode != "L":
        image = image.convert("L" if image.mode == "1" else "RGB")
    return np.asarray(image, np.uint8)
