"""Where lines must be cut: at rulings, white columns and gaps too wide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from pagereader.segment.arrays import Floats, Map, Mask, median
from pagereader.segment.gaps import Gap, gaps_of, running_text, white_columns
from pagereader.segment.gutters import narrow_gutters
from pagereader.segment.lines import curve_distance
from pagereader.segment.parameters import Parameters
from pagereader.segment.rows import Row
from pagereader.segment.scale import Scale

_AMID_TEXT = 1.4  # times as wide as others are the widest gaps with text over and under them
_LETTERS_A_UNIT = 1.7  # pitch / letter size for gap limits,
_UNIT_MAX_H = 2.0  # which is held to 1 to so many H
_REPEATED = 0.12  # share by which a gap may be narrower for each neighbour that is white there,
_LEAST_EVIDENCE = 1 - 2 * _REPEATED  # of whom there are two
_SAME_LINE = 0.6  # pieces nearer than this share of their letter height are one


@dataclass(slots=True)
class Piece:
    """A line as far as it reaches.

    Attributes:
        x: Map columns, shape (n,), n >= 2.
        y: Centre of the line at each.
        ink: Mean ink of the band.
        size: Letter height of its row.
        has_letters: Whether the row has letters of its own.
    """

    x: Floats
    y: Floats
    ink: float
    size: float = 0.0
    has_letters: bool = True

    @property
    def length(self) -> float:
        """From end to end, in map pixels."""
        return float(self.x[-1] - self.x[0])


def cut_rows(rows: list[Row], density: Map, scale: Scale, p: Parameters) -> list[Piece]:
    """Return the pieces of lines between cuts."""
    rows = [row for row in rows if len(row.starts)]
    gaps = gaps_of(rows, scale)
    running = running_text(gaps, scale, p.running)
    unit = float(np.clip(scale.pitch / _LETTERS_A_UNIT, scale.height, _UNIT_MAX_H * scale.height))
    longest = p.gap_text_u * unit
    mixed = running * unit + (1 - running) * scale.height
    white = cache(lambda: white_columns(density, scale, mixed, p))  # most pages do not need it
    gutters = {id(gap) for gap in narrow_gutters(rows, gaps, scale)}
    pieces: list[Piece] = []
    for row, spaces in zip(rows, gaps, strict=True):
        span = float(row.x[row.ends[-1] - 1] - row.x[row.starts[0]])
        by_span = max(p.gap_text_span * span, p.gap_text_h * scale.height)
        low, high = (share * row.size for share in p.gap_form_h)
        narrow = low * (1 - running) + min(by_span, longest) * running
        narrow = min(narrow * _LEAST_EVIDENCE, p.gutter_gap_u * mixed)
        cuts = []
        for gap in spaces:
            if gap.width <= narrow and not gap.ruled and id(gap) not in gutters:
                continue  # as most are
            in_form = min(max(p.gap_form_words * gap.usual, low), high)
            in_text = min(by_span, longest * (_AMID_TEXT if _amid_text(gap) else 1.0))
            widest = in_form * (1 - running) + in_text * running
            cut = gap.ruled or id(gap) in gutters or gap.width > widest * _evidence(gap)
            if cut or (gap.width > p.gutter_gap_u * mixed and _in_column(gap, row, white())):
                cuts.append(gap)
        pieces += _between(row, cuts, scale, p.shortest_h)
    return pieces


def _in_column(gap: Gap, row: Row, white: Mask) -> bool:
    """Whether a gap lies in a tall white column."""
    at = slice(gap.start, gap.end)
    band = np.rint(row.y[at]).astype(np.intp) + np.arange(-row.half, row.half + 1)[:, None]
    band = np.clip(band, 0, len(white) - 1)
    return bool((white[band, row.x[at]].mean(axis=0) > 0.6).mean() > 0.5)


def _amid_text(gap: Gap) -> bool:
    """Whether text goes on over and under a gap: it is only a wide one, as typists leave."""
    return gap.neighbours == 2 and not gap.repeats


def _evidence(gap: Gap) -> float:
    """Factor on the widest gap: repeated white speaks for a cut, text around it against."""
    if gap.repeats:
        return 1 - _REPEATED * gap.repeats
    return 1.1 if _amid_text(gap) else 1.0


def _between(row: Row, cuts: list[Gap], scale: Scale, shortest_h: float) -> list[Piece]:
    starts = [int(row.starts[0]), *(gap.end for gap in cuts)]
    ends = [*(gap.start for gap in cuts), int(row.ends[-1])]
    margin, pieces = 0.5 * scale.height, []
    for start, end in zip(starts, ends, strict=True):
        on_ridge = row.x[end - 1] >= row.core[0] - margin and row.x[start] <= row.core[1] + margin
        if on_ridge and end - start >= max(2, shortest_h * scale.height):
            x = row.x[start:end].astype(np.float64)
            ink = float(row.ink[start:end].mean())
            pieces.append(Piece(x, row.y[start:end], ink, row.size, row.has_letters))
    return pieces


def one_a_line(pieces: list[Piece], height: float) -> list[Piece]:
    """Where pieces lie on one another, keep the one with more ink; join those that only overlap.

    Large letters answer at their heads and at their feet, and a line whose ridge is broken is
    found from both sides.
    """
    pieces = sorted(pieces, key=lambda p: -p.length * p.ink)
    reach = np.array([(p.x[0], p.x[-1], p.y.min(), p.y.max()) for p in pieces]).reshape(-1, 4)
    left, right, top, bottom = reach.T
    kept = np.zeros(len(pieces), bool)
    far = _SAME_LINE * max([height, *(piece.size for piece in pieces)])
    for i, piece in enumerate(pieces):
        close = kept & (left <= right[i]) & (right >= left[i])
        close &= (top <= bottom[i] + far) & (bottom >= top[i] - far)
        for k in np.flatnonzero(close).tolist():
            other = pieces[k]
            near = _SAME_LINE * max(height, _common_size(piece, other))
            if top[k] > bottom[i] + near or bottom[k] < top[i] - near:
                continue
            away = curve_distance(piece.x, piece.y, other.x, other.y, 0)
            lettered = piece.has_letters and other.has_letters
            if away is None and lettered and _overlap(piece, other, near) > height:
                pieces[k] = _joined(piece, other)
                left[k], right[k] = pieces[k].x[[0, -1]]
                top[k], bottom[k] = min(top[k], top[i]), max(bottom[k], bottom[i])
                break
            if away is not None and away < near:
                break
        else:
            kept[i] = True
    return [piece for piece, keep in zip(pieces, kept, strict=True) if keep]


def _common_size(a: Piece, b: Piece) -> float:
    """The smaller letter height of two pieces; that of the one if the other has no letters."""
    if a.has_letters == b.has_letters:
        return min(a.size, b.size)
    return a.size if a.has_letters else b.size


def _overlap(a: Piece, b: Piece, near: float) -> float:
    """How far two pieces run along one another; 0 if not ``near``."""
    x = np.arange(max(a.x[0], b.x[0]), min(a.x[-1], b.x[-1]) + 1)
    away = np.abs(np.interp(x, a.x, a.y) - np.interp(x, b.x, b.y))
    return float(len(x)) if median(away) < near else 0.0


def _joined(a: Piece, b: Piece) -> Piece:
    """Two pieces that overlap as one, going over from the one to the other where both run."""
    left, right = (a, b) if a.x[0] < b.x[0] else (b, a)
    x = np.arange(left.x[0], max(left.x[-1], right.x[-1]) + 1)
    share = np.interp(x, [right.x[0], left.x[-1]], [0.0, 1.0])
    y = (1 - share) * np.interp(x, left.x, left.y) + share * np.interp(x, right.x, right.y)
    total = left.length + right.length
    ink = (left.ink * left.length + right.ink * right.length) / total
    size = (left.size * left.length + right.size * right.length) / total
    return Piece(x, y, ink, size)
