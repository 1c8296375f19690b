"""From pixels to ink: the working copy of a page, its light, its ink and what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.document import PageImage
from pagereader.segment.arrays import (
    Floats,
    Grey,
    Map,
    Mask,
    components,
    dilated,
    doubled,
    halved,
    kernel,
    percentile,
    resized,
)
from pagereader.segment.parameters import Parameters

_BACKGROUND_HALVED = 3  # times
_EDGE = 7  # pixels of the shrunk copy: what is compared on both sides of an edge
_SHADE = 0.88  # of the light beyond: less is no shade
_WINDOW_HALVED = 2  # times
_SAUVOLA_WINDOW = 11  # of the shrunk copy: 44 pixels
_SAUVOLA_K = 0.2
_STRONG_INK = 100.0  # grey levels under the paper
_LEAST_INK = 50  # pixels that tell of contrast
_LEAST_CONTRAST = 12.0  # grey levels; weaker is noise of paper and scanner


@dataclass(slots=True)
class Ink:
    """What is written on a page.

    Attributes:
        text: Ink as strong as the page's text, shape (height, width).
        weak: Ink that may be faint text where it goes on from a line.
        faint: Paler ink as well, where rulings show.
        outside: What is not page: scan border, table, phone.
        light: Brightness without the ink, on a copy shrunk 8 times.
    """

    text: Mask
    weak: Mask
    faint: Mask
    outside: Mask
    light: Grey


def to_grey(pixels: NDArray[np.uint8]) -> Grey:
    """Return grey values of grey or RGB pixels."""
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def working_copy(image: PageImage, megapixels: float) -> tuple[Grey, float]:
    """Return the page in grey at working size, upright as it is, and its working pixels a pixel.

    The size is told by area, since receipts are tall; it is never enlarged.
    """
    factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    return resized(to_grey(image.pixels), factor), min(1.0, factor)


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
    background, outside, light = _background(grey, parameters.margin_dark)
    if canvas is not None:
        outside |= dilated(canvas.astype(np.uint8), 5, 5)
    contrast = _Contrast.of(grey, background)
    text = contrast.darker(parameters.contrast, contrast.pale)
    weak = contrast.darker(parameters.weak_contrast, 0.5 * contrast.pale)
    faint = contrast.darker(parameters.faint_contrast, 1.0)
    if outside.any():
        text, weak = (np.asarray(cv2.subtract(mask, outside), np.uint8) for mask in (text, weak))
    return Ink(text, weak, faint, outside, light)


def find_text(grey: Grey, parameters: Parameters) -> Mask:
    """Return the ``text`` of ``find_ink`` alone."""
    background, outside, _ = _background(grey, parameters.margin_dark)
    contrast = _Contrast.of(grey, background)
    text = contrast.darker(parameters.contrast, contrast.pale)
    return np.asarray(cv2.subtract(text, outside), np.uint8)


@dataclass(slots=True)
class _Contrast:
    """How far a page is darker than its paper.

    Attributes:
        values: Grey levels, shape (height, width).
        sauvola: Sauvola's threshold on a smaller copy, in the same.
        typical: Contrast of the page's ink.
    """

    values: Grey
    sauvola: Map
    typical: float

    @classmethod
    def of(cls, grey: Grey, background: Grey) -> _Contrast:
        flat = np.asarray(cv2.divide(grey, background, scale=255), np.uint8)
        mean, deviation = _surroundings(flat)
        light = doubled(_rounded(mean), _WINDOW_HALVED, flat.shape, cv2.INTER_LINEAR)
        values = np.asarray(cv2.subtract(light, flat), np.uint8)
        sauvola = mean * (_SAUVOLA_K - deviation * np.float32(_SAUVOLA_K / 128))
        return cls(values, sauvola, _typical_contrast(values))

    @property
    def pale(self) -> float:
        """Factor on Sauvola's k, which is made for black ink."""
        return min(1.0, self.typical / _STRONG_INK)

    def darker(self, share: float, k: float) -> Mask:
        """Return what has this share of the typical contrast, and passes Sauvola's test."""
        floor = max(_LEAST_CONTRAST, share * self.typical)
        small = _rounded(np.maximum(k * self.sauvola, floor))
        lowest, highest, _, _ = cv2.minMaxLoc(small)
        if lowest == highest:  # as with black ink on white paper
            return np.asarray(cv2.threshold(self.values, lowest, 1, cv2.THRESH_BINARY)[1], np.uint8)
        limit = doubled(small, _WINDOW_HALVED, self.values.shape, cv2.INTER_LINEAR)
        return (self.values > limit).view(np.uint8)


