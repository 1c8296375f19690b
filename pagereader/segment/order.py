"""Reading order of lines: rows where texts stand in boxes, columns where they run.

The frame is the precedence of T. M. Breuel, High performance document layout analysis (2003):
a is read before b if they share columns and a stands higher, or if a stands wholly to the left
of b and nothing between them spans both; the order is a topological sort of these. That reads
columns before rows everywhere. Forms, receipts and tables are read row by row instead: pieces
side by side that are not both part of a column of running text are tied to one row first.

Boxes are left, centre y, right, half height of lines, on a page laid level; shape (n, 4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import Floats, median, percentile

_COLUMN_LINES = 3  # a column of text has at least so many lines
_COLUMN_WIDTH_H = 9.0
_COLUMN_FILL = 0.7  # and their median width is this share of the longest
_STACK_H = 3.6  # lines of a column are at most so far apart,
_STACK_PITCH = 1.5  # or so many times the usual distance
_BESIDE_H = 0.6  # lines of one row differ at most so much in height
_ALIGNED_H = 0.3
_FILLED_IN_H = 4.0  # lines to be filled in are at least so far apart,
_ANSWERED = 0.8  # and in this share of them something is
_SAME_COLUMN = 0.8  # share of the wider one that two parts of a column have in common
_LIE_OVER = 0.5
_NEAR_COLUMN_H = 25.0


@dataclass(slots=True)
class _Column:
    """A stack of lines of running text.

    Attributes:
        members: Positions of its lines, and of those that stand over or under it.
        left: Least left end.
        right: Greatest right end.
        top: First centre of the stack itself.
        bottom: Last centre.
    """

    members: list[int]
    left: float
    right: float
    top: float
    bottom: float

    def inside(self, boxes: Floats) -> list[int]:
        """Return its lines that do not stand over or under it."""
        return [i for i in self.members if self.top <= boxes[i, 1] <= self.bottom]

    def take(self, other: _Column) -> None:
        """Make ``other`` part of this column."""
        self.members = self.members + other.members
        self.left, self.right = min(self.left, other.left), max(self.right, other.right)
        self.top, self.bottom = min(self.top, other.top), max(self.bottom, other.bottom)


def reading_order(boxes: Floats, height: float, pitch: float = 0.0) -> list[list[int]]:
    """Return the rows of the page in reading order, each from left to right.

    A row holds one line, or several that are read side by side.

    Args:
        boxes: Left, centre y, right, half height of each line, shape (n, 4).
        height: Letter height H, in the same pixels.
        pitch: Usual distance between lines; 0 if unknown.
    """
    if not len(boxes):
        return []
    step = max(_STACK_H * height, _STACK_PITCH * pitch)
    stacks = _stacks(boxes, height, step)
    columns = _columns(boxes, stacks, height)
    rows = rows_of(boxes, stacks, columns, height)
    hulls = np.array([_hull(boxes[row]) for row in rows])
    spans, parts = _spans(boxes, rows, stacks, columns)
    return [rows[i] for i in _topological(hulls, precedence(hulls, spans, parts))]


def _hull(boxes: Floats) -> Floats:
    if len(boxes) == 1:
        return np.asarray(boxes[0], np.float64)
    left, right = boxes[:, 0].min(), boxes[:, 2].max()
    return np.array([left, boxes[:, 1].mean(), right, boxes[:, 3].max()])


def rows_of(
    boxes: Floats, stacks: list[list[int]], columns: list[_Column], height: float
) -> list[list[int]]:
    """Return lines tied to rows, each from left to right; most rows hold one line."""
    count = len(boxes)
    column_of, inside = np.full(count, -1), np.zeros(count, bool)
    for k, column in enumerate(columns):
        column_of[column.members] = k
        inside[column.inside(boxes)] = True
    stack_of = np.zeros(count, np.intp)
    for k, stack in enumerate(stacks):
        stack_of[stack] = k
    groups = _Groups(count)

    @cache
    def belong(k: int, other: int) -> bool:
        pair = columns[k], columns[other]
        return _lie_over(*pair) or _answer(*pair, boxes, height)

    for a, b in _side_by_side(boxes, height):
        if column_of[a] >= 0 and column_of[b] >= 0:
            tied = belong(int(column_of[a]), int(column_of[b]))
        elif not (inside[a] or inside[b]):
            tied = True
        else:
            loose = a if column_of[a] < 0 else b
            tied = _aligned(boxes, stacks[stack_of[loose]], column_of >= 0, height)
        if tied:
            groups.tie(a, b)
    return [sorted(group, key=lambda i: float(boxes[i, 0])) for group in groups.lists()]


class _Groups:
    """Union of items that were tied."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, i: int) -> int:
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i

    def tie(self, a: int, b: int) -> None:
        self._parent[self.root(a)] = self.root(b)

    def lists(self) -> list[list[int]]:
        found: dict[int, list[int]] = {}
        for i in range(len(self._parent)):
            found.setdefault(self.root(i), []).append(i)
        return list(found.values())


