"""Where lines must be cut: at rulings, white columns and gaps too wide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pagereader.segment.arrays import Floats, Map
from pagereader.segment.gaps import Gap, gaps_of, running_text, white_columns
from pagereader.segment.gutters import narrow_gutters
from pagereader.segment.lines import curve_distance
from pagereader.segment.parameters import Parameters
from pagereader.segment.rows import Row
from pagereader.segment.scale import Scale

_SAME_LINE = 0.6  # pieces nearer than this share of their letter height are one


@dataclass(slots=True)
class Piece:
    """A line as far as it reaches.

    Attributes:
        x: Map columns, shape (n,), n >= 2.
        y: Centre of the line at each.
        ink: Mean ink of the band.
        size: Letter height of its row.
    """

    x: Floats
    y: Floats
    ink: float
    size: float = 0.0

    @property
    def length(self) -> float:
        """From end to end, in map pixels."""
        return float(self.x[-1] - self.x[0])


def cut_rows(rows: list[Row], density: Map, scale: Scale, p: Parameters) -> list[Piece]:
    """Return the pieces of lines between cuts."""
    rows = [row for row in rows if len(row.starts)]
    gaps = gaps_of(rows, scale)
    running = running_text(gaps, scale, p.running)
    unit = _line_unit(rows, scale)
    longest = p.gap_text_u * unit
    mixed = running * unit + (1 - running) * scale.height
    white = white_columns(density, scale, mixed, p)
    gutters = {id(gap) for gap in narrow_gutters(rows, gaps, scale)}
    pieces: list[Piece] = []
    for row, spaces in zip(rows, gaps, strict=True):
        span = float(row.x[row.ends[-1] - 1] - row.x[row.starts[0]])
        in_text = float(np.clip(p.gap_text_span * span, p.gap_text_h * scale.height, longest))
        gutter = white[row.band, row.x].mean(axis=0) > 0.6
        low, high = (share * row.size for share in p.gap_form_h)
        cuts = []
        for gap in spaces:
            in_form = float(np.clip(p.gap_form_words * gap.usual, low, high))
            widest = in_form * (1 - running) + in_text * running
            column = gutter[gap.start : gap.end].mean() > 0.5
            wide = gap.width > widest * _evidence(gap)
            wide |= bool(column and gap.width > p.gutter_gap_u * mixed)
            if wide or gap.ruled or id(gap) in gutters:
                cuts.append(gap)
        pieces += _between(row, cuts, scale, p.shortest_h)
    return pieces


def _evidence(gap: Gap) -> float:
    """Factor on the widest gap: repeated white speaks for a cut, text around it against."""
    if gap.repeats:
        return 1 - 0.12 * gap.repeats
    return 1.1 if gap.neighbours == 2 else 1.0


def _line_unit(rows: list[Row], scale: Scale) -> float:
    """Letter size for gap limits: by pitch, or by the rows' median distance if that is less.

    Autocorrelation likes twice the pitch; the distance to the nearest row guards against it.
    """
    long_rows = [r for r in rows if r.core[1] - r.core[0] > 4 * scale.height]
    low = np.array([r.core[0] for r in rows])
    high = np.array([r.core[1] for r in rows])
    near = []
    for row in long_rows:
        x = (row.core[0] + row.core[1]) / 2
        here = float(np.interp(x, row.x, row.y))
        beside = np.flatnonzero((low <= x) & (high >= x))
        others = [rows[k] for k in beside if rows[k] is not row]
        away = [abs(float(np.interp(x, other.x, other.y)) - here) for other in others]
        near.append(min(away, default=scale.pitch))
    pitch = min(scale.pitch, float(np.median(near))) if len(near) > 3 else scale.pitch
    return float(np.clip(pitch / 1.7, scale.height, 2 * scale.height))


def _between(row: Row, cuts: list[Gap], scale: Scale, shortest_h: float) -> list[Piece]:
    starts = [int(row.starts[0]), *(gap.end for gap in cuts)]
    ends = [*(gap.start for gap in cuts), int(row.ends[-1])]
    margin, pieces = 0.5 * scale.height, []
    for start, end in zip(starts, ends, strict=True):
        on_ridge = row.x[end - 1] >= row.core[0] - margin and row.x[start] <= row.core[1] + margin
        if on_ridge and end - start >= max(2, shortest_h * scale.height):
            x = row.x[start:end].astype(np.float64)
            pieces.append(Piece(x, row.y[start:end], float(row.ink[start:end].mean()), row.size))
    return pieces


def one_a_line(pieces: list[Piece], height: float) -> list[Piece]:
    """Where pieces lie on one another, keep the one with more ink.

    Large letters answer at their heads and at their feet.
    """
    kept: list[tuple[Piece, float, float]] = []  # with its highest and lowest row
    for piece in sorted(pieces, key=lambda p: -p.length * p.ink):
        top, bottom = float(piece.y.min()), float(piece.y.max())
        for other, first, last in kept:
            near = _SAME_LINE * max(height, min(piece.size, other.size))
            if first > bottom + near or last < top - near:
                continue
            if other.x[0] > piece.x[-1] or other.x[-1] < piece.x[0]:
                continue
            away = curve_distance(piece.x, piece.y, other.x, other.y, 0)
            if away is not None and away < near:
                break
        else:
            kept.append((piece, top, bottom))
    return [piece for piece, _, _ in kept]
