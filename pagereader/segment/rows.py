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
        half: The band of the line reaches so far over and under its centre.
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
    half: int
    ink: Floats
    on: NDArray[np.bool_]
    starts: NDArray[np.intp]
    ends: NDArray[np.intp]
    ruled: NDArray[np.bool_]
    core: tuple[float, float]
    size: float
    has_letters: bool = True


@dataclass(slots=True)
class _Strip:
    """The columns of all rows, end to end, with a blank one after each.

    Most rows are short: looking along each of them takes longer to begin than to do.

    Attributes:
        row: Number of the row of each column, shape (n,).
        first: Where each row begins, shape (m,).
        blank: Where each row's blank column is, shape (m,).
        unit: U of each row, shape (m,).
        height: Letter height of the page.
        ink: Ink in the band at each column, shape (n,).
        weak: The same, faint text included.
        ruled: Whether a vertical ruling crosses it, shape (n,).
    """

    row: NDArray[np.intp]
    first: NDArray[np.intp]
    blank: NDArray[np.intp]
    unit: Floats
    height: float
    ink: Floats
    weak: Map
    ruled: NDArray[np.bool_]


def rows_of(
    ridges: list[Ridge],
    density: Map,
    weak: Map,
    ruled: Map,
    letters: Floats,
    scales: list[Scale],
) -> list[Row]:
    """Return the ink profiles of ridges.

    Args:
        ridges: The middles of lines.
        density: Map of the ink.
        weak: Map of the ink, faint text included.
        ruled: 1 where a vertical ruling stands or the page ends.
        letters: Middle x, middle y, height of the letters on the map, from left to right,
            shape (n, 3).
        scales: Units of the map, with each ridge's own pitch.
    """
    if not ridges:
        return []
    columns = density.shape[1]
    curves = [_run_on(*of, columns) for of in zip(ridges, scales, strict=True)]
    strip = _strip(curves, scales, (density, weak, ruled))
    on, starts, ends = _with_faint_words(_without_specks(strip), strip)
    words = starts.searchsorted(np.append(strip.first, len(on)))
    rows = []
    for i, (ridge, (x, y), scale) in enumerate(zip(ridges, curves, scales, strict=True)):
        first = strip.first[i]
        own, word = slice(first, strip.blank[i]), slice(words[i], words[i + 1])
        size = _letter_size(x, y, letters, scale)
        rows.append(
            Row(
                x,
                y,
                _half_band(scale),
                strip.ink[own],
                on[own],
                starts[word] - first,
                ends[word] - first,
                strip.ruled[own],
                (ridge.x[0], ridge.x[-1]),
                scale.height if size is None else size,
                size is not None,
            )
        )
    return rows


def _half_band(scale: Scale) -> int:
    return max(1, round(_BAND_U * scale.unit))


def _strip(
    curves: list[tuple[NDArray[np.intp], Floats]], scales: list[Scale], maps: tuple[Map, Map, Map]
) -> _Strip:
    """Lay rows end to end and sum what ``maps`` hold in their bands: ink, weak ink, rulings."""
    lengths = np.array([len(x) for x, _ in curves]) + 1
    first = np.cumsum(lengths) - lengths
    blank = first + lengths - 1
    row = np.repeat(np.arange(len(curves)), lengths)
    x, y = np.zeros(len(row), np.intp), np.zeros(len(row), np.intp)
    for start, end, (along, down) in zip(first.tolist(), blank.tolist(), curves, strict=True):
        x[start:end], y[start:end] = along, np.rint(down)
    half = np.array([_half_band(scale) for scale in scales])[row]
    ink, weak, ruled = _in_bands(maps, x, y, half)
    for values in (ink, weak, ruled):
        values[blank] = 0
    unit = np.array([scale.unit for scale in scales])
    crossed = ruled > _CROSSED * (2 * half + 1)
    height = scales[0].height
    return _Strip(row, first, blank, unit, height, ink.astype(np.float64), weak, crossed)


def _in_bands(
    maps: tuple[Map, ...], x: NDArray[np.intp], y: NDArray[np.intp], half: NDArray[np.intp]
) -> list[Map]:
    """Sums of the values of maps in columns from ``half`` over to ``half`` under y, each (n,)."""
    rows, columns = maps[0].shape
    sums = [np.zeros(len(x), np.float32) for _ in maps]
    for down in range(-int(half.max()), int(half.max()) + 1):
        at = np.clip(y + down, 0, rows - 1) * columns + x
        for values, total in zip(maps, sums, strict=True):
            np.add(total, values.ravel().take(at), out=total, where=half >= abs(down))
    return sums


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


def _without_specks(strip: _Strip) -> NDArray[np.bool_]:
    """Return where words are, without specks that lie far from the rest of their line."""
    on = strip.ink > _INK
    starts, ends = runs(on)
    if not len(starts):
        return on
    row, lengths = strip.row[starts], ends - starts
    mass = np.add.reduceat(strip.ink * on, starts)
    small = (lengths < 0.45 * strip.height) & (mass < 0.16 * strip.height**2)
    between = np.full(len(starts) + 1, np.inf)
    between[1:-1] = np.where(row[1:] == row[:-1], starts[1:] - ends[:-1], np.inf)
    left, right, unit = between[:-1], between[1:], strip.unit[row]
    lonely = (np.maximum(left, right) > 1.3 * unit) & (np.minimum(left, right) > 0.9 * unit)
    result = np.zeros_like(on)
    result[on] = np.repeat(~(small & lonely), lengths)
    return result


def _with_faint_words(
    on: NDArray[np.bool_], strip: _Strip
) -> tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]]:
    """Add faint words that go on from the line's own without a wide gap.

    Returns:
        Where words are, their starts and their ends.
    """
    least = np.full(len(strip.first), np.inf)  # nothing goes on from a row without words
    for i, (first, end) in enumerate(zip(strip.first.tolist(), strip.blank.tolist(), strict=True)):
        own = strip.ink[first:end][on[first:end]]
        if len(own):
            least[i] = max(_INK, _FAINT_WORD * median(own))
    likely = on | (strip.weak > least[strip.row])
    starts, ends = runs(likely)
    if not len(starts):
        return on, starts, ends
    row, strong = strip.row[starts], np.logical_or.reduceat(on, starts)
    apart = starts[1:] - ends[:-1] > _FAINT_GAP_U * strip.unit[row[1:]]
    chain = np.zeros(len(starts), np.intp)  # of words near one another, its number
    np.cumsum(apart | (row[1:] != row[:-1]), out=chain[1:])
    kept = np.bincount(chain, strong)[chain] > 0
    result = np.zeros_like(on)
    result[likely] = np.repeat(kept, ends - starts)
    return result, starts[kept], ends[kept]
