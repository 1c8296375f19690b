"""Rows: the ink along each ridge, run on past its ends to where the line's words stop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import Floats, Map, median, runs
from pagereader.segment.lines import Ridge, end_slope
from pagereader.segment.scale import Scale

_BAND_U = 0.45  # half the height of the band in which a line's ink is counted
_EXTEND_U = 3.0  # how far past its ends a ridge is run on to find more ink
_INK = 0.12  # map ink in a column of the band that makes it part of a word
_FAINT_WORD = 0.3  # ink of a faint word, as a share of the line's own
_FAINT_GAP_U = 1.0  # and how near it must stand
_CROSSED = 0.3  # share of the band's height that a ruling fills
_FEW_LETTERS = 3
_SIZES_H = (0.6, 2.5)


@dataclass(slots=True)
class Row:
    """The ink along a ridge, run on past both ends.

    Attributes:
        x: Map columns, consecutive, shape (n,).
        y: Centre of the line at each, shape (n,).
        band: Map rows of the band at each column, shape (k, n).
        ink: Ink in the band at each column, shape (n,).
        on: Whether a column belongs to a word, shape (n,).
        starts: Where words start, as positions in ``x``.
        ends: Where they end, exclusive.
        ruled: Whether a vertical ruling crosses, shape (n,).
        core: First and last map column of the ridge itself.
        size: Letter height of this row, in map pixels.
        has_letters: Whether it was told by letters of its own; if not, it is the page's.
    """

    x: NDArray[np.intp]
    y: Floats
    band: NDArray[np.intp]
    ink: Floats
    on: NDArray[np.bool_]
    starts: NDArray[np.intp]
    ends: NDArray[np.intp]
    ruled: NDArray[np.bool_]
    core: tuple[float, float]
    size: float
    has_letters: bool = True


def row_of(ridge: Ridge, density: Map, weak: Map, scale: Scale, ruled: Map, letters: Floats) -> Row:
    """Return the ink profile of a ridge.

    Args:
        ridge: The middle of a line.
        density: Map of the ink.
        weak: Map of the ink, faint text included.
        scale: Units of the map.
        ruled: 1 where a vertical ruling stands or the page ends.
        letters: Middle x, middle y, height of the letters on the map, from left to right,
            shape (n, 3).
    """
    rows, columns = density.shape
    x, y = _run_on(ridge, scale, columns)
    half = max(1, round(_BAND_U * scale.unit))
    band = np.rint(y).astype(np.intp) + np.arange(-half, half + 1)[:, None]
    np.minimum(np.maximum(band, 0, out=band), rows - 1, out=band)
    at = band * columns + x
    ink = density.ravel().take(at).sum(axis=0).astype(np.float64)
    on = _without_specks(ink, ink > _INK, scale)
    on, starts, ends = _with_faint_words(on, ink, weak.ravel().take(at).sum(axis=0), scale)
    crossed = ruled.ravel().take(at).sum(axis=0) > _CROSSED * len(band)
    size = _letter_size(x, y, letters, scale)
    core = ridge.x[0], ridge.x[-1]
    height = scale.height if size is None else size
    return Row(x, y, band, ink, on, starts, ends, crossed, core, height, size is not None)


def _letter_size(x: NDArray[np.intp], y: Floats, letters: Floats, scale: Scale) -> float | None:
    """Median height of the letters of a row; None where there are too few."""
    first, last = letters[:, 0].searchsorted((x[0], x[-1] + 1))
    places, middles, sizes = letters[first:last].T
    near = np.abs(y[places.astype(np.intp) - x[0]] - middles) < _BAND_U * scale.unit
    heights = sizes[near]
    if len(heights) < _FEW_LETTERS:
        return None
    low, high = (share * scale.height for share in _SIZES_H)
    return min(max(median(heights), low), high)


def _run_on(ridge: Ridge, scale: Scale, columns: int) -> tuple[NDArray[np.intp], Floats]:
    """The ridge smoothed, at every column, going on straight past its ends."""
    height, extra, tail = scale.height, int(_EXTEND_U * scale.unit), int(8 * scale.height)
    first, last = int(ridge.x[0]), int(ridge.x[-1])
    centre = _smoothed(np.interp(np.arange(first, last + 1), ridge.x, ridge.y), int(2 * height))
    x = np.arange(max(0, first - extra), min(columns, last + extra + 1))
    before, after = first - int(x[0]), last + 1 - int(x[0])
    head = end_slope(ridge.x[:tail], ridge.y[:tail], scale.slope, height, 0.1)
    foot = end_slope(ridge.x[-tail:], ridge.y[-tail:], scale.slope, height, 0.1)
    y = np.empty(len(x))
    y[:before] = centre[0] + head * (x[:before] - first)
    y[before:after] = centre
    y[after:] = centre[-1] + foot * (x[after:] - last)
    return x, y


def _smoothed(values: Floats, width: int) -> Floats:
    """Means of so many values around each, of fewer if there are fewer; the ends stay in place."""
    window = min(width, len(values) // 2 * 2 - 1) | 1
    if len(values) < 3 or window < 3:
        return values
    half = window // 2
    head = 2 * values[0] - values[half:0:-1]  # turned about each end
    foot = 2 * values[-1] - values[-2 : -half - 2 : -1]
    padded = np.concatenate([head, values, foot])
    return np.convolve(padded, np.ones(window) / window, "valid")


def _without_specks(ink: Floats, on: NDArray[np.bool_], scale: Scale) -> NDArray[np.bool_]:
    """Forget specks that lie far from the rest of the line."""
    height, unit = scale.height, scale.unit
    starts, ends = runs(on)
    if not len(starts):
        return on
    mass = np.add.reduceat(ink * on, starts)
    lengths = ends - starts
    small = (lengths < 0.45 * height) & (mass < 0.16 * height**2)
    if not small.any():
        return on
    between = np.full(len(starts) + 1, np.inf)
    between[1:-1] = starts[1:] - ends[:-1]
    left, right = between[:-1], between[1:]
    lonely = (np.maximum(left, right) > 1.3 * unit) & (np.minimum(left, right) > 0.9 * unit)
    result = on.copy()
    result[on] = np.repeat(~(small & lonely), lengths)
    return result


def _with_faint_words(
    on: NDArray[np.bool_], ink: Floats, weak: Map, scale: Scale
) -> tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]]:
    """Add faint words that go on from the line's own without a wide gap.

    Returns:
        Where words are, their starts and their ends.
    """
    if not on.any():
        return on, *runs(on)
    typical = median(ink[on])
    likely = on | (weak > max(_INK, _FAINT_WORD * typical))
    starts, ends = runs(likely)
    strong = np.logical_or.reduceat(on, starts)  # nothing but white stands between them
    chain = np.zeros(len(starts), np.intp)  # of words near one another, its number
    np.cumsum(starts[1:] - ends[:-1] > _FAINT_GAP_U * scale.unit, out=chain[1:])
    kept = np.bincount(chain, strong)[chain] > 0
    result = np.zeros_like(on)
    result[likely] = np.repeat(kept, ends - starts)
    return result, starts[kept], ends[kept]
