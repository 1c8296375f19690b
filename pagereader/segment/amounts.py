"""Amounts of money that a ruling parts: francs and centimes, in account books.

The last column of a ledger is narrow and holds nothing but a figure or two, close beside those
of the column before it, which is wider: they are read as one amount.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pagereader.segment.arrays import Floats, Map
from pagereader.segment.cuts import Piece
from pagereader.segment.scale import Scale

_LEAST_ROWS = 4
_MOST_ROWS = 0.6  # share of the texts of a column that belong to amounts
_FIGURES_H = (7.0, 3.5)  # longest text before and after the ruling,
_NEAR_H = 2.0  # where they end and start, counted from it,
_LEVEL_H = 0.8  # and how far one may stand over the other
_COLUMN_H = 6.0  # widest column of small coins
_NARROWER = 0.8  # and its share of the one before
_WIDEST_H = 15.0  # as far the ruling before that is looked for
_NOTHING_H = 8.0  # stands to the right
_ALIGNED_H = 1.5
_RULED = 0.3
_LOOKED_H = 0.5  # over and under a line for rulings


@dataclass(slots=True)
class _Pair:
    """Figures before and after a ruling.

    Attributes:
        left: Position among the pieces.
        right: The same.
        column: Where the column of the right one starts and ends, on a page laid level.
    """

    left: int
    right: int
    column: tuple[float, float]


def join_amounts(pieces: list[Piece], ruled: Map, scale: Scale) -> list[Piece]:
    """Return the pieces, with those of one amount joined.

    Args:
        pieces: Lines on the map.
        ruled: How much of a map pixel vertical rulings fill.
        scale: Units of the map.
    """
    pairs = _pairs(pieces, ruled, scale)
    if len(pairs) < _LEAST_ROWS:
        return pieces
    height = scale.height
    starts = np.array([piece.x[0] + scale.slope * piece.y[0] for piece in pieces])
    places = np.array([pair.column for pair in pairs])
    joined: dict[int, int] = {}
    for place, end in places:
        same = np.abs(places[:, 0] - place) < _ALIGNED_H * height
        inside = int(((starts > place - 1) & (starts < end)).sum())
        if same.sum() >= max(_LEAST_ROWS, _MOST_ROWS * inside):
            joined |= {pairs[i].left: pairs[i].right for i in np.flatnonzero(same)}
    taken = set(joined.values())
    return [
        _one(piece, pieces[joined[i]]) if i in joined else piece
        for i, piece in enumerate(pieces)
        if i not in taken
    ]


def _pairs(pieces: list[Piece], ruled: Map, scale: Scale) -> list[_Pair]:
    """Return the short texts with a ruling between them that may be an amount."""
    height = scale.height
    ends = np.array([[p.x[0], p.y[0], p.x[-1], p.y[-1]] for p in pieces]).reshape(-1, 4)
    length = (ends[:, 2] - ends[:, 0]) / height
    pairs = []
    for i in np.flatnonzero(length <= _FIGURES_H[1]):
        left, y, right, _ = ends[i]
        level = np.abs(ends[:, 3] - y) < _LEVEL_H * height
        before = level & (ends[:, 2] < left) & (ends[:, 2] > left - 2 * _NEAR_H * height)
        before &= length <= _FIGURES_H[0]
        after = np.abs(ends[:, 1] - y) < _LEVEL_H * height
        after &= (ends[:, 0] > right) & (ends[:, 0] < right + _NOTHING_H * height)
        if not before.any() or after.any():
            continue
        other = int(np.flatnonzero(before)[ends[before, 2].argmax()])
        at = _rulings(
            ruled, y, ends[other, 0] - _WIDEST_H * height, left + _COLUMN_H * height, height
        )
        column = _column(at, ends[other, 0], ends[other, 2], left, right, height)
        if column is not None:
            shift = scale.slope * y
            pairs.append(_Pair(other, int(i), (column[0] + shift, column[1] + shift)))
    return pairs


def _rulings(ruled: Map, y: float, first: float, last: float, height: float) -> Floats:
    """Columns of the map that rulings cross at a row, from ``first`` to ``last``."""
    reach = _LOOKED_H * height
    rows = slice(max(0, round(y - reach)), round(y + reach) + 1)
    start = max(0, round(first))
    crossed = ruled[rows, start : max(start, round(last)) + 1].mean(axis=0) > _RULED
    return np.asarray(np.flatnonzero(crossed) + start, np.float64)


def _column(
    at: Floats, start: float, end: float, left: float, right: float, height: float
) -> tuple[float, float] | None:
    """Return the narrow column in which the second of two texts stands, None if in none."""
    between = at[(at > end - 1) & (at < left + 1)]
    after = at[at > right - 1]
    if not len(between) or not len(after):
        return None
    ruling = float(between.mean())
    width = float(after[0]) - ruling
    before = at[at < start + 1]
    if len(before) and width > _NARROWER * (ruling - float(before[-1])):
        return None
    near = ruling - end < _NEAR_H * height and left - ruling < _NEAR_H * height
    return (ruling, float(after[0])) if near and width < _COLUMN_H * height else None


def _one(left: Piece, right: Piece) -> Piece:
    """Two pieces as one."""
    x = np.arange(left.x[0], right.x[-1] + 1)
    xs, ys = np.append(left.x, right.x), np.append(left.y, right.y)
    ink = (left.ink * len(left.x) + right.ink * len(right.x)) / len(xs)
    return Piece(x, np.interp(x, xs, ys), ink, max(left.size, right.size))
