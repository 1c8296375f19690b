"""What is ink but not text: rulings, borders, punch holes, blots, frames and dust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import (
    Components,
    Labels,
    Mask,
    closed,
    components,
    dilated,
    kernel,
    picked,
)
from pagereader.segment.prepare import Ink

_DISC_H = 0.8  # least size of a disc
_DISC_DEPTH = 0.28  # its inner radius, as a share of its size
_LETTER_SIZE_H = 1.6  # what is no larger may be a letter that is blotted full:
_ROUND_DEPTH = 0.38  # a disc so small must be rounder
_MANY_COLUMNS = 0.2  # share of them from which on they are no longer gathered
_FEW_DISCS = 100  # are measured one by one, more all at once
_LARGE_H = 2.0  # letters of headings and posters are higher,
_LARGE_WIDTH = 2.0  # at most so many times as wide as high,
_LARGE_ALIKE = 1.8  # differ so much in size
_LARGE_LEVEL = 0.25  # and so much, of it, in where they stand
_MOST_LARGE = 400
_MOSTLY = 0.67  # share of them that stands in rows


@dataclass(slots=True)
class Letters:
    """The ink that may be text.

    Attributes:
        ink: Shape (height, width).
        text: The same with what cannot be letters, but no rulings; pictures are made of it.
        weak: The same with faint text, where it is not of a shape that text never has.
        vertical: Vertical rulings, with their breaks closed.
        horizontal: Horizontal rulings.
        boxes: Left, top, width, height, area of each component, shape (n, 5).
        large: Left, top, width, height of letters of large print, shape (m, 4).
    """

    ink: Mask
    text: Mask
    weak: Mask
    vertical: Mask
    horizontal: Mask
    boxes: NDArray[np.int32]
    large: NDArray[np.int32]


def keep_letters(ink: Ink, height: float, found: Components) -> Letters:
    """Take everything out of ``ink`` that is no letter of about ``height`` pixels.

    Args:
        ink: Of the page.
        height: Letter height.
        found: The components of ``ink.text``.
    """
    vertical = find_rulings(ink.faint, height, vertical=True)
    horizontal = find_rulings(ink.faint, height, vertical=False)
    rulings = vertical | horizontal
    text = _without(_without(ink.text, rulings), _dashes(ink.text, height))
    labels, stats = found if text is ink.text else components(text)
    large = _large_print(stats, height)
    bad = _no_letters(text, labels, stats, height) & ~large
    bad |= _at_border(text, labels, stats, ink.outside, height)
    bad[0] = True
    good = picked(~bad, labels)
    weak = np.asarray(cv2.subtract(_without(ink.weak, rulings), text), np.uint8)
    weak |= good
    return Letters(
        ink=good,
        text=text,
        weak=weak,
        vertical=_without_breaks(vertical, 10 * height),
        horizontal=horizontal,
        boxes=stats[~bad],
        large=stats[large, :4],
    )


def find_rulings(ink: Mask, height: float, *, vertical: bool) -> Mask:
    """Return thin straight rules: long runs after breaks were bridged, less what is thick.

    Dilating across the rule first lets it drift by a pixel.
    """
    first, bridge, last = (2.5, 4.0, 12.0) if vertical else (4.0, 4.0, 16.0)

    def along(length: float) -> tuple[float, float]:
        return (length, 1) if vertical else (1, length)

    across = (1, 3) if vertical else (3, 1)
    mask = straight(dilated(ink, *across), *along(max(first * height, 12)))
    if not mask.any():
        return mask
    at = _lines(np.asarray(mask.any(axis=0 if vertical else 1)), upright=vertical)
    bridged = closed(mask[at], *along(bridge * height))
    mask[at] = straight(bridged, *along(last * height))
    thickness = 0.35 * height + 3
    return _without(mask, straight(mask, *((1, thickness) if vertical else (thickness, 1))))


def _without_breaks(vertical: Mask, longest: float) -> Mask:
    """Close the breaks of vertical rulings, looking at the columns that hold any."""
    columns = np.asarray(vertical.any(axis=0))
    if columns.any():
        at = _lines(columns, upright=True)
        vertical[at] = closed(vertical[at], longest, 1)
    return vertical


def straight(mask: Mask, height: float, width: float) -> Mask:
    """Keep what holds a column or row of so many pixels, 1 x ``width`` or ``height`` x 1.

    Unlike ``opened`` it counts the outside as set: a rule that runs off the page is still a rule.
    Only where such a run may be is looked closer.
    """
    upright = height > width
    element = kernel(height, width)
    places = _may_hold(mask, element.size, upright)
    result = np.zeros_like(mask)
    if places.any():
        at = _lines(places, upright)
        result[at] = cv2.dilate(cv2.erode(mask[at], element), element)
    return result


def _lines(wanted: NDArray[np.bool_], upright: bool) -> tuple[slice, Any] | NDArray[np.intp]:
    """The rows that are wanted, or the columns: if many, with those between, which is no copy."""
    places = np.flatnonzero(wanted)
    if not upright:
        return places
    many = len(places) > _MANY_COLUMNS * len(wanted)
    return slice(None), slice(places[0], places[-1] + 1) if many else places


def _may_hold(mask: Mask, length: int, upright: bool) -> NDArray[np.bool_]:
    """Which columns or rows may hold so long a run: those with as many full blocks of 8.

    At the edge half the run is enough, as the outside is set; with an odd number of blocks, half
    of them fit in there too. A last block that is cut short counts as full.
    """
    rows, columns = mask.shape
    blocks = ((length - 7) // 8 - 1) // 2 * 2 + 1
    if blocks < 1:
        return np.asarray(mask.any(axis=0 if upright else 1))
    if upright:
        whole = rows // 8
        full = np.ones((-(-rows // 8), columns), np.uint8)
        mask[: 8 * whole].reshape(whole, 8, columns).min(axis=1, initial=1, out=full[:whole])
        return np.asarray(cv2.erode(full, kernel(blocks, 1)).any(axis=0))
    full = (np.packbits(mask, axis=1) == 255).view(np.uint8)
    full[:, columns // 8 :] = 1
    return np.asarray(cv2.erode(full, kernel(1, blocks)).any(axis=1))


def _without(mask: Mask, gone: Mask) -> Mask:
    return np.asarray(cv2.subtract(mask, gone), np.uint8) if gone.any() else mask


def _dashes(ink: Mask, height: float) -> Mask:
    """Short rules that stand alone."""
    solid = straight(ink, 1, max(6 * height, 25))
    if not solid.any():
        return solid
    return dilated(_without(solid, straight(solid, 0.3 * height + 1, 1)), 3, 1)


def _no_letters(
    ink: Mask, labels: Labels, stats: NDArray[np.int32], height: float
) -> NDArray[np.bool_]:
    """Which components are no letters."""
    rows, columns = ink.shape
    x, y, w, h, area = stats.T
    fill, size = area / (w * h), np.maximum(w, h)
    edge = (x <= 1) | (y <= 1) | (x + w >= columns - 1) | (y + h >= rows - 1)
    bad = (h > 2.5 * height) & (w > 2.5 * height) & (fill > 0.5)
    bad |= edge & ((h > 3 * height) | (w > 5 * height))
    bad |= ((h > 8 * height) & (w < 1.6 * height)) | ((w > 8 * height) & (h < 0.3 * height))
    bad |= (h > 25 * height) | ((w > 2.5 * height) & (h < 0.3 * height) & (fill > 0.6))
    bad |= (w > 6 * height) & (h < 0.8 * height) & (fill > 0.5)
    bad |= (w > 10 * height) & (h < 1.5 * height) & (fill < 0.5)
    bad |= (size < 0.18 * height) | (area < 4)
    bad |= _discs(ink, labels, stats, height)
    return np.asarray(bad, np.bool_)


def _large_print(stats: NDArray[np.int32], height: float) -> NDArray[np.bool_]:
    """Which components are letters far larger than the page's, three or more in a row."""
    x, y, w, h, _ = stats.T.astype(np.float64)
    found = np.flatnonzero((h > _LARGE_H * height) & (w < _LARGE_WIDTH * h))[:_MOST_LARGE]
    x, y, w, h = x[found], y[found], w[found], h[found]
    size = np.minimum.outer(h, h)
    gap = np.maximum.outer(x, x) - np.minimum.outer(x + w, x + w)
    beside = (np.maximum.outer(h, h) < _LARGE_ALIKE * size) & (gap < size) & (gap > -0.3 * size)
    beside &= np.abs(np.subtract.outer(y + h, y + h)) < _LARGE_LEVEL * size
    np.fill_diagonal(beside, False)
    middle = beside.sum(axis=0) > 1
    in_row = middle | beside[middle].any(axis=0)
    large = np.zeros(len(stats), bool)
    if in_row.sum() > _MOSTLY * len(found):  # in pictures some stand in rows by chance
        large[found[in_row]] = True
    return large