def _background(grey: Grey, margin_dark: float) -> tuple[Grey, Mask, Grey]:
    """Paper brightness without its ink, the mask of what is not paper, and ``Ink.light``."""
    small = halved(grey, _BACKGROUND_HALVED)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, element)
    light = np.asarray(cv2.medianBlur(closed, 7), np.uint8)
    paper = percentile(light, 80)
    dark = (light < margin_dark * paper).astype(np.uint8)
    around = dilated(_with_edges(dark, light), 3, 3)
    even = cv2.GaussianBlur(np.maximum(light, max(1, int(0.35 * paper))), (0, 0), 3)
    background = doubled(even, _BACKGROUND_HALVED, grey.shape, cv2.INTER_LINEAR)
    if around.any():
        outside = doubled(around, _BACKGROUND_HALVED, grey.shape, cv2.INTER_NEAREST)
    else:
        outside = np.zeros(grey.shape, np.uint8)
    return np.asarray(background, np.uint8), np.asarray(outside, np.uint8), light


def _with_edges(dark: Mask, light: Grey) -> Mask:
    """Keep the dark areas that end at an edge; the others are paper in the shade."""
    if not dark.any():
        return dark
    labels, stats = components(dark)
    within = (dark > 0) & (dilated(1 - dark, _EDGE, _EDGE) > 0)
    grown = np.asarray(cv2.dilate(labels.astype(np.uint16), kernel(_EDGE, _EDGE)), np.intp)
    beyond = (dark == 0) & (grown > 0)
    inside = _means(light[within], labels[within], len(stats))
    outside = _means(light[beyond], grown[beyond], len(stats))
    sharp = inside < _SHADE * outside
    sharp[0] = False
    return np.asarray(sharp[labels], np.uint8)


def _means(values: Grey, labels: NDArray[Any], count: int) -> Floats:
    """Mean of the values of each label; infinite where a label has none."""
    number = np.bincount(labels, minlength=count)
    total = np.bincount(labels, values, count)
    return np.where(number, total / np.maximum(number, 1), np.inf)


def _surroundings(flat: Grey) -> tuple[Map, Map]:
    """Mean and standard deviation around each pixel, on a smaller copy: both change slowly."""
    small = halved(flat, _WINDOW_HALVED).astype(np.float32)
    squares = flat.astype(np.uint16)
    squares *= squares
    window = (_SAUVOLA_WINDOW, _SAUVOLA_WINDOW)
    mean = np.asarray(cv2.blur(small, window), np.float32)
    square = cv2.blur(halved(squares, _WINDOW_HALVED).astype(np.float32), window)
    return mean, np.sqrt(np.maximum(square - mean * mean, 0))


def _rounded(values: Map) -> Grey:
    return np.asarray(np.clip(values + 0.5, 0, 255), np.uint8)


def _typical_contrast(contrast: Grey) -> float:
    """Median contrast of the ink, weighted by its square: noise is plenty, but weak."""
    sample = contrast[::2]
    ink = sample[sample > int(_LEAST_CONTRAST)]
    if len(ink) < _LEAST_INK:
        return 0.0
    histogram = np.bincount(ink, minlength=256)
    weight = histogram * np.arange(256.0) ** 2
    return float(np.searchsorted(np.cumsum(weight), weight.sum() / 2))
