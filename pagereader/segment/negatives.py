"""White writing on black: negatives of microfilms, and blueprints."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.document import PageImage
from pagereader.segment.prepare import to_grey

_SIDE = 500  # pixels of the small copy that is looked at
_MARGIN = 0.1  # of the page; a scan of a negative may have a light frame
_BRIGHT = 127.0  # the mean of a negative is darker
_LIGHT = 0.35  # share of a negative that is light, at most
_PATCH = 15  # pixels of the small copy; letters are smaller, paper is larger
_PATCHES = 0.2  # share of the light that lies in such patches, at most
_CONTRAST = 20.0


def as_positive(image: PageImage) -> PageImage:
    """Return a page with dark writing on light paper: a negative with its greys turned round."""
    if not is_negative(image.pixels):
        return image
    return replace(image, pixels=255 - image.pixels)


def is_negative(pixels: NDArray[np.uint8]) -> bool:
    """Whether a page is dark but for what is as thin as writing.

    A page on a dark ground, or a photograph, has lighter patches as well.

    Args:
        pixels: uint8, shape (height, width) for grey or (height, width, 3) for RGB.
    """
    step = max(1, max(pixels.shape[:2]) // (2 * _SIDE))
    sample = to_grey(_every(step, pixels[tuple(_inner(side, step) for side in pixels.shape[:2])]))
    if float(sample.mean()) > _BRIGHT or min(sample.shape) < _PATCH:
        return False
    factor = min(1.0, _SIDE / max(sample.shape))
    small = cv2.resize(sample, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    light = np.asarray(cv2.threshold(small, 0, 1, cv2.THRESH_OTSU)[1], np.uint8)
    share = float(light.mean())
    if not 0 < share < _LIGHT:
        return False
    if float(small[light > 0].mean() - small[light == 0].mean()) < _CONTRAST:
        return False
    patches = cv2.morphologyEx(light, cv2.MORPH_OPEN, np.ones((_PATCH, _PATCH), np.uint8))
    return float(patches.sum()) < _PATCHES * float(light.sum())


def _every(step: int, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every so many pixels of every so many rows; numpy is slow with those of colour."""
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels[::step, ::step])
    size = [-(-side // step) for side in pixels.shape[1::-1]]
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _inner(side: int, step: int) -> slice:
    """A side of a page without its margins, in steps of so many pixels."""
    count = -(-side // step)
    margin = round(_MARGIN * count)
    return slice(margin * step, (count - margin) * step)
