"""The page's own units: letter height, slope of the lines and distance between them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import Floats, Map, Mask, shrunk
from pagereader.segment.parameters import Parameters

WARP = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_LETTERS_A_UNIT = 1.7  # pitch / U
_UNIT_MAX_H = 1.4
_FEW = 5  # so few components tell of letters only if they are
_CLEAR_LETTER = 12  # pixels high
_PITCH_RANGE_H = (1.15, 5.5)
_PITCH_TRUST = 0.34  # weaker autocorrelation says little
_PITCH_DOUBTED_H = 2.4
_PITCH_PEAK = 0.5  # the first peak this share as high as the best is the pitch


@dataclass(frozen=True, slots=True)
class Scale:
    """Lengths of a page, in pixels of the map.

    Attributes:
        height: Letter height H: about cap height in print, a joined word's height in cursive.
        pitch: Distance between neighbouring lines.
        slope: dy/dx of the lines.
    """

    height: float
    pitch: float
    slope: float

    @property
    def unit(self) -> float:
        """U, a letter with its share of the space between lines, held to 1-1.4 H."""
        high = _UNIT_MAX_H * self.height
        return float(np.clip(self.pitch / _LETTERS_A_UNIT, self.height, high))


def letter_height(ink: Mask) -> float | None:
    """Return the median height of the letters, weighted by the root of their area.

    Returns:
        Pixels, or None if no component could be a letter.
    """
    stats = cv2.connectedComponentsWithStats(ink, connectivity=8)[2][1:]
    width, height, area = stats[:, 2:].T
    letters = (height >= 5) & (height < ink.shape[0] / 12) & (width < ink.shape[1] / 3)
    letters &= (height < 8 * width) & (width < 12 * height) & (area > 0.08 * height * width)
    if letters.sum() < _FEW:
        letters &= height >= _CLEAR_LETTER
    if not letters.any():
        return None
    heights, areas = height[letters], area[letters]
    order = np.argsort(heights)
    mass = np.cumsum(np.sqrt(areas[order]))
    return float(heights[order][np.searchsorted(mass, mass[-1] / 2)])


def measure(density: Map, height: float) -> Scale:
    """Return the units of a density map whose letters are ``height`` pixels high."""
    slope = page_slope(density, height)
    pitch, trust = line_pitch(density, height, slope)
    if trust < _PITCH_TRUST:
        pitch = min(pitch, _PITCH_DOUBTED_H * height)
    return Scale(height, pitch, slope)


def page_slope(density: Map, height: float, limit: float = 0.10) -> float:
    """Return the dy/dx, within +-``limit``, that makes the row profile most jagged."""
    factor = min(1.0, 6 / height)
    size = (max(1, round(density.shape[1] * factor)), max(1, round(density.shape[0] * factor)))
    small = cv2.resize(density, size, interpolation=cv2.INTER_AREA)
    ys, xs = np.nonzero(small > 0.05)
    if len(ys) < 50:
        return 0.0
    weight, centred = small[ys, xs], xs - small.shape[1] / 2

    def jaggedness(slope: float) -> float:
        row = (ys - centred * slope).astype(np.int32)
        return float(np.sum(np.diff(np.bincount(row - row.min(), weight)) ** 2))

    coarse = np.linspace(-limit, limit, 2 * round(limit * 100) + 1)
    best = max(coarse, key=jaggedness)
    return float(max(best + np.linspace(-0.01, 0.01, 9), key=jaggedness))


def shear(slope: float, width: int, back: bool = False) -> NDArray[np.float32]:
    """Return the 2 x 3 matrix that lays lines of ``slope`` level about the map's middle."""
    if back:
        return np.array([[1, 0, 0], [-slope, 1, slope * width / 2]], np.float32)
    return np.array([[1, 0, 0], [slope, 1, -slope * width / 2]], np.float32)


def sheared(values: Map, slope: float, back: bool = False) -> Map:
    """Return the map with lines of ``slope`` laid level, or, ``back``, sloping again."""
    height, width = values.shape
    warped = cv2.warpAffine(values, shear(slope, width, back), (width, height), flags=WARP)
    return np.asarray(warped, np.float32)


def _blur_rows(profile: Map, sigma: float) -> Map:
    rows = cv2.getGaussianKernel(int(6 * sigma) | 1, sigma).astype(np.float32)
    return np.asarray(cv2.sepFilter2D(profile, -1, np.ones(1, np.float32), rows), np.float32)


def autocorrelation(density: Map, height: float, slope: float) -> Floats:
    """Return how alike the page is to itself moved down by 0, 1, 2 ... pixels, 1 at 0.

    Row profiles are taken of strips 8 H wide, so that columns need not stand level.
    """
    rows, width = density.shape
    level, strip = sheared(density, slope), int(max(8 * height, 24))
    if width >= strip:
        profile = level[:, : width // strip * strip].reshape(rows, -1, strip).mean(axis=2)
    else:
        profile = level.mean(axis=1, keepdims=True)
    profile = _blur_rows(np.ascontiguousarray(profile, np.float32), 0.25 * height)
    profile = profile - _blur_rows(profile, 4 * height)
    longest = int(_PITCH_RANGE_H[1] * height)
    padded = 1 << int(rows + longest).bit_length()
    power = (np.abs(np.fft.rfft(profile, n=padded, axis=0)) ** 2).sum(axis=1)
    result = np.fft.irfft(power)[: longest + 1]
    return np.asarray(result / max(float(result[0]), 1e-9), np.float64)


def line_pitch(density: Map, height: float, slope: float) -> tuple[float, float]:
    """Return the distance between lines in pixels and its autocorrelation, 0 if unknown.

    The first good peak wins, not the best one: alternate long and short lines, or blank rows,
    make twice the pitch look better.
    """
    alike = autocorrelation(density, height, slope)
    lags = range(int(_PITCH_RANGE_H[0] * height), len(alike) - 1)
    peaks = [k for k in lags if alike[k - 1] < alike[k] >= alike[k + 1]]
    best = max((alike[k] for k in peaks), default=0.0)
    for k in peaks:
        if alike[k] >= _PITCH_PEAK * best and alike[k] > 0.04:
            return float(k), float(alike[k])
    return 2 * height, 0.0


def density_map(ink: Mask, height: float, parameters: Parameters) -> tuple[Map, float]:
    """Return the ink shrunk by area until letters are ``map_height`` high, and the factor."""
    factor = min(1.0, parameters.map_height / height)
    return shrunk(ink, factor), factor