def _laps(boxes: Floats) -> Floats:
    """Shared width of each pair, negative if apart, shape (n, n)."""
    left, right = boxes[:, 0], boxes[:, 2]
    return np.asarray(
        np.minimum(right[:, None], right) - np.maximum(left[:, None], left), np.float64
    )


def _stacks(boxes: Floats, height: float, step: float) -> list[list[int]]:
    """Lines chained to the nearest one under them, where that one's nearest is they."""
    width = boxes[:, 2] - boxes[:, 0]
    lap = _laps(boxes)
    down = boxes[None, :, 1] - boxes[:, None, 1]
    under = (lap > 0.5 * np.minimum(width[:, None], width)) & (down > _BESIDE_H * height)
    under &= down < step
    distance = np.where(under, down, np.inf)
    below, above = distance.argmin(axis=1), distance.argmin(axis=0)
    groups = _Groups(len(boxes))
    for i in np.flatnonzero(under.any(axis=1)):
        if above[below[i]] == i:
            groups.tie(int(i), int(below[i]))
    return groups.lists()


def _columns(boxes: Floats, stacks: list[list[int]], height: float) -> list[_Column]:
    """Return the columns of running text, with all the lines that stand in them."""
    columns: list[_Column] = []
    for stack in stacks:
        fresh = _as_column(boxes, stack, height)
        if fresh is None:
            continue
        same = next((c for c in columns if _same_column(c, fresh)), None)
        if same is None:
            columns.append(fresh)
        else:
            same.take(fresh)
    taken = {i for column in columns for i in column.members}
    for i in range(len(boxes)):
        if i not in taken:
            for column in columns:
                if _stands_in(boxes[i], column, height):
                    column.members.append(i)
                    break
    return columns


def _same_column(a: _Column, b: _Column) -> bool:
    lap = min(a.right, b.right) - max(a.left, b.left)
    return lap > _SAME_COLUMN * max(a.right - a.left, b.right - b.left)


def _lie_over(a: _Column, b: _Column) -> bool:
    """Whether columns are one or lie over one another: no gutter parts lines in them."""
    lap = min(a.right, b.right) - max(a.left, b.left)
    return lap > _LIE_OVER * min(a.right - a.left, b.right - b.left)


def _answer(a: _Column, b: _Column, boxes: Floats, height: float) -> bool:
    """Whether columns are labels and what was filled in beside them.

    Their lines stand far apart, and level with each other: those of text do so only by chance.
    """
    ours, theirs = sorted((np.sort(boxes[c.inside(boxes), 1]) for c in (a, b)), key=len)
    if min(median(np.diff(y)) for y in (ours, theirs)) < _FILLED_IN_H * height:
        return False
    away = np.abs(theirs[:, None] - ours).min(axis=0)
    return float(np.mean(away < _ALIGNED_H * height)) >= _ANSWERED


def _spans(
    boxes: Floats, rows: list[list[int]], stacks: list[list[int]], columns: list[_Column]
) -> tuple[Floats, NDArray[np.intp]]:
    """What each row is part of: a column, a stack, or only itself if it holds several lines.

    Returns:
        Top and bottom of that, shape (n, 2), and its number, shape (n,).
    """
    span, part = np.zeros((len(boxes), 2)), np.zeros(len(boxes), np.intp)
    for k, stack in enumerate(stacks):
        span[stack], part[stack] = (boxes[stack, 1].min(), boxes[stack, 1].max()), k
    for k, column in enumerate(columns, start=len(stacks)):
        span[column.inside(boxes)] = column.top, column.bottom
        part[column.members] = k
    spans, parts = np.zeros((len(rows), 2)), np.zeros(len(rows), np.intp)
    for i, row in enumerate(rows):
        if len(row) == 1:
            spans[i], parts[i] = span[row[0]], part[row[0]]
        else:
            spans[i] = boxes[row, 1].min(), boxes[row, 1].max()
            parts[i] = -1 - i
    return spans, parts


