"""Lines as they were found: centre curve, foot and letters, in working pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.document import Points
from pagereader.segment.arrays import Map, median
from pagereader.segment.clean import Letters
from pagereader.segment.cuts import Piece
from pagereader.segment.parameters import Parameters

LETTER_H = 0.45
"""Lower ones are stops, accents and dust."""

_FOOT_H = (0.15, 0.85)  # a baseline lies this far under the centre of its line
_FOOT_STEP_H = 0.15
_OWNERS_STEP_H = 0.5  # curves bend so little that every such part of them is straight
_LEAST_INK = 0.5  # of a line with few letters, as a share of the usual
_COVERED = 0.3  # share of a line that its letters take up,
_SHORT_H = 14.0  # where it is not so long that words of several lines may be joined
_DASH_H = 0.35  # dashes are lower,
_DASH_LONG = 2.0  # so many times as wide as high,
_DASHES = 3  # so many,
_FILLED_H = 3.0  # and fill up so much of a line at least,
_FILLED = 0.35  # in this share
_LARGE = 1.4  # letters of headings stand on lines of their own size


@dataclass(slots=True)
class FoundLine:
    """A line of text in pixels of the working copy.

    Attributes:
        centre: Through the middle of its letters, left to right, shape (n, 2), n >= 2.
        foot: From there down to the baseline.
        height: Median height of its letters.
        boxes: Left, top, width, height, area of its letters, shape (m, 5).
        initial: Whether it is a drop capital.
    """

    centre: Points
    foot: float
    height: float
    boxes: NDArray[np.int32]
    initial: bool = False

    @property
    def baseline(self) -> Points:
        """Through the feet of its letters."""
        return np.asarray(self.centre + np.array([0.0, self.foot]), np.float64)

    @property
    def box(self) -> NDArray[np.float64]:
        """Left, top, right, bottom of the centre curve."""
        x, y = self.centre.T.tolist()  # few enough for lists to be faster
        return np.array([min(x), min(y), max(x), max(y)], np.float64)


def lines_with_letters(
    pieces: list[Piece],
    letters: Letters,
    density: Map,
    height: float,
    factor: float,
    parameters: Parameters,
) -> tuple[list[FoundLine], list[FoundLine]]:
    """Return the pieces that hold letters, with their feet, in working pixels.

    Args:
        pieces: Lines on the map.
        letters: Ink and its components, in working pixels.
        density: The map.
        height: Letter height in working pixels.
        factor: Map pixels a working pixel.
        parameters: Limits.

    Returns:
        Those with letters enough for their length, and those with few but no less ink.
    """
    owner = _owners(pieces, letters, height, factor)
    order = np.argsort(owner, kind="stable")
    first = np.searchsorted(owner[order], np.arange(len(pieces) + 1))
    boxes = letters.boxes[order]
    found: list[FoundLine] = []
    doubted: list[FoundLine] = []
    least_ink = _LEAST_INK * median([piece.ink for piece in pieces]) if pieces else 0.0
    for i, piece in enumerate(pieces):
        own = boxes[first[i] : first[i + 1]]
        tall = own[own[:, 3] > parameters.tall_h * height]
        few = len(tall) < piece.length / (parameters.letter_every_h * height * factor)
        if piece.length < _SHORT_H * height * factor:
            few |= float(own[:, 2].sum()) * factor < _COVERED * piece.length
        if few and (piece.ink < least_ink or not len(own)):
            continue
        piece = _without_dashes(piece, own, tall, height, factor)
        x, y = (piece.x + 0.5) / factor, (piece.y + 0.5) / factor
        foot = foot_of(piece, density, height * factor) / factor
        if _is_large_print(tall, height):
            middle = np.interp(tall[:, 0] + tall[:, 2] / 2, x, y)
            foot = median(tall[:, 1] + tall[:, 3] - middle)
        count = max(2, int((x[-1] - x[0]) / (2 * height)) + 1)
        if len(x) > 1:
            at = _evenly(len(x), min(count, len(x)))
            size = median(tall[:, 3]) if len(tall) else height
            line = FoundLine(np.column_stack([x[at], y[at]]), foot, size, own)
            (doubted if few else found).append(line)
    return found, doubted


def _evenly(length: int, count: int) -> NDArray[np.intp]:
    """So many places of a curve, the first and the last among them."""
    at = (np.arange(count) * ((length - 1) / (count - 1))).astype(np.intp)
    at[-1] = length - 1
    return at


def _without_dashes(
    piece: Piece, own: NDArray[np.int32], tall: NDArray[np.int32], height: float, factor: float
) -> Piece:
    """Return a line without the dashes that fill it up to the margin, before it and after it."""
    low = own[(own[:, 3] < _DASH_H * height) & (own[:, 2] > _DASH_LONG * own[:, 3])]
    if not len(tall) or len(low) < _DASHES:
        return piece
    left, right = tall[:, 0].min(), (tall[:, 0] + tall[:, 2]).max()
    first, last = (piece.x[[0, -1]] + 0.5) / factor
    keep = np.ones(len(piece.x), bool)
    for free, there, beyond in (
        (left - first, low[:, 0] < left, piece.x < (left - 1) * factor),
        (last - right, low[:, 0] > right, piece.x > (right + 1) * factor),
    ):
        filled = there.sum() >= _DASHES and low[there, 2].sum() > _FILLED * free
        if filled and free > _FILLED_H * height:
            keep &= ~beyond
    if keep.sum() < 2:
        return piece
    return replace(piece, x=piece.x[keep], y=piece.y[keep])


def _is_large_print(letters: NDArray[np.int32], height: float) -> bool:
    """Whether most letters are single ones, far larger than the page's; no joined words."""
    if not len(letters):
        return False
    single = letters[:, 2] < 1.3 * letters[:, 3]
    large = letters[:, 3] > _LARGE * height
    return int(np.count_nonzero(single & large)) > 0.6 * len(letters)


