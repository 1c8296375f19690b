"""Narrow gutters: white between columns that is hardly wider than that between words.

A gutter is told from a river of white by evidence along its whole height: it is white in every
row that spans it, the lines right of it start one under the other, and running text stands on
both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pagereader.segment.arrays import median
from pagereader.segment.gaps import Gap
from pagereader.segment.rows import Row
from pagereader.segment.scale import Scale

_WIDTH_H = 0.9  # least width of a gap,
_WHITE_H = 0.7  # and of what is white in all rows
_ROWS = 8  # rivers are seldom so long
_ALIGNED_H = 0.4
_ALIGNED = 0.6  # share of the rows that start where most do; others are indented
_TEXT_H = 6.0  # text on either side is at least so wide,
_TEXT = 0.7  # in this share of the rows
_NEXT_PITCH = 2.2


@dataclass(slots=True)
class _Place:
    """A gap on a page laid level.

    Attributes:
        gap: The gap.
        left: Where it starts.
        right: Where it ends.
        row: Position of its row among the rows, from the top.
    """

    gap: Gap
    left: float
    right: float
    row: int = 0


def narrow_gutters(rows: list[Row], gaps: list[list[Gap]], scale: Scale) -> list[Gap]:
    """Return the gaps that lie in a gutter between columns of running text."""
    lines = [_Line(row, own, scale) for row, own in zip(rows, gaps, strict=True)]
    lines.sort(key=lambda line: line.y)
    for position, line in enumerate(lines):
        for place in line.places:
            place.row = position
    found: list[Gap] = []
    seen: set[int] = set()
    for line in lines:
        for place in line.places:
            if id(place.gap) in seen:
                continue
            chain = _chain(place, lines, scale)
            if len(chain) >= _ROWS and _is_gutter(chain, lines, scale):
                found += [other.gap for other in chain]
                seen.update(id(other.gap) for other in chain)
    return found


class _Line:
    """A row laid level: its height, its reach and the gaps that may be part of a gutter."""

    def __init__(self, row: Row, gaps: list[Gap], scale: Scale) -> None:
        def level(at: int) -> float:
            return float(row.x[at] + scale.slope * row.y[at])

        self.y = float(np.mean(row.y - scale.slope * row.x))
        self.left, self.right = level(row.starts[0]), level(row.ends[-1] - 1)
        self.places = [
            _Place(gap, level(gap.start), level(gap.end - 1))
            for gap in gaps
            if gap.width >= _WIDTH_H * row.size
        ]


def _chain(first: _Place, lines: list[_Line], scale: Scale) -> list[_Place]:
    """Follow a gap down as long as every row that spans it is white there."""
    chain, left, right = [first], first.left, first.right
    least = _WHITE_H * scale.height
    for line in lines[first.row + 1 :]:
        if line.y - lines[chain[-1].row].y > _NEXT_PITCH * scale.pitch:
            break
        if line.left > left - least or line.right < right + least:
            continue
        shared = [(min(right, p.right) - max(left, p.left), p) for p in line.places]
        white, place = max(shared, key=lambda s: s[0], default=(0.0, first))
        if white < least:
            break
        left, right = max(left, place.left), min(right, place.right)
        chain.append(place)
    return chain


def _is_gutter(chain: list[_Place], lines: list[_Line], scale: Scale) -> bool:
    starts = np.array([place.right for place in chain])
    aligned = np.abs(starts - median(starts)) < _ALIGNED_H * scale.height
    wide = _TEXT_H * scale.height
    texts = [
        place.left - lines[place.row].left > wide and lines[place.row].right - place.right > wide
        for place in chain
    ]
    return bool(aligned.mean() >= _ALIGNED and np.mean(texts) >= _TEXT)