def _as_column(boxes: Floats, stack: list[int], height: float) -> _Column | None:
    """Return the stack as a column of running text, or None if it is none."""
    own = boxes[stack]
    width = own[:, 2] - own[:, 0]
    middle = median(width)
    if len(stack) < _COLUMN_LINES or middle < _COLUMN_WIDTH_H * height:
        return None
    if middle < _COLUMN_FILL * percentile(width, 90):
        return None
    sides = float(own[:, 0].min()), float(own[:, 2].max())
    return _Column(list(stack), *sides, float(own[:, 1].min()), float(own[:, 1].max()))


def _stands_in(box: Floats, column: _Column, height: float) -> bool:
    """Whether a line stands over, under or in a column."""
    far = _NEAR_COLUMN_H * height
    inside = box[0] > column.left - height and box[2] < column.right + height
    return bool(inside and column.top - far < box[1] < column.bottom + far)


def _side_by_side(boxes: Floats, height: float) -> Iterable[tuple[int, int]]:
    """Yield the pairs of neighbours on one height."""
    for i, (_, y, right, _) in enumerate(boxes):
        beside = (np.abs(boxes[:, 1] - y) < _BESIDE_H * height) & (
            boxes[:, 0] > right - 0.5 * height
        )
        beside[i] = False
        if beside.any():
            nearest = int(np.where(beside, boxes[:, 0], np.inf).argmin())
            yield i, nearest


def _aligned(boxes: Floats, stack: list[int], text: NDArray[np.bool_], height: float) -> bool:
    """Whether the lines of a stack stand level with lines of text beside them.

    The cells of a table do, notes in a margin only by chance.
    """
    others = boxes[text, 1]
    if not len(others):
        return False
    away = [float(np.abs(others - boxes[i, 1]).min()) for i in stack]
    return median(away) < _ALIGNED_H * height


def precedence(boxes: Floats, spans: Floats, parts: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return for each pair whether the first is read before the second, shape (n, n).

    Beside each other stand only things that overlap in height, as a whole: a date at the upper
    right comes before a salutation lower on the left.

    Args:
        boxes: Left, centre y, right, half height of rows, shape (n, 4).
        spans: Top and bottom of the column or stack that each is part of, shape (n, 2).
        parts: Its number, shape (n,); things of one part are read from top to bottom.
    """
    left, y, right, _ = boxes.T
    width = right - left
    lap = _laps(boxes)
    stacked = lap > 0.1 * np.minimum(width[:, None], width)
    top, bottom = spans.T
    level = (top[:, None] <= bottom + 1) & (top <= bottom[:, None] + 1)
    level &= parts[:, None] != parts
    beside = ~stacked & (right[:, None] < right) & level
    shares = lap > 0
    for a in range(len(boxes)):
        later = np.flatnonzero(beside[a])
        if not len(later):
            continue
        low, high = np.minimum(y[a], y[later]), np.maximum(y[a], y[later])
        between = (y[:, None] > low) & (y[:, None] < high)
        across = between & shares[:, a][:, None] & shares[:, later]
        beside[a, later[across.any(axis=0)]] = False
    before = np.where(stacked, y[:, None] < y, beside)
    np.fill_diagonal(before, False)
    return np.asarray(before, np.bool_)


def _topological(boxes: Floats, before: NDArray[np.bool_]) -> list[int]:
    """Sort so that what is before comes first; the topmost of several wins, as in a loop."""
    waiting = before.sum(axis=0)
    left = np.ones(len(boxes), bool)
    topmost = np.lexsort((boxes[:, 0], boxes[:, 1]))
    order = []
    for _ in range(len(boxes)):
        free = (left & (waiting == 0))[topmost]
        chosen = int(topmost[(free if free.any() else left[topmost]).argmax()])
        order.append(chosen)
        left[chosen] = False
        waiting -= before[chosen]
    return order
