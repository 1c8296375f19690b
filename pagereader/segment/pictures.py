"""Pictures: maps, engravings, photographs and ornaments, in which lines were found but none is.

Text is told from drawing by two things. Letters are of one size, where strokes of a drawing
are specks or run far over and under the line; and between lines of text there is white, even
where loops hang into it. What ink lies in no such line is drawn. Where that outweighs the text
around there is a picture, and what was taken for text on it goes, unless it is beyond doubt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import (
    Floats,
    Map,
    Mask,
    components,
    dilated,
    doubled,
    halved,
    labelled,
    opened,
)
from pagereader.segment.clean import Letters
from pagereader.segment.found import FoundLine

_LETTER_H = (0.45, 3.2)  # letters are so high, with their loops
_LINE_H = 0.6  # half the height of a line
_VALLEY_H = (0.45, 1.3)  # over and under it, at such a distance, are rows
_ROW_H = 0.2  # so far apart
_VALLEY = (0.4, 0.25)  # with at most this share of its ink; with so much, on pictures
_OF_LETTERS = (0.5, 0.7)  # and letters make at least this share of its ink; so much
_MAP_LETTER = 6.0  # pixels that a letter is high on the map, or up to 1.5 times more or less
_STEP_H = 0.3  # columns that are looked at
_LONG_H = 8.0  # shorter texts on a picture are names on it, or chance
_VERY_LONG_H = 15.0  # such a line has white beside it only if it is text
_TEXT_H = 1.1  # a line of text owns the ink up to here over and under its middle
_AROUND_H = 6.0  # side of what is around a place
_DRAWN = 0.03  # share of drawn ink around every place of a picture,
_CORE = 0.07  # around one at least,
_CORE_TIMES = 3.0  # and how many times as much as of text there
_SOLID = 0.4  # ink of a map pixel that is not only grazed by it
_STRAIGHT_H = 8.0  # length of what is ruled, not written
_NEAR_H = 6.0  # parts of one picture stand at most so far apart
_LEAST_H = 6.0  # shorter side of the smallest picture: large print and flourishes are less
_OUTWEIGHS = 1.0  # drawn ink inside it, as a multiple of text
_ON_IT = 0.5  # share of a line that stands on it
_MOST = 50
_DESCENDER = 1.3  # letters with a descender are so much higher than others


@dataclass(slots=True)
class _Page:
    """What pictures are looked for with.

    Attributes:
        ink: Map of all ink but rulings.
        height: Letter height H in working pixels.
        factor: Map pixels a working pixel.
    """

    ink: Map
    height: float
    factor: float

    @property
    def unit(self) -> float:
        """H on the map."""
        return self.height * self.factor


def without_pictures(
    lines: list[FoundLine], letters: Letters, outside: Mask, height: float
) -> tuple[list[FoundLine], NDArray[np.int32]]:
    """Return the lines that do not stand on pictures, and the pictures.

    Args:
        lines: What may be text, in working pixels.
        letters: Ink of the page.
        outside: What is too dark for paper.
        height: Letter height H in working pixels.

    Returns:
        Lines, and left, top, width, height of each picture in working pixels, shape (n, 4).
    """
    if not lines:
        return lines, np.zeros((0, 4), np.int32)
    times = max(0, round(math.log2(height / _MAP_LETTER)))
    page = _Page(_ink_map(letters.text, outside, height, times), height, 0.5**times)
    text = _likeness(lines, page)
    lengths = np.array([np.ptp(line.centre[:, 0]) for line in lines]) / height
    clear = (text[:, 1] >= _OF_LETTERS[0]) | (lengths > _VERY_LONG_H)
    clear &= text[:, 0] <= _VALLEY[0]
    hulls, boxes = _pictures(_written(lines, clear, letters, page), page)
    if not len(boxes):
        return lines, boxes
    sure = (lengths > _LONG_H) & (text[:, 0] <= _VALLEY[1]) & (text[:, 1] >= _OF_LETTERS[1])
    share = np.array([_share_on(line, hulls, page) for line in lines])
    kept = [line for line, stays in zip(lines, sure | (share < _ON_IT), strict=True) if stays]
    return kept, boxes


def _ink_map(text: Mask, outside: Mask, height: float, times: int) -> Map:
    """All ink but rulings and frames, and the dark parts of photographs."""
    unit = height / 2**times
    values = _halved_mask(text, times)
    solid = (values > _SOLID).astype(np.uint8)
    straight = opened(solid, _STRAIGHT_H * unit, 1) | opened(solid, 1, _STRAIGHT_H * unit)
    values[dilated(straight, 3, 3) > 0] = 0
    if outside.any():
        labels, stats = components((_halved_mask(outside, times) > 0.5).astype(np.uint8))
        rows, columns = values.shape
        x, y, w, h, _ = stats.T
        inside = (x > 0) & (y > 0) & (x + w < columns) & (y + h < rows)
        inside[0] = False
        values[inside[labels]] = 1
    return values


def _halved_mask(mask: Mask, times: int) -> Map:
    small = halved(mask * np.uint8(255), times)
    return np.asarray(small, np.float32) / np.float32(255)


def _likeness(lines: list[FoundLine], page: _Page) -> Floats:
    """How like text each line is, shape (n, 2).

    The first value is the ink over or under it where there is least, on the side with more, as
    a share of its own; the second one the share of its own ink that letters hold.
    """
    sizes = np.array([max(page.height, line.height) for line in lines]) * page.factor
    places = [_along(line, _STEP_H * size, page) for line, size in zip(lines, sizes, strict=True)]
    counts = np.array([len(x) for x, _ in places])
    starts = np.cumsum(counts) - counts
    x, y = (np.concatenate(values) for values in zip(*places, strict=True))
    offsets = np.arange(-_VALLEY_H[1], _VALLEY_H[1] + _ROW_H, _ROW_H)
    rows = np.round(y + offsets[:, None] * np.repeat(sizes, counts)).astype(np.intp)
    columns = np.clip(x, 0, page.ink.shape[1] - 1).astype(np.intp)
    ink = page.ink[np.clip(rows, 0, page.ink.shape[0] - 1), columns]
    band = np.add.reduceat(ink, starts, axis=1) / counts
    own = band[np.abs(offsets) <= _LINE_H].mean(axis=0) + 1e-6
    over = band[offsets <= -_VALLEY_H[0]].min(axis=0)
    under = band[offsets >= _VALLEY_H[0]].min(axis=0)
    area = own * 2 * _LINE_H * sizes * np.maximum(1, [np.ptp(x) for x, _ in places])
    letters = [
        _letter_area(line, size) for line, size in zip(lines, sizes / page.factor, strict=True)
    ]
    share = np.array(letters) * page.factor**2 / area
    return np.column_stack([np.maximum(over, under) / own, share])


def _letter_area(line: FoundLine, size: float) -> float:
    """Pixels of a line's letters, less what is too high or low for one."""
    heights, areas = line.boxes[:, 3:].T
    return float(areas[(heights > _LETTER_H[0] * size) & (heights < _LETTER_H[1] * size)].sum())


