"""The page's own units: letter height, slope of the lines and distance between them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import Components, Floats, Map, Mask, shrunk
from pagereader.segment.parameters import Parameters

_LEVEL = 0.5  # pixels that a level line may rise across the map
WARP = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_LETTERS_A_UNIT = 1.7  # pitch / U
_UNIT_MAX_H = 1.4
_FEW = 5  # so few components tell of letters only if they are
_LEAST_LETTER = 5  # pixels high
_CLEAR_LETTER = 12  # pixels high
_SLOPE_LETTER = 6.0  # pixels high where slopes are told
_STRIP = 3  # pixels wide
_SLOPE_INK = 0.05
_ROUNDING = 1e-9  # so that a strip that moves by whole rows does so
_LEAST_STRIPS = 25
_PITCH_RANGE_H = (1.15, 5.5)
_PITCH_TRUST = (0.28, 0.40)  # autocorrelation: weaker says little, stronger is believed
_PITCH_DOUBTED_H = 2.4
_PITCH_LEAST = 0.04
_WIDE_PITCH_H = 11.0  # so far apart are lines looked for where none are nearer,
_WIDE_PITCH_CLEAR = 0.33  # but these must be clear
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
        return min(max(self.pitch / _LETTERS_A_UNIT, self.height), _UNIT_MAX_H * self.height)


def letter_height(found: Components) -> float | None:
    """Return the median height of the letters, weighted by the root of their area.

    Args:
        found: The components of a page's ink.

    Returns:
        Pixels, or None if no component could be a letter.
    """
    labels, stats = found[0], found[1][1:]
    return height_of(stats[letter_like(stats, labels.shape)])


def letter_like(stats: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Say which components of an image of this shape could be letters, by their boxes alone."""
    width, height, area = stats[:, 2:].T
    letters = (height < shape[0] / 12) & (width < shape[1] / 3)
    letters &= (height < 8 * width) & (width < 12 * height) & (area > 0.08 * height * width)
    return np.asarray(letters, np.bool_)


def height_of(letters: NDArray[np.int32]) -> float | None:
    """Return the median height of components, weighted by the root of their area."""
    heights, areas = letters[:, 3:].T
    large = heights >= _LEAST_LETTER
    if large.sum() < _FEW:
        large &= heights >= _CLEAR_LETTER
    if not large.any():
        return None
    order = np.argsort(heights[large])
    mass = np.cumsum(np.sqrt(areas[large][order]))
    return float(heights[large][order][np.searchsorted(mass, mass[-1] / 2)])


def measure(level: Map, height: float, slope: float) -> Scale:
    """Return the units of a density map.

    Args:
        level: The map, with its lines laid level.
        height: Letter height on it, in pixels.
        slope: dy/dx of the lines before.
    """
    pitch, trust = line_pitch(level, height)
    believed = float(np.interp(trust, _PITCH_TRUST, (_PITCH_DOUBTED_H, _PITCH_RANGE_H[1])))
    pitch = min(pitch, believed * height)
    return Scale(height, pitch, slope)


def page_slope(density: Map, height: float, limit: float = 0.10) -> float:
    """Return the dy/dx, within +-``limit``, that makes the row profile most jagged."""
    ink = strips(density, height)
    if ink is None:
        return 0.0
    coarse = np.linspace(-limit, limit, 2 * round(limit * 100) + 1)
    best = max(coarse, key=lambda slope: jaggedness(ink, float(slope)))
    fine = best + np.linspace(-0.01, 0.01, 9)
    return float(max(fine, key=lambda slope: jaggedness(ink, float(slope))))


@dataclass(frozen=True, slots=True)
class Strips:
    """The ink of a map, shrunk to letters 6 pixels high, in strips 3 pixels wide.

    Attributes:
        rows: Row of each piece of ink, strip after strip, shape (n,).
        ink: How much of it there is, shape (n,).
        pieces: Number of pieces in each strip, shape (m,).
        away: Pixels from the middle of each strip to that of the map, shape (m,).
    """

    rows: NDArray[np.intp]
    ink: Floats
    pieces: NDArray[np.intp]
    away: Floats


