"""Blocks: rows in reading order, parted where one block ends and another begins, and typed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagereader.document import RegionType
from pagereader.segment.arrays import Floats, median

Block = list[list[int]]
"""Rows of lines, as positions."""

_SAME_SIZE = 1.6  # lines of one block differ at most so much in letter height
_GAP = 1.5  # and stand at most so many times their usual distance apart
_GAP_H = 3.2
_NUMBER_H = 5.0  # a page number is at most so wide, a footnote more
_APART_PITCH = 1.4  # a running head stands so far from the text
_HEAD_LINES = 2
_LARGE = 1.35  # a heading's letters are so much higher than the page's
_MARGIN_WIDTH = 0.4  # a marginal note is at most this share as wide as the text
_SMALL = 0.88  # letters of footnotes are at most this share as high as the text's,
_SMALLEST_ROW = 0.93  # and no row of them is larger than this;
_NOTE_GAP = 1.25  # they stand so many times the usual distance under it,
_NOTED_ROWS = 3  # which has at least so many rows
_CAPTION_ROWS = 4  # a caption has at most so many
_CAPTION_H = 4.5  # and stands so near its picture


def blocks_of(
    rows: list[list[int]],
    boxes: Floats,
    sizes: Floats,
    height: float,
    pitch: float,
    starts: Collection[int | None] = (),
) -> list[Block]:
    """Part the rows of a page, in reading order, into blocks.

    Args:
        rows: Lines as positions, in reading order.
        boxes: Left, centre y, right, half height of each line on a level page, shape (n, 4).
        sizes: Letter height of each line, shape (n,).
        height: Letter height of the page.
        pitch: Usual distance between its lines.
        starts: Lines with which a block begins in any case.
    """
    if not rows:
        return []
    blocks: list[Block] = []
    own: list[_Row] = []  # the rows of the last block
    far = max(_GAP_H * height, _GAP * pitch)
    for row in rows:
        now = _Row.of(boxes[row], sizes[row])
        begins = any(line in starts for line in row)
        if own and not begins and _goes_on(own, now, far):
            blocks[-1].append(row)
            own.append(now)
        else:
            blocks.append([row])
            own = [now]
    return blocks


@dataclass(frozen=True, slots=True)
class _Row:
    """Where a row stands on a level page, and its letter height."""

    left: float
    right: float
    y: float
    size: float

    @classmethod
    def of(cls, boxes: Floats, sizes: Floats) -> _Row:
        left, y, right, _ = boxes.T
        return cls(float(left.min()), float(right.max()), float(y.mean()), median(sizes))

    @property
    def width(self) -> float:
        return self.right - self.left


def _goes_on(block: list[_Row], row: _Row, far: float) -> bool:
    """Whether ``row`` belongs to the block that ends just before it."""
    last = block[-1]
    down = row.y - last.y
    lap = min(row.right, last.right) - max(row.left, last.left)
    if down <= 0 or lap < 0.5 * min(row.width, last.width):
        return False
    if not 1 / _SAME_SIZE < row.size / last.size < _SAME_SIZE:
        return False
    if len(block) < 2:
        return down < far
    return down < max(_GAP * median(np.diff([own.y for own in block])), 0.4 * far)


def type_blocks(
    blocks: list[Block], boxes: Floats, sizes: Floats, height: float, pictures: Floats
) -> list[tuple[Block, RegionType]]:
    """Say what each block is, by where it stands and how large it is written.

    Page numbers and running heads stand alone over or under everything else, headings are
    short and large, marginal notes stand wholly beside the main column, captions under a
    picture, and footnotes in small letters under all text of their columns.

    Args:
        blocks: In reading order.
        boxes: Left, centre y, right, half height of each line on a level page, shape (n, 4).
        sizes: Letter height of each line, shape (n,).
        height: Letter height of the page.
        pictures: Left, top, right, bottom of each on a level page, shape (m, 4).

    Returns:
        The blocks with what they are; one that ends in footnotes comes as two.
    """
    blocks = [part for block in blocks for part in _notes_apart(block, boxes, sizes)]
    hulls = np.array([_hull(block, boxes) for block in blocks]).reshape(-1, 4)
    areas = (hulls[:, 2] - hulls[:, 0]) * (hulls[:, 3] - hulls[:, 1] + 2 * height)
    main = int(areas.argmax()) if len(blocks) else 0
    usual = median(sizes) if len(sizes) else height
    letters = np.array([median(sizes[[i for row in block for i in row]]) for block in blocks])
    rows = np.array([len(block) for block in blocks], np.intp)
    typed = []
    for i, block in enumerate(blocks):
        kind = _edge_kind(i, block, hulls, height)
        size = float(letters[i] / usual)
        if kind is RegionType.HEADER and size > _LARGE:
            kind = RegionType.HEADING
        if kind is None and len(blocks) > 1 and i != main:
            kind = _kind(i, block, hulls, main, size)
        if kind is None and _is_caption(block, hulls[i], pictures, height):
            kind = RegionType.CAPTION
        if kind is None and _is_footnote(i, letters, rows, hulls, height):
            kind = RegionType.FOOTNOTE
        typed.append((block, kind or RegionType.PARAGRAPH))
    return typed


def _notes_apart(block: Block, boxes: Floats, sizes: Floats) -> list[Block]:
    """Part a block from the footnotes that it ends in."""
    rows = np.array([median(sizes[row]) for row in block])
    steps = np.diff([boxes[row, 1].mean() for row in block])
    for at in range(len(block) - 1, _NOTED_ROWS - 1, -1):
        text = median(rows[:at])
        if rows[at] > _SMALLEST_ROW * text:
            break
        set_off = steps[at - 1] > _NOTE_GAP * median(steps[: at - 1])
        if set_off and median(rows[at:]) <= _SMALL * text:
            return [block[:at], block[at:]]
    return [block]


def _is_footnote(
    i: int, letters: Floats, rows: NDArray[np.intp], hulls: Floats, height: float
) -> bool:
    """Whether a block is smaller than all text over it, and has none under it that is not."""
    left, top, right, _ = hulls[i]
    if right - left < _NUMBER_H * height:
        return False
    larger = letters[i] <= _SMALL * letters
    larger &= np.minimum(right, hulls[:, 2]) > np.maximum(left, hulls[:, 0])
    if (larger & (hulls[:, 1] > top) & (rows > 1)).any():
        return False
    return bool((larger & (hulls[:, 3] <= top) & (rows >= _NOTED_ROWS)).any())


def _is_caption(block: Block, hull: Floats, pictures: Floats, height: float) -> bool:
    """Whether a block stands close under a picture, within its width."""
    if len(block) > _CAPTION_ROWS:
        return False
    left, top, right, _ = hull
    under = top - pictures[:, 3]
    near = (under > -height) & (under < _CAPTION_H * height)
    within = (left > pictures[:, 0] - 2 * height) & (right < pictures[:, 2] + 2 * height)
    return bool((near & within).any())


def _hull(block: Block, boxes: Floats) -> Floats:
    own = boxes[[i for row in block for i in row]]
    top, bottom = (own[:, 1] - own[:, 3]).min(), (own[:, 1] + own[:, 3]).max()
    return np.array([own[:, 0].min(), top, own[:, 2].max(), bottom])


def _edge_kind(i: int, block: Block, hulls: Floats, height: float) -> RegionType | None:
    """Page number, running head or footer: one row with nothing beyond it."""
    if len(block) > 1 or len(hulls) < 2:
        return None
    others = np.delete(hulls, i, axis=0)
    _, top, _, bottom = hulls[i]
    level = (others[:, 1] < bottom) & (others[:, 3] > top)
    rest = others[~level]
    if not len(rest):
        return None
    head = bool((rest[:, 1] > bottom + _APART_PITCH * height).all())
    foot = bool((rest[:, 3] < top - _APART_PITCH * height).all())
    if not (head or foot) or float(np.ptp(rest[:, [1, 3]])) < 10 * height:
        return None
    if hulls[i, 2] - hulls[i, 0] < _NUMBER_H * height:
        return RegionType.PAGE_NUMBER
    return RegionType.HEADER if head else RegionType.FOOTER


def _kind(i: int, block: Block, hulls: Floats, main: int, size: float) -> RegionType | None:
    if len(block) <= _HEAD_LINES and size > _LARGE:
        return RegionType.HEADING
    left, top, right, bottom = hulls[i]
    text = hulls[main]
    beside = right < text[0] or left > text[2]
    narrow = right - left < _MARGIN_WIDTH * (text[2] - text[0])
    if beside and narrow and top < text[3] and bottom > text[1]:
        return RegionType.MARGINALIA
    return None