def _along(line: FoundLine, step: float, page: _Page) -> tuple[Floats, Floats]:
    """Places along the middle of a line, on the map."""
    x, y = line.centre.T * page.factor - 0.5
    at = np.arange(x[0], x[-1] + 1, max(1.0, step))
    return at, np.interp(at, x, y)


def _written(
    lines: list[FoundLine], clear: NDArray[np.bool_], letters: Letters, page: _Page
) -> Map:
    """The ink of lines that are clearly text, and of large print."""
    own = np.zeros(page.ink.shape, np.uint8)
    thickness = max(1, round(2 * _TEXT_H * page.unit))
    for line, is_clear in zip(lines, clear, strict=True):
        if is_clear:
            curve = (line.centre * page.factor).round().astype(np.int32)
            cv2.polylines(own, [curve], False, (1,), thickness)
    for x, y, w, h in letters.large * page.factor:
        left, top = max(0, int(x - h / 2)), int(y)  # what stands between two, and descenders
        own[top : int(y + _DESCENDER * h) + 1, left : int(x + w + h / 2) + 1] = 1
    return page.ink * own


def _pictures(written: Map, page: _Page) -> tuple[Mask, NDArray[np.int32]]:
    """Find where drawing outweighs text.

    Returns:
        A mask of pictures on the map, and their boxes in working pixels.
    """
    drawing = page.ink - written
    drawn, text = _around(drawing, page.unit), _around(written, page.unit)
    places = (drawn > _DRAWN) & (drawn > text)
    core = places & (drawn > _CORE) & (drawn > _CORE_TIMES * text)
    hulls, boxes = np.zeros(drawing.shape, np.uint8), []
    if core.any():
        near = dilated(places.astype(np.uint8), _NEAR_H * page.unit / 2, _NEAR_H * page.unit / 2)
        labels = labelled(near)
        for label in np.flatnonzero(np.bincount(labels[core]))[:_MOST]:
            part = (places & (labels == label)).astype(np.uint8)
            part = doubled(part, 1, drawing.shape, cv2.INTER_NEAREST)
            strokes = np.asarray(drawing > _SOLID, np.uint8)
            hull = _hull(part & strokes)
            if _is_picture(hull, drawing, written, page.unit):
                hulls |= hull
                boxes.append(cv2.boundingRect(hull))
    return hulls, np.round(np.array(boxes).reshape(-1, 4) / page.factor).astype(np.int32)


def _around(values: Map, unit: float) -> Map:
    """Mean of what is around each place, on a map half as large."""
    side = max(1, round(_AROUND_H * unit / 2))
    mean = cv2.blur(halved(values, 1), (side, side), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(mean, np.float32)


def _hull(strokes: Mask) -> Mask:
    hull = np.zeros_like(strokes)
    points = cv2.findNonZero(strokes)
    if points is not None:
        cv2.fillConvexPoly(hull, cv2.convexHull(points), (1,))
    return hull


def _is_picture(hull: Mask, drawing: Map, written: Map, unit: float) -> bool:
    """Whether a hull is large enough for a picture, and has little text on it."""
    if min(cv2.boundingRect(hull)[2:]) < _LEAST_H * unit:
        return False
    return bool((drawing * hull).sum() > _OUTWEIGHS * (written * hull).sum())


def _share_on(line: FoundLine, mask: Mask, page: _Page) -> float:
    x, y = _along(line, 1.0, page)
    rows = np.clip(np.round(y), 0, mask.shape[0] - 1).astype(np.intp)
    columns = np.clip(np.round(x), 0, mask.shape[1] - 1).astype(np.intp)
    return float(mask[rows, columns].mean())
