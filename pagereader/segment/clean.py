"""What is ink but not text: rulings, borders, punch holes, blots, frames and dust."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import Mask, closed, components, dilated, kernel
from pagereader.segment.prepare import Ink


@dataclass(slots=True)
class Letters:
    """The ink that may be text.

    Attributes:
        ink: Shape (height, width).
        weak: The same with faint text, where it is not of a shape that text never has.
        vertical: Vertical rulings, with their breaks closed.
        horizontal: Horizontal rulings.
        boxes: Left, top, width, height, area of each component, shape (n, 5).
        pictures: Left, top, width, height of blots too big for letters, shape (m, 4).
    """

    ink: Mask
    weak: Mask
    vertical: Mask
    horizontal: Mask
    boxes: NDArray[np.int32]
    pictures: NDArray[np.int32]


def keep_letters(ink: Ink, height: float) -> Letters:
    """Take everything out of ``ink`` that is no letter of about ``height`` pixels."""
    vertical = find_rulings(ink.faint, height, vertical=True)
    horizontal = find_rulings(ink.faint, height, vertical=False)
    text = ink.text.copy()
    text[(vertical > 0) | (horizontal > 0) | (_dashes(text, height) > 0)] = 0
    labels, stats = components(text)
    bad, blots = _no_letters(text, labels, stats, height)
    bad |= _at_border(text, labels, stats, ink.outside, height)
    bad[0] = True
    good = (~bad).astype(np.uint8)[labels]
    weak = ink.weak & (1 - (text | vertical | horizontal)) | good
    return Letters(
        ink=good,
        weak=weak,
        vertical=closed(vertical, 10 * height, 1),
        horizontal=horizontal,
        boxes=stats[~bad],
        pictures=stats[blots, :4],
    )


def find_rulings(ink: Mask, height: float, *, vertical: bool) -> Mask:
    """Return thin straight rules: long runs after breaks were bridged, less what is thick.

    Dilating across the rule first lets it drift by a pixel.
    """
    first, bridge, last = (2.5, 4.0, 12.0) if vertical else (4.0, 4.0, 16.0)

    def along(length: float) -> tuple[float, float]:
        return (length, 1) if vertical else (1, length)

    across = (1, 3) if vertical else (3, 1)
    mask = _cut(dilated(ink, *across), *along(max(first * height, 12)))
    mask = closed(mask, *along(bridge * height))
    mask = _cut(mask, *along(last * height))
    thickness = 0.35 * height + 3
    thick = _cut(mask, *((1, thickness) if vertical else (thickness, 1)))
    return np.asarray(mask & (1 - thick), np.uint8)


def _cut(mask: Mask, height: float, width: float) -> Mask:
    """Opening that counts the outside as set: a rule that runs off the page is still a rule."""
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel(height, width)), np.uint8)


def _dashes(ink: Mask, height: float) -> Mask:
    """Short rules that stand alone."""
    solid = _cut(ink, 1, max(6 * height, 25))
    solid &= 1 - _cut(solid, 0.3 * height + 1, 1)
    return dilated(solid, 3, 1)


def _no_letters(
    ink: Mask, labels: NDArray[np.int32], stats: NDArray[np.int32], height: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which components are no letters, and which of these are blots or pictures."""
    rows, columns = ink.shape
    x, y, w, h, area = stats.T
    fill, size = area / (w * h), np.maximum(w, h)
    edge = (x <= 1) | (y <= 1) | (x + w >= columns - 1) | (y + h >= rows - 1)
    blots = (h > 2.5 * height) & (w > 2.5 * height) & (fill > 0.5)
    bad = blots | (edge & ((h > 3 * height) | (w > 5 * height)))
    bad |= ((h > 8 * height) & (w < height)) | ((w > 8 * height) & (h < 0.3 * height))
    bad |= (w > 6 * height) & (h < 0.8 * height) & (fill > 0.5)
    bad |= (w > 10 * height) & (h < 1.5 * height) & (fill < 0.5)
    bad |= (size < 0.18 * height) | (area < 4)
    bad |= _discs(ink, labels, size, height)
    blots[0] = False
    return bad, blots & ~edge


def _at_border(
    ink: Mask,
    labels: NDArray[np.int32],
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


def _discs(
    ink: Mask, labels: NDArray[np.int32], size: NDArray[np.int32], height: float
) -> NDArray[np.bool_]:
    """Solid discs (punch holes): thick for their size, unlike any letter."""
    depth = np.asarray(cv2.distanceTransform(ink, cv2.DIST_L2, 3), np.float32)
    ys, xs = np.nonzero(depth > 0.22 * height)
    inner = np.zeros(len(size), np.float32)
    np.maximum.at(inner, labels[ys, xs], depth[ys, xs])
    return (inner > 0.28 * size) & (size > 0.8 * height)
