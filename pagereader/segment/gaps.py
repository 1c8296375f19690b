"""Gaps: the white between the words of a row, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pagereader.segment.arrays import Floats, Map, Mask, opened
from pagereader.segment.parameters import Parameters
from pagereader.segment.rows import Row
from pagereader.segment.scale import Scale

_WORD_GAP_H = (0.55, 1.8)  # gaps between words that tell the kind of page,
_FAR_WORDS_H = 3.2  # or up to this width, where that gives
_MOST_FAR = 2.0  # so many times as many
_WORD_GAP = 0.7  # narrower ones count, to this share of the usual gap, where they are few
_FEW_WORDS = 12
_FEW_OF_ALL = 0.15
_USUAL_GAP_H = (0.35, 2.0)
_NO_GAP_H = 1.0  # the usual gap where none is seen
_FEW_GAPS = 5.0
_NEAR_PITCH = 4.0
_NEXT_PITCH = 0.48  # rows right over and under a gap are at least so far away,
_FAR_PITCH = 2.3  # and at most so far
_WHITE = 0.25  # a row is white where words take up less of it
_LIKE_SIZE = 0.25  # logarithm
_OTHER_SIZE = 0.2
_ONE_SIDE = 0.5  # what a gap tells that has text only over or under it


@dataclass(slots=True)
class Gap:
    """White between two words of a row.

    Attributes:
        start: Position in ``row.x`` where it starts.
        end: Where it ends, exclusive.
        neighbours: Rows right over and under that run past the gap on both sides: 0 to 2.
        repeats: How many of these are white there too.
        ruled: Whether a vertical ruling stands in it.
        usual: Width of the gaps between words hereabouts, in map pixels.
        parts_words: Whether it is wide enough to stand between words.
    """

    start: int
    end: int
    neighbours: int = 0
    repeats: int = 0
    ruled: bool = False
    usual: float = 0.0
    parts_words: bool = False

    @property
    def width(self) -> int:
        """In map pixels."""
        return self.end - self.start


def gaps_of(rows: list[Row], scale: Scale) -> list[list[Gap]]:
    """Return the gaps of each row, with what stands over and under those that part words."""
    gaps = [_gaps(row) for row in rows]
    usual = word_gaps(rows, gaps, scale)
    reach = np.array(
        [[r.x[r.starts[0]], r.x[r.ends[-1] - 1]] if len(r.starts) else [0, -1] for r in rows]
    ).reshape(-1, 2)
    height_span = np.array([[r.y.min(), r.y.max()] for r in rows]).reshape(-1, 2)
    far = _FAR_PITCH * scale.pitch
    for i, row in enumerate(rows):
        top, bottom = height_span[i] + (-far, far)
        close = (height_span[:, 0] <= bottom) & (height_span[:, 1] >= top)
        close[i] = False
        others = [(*reach[k].tolist(), rows[k]) for k in np.flatnonzero(close)]
        here = float(usual[i] * row.size)
        low = min(_WORD_GAP_H[0] * scale.height, _WORD_GAP * here)
        first = int(row.x[0])
        for gap in gaps[i]:
            gap.usual = here
            gap.parts_words = gap.width >= low
            if gap.parts_words:
                before = first + gap.start - scale.height
                after = first + gap.end - 1 + scale.height
                over = [other for left, right, other in others if left < before and right > after]
                _look_around(gap, row, over, scale)
    return gaps


def _gaps(row: Row) -> list[Gap]:
    starts, ends = row.ends[:-1], row.starts[1:]
    gaps = [Gap(start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    if row.ruled.any():
        rulings = np.append(0, np.cumsum(row.ruled))  # before each column
        last = np.minimum(ends + 1, len(row.ruled))
        crossed = rulings[last] > rulings[np.maximum(starts - 1, 0)]
        for gap, ruled in zip(gaps, crossed.tolist(), strict=True):
            gap.ruled = ruled
    return gaps


def _look_around(gap: Gap, row: Row, others: list[Row], scale: Scale) -> None:
    """Count the nearest rows over and under the gap, and those that are white there too."""
    first = int(row.x[0])
    x0, x1 = first + gap.start, first + gap.end - 1
    here = float(row.y[(gap.start + gap.end) // 2])
    near, far = _NEXT_PITCH * scale.pitch, _FAR_PITCH * scale.pitch
    nearest: dict[bool, tuple[float, Row]] = {}
    for other in others:
        away = float(other.y[(x0 + x1) // 2 - int(other.x[0])]) - here
        below = away > 0
        if near <= abs(away) <= far and (below not in nearest or abs(away) < nearest[below][0]):
            nearest[below] = (abs(away), other)
    gap.neighbours = len(nearest)
    for _, other in nearest.values():
        offset = int(other.x[0])
        on = other.on[x0 - offset : x1 - offset + 1]
        gap.repeats += int(np.count_nonzero(on)) < _WHITE * len(on)


def word_gaps(rows: list[Row], gaps: list[list[Gap]], scale: Scale) -> Floats:
    """Return the usual gap between words near each row, in letter heights, shape (n,).

    Typewriters leave twice as much as printers. Rows of like size near by tell what is usual
    here; few gaps tell little.
    """
    low, high = _USUAL_GAP_H
    middle = np.array([float(row.y.mean()) for row in rows])
    size = np.array([row.size for row in rows])
    of = np.array([i for i, own in enumerate(gaps) for _ in own], np.intp)
    share = np.array([g.width for own in gaps for g in own], np.float64) / size[of]
    words = (share > low) & (share < high)
    of, share = of[words], share[words]
    order = np.argsort(share)
    of, share = of[order], share[order]
    result = np.full(len(rows), _NO_GAP_H)
    at, of_size = middle[of], np.log(size)[of]
    for i in range(len(rows)):
        away = (at - middle[i]) / (_NEAR_PITCH * scale.pitch)
        weight = np.exp(-0.5 * (away * away))
        weight[np.abs(of_size - np.log(size[i])) > _LIKE_SIZE] *= _OTHER_SIZE
        total = np.cumsum(weight)
        if len(total) and total[-1] > 0:
            median = float(share[np.searchsorted(total, total[-1] / 2)])
            result[i] = (total[-1] * median + _FEW_GAPS * _NO_GAP_H) / (total[-1] + _FEW_GAPS)
    return result


def running_text(gaps: list[list[Gap]], scale: Scale, limits: tuple[float, float]) -> float:
    """Return 0 for a form or receipt, 1 for running text, and between.

    In running text nearly every word gap has text over and under it, or on one side at the least,
    as in short paragraphs; in forms it seldom has, or the gap goes on there.
    """
    words = _telling(gaps, scale)
    if not words:
        return 0.0
    inside = sum(_within_text(gap) for gap in words) / len(words)
    return float(np.clip((inside - limits[0]) / (limits[1] - limits[0]), 0, 1))


def _telling(gaps: list[list[Gap]], scale: Scale) -> list[Gap]:
    """Return the gaps between words, far ones only where most are; none if there are too few."""
    low, high = (share * scale.height for share in _WORD_GAP_H)
    highest = _FAR_WORDS_H * scale.height
    near = [g for row in gaps for g in row if g.parts_words and g.width < highest and not g.ruled]
    close = [g for g in near if g.width < high]
    words = [g for g in close if g.width >= low]
    far = [g for g in near if g.width >= low]
    if len(far) >= max(_FEW_WORDS, _MOST_FAR * len(words)):
        words = far
    elif len(words) < max(_FEW_WORDS, _FEW_OF_ALL * len(close)):
        words = close
    return words if len(words) >= _FEW_WORDS else []


def _within_text(gap: Gap) -> float:
    """How much a gap is one in running text: 0 to 1."""
    if gap.neighbours == 2:
        return float(gap.repeats < 2)
    return _ONE_SIDE if gap.neighbours == 1 and not gap.repeats else 0.0


def white_columns(density: Map, scale: Scale, unit: float, parameters: Parameters) -> Mask:
    """Return where the page is white in tall columns."""
    tall = parameters.gutter_pitch * max(scale.pitch, 1.5 * scale.height)
    wide = max(2, round(parameters.gutter_u * unit))
    return opened((density < 0.04).astype(np.uint8), tall, wide)