def _at_border(
    ink: Mask,
    labels: Labels,
    stats: NDArray[np.int32],
    outside: Mask,
    height: float,
) -> NDArray[np.bool_]:
    """What hangs on the dark surroundings of the page and is larger than letters."""
    touching = np.zeros(len(stats), bool)
    if outside.any():
        rim = dilated(outside, 5, 5) & (1 - outside) & ink
        touching[labels[rim > 0]] = True
    return touching & ((stats[:, 3] > 3 * height) | (stats[:, 2] > 5 * height))


def _discs(ink: Mask, labels: Labels, stats: NDArray[np.int32], height: float) -> NDArray[np.bool_]:
    """Solid discs (punch holes): thick for their size, unlike any letter.

    How thick is measured only where a square of the least disc's inside fits, of components that
    are as wide and full as a disc so thick: few letters are.
    """
    sides, area = stats[:, 2:4], stats[:, 4]
    size = sides.max(axis=1)
    depth = np.where(size < _LETTER_SIZE_H * height, _ROUND_DEPTH, _DISC_DEPTH) * size
    round_ones = (size > _DISC_H * height) & (area > 2 * depth**2)
    round_ones &= sides.min(axis=1) + 1 >= 2 * depth
    inside = np.flatnonzero(_eroded(ink, 1.3 * _ROUND_DEPTH * _DISC_H * height).view(np.bool_))
    inside = inside[round_ones[labels.ravel()[inside]]]
    return np.asarray(_depths(ink, labels, stats, inside) > depth)


def _depths(
    ink: Mask, labels: Labels, stats: NDArray[np.int32], inside: NDArray[np.intp]
) -> NDArray[np.float32]:
    """How far the inmost pixel of each component lies from what is no ink; 0 where not asked.

    Args:
        ink: Shape (height, width).
        labels: Its components.
        stats: Their boxes.
        inside: Numbers of the pixels that may be the inmost ones, in the flattened mask.
    """
    depths, there = np.zeros(len(stats), np.float32), labels.ravel()[inside]
    wanted = np.flatnonzero(np.bincount(there))
    if len(wanted) > _FEW_DISCS:
        depth = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
        np.maximum.at(depths, there, depth.ravel()[inside])
        return depths
    for label in wanted:
        x, y, w, h, _ = stats[label]
        part = slice(max(0, y - 1), y + h + 1), slice(max(0, x - 1), x + w + 1)
        depth = cv2.distanceTransform(ink[part], cv2.DIST_L2, 3)
        depths[label] = depth[labels[part] == label].max()
    return depths


def _eroded(mask: Mask, side: float) -> Mask:
    return np.asarray(cv2.erode(mask, kernel(side, side)), np.uint8)
