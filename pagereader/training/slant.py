"""How much the writing of a line leans, and the line set upright.

Handwriting leans so far that the top of a letter stands above its neighbour. With that undone a
model learns the same letters in another shape.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.recognize.ink import Pixels, histogram, percentile

Map = NDArray[np.float32]

LEAST = 0.15
"""Slants below this are left: print has none, and italics hardly more."""
_MOST = 1.2
_STEP = 0.1
_HEIGHT = 32
"""Rows in which slant is measured."""
_DARK, _LIGHT = 2.0, 80.0
"""Percentiles of a crop's grey that stand for its ink and its paper."""
_FLAT = 20.0
_FAINT = 0.25
"""Share of full ink below which there is none."""


def measure_slant(pixels: Pixels) -> float:
    """Return how many pixels aside a crop's upright strokes go for each pixel up.

    That slant is found which, undone, leaves the ink in the fewest columns: where the squares of
    what each column holds sum up to most (slant removal by projections, as in Vinciarelli and
    Luettin 2001).

    Args:
        pixels: uint8 grey, shape (height, width).

    Returns:
        Above 0 where strokes lean to the right; 0 where there is nothing to be seen.
    """
    ink = _ink(pixels)
    if not ink.any():
        return 0.0
    tried = np.arange(-2, round(_MOST / _STEP) + 1) * _STEP
    return float(tried[int(np.argmax([_packed(ink, float(lean)) for lean in tried]))])


def upright(pixels: Pixels) -> Pixels:
    """Return a crop with its slant undone, of the same shape; its middle row stays where it is.

    Args:
        pixels: uint8 grey, shape (height, width).
    """
    lean = measure_slant(pixels)
    if abs(lean) < LEAST:
        return pixels
    height, width = pixels.shape
    shear = _shear(lean, height)
    moved = cv2.warpAffine(pixels, shear, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _ink(pixels: Pixels) -> Map:
    """Return the ink of a crop, scaled down, with room to lean on both sides."""
    height, width = pixels.shape
    counts = histogram(pixels)
    dark, light = percentile(counts, _DARK), percentile(counts, _LIGHT)
    size = (max(1, round(width * _HEIGHT / height)), _HEIGHT)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    ink = np.clip((light - small) / max(_FLAT, light - dark), 0, 1)
    ink[ink < _FAINT] = 0
    room = round(_MOST * _HEIGHT / 2)
    return np.pad(ink, ((0, 0), (room, room)))


def _packed(ink: Map, lean: float) -> float:
    """Return how densely the ink stands in columns once a slant is undone."""
    level = cv2.warpAffine(ink, _shear(lean, len(ink)), (ink.shape[1], len(ink)))
    columns = level.sum(axis=0, dtype=np.float64)
    return float(columns @ columns)


def _shear(lean: float, height: int) -> Map:
    return np.array([[1, lean, -lean * height / 2], [0, 1, 0]], np.float32)
