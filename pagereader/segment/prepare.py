"""From pixels to ink: the working copy of a page, its light, its ink and what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.document import PageImage
from pagereader.segment.arrays import Grey, Map, Mask, dilated
from pagereader.segment.parameters import Parameters

_BACKGROUND_SHRINK = 8
_SAUVOLA_WINDOW = 41
_SAUVOLA_K = 0.2
_STRONG_INK = 100.0  # grey levels under the paper
_LEAST_CONTRAST = 12.0  # grey levels; weaker is noise of paper and scanner


@dataclass(slots=True)
class Ink:
    """What is written on a page.

    Attributes:
        text: Ink as strong as the page's text, shape (height, width).
        weak: Ink that may be faint text where it goes on from a line.
        faint: Paler ink as well, where rulings show.
        outside: What is not page: scan border, table, phone.
    """

    text: Mask
    weak: Mask
    faint: Mask
    outside: Mask


def to_grey(pixels: NDArray[np.uint8]) -> Grey:
    """Return grey values of grey or RGB pixels."""
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY), np.uint8)


def working_size(width: int, height: int, megapixels: float) -> tuple[int, int]:
    """Return width and height to work at: by area, since receipts are tall; never enlarged."""
    factor = min(1.0, (megapixels * 1e6 / (width * height)) ** 0.5)
    return max(1, round(width * factor)), max(1, round(height * factor))


def working_copy(image: PageImage, megapixels: float) -> Grey:
    """Return the page in grey at working size, upright as the image is."""
    size = working_size(image.width, image.height, megapixels)
    pixels = image.pixels
    if size != (image.width, image.height):  # shrink first: colour at full size costs memory
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return to_grey(pixels)


def find_ink(grey: Grey, parameters: Parameters, canvas: NDArray[np.bool_] | None = None) -> Ink:
    """Tell ink from paper.

    Args:
        grey: Working copy of a page.
        parameters: Limits.
        canvas: What of it is not from the page, as after a rotation.

    The page is divided by its background, thresholded by Sauvola's method (J. Sauvola and
    M. Pietikainen, Adaptive document image binarization, 2000), and what has far less contrast
    than the page's typical ink is dropped: show-through, stains, texture.
    """
    background, outside = _background(grey, parameters.margin_dark)
    if canvas is not None:
        outside |= dilated(canvas.astype(np.uint8), 5, 5)
    lit = cv2.divide(grey.astype(np.float32), np.maximum(background, 1), scale=255.0)
    flat = np.asarray(np.minimum(lit, 255), np.float32)
    window = (_SAUVOLA_WINDOW, _SAUVOLA_WINDOW)
    mean = np.asarray(cv2.blur(flat, window), np.float32)
    square = np.asarray(cv2.sqrBoxFilter(flat, -1, window), np.float32)
    deviation = np.sqrt(np.maximum(square - mean * mean, 0))
    contrast = mean - flat
    sauvola = mean * (_SAUVOLA_K - deviation * np.float32(_SAUVOLA_K / 128))
    typical = _typical_contrast(contrast[contrast > _LEAST_CONTRAST])
    pale = min(1.0, typical / _STRONG_INK)  # Sauvola's k is made for black ink

    def darker(share: float, k: float) -> Mask:
        floor = max(_LEAST_CONTRAST, share * typical)
        above = (contrast > floor) & (contrast > np.float32(k) * sauvola)
        return above.view(np.uint8)

    text = darker(parameters.contrast, pale)
    weak = darker(parameters.weak_contrast, 0.5 * pale)
    faint = darker(parameters.faint_contrast, 1.0)
    text[outside > 0] = weak[outside > 0] = 0
    return Ink(text, weak, faint, outside)


def _background(grey: Grey, margin_dark: float) -> tuple[Map, Mask]:
    """Paper brightness without its ink, and the mask of what is not paper."""
    height, width = grey.shape
    small_size = (max(8, width // _BACKGROUND_SHRINK), max(8, height // _BACKGROUND_SHRINK))
    small = cv2.resize(grey, small_size, interpolation=cv2.INTER_AREA)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    light = cv2.medianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, element), 7)
    paper = float(np.percentile(light, 80))
    around = dilated((light < margin_dark * paper).astype(np.uint8), 3, 3)
    even = cv2.GaussianBlur(np.maximum(light, 0.35 * paper).astype(np.float32), (0, 0), 3)
    background = cv2.resize(even, (width, height), interpolation=cv2.INTER_LINEAR)
    outside = cv2.resize(around, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(background, np.float32), np.asarray(outside, np.uint8)


def _typical_contrast(contrast: NDArray[np.float32]) -> float:
    """Median contrast of the ink, weighted by its square: noise is plenty, but weak."""
    if contrast.size < 50:
        return 0.0
    levels = np.minimum(contrast, 255).astype(np.intp)
    weight = np.bincount(levels, minlength=256) * np.arange(256.0) ** 2
    return float(np.searchsorted(np.cumsum(weight), weight.sum() / 2))