def foot_of(piece: Piece, density: Map, height: float) -> float:
    """Return how far under its centre the letters of a line stand, in map pixels.

    There the ink falls off most steeply: descenders are few, and words of joined letters have
    no foot of their own.
    """
    rows, columns = density.shape
    low, high = (share * height for share in _FOOT_H)
    step = _FOOT_STEP_H * height
    reach = np.arange(int(high + step) + 2)
    y = np.maximum(np.rint(piece.y).astype(np.intp), 0) + reach[:, None]
    np.minimum(y, rows - 1, out=y)
    ink = density.ravel().take(y * columns + piece.x.astype(np.intp)).mean(axis=1)
    at = np.arange(low, high, 0.1)
    fall = np.interp(at - step, reach, ink) - np.interp(at + step, reach, ink)
    return float(at[int(fall.argmax())])


def _owners(
    pieces: list[Piece], letters: Letters, height: float, factor: float
) -> NDArray[np.int32]:
    """Which piece each component lies on: its position in ``pieces``, or -1."""
    rows, columns = letters.ink.shape
    size = max(1, round(rows * factor)), max(1, round(columns * factor))
    labels = np.zeros(size, np.int32)
    thickness = 2 * max(1, int(0.6 * height * factor))
    step = max(1, int(_OWNERS_STEP_H * height * factor))
    for i, piece in enumerate(pieces):
        at = np.append(np.arange(0, len(piece.x) - 1, step), len(piece.x) - 1)
        curve = np.column_stack([piece.x[at], piece.y[at]]).round().astype(np.int32)
        cv2.polylines(labels, [curve], False, (i + 1,), thickness)
    boxes = letters.boxes
    x = ((boxes[:, 0] + boxes[:, 2] / 2) * factor).astype(np.intp)
    y = ((boxes[:, 1] + boxes[:, 3] / 2) * factor).astype(np.intp)
    return np.asarray(labels[np.clip(y, 0, size[0] - 1), np.clip(x, 0, size[1] - 1)] - 1, np.int32)
