"""How far lines reach and where they must be cut: rulings, white columns, gaps too wide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import Floats, Map, Mask, opened, runs
from pagereader.segment.lines import Ridge, curve_distance, end_slope
from pagereader.segment.parameters import Parameters
from pagereader.segment.scale import Scale

_BAND_U = 0.45  # half the height of the band in which a line's ink is counted
_EXTEND_U = 3.0  # how far past its ends a ridge is run on to find more ink
_INK = 0.12  # map ink in a column of the band that makes it part of a word
_FAINT_WORD = 0.3  # ink of a faint word, as a share of the line's own
_FAINT_GAP_U = 1.0  # and how near it must stand
_WORD_GAP_H = (0.55, 1.8)  # gaps between words, those that tell the kind of page


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


@dataclass(slots=True)
class Gap:
    """White between two words of a row.

    Attributes:
        start: Position in ``row.x`` where it starts.
        end: Where it ends, exclusive.
        neighbours: Rows right over and under that run past the gap on both sides: 0 to 2.
        repeats: How many of these are white there too.
        ruled: Whether a vertical ruling stands in it.
    """

    start: int
    end: int
    neighbours: int = 0
    repeats: int = 0
    ruled: bool = False

    @property
    def width(self) -> int:
        """In map pixels."""
        return self.end - self.start


@dataclass(slots=True)
class Piece:
    """A line as far as it reaches.

    Attributes:
        x: Map columns, shape (n,), n >= 2.
        y: Centre of the line at each.
        ink: Mean ink of the band.
    """

    x: Floats
    y: Floats
    ink: float

    @property
    def length(self) -> float:
        """From end to end, in map pixels."""
        return float(self.x[-1] - self.x[0])


def row_of(ridge: Ridge, density: Map, weak: Map, scale: Scale, ruled: Map) -> Row:
    """Return the ink profile of a ridge.

    Args:
        ridge: The middle of a line.
        density: Map of the ink.
        weak: Map of the ink, faint text included.
        scale: Units of the map.
        ruled: 1 where a vertical ruling stands or the page ends.
    """
    rows, columns = density.shape
    x, y = _run_on(ridge, scale, columns)
    half = max(1, round(_BAND_U * scale.unit))
    band = np.clip(np.round(y).astype(np.intp) + np.arange(-half, half + 1)[:, None], 0, rows - 1)
    ink = density[band, x].sum(axis=0).astype(np.float64)
    on = _without_specks(ink, ink > _INK, scale)
    on = _with_faint_words(on, ink, weak[band, x].sum(axis=0), scale)
    starts, ends = runs(on)
    crossed = ruled[band, x].mean(axis=0) > 0.3
    return Row(x, y, band, ink, on, starts, ends, crossed, (ridge.x[0], ridge.x[-1]))


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
    typical = float(np.median(ink[on]))
    starts, ends = runs(on | (weak > max(_INK, _FAINT_WORD * typical)))
    strong = np.array([on[a:b].any() for a, b in zip(starts, ends, strict=True)])
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


def gaps_of(rows: list[Row], scale: Scale) -> list[list[Gap]]:
    """Return the gaps of each row, with what stands over and under them."""
    reach = np.array(
        [[r.x[r.starts[0]], r.x[r.ends[-1] - 1]] if len(r.starts) else [0, -1] for r in rows]
    ).reshape(-1, 2)
    height_span = np.array([[r.y.min(), r.y.max()] for r in rows]).reshape(-1, 2)
    far = 2.3 * scale.pitch
    result = []
    for i, row in enumerate(rows):
        close = (height_span[:, 0] <= row.y.max() + far) & (height_span[:, 1] >= row.y.min() - far)
        close[i] = False
        others = np.flatnonzero(close)
        gaps = []
        for start, end in zip(row.ends[:-1], row.starts[1:], strict=True):
            gap = Gap(int(start), int(end))
            gap.ruled = bool(row.ruled[max(0, start - 1) : end + 1].any())
            if gap.width >= _WORD_GAP_H[0] * scale.height:
                x0, x1 = row.x[start], row.x[end - 1]
                over = (reach[others, 0] < x0 - scale.height) & (
                    reach[others, 1] > x1 + scale.height
                )
                _look_around(gap, row, [rows[k] for k in others[over]], scale)
            gaps.append(gap)
        result.append(gaps)
    return result


def _look_around(gap: Gap, row: Row, others: list[Row], scale: Scale) -> None:
    """Count the nearest rows over and under the gap, and those that are white there too."""
    middle = (gap.start + gap.end) // 2
    x0, x1 = int(row.x[gap.start]), int(row.x[gap.end - 1])
    nearest: dict[bool, tuple[float, bool]] = {}
    for other in others:
        offset = int(other.x[0])
        away = float(other.y[(x0 + x1) // 2 - offset] - row.y[middle])
        if not 0.48 * scale.pitch <= abs(away) <= 2.3 * scale.pitch:
            continue
        below = away > 0
        if below not in nearest or abs(away) < nearest[below][0]:
            white = 1 - other.on[x0 - offset : x1 - offset + 1].mean()
            nearest[below] = (abs(away), bool(white > 0.75))
    gap.neighbours = len(nearest)
    gap.repeats = sum(white for _, white in nearest.values())


def running_text(gaps: list[list[Gap]], scale: Scale, limits: tuple[float, float]) -> float:
    """Return 0 for a form or receipt, 1 for running text, and between.

    In running text nearly every word gap has text over and under it; in forms it seldom has.
    """
    low, high = (share * scale.height for share in _WORD_GAP_H)
    words = [g for row in gaps for g in row if low <= g.width < high and not g.ruled]
    if len(words) < 12:
        return 0.0
    inside = sum(g.neighbours == 2 and g.repeats < 2 for g in words) / len(words)
    return float(np.clip((inside - limits[0]) / (limits[1] - limits[0]), 0, 1))


def white_columns(density: Map, scale: Scale, unit: float, parameters: Parameters) -> Mask:
    """Return where the page is white in tall columns."""
    tall = parameters.gutter_pitch * max(scale.pitch, 1.5 * scale.height)
    wide = max(2, round(parameters.gutter_u * unit))
    return opened((density < 0.04).astype(np.uint8), tall, wide)


def cut_rows(rows: list[Row], density: Map, scale: Scale, p: Parameters) -> list[Piece]:
    """Return the pieces of lines between cuts."""
    rows = [row for row in rows if len(row.starts)]
    gaps = gaps_of(rows, scale)
    running = running_text(gaps, scale, p.running)
    unit = _line_unit(rows, scale)
    mixed = running * unit + (1 - running) * scale.height
    white = white_columns(density, scale, mixed, p)
    widest = p.gap_form_h * (1 - running) * scale.height + p.gap_text_u * running * unit
    pieces: list[Piece] = []
    for row, spaces in zip(rows, gaps, strict=True):
        gutter = white[row.band, row.x].mean(axis=0) > 0.6
        cuts = []
        for gap in spaces:
            limit = widest * _evidence(gap)
            column = gutter[gap.start : gap.end].mean() > 0.5
            wide = gap.width > limit or (column and gap.width > p.gutter_gap_u * mixed)
            if wide or gap.ruled:
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
            pieces.append(Piece(x, row.y[start:end], float(row.ink[start:end].mean())))
    return pieces


def one_a_line(pieces: list[Piece], height: float) -> list[Piece]:
    """Where pieces lie on one another, keep the one with more ink."""
    kept: list[Piece] = []
    for piece in sorted(pieces, key=lambda p: -p.length * p.ink):
        for other in kept:
            if other.x[0] > piece.x[-1] or other.x[-1] < piece.x[0]:
                continue
            away = curve_distance(piece.x, piece.y, other.x, other.y, 0)
            if away is not None and away < 0.6 * height:
                break
        else:
            kept.append(piece)
    return kept