def strips(density: Map, height: float) -> Strips | None:
    """Return the ink from which slopes are told; None if there is too little."""
    factor = min(1.0, _SLOPE_LETTER / height)
    size = round(density.shape[1] * factor / _STRIP), round(density.shape[0] * factor)
    if min(size) < 1:
        return None
    window = max(1, round(_STRIP / factor)), max(1, round(1 / factor))
    small = cv2.resize(cv2.blur(density, window), size, interpolation=cv2.INTER_LINEAR)
    small = cv2.transpose(small)
    inked = small > _SLOPE_INK
    strip, rows = np.nonzero(inked)
    if len(rows) < _LEAST_STRIPS:
        return None
    pieces = np.bincount(strip, minlength=len(small))
    away = np.arange(len(small), dtype=np.float64) - len(small) / 2
    return Strips(rows, small[inked].astype(np.float64), pieces, _STRIP * away)


def jaggedness(ink: Strips, slope: float, power: int = 2) -> float:
    """Sum of the steps of the row profile along ``slope``, by default squared.

    Squares tell slopes apart most sharply; plain steps are not led astray by one bold stroke,
    such as what is left of a page's edge.
    """
    down = np.floor(_ROUNDING - ink.away * slope).astype(np.intp)  # of whole strips, in rows
    profile = np.bincount(ink.rows + np.repeat(down - down.min(), ink.pieces), ink.ink)
    profile = profile[int(profile.astype(np.bool_).argmax()) :]  # from its first ink on
    steps = np.abs(profile[1:] - profile[:-1])
    return float(steps @ steps if power == 2 else steps.sum())


def shear(slope: float, width: int, back: bool = False) -> NDArray[np.float32]:
    """Return the 2 x 3 matrix that lays lines of ``slope`` level about the map's middle."""
    if back:
        return np.array([[1, 0, 0], [-slope, 1, slope * width / 2]], np.float32)
    return np.array([[1, 0, 0], [slope, 1, -slope * width / 2]], np.float32)


def sheared(values: Map, slope: float, back: bool = False) -> Map:
    """Return the map with lines of ``slope`` laid level, or, ``back``, sloping again."""
    height, width = values.shape
    if abs(slope) * width < _LEVEL:
        return values
    warped = cv2.warpAffine(values, shear(slope, width, back), (width, height), flags=WARP)
    return np.asarray(warped, np.float32)


def _blur_rows(profile: Map, sigma: float) -> Map:
    rows = cv2.getGaussianKernel(int(6 * sigma) | 1, sigma).astype(np.float32)
    return np.asarray(cv2.sepFilter2D(profile, -1, np.ones(1, np.float32), rows), np.float32)


def autocorrelation(level: Map, height: float) -> Floats:
    """Return how alike a level page is to itself moved down by 0, 1, 2 ... pixels, 1 at 0.

    Row profiles are taken of strips 8 H wide, so that columns need not stand level.
    """
    rows, width = level.shape
    strip = int(max(8 * height, 24))
    if width >= strip:
        profile = level[:, : width // strip * strip].reshape(rows, -1, strip).mean(axis=2)
    else:
        profile = level.mean(axis=1, keepdims=True)
    profile = _blur_rows(np.ascontiguousarray(profile, np.float32), 0.25 * height)
    profile = profile - _blur_rows(profile, 4 * height)
    longest = int(_WIDE_PITCH_H * height)
    padded = 1 << int(rows + longest).bit_length()
    power = (np.abs(np.fft.rfft(profile, n=padded, axis=0)) ** 2).sum(axis=1)
    result = np.fft.irfft(power)[: longest + 1]
    return np.asarray(result / max(float(result[0]), 1e-9), np.float64)


def line_pitch(level: Map, height: float) -> tuple[float, float]:
    """Return the distance between lines in pixels and its autocorrelation, 0 if unknown.

    The first good peak wins, not the best one: alternate long and short lines, or blank rows,
    make twice the pitch look better.
    """
    alike = autocorrelation(level, height)
    nearest, usual = (int(share * height) for share in _PITCH_RANGE_H)
    peaks = [k for k in range(nearest, len(alike) - 1) if alike[k - 1] < alike[k] >= alike[k + 1]]
    for lags, least in (
        ([k for k in peaks if k < usual], _PITCH_LEAST),
        (peaks, _WIDE_PITCH_CLEAR),
    ):
        best = max((alike[k] for k in lags), default=0.0)
        for k in lags:
            if alike[k] >= _PITCH_PEAK * best and alike[k] > least:
                return float(k), float(alike[k])
    return 2 * height, 0.0


def density_map(ink: Mask, height: float, parameters: Parameters) -> tuple[Map, float]:
    """Return the ink shrunk by area until letters are ``map_height`` high, and the factor."""
    factor = min(1.0, parameters.map_height / height)
    return shrunk(ink, factor), factor
