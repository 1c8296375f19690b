"""Short texts that answer to no filter for lines, and what is none beside the page's edge.

A speck may be as high as a letter, so letters that no line claims count only with evidence:
they stand in one row with a line and under or over something short that begins or ends where
they do, as in tables; or where pages have their numbers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pagereader.document import Points
from pagereader.segment.arrays import Floats, Grey, Mask, median, percentile
from pagereader.segment.clean import Letters
from pagereader.segment.dittos import are_dittos, small_marks
from pagereader.segment.found import LETTER_H, FoundLine
from pagereader.segment.groups import MOST_GROUPS, centre_of, groups_of, line_of, unclaimed

_HEIGHT_H = (0.6, 2.0)
_WIDTH_H = (0.12, 6.0)
_CLAIMED_H = 0.8  # what stands so near to a line is part of it
_LONE_H = (0.7, 1.5)  # height of a single letter or a page number
_IN_ROW_H = 0.35
_ROW_REACH_H = 25.0
_ALIGNED_H = 0.5
_COLUMN_REACH_H = 20.0
_SHORT_H = 6.0
_COLUMN = 3  # so many more strays make a column without a line; one, between lines of its row
_FOOT_REACH_H = (1.5, 8.0)  # a page number stands so far from the text,
_FOOT_PLACE_H = 1.0  # and so near to its middle
_NUMBER_LETTERS = 4
_EDGE_H = 3.0  # so near to the paper's edge lie the specks of the edge itself,
_SPECK_H = 4.0  # no longer than so much,
_BESIDE_TEXT_H = 1.0  # and so far beside the text
_LEAST_TEXT = 3  # long lines that tell where the text of a page is
_LETTER_EVERY_H = 2.5  # lines with fewer letters may be edges of paper,
_OVER_EDGE_H = 2.0  # if the light so far over and under them
_EDGE_STEP = 0.07  # differs by this share of the paper's
_PLACES = np.linspace(0, 1, 9)  # where it is compared


def stray_lines(
    lines: list[FoundLine], letters: Letters, slope: float, height: float
) -> list[FoundLine]:
    """Return the short texts of a page that none of its lines holds.

    Args:
        lines: The lines found so far, in working pixels.
        letters: Ink and its components.
        slope: dy/dx of the lines.
        height: Letter height H of the page.
    """
    if not lines:
        return []
    found = np.array([_level(line.centre, slope) for line in lines])
    free = unclaimed(lines, letters, _CLAIMED_H * height)
    return _texts(free, found, slope, height) + _dittos(free, found, slope, height)


def _dittos(free: NDArray[np.int32], found: Floats, slope: float, height: float) -> list[FoundLine]:
    """Return the ditto marks among boxes that no line claims."""
    marks = groups_of(small_marks(free, found, slope, height), slope, height)
    if not marks:
        return []
    own = np.array([_level(centre_of(mark, slope), slope) for mark in marks]).reshape(-1, 3)
    strokes = np.array([len(mark) for mark in marks], np.intp)
    good = are_dittos(own, strokes, found, height)
    return [
        replace(
            line_of(mark, slope), centre=_widened(centre_of(mark, slope), height), height=height
        )
        for mark, is_one in zip(marks, good, strict=True)
        if is_one
    ]


def _widened(centre: Points, height: float) -> Points:
    """A centre curve as long as a letter is wide, on both sides of a mark that is less."""
    (left, first), (right, last) = centre
    more = max(0.0, height - (right - left)) / 2
    return np.array([[left - more, first], [right + more, last]], np.float64)


def _texts(free: NDArray[np.int32], found: Floats, slope: float, height: float) -> list[FoundLine]:
    """Return the short texts among boxes that no line claims."""
    groups = groups_of(_letters(free, height), slope, height)
    if len(groups) > MOST_GROUPS:
        return []
    own = np.array([_level(centre_of(group, slope), slope) for group in groups]).reshape(-1, 3)
    return [
        line_of(group, slope)
        for i, group in enumerate(groups)
        if _in_table(i, group, own, found, height)
        or _is_page_number(own[i], group, np.delete(own, i, axis=0), found, height)
    ]


def without_edge_specks(lines: list[FoundLine], outside: Mask, height: float) -> list[FoundLine]:
    """Drop short lines beside the text at the paper's very edge: its shadow, the facing page.

    Args:
        lines: In working pixels.
        outside: What is not page, shape of the working copy.
        height: Letter height H of the page.
    """
    boxes = np.array([line.box for line in lines]).reshape(-1, 4)
    length = (boxes[:, 2] - boxes[:, 0]) / height
    text = boxes[length > _SHORT_H]
    if len(text) < _LEAST_TEXT:
        return lines
    left = percentile(text[:, 0], 5) - _BESIDE_TEXT_H * height
    right = percentile(text[:, 2], 95) + _BESIDE_TEXT_H * height
    beside = (length < _SPECK_H) & ((boxes[:, 2] < left) | (boxes[:, 0] > right))
    return [
        line
        for line, box, doubted in zip(lines, boxes, beside, strict=True)
        if not (doubted and _paper_beside(box, box[0] > right, outside) < _EDGE_H * height)
    ]


def without_edges(
    lines: list[FoundLine], light: Grey, shrunk: float, height: float
) -> list[FoundLine]:
    """Drop lines that are the edge of the paper: with hardly a letter, and lighter on one side.

    Args:
        lines: In working pixels.
        light: Brightness of the page without its ink, on a shrunk copy.
        shrunk: Pixels of that a working pixel.
        height: Letter height H of the page.
    """
    doubted = {id(line) for line in lines if _has_few_letters(line, height)}
    if not doubted:
        return lines
    least = _EDGE_STEP * percentile(light, 80)
    return [
        line
        for line in lines
        if id(line) not in doubted or _step(line, light, shrunk, height) < least
    ]


def _has_few_letters(line: FoundLine, height: float) -> bool:
    length = line.centre[-1, 0] - line.centre[0, 0]
    if len(line.boxes) * _LETTER_EVERY_H * height <= length:
        return True
    letters = int(np.count_nonzero(line.boxes[:, 3] > LETTER_H * height))
    return bool(letters * _LETTER_EVERY_H * height <= length)


def _step(line: FoundLine, light: Grey, shrunk: float, height: float) -> float:
    """How much lighter it is on one side of a line than on the other."""
    x = line.centre[0, 0] + _PLACES * (line.centre[-1, 0] - line.centre[0, 0])
    y = np.interp(x, *line.centre.T) + _OVER_EDGE_H * height * np.array([[-1], [1]])
    rows, columns = light.shape
    at = np.clip(y * shrunk, 0, rows - 1).astype(np.intp), np.clip(x * shrunk, 0, columns - 1)
    over, under = light[at[0], at[1].astype(np.intp)].astype(np.float64)
    return abs(median(over - under))


def _paper_beside(box: Floats, to_the_right: bool, outside: Mask) -> int:
    """Pixels of paper between a line and the edge that it is nearer to."""
    row = outside[min(max(0, round((box[1] + box[3]) / 2)), len(outside) - 1)]
    beyond = row[max(0, round(box[2])) :] if to_the_right else row[: max(0, round(box[0]))]
    return int(np.count_nonzero(beyond == 0))


def _letters(boxes: NDArray[np.int32], height: float) -> NDArray[np.int32]:
    """Those as large as letters."""
    w, h = boxes[:, 2:4].T
    large = (h > _HEIGHT_H[0] * height) & (h < _HEIGHT_H[1] * height)
    large &= (w > _WIDTH_H[0] * height) & (w < _WIDTH_H[1] * height)
    return np.asarray(boxes[large], np.int32)


def _level(centre: Points, slope: float) -> tuple[float, float, float]:
    """Left, centre y, right on a page laid level."""
    x, y = centre.T
    return float(x[0]), float(np.mean(y - slope * x)), float(x[-1])


def _in_table(i: int, group: NDArray[np.int32], own: Floats, found: Floats, height: float) -> bool:
    """Whether a text stands in a row with a line and in a column of short texts."""
    left, y, right = own[i]
    if len(group) == 1 and not _LONE_H[0] < group[0, 3] / height < _LONE_H[1]:
        return False
    level = np.abs(found[:, 1] - y) < _IN_ROW_H * height
    after, before = found[:, 0] - right, left - found[:, 2]
    in_row = bool((level & (np.maximum(after, before) < _ROW_REACH_H * height)).any())
    between = bool((level & (after > 0)).any() and (level & (before > 0)).any())
    others = np.vstack([found, np.delete(own, i, axis=0)])
    away = np.abs(others[:, 1] - y) / height
    column = np.abs(others[:, 0] - left) < _ALIGNED_H * height
    column |= np.abs(others[:, 2] - right) < _ALIGNED_H * height
    column &= (away > _HEIGHT_H[0]) & (away < _COLUMN_REACH_H)
    column &= others[:, 2] - others[:, 0] < _SHORT_H * height
    many = int(column.sum())
    if not (column[: len(found)].any() or many >= (1 if between else _COLUMN)):
        return False
    sides = percentile(found[:, 0], 5), percentile(found[:, 2], 95)
    inside = sides[0] - height < left and right < sides[1] + height
    if in_row:
        return bool(inside or many >= _COLUMN)
    return bool(inside and len(group) > 1 and many > 1)


def _is_page_number(
    place: Floats, group: NDArray[np.int32], others: Floats, found: Floats, height: float
) -> bool:
    """Whether a text stands alone over or under all lines, in their middle."""
    left, y, right = place
    size = group[:, 3] / height
    if len(group) > _NUMBER_LETTERS or size.min() < _LONE_H[0] or size.max() > _LONE_H[1]:
        return False
    away = max(found[:, 1].min() - y, y - found[:, 1].max()) / height
    if not _FOOT_REACH_H[0] < away < _FOOT_REACH_H[1]:
        return False
    if (np.abs(others[:, 1] - y) < _FOOT_REACH_H[0] * height).any():
        return False
    sides = found[:, 0].min(), found[:, 2].max()
    middle = abs((left + right - sides[0] - sides[1]) / 2)
    return bool(min(middle, abs(left - sides[0]), abs(right - sides[1])) < _FOOT_PLACE_H * height)
