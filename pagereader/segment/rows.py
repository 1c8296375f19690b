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
        letters: Middle x, middle y, height of the letters on the map, shape (n, 3).
    """
    rows, columns = density.shape
    x, y = _run_on(ridge, scale, columns)
    half = max(1, round(_BAND_U * scale.unit))
    band = np.clip(np.round(y).astype(np.intp) + np.arange(-half, half + 1)[:, None], 0, rows - 1)
    at = band * columns + x
    ink = density.ravel().take(at).sum(axis=0).astype(np.float64)
    on = _without_specks(ink, ink > _INK, scale)
    on = _with_faint_words(on, ink, weak.ravel().take(at).sum(axis=0), scale)
    starts, ends = runs(on)
    crossed = ruled.ravel().take(at).mean(axis=0) > 0.3
    size = _letter_size(x, y, letters, scale)
    core = ridge.x[0], ridge.x[-1]
    height = scale.height if size is None else size
    return Row(x, y, band, ink, on, starts, ends, crossed, core, height, size is not None)


def _letter_size(x: NDArray[np.intp], y: Floats, letters: Floats, scale: Scale) -> float | None:
    """Median height of the letters of a row; None where there are too few."""
    at = letters[:, 0].astype(np.intp) - int(x[0])
    inside = (at >= 0) & (at < len(x))
    own = letters[inside]
    near = np.abs(y[at[inside]] - own[:, 1]) < _BAND_U * scale.unit
    heights = own[near, 2]
    if len(heights) < _FEW_LETTERS:
        return None
    low, high = (share * scale.height for share in _SIZES_H)
    return float(np.clip(median(heights), low, high))


def _run_on(ridge: Ridge, scale: Scale, columns: int) -> tuple[NDArray[np.intp], Floats]:
    """The ridge smoothed, at every column, going on straight past its ends."""
    height, extra, tail = scale.height, int(_EXTEND_U * scale.unit), int(8 * scale.height)
    inner = np.arange(int(ridge.x[0]), int(ridge.x[-1]) + 1)
    centre = np.interp(inner, ridge.x, ridge.y)
    window = min(int(2 * height), len(centre) // 2 * 2 - 1) | 1
    if len(centre) >= 3 and window > 1:
        padded = np.pad(centre, window // 2, mode="reflect", reflect_type="odd")
        centre = np.convolve(padded, np.ones(window) / window, "valid")
    x = np.arange(max(0, inner[0] - extra), min(columns, inner[-1] + extra + 1))
    y = np.interp(x, inner, centre)
    before, after = x < inner[0], x > inner[-1]
    head = end_slope(ridge.x[:tail], ridge.y[:tail], scale.slope, height, 0.1)
    foot = end_slope(ridge.x[-tail:], ridge.y[-tail:], scale.slope, height, 0.1)
    y[before] = centre[0] + head * (x[before] - inner[0])
    y[after] = centre[-1] + foot * (x[after] - inner[-1])
    return x, y


def _without_specks(ink: Floats, on: NDArray[np.bool_], scale: Scale) -> NDArray[np.bool_]:
    """Forget specks that lie far from the rest of the line."""
    height, unit = scale.height, scale.unit
    starts, ends = runs(on)
    if not len(starts):
        return on
    between = (starts[1:] - ends[:-1]).astype(np.float64)
    left = np.concatenate([[np.inf], between])
    right = np.concatenate([between, [np.inf]])
    total = np.concatenate([[0.0], np.cumsum(ink)])
    mass = total[ends] - total[starts]
    small = (ends - starts < 0.45 * height) & (mass < 0.16 * height**2)
    lonely = (np.maximum(left, right) > 1.3 * unit) & (np.minimum(left, right) > 0.9 * unit)
    result = on.copy()
    for start, end in zip(starts[small & lonely], ends[small & lonely], strict=True):
        result[start:end] = False
    return result


def _with_faint_words(
    on: NDArray[np.bool_], ink: Floats, weak: Floats, scale: Scale
) -> NDArray[np.bool_]:
    """Add faint words that go on from the line's own without a wide gap."""
    if not on.any():
        return on
    typical = median(ink[on])
    starts, ends = runs(on | (weak > max(_INK, _FAINT_WORD * typical)))
    strong = np.logical_or.reduceat(on, starts)  # nothing but white stands between them
    near = starts[1:] - ends[:-1] <= _FAINT_GAP_U * scale.unit
    kept = strong.copy()
    for i in range(1, len(kept)):
        kept[i] |= bool(kept[i - 1] and near[i - 1])
    for i in range(len(kept) - 2, -1, -1):
        kept[i] |= bool(kept[i + 1] and near[i])
    result = on.copy()
    for a, b in zip(starts[kept], ends[kept], strict=True):
        result[a:b] = True
    return result
