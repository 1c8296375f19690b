"""Which way up a page is: quarter turns, and skew too large for the lines to be sheared level."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.document import Points
from pagereader.segment.arrays import Floats, Grey, percentile
from pagereader.segment.found import FoundLine
from pagereader.segment.scale import Strips, jaggedness

_SIDEWAYS = 1.3  # how much more jagged the columns' profile must be than the rows'
_NOT_LEVEL = 0.5  # the same where letters lie on their side
_UPRIGHT = 1.0  # standing of letters that surely stand
_LYING = -1.5  # and of those that surely lie
_LETTER_SIZE = (0.5, 1.7)  # of letters whose standing is looked at, in letter heights
_ELONGATED = 1.3
_FEW = 3
_WIDE = 0.28  # slopes looked at: 15 degrees
_LEVEL = 0.018  # one degree; lines and rulings that slope less are followed as they are
_SLIGHT = 0.035  # steeper lines must be clearly steeper: of others
_CLEARLY = 1.3  # the page is so many times less jagged
_LEAST_LETTER_H = 0.25
_LETTERS_A_LINE = 6
_LETTERS_A_PAGE = 40


@dataclass(frozen=True, slots=True)
class View:
    """How the working copy of a page lies on its image.

    Attributes:
        matrix: Working to image pixels, shape (2, 3); both count from the upper left corner.
    """

    matrix: Floats

    def to_image(self, points: Points) -> Points:
        """Map points of the working copy, shape (n, 2), to image pixels."""
        return np.asarray(points @ self.matrix[:, :2].T + self.matrix[:, 2], np.float64)

    def after(self, inner: Floats) -> View:
        """Return the view of a copy that was made from this one by the inverse of ``inner``."""
        return View(_chain(self.matrix, inner))

    def shrunk(self, factor: float) -> View:
        """Return the view of a copy that was made smaller."""
        return self.after(np.array([[1 / factor, 0, 0], [0, 1 / factor, 0]]))

    @property
    def magnification(self) -> float:
        """Image pixels a working pixel."""
        return float(abs(np.linalg.det(self.matrix[:, :2])) ** 0.5)


def _chain(outer: Floats, inner: Floats) -> Floats:
    full = np.vstack([outer, [0, 0, 1]]) @ np.vstack([inner, [0, 0, 1]])
    return np.asarray(full[:2], np.float64)


def turned(grey: Grey, view: View, degrees: int) -> tuple[Grey, View]:
    """Turn a working copy clockwise by 0, 90, 180 or 270 degrees."""
    height, width = grey.shape
    back = {
        0: [[1, 0, 0], [0, 1, 0]],
        90: [[0, 1, 0], [-1, 0, height]],
        180: [[-1, 0, width], [0, -1, height]],
        270: [[0, -1, width], [1, 0, 0]],
    }[degrees]
    upright = np.ascontiguousarray(np.rot90(grey, -(degrees // 90)))
    return upright, view.after(np.array(back, np.float64))


def levelled(grey: Grey, view: View, slope: float) -> tuple[Grey, View, NDArray[np.bool_]]:
    """Rotate a working copy so that lines of ``slope`` lie level.

    Returns:
        The rotated copy on a larger canvas of paper colour, its view, and what of it is canvas.
    """
    height, width = grey.shape
    angle = np.arctan(slope)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    new_width = int(np.ceil(width * cos + height * abs(sin)))
    new_height = int(np.ceil(height * cos + width * abs(sin)))
    turn = np.array([[cos, -sin], [sin, cos]])  # level to sloping
    shift = np.array([width, height]) / 2 - turn @ np.array([new_width, new_height]) / 2
    back = np.column_stack([turn, shift])
    by_index = back.copy()  # OpenCV counts from the middle of the first pixel
    by_index[:, 2] += turn @ np.array([0.5, 0.5]) - 0.5
    paper = percentile(grey[::8, ::8], 80)
    size = (new_width, new_height)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    level = cv2.warpAffine(grey, by_index, size, flags=flags, borderValue=(paper,))
    whole = cv2.warpAffine(np.ones_like(grey), by_index, size, flags=cv2.WARP_INVERSE_MAP)
    return np.asarray(level, np.uint8), view.after(back), np.asarray(whole) == 0


def steepness(ink: Strips | None) -> float:
    """Return the slope of the lines, up to 15 degrees, from one degree on; else 0."""
    if ink is None:
        return 0.0
    slopes = np.linspace(-_WIDE, _WIDE, 57)
    score = np.array([jaggedness(ink, float(slope)) for slope in slopes])
    best = int(score.argmax())
    slight = np.abs(slopes) <= _SLIGHT
    if score[best] < _CLEARLY * score[slight].max():
        best = int(np.where(slight, score, 0).argmax())
    fine = slopes[best] + np.linspace(-0.01, 0.01, 9)
    slope = float(max(fine, key=lambda slope: jaggedness(ink, float(slope))))
    return slope if abs(slope) > _LEVEL else 0.0


def is_sideways(across: Strips | None, along: Strips | None, standing: float) -> bool:
    """Whether the lines run up or down the page: then its columns' profile is the jagged one.

    Args:
        across: Ink of the page.
        along: Ink of the page with its columns laid as rows.
        standing: Of its letters, see :func:`standing`.
    """
    if across is None or along is None:
        return False
    if _is_rougher(along, across, _SIDEWAYS, power=1):
        return True
    # Squares tell also where there are few lines, but take columns of figures for lines.
    if standing > _UPRIGHT:
        return False
    needed = _SIDEWAYS if standing > _LYING else _NOT_LEVEL
    return _is_rougher(along, across, needed, power=2)


def standing(letters: NDArray[np.int32], height: float) -> float:
    """Return how many more letters are clearly higher than wide than the other way round.

    Args:
        letters: Left, top, width, height and area of each, shape (n, 5).
        height: Usual height of letters.

    Returns:
        The logarithm of the ratio. Printed letters stand; of joined hands it says nothing.
    """
    width, high = letters[:, 2], letters[:, 3]
    size = np.maximum(width, high) / height
    letter = (size > _LETTER_SIZE[0]) & (size < _LETTER_SIZE[1])
    tall, wide = (_ELONGATED * width < high) & letter, (_ELONGATED * high < width) & letter
    return float(np.log((tall.sum() + _FEW) / (wide.sum() + _FEW)))


def _is_rougher(along: Strips, across: Strips, times: float, power: int) -> bool:
    slopes = sorted(np.linspace(-_WIDE, _WIDE, 29), key=abs)  # most pages are upright and level
    most = max(jaggedness(along, float(slope), power) for slope in slopes)
    return all(most > times * jaggedness(across, float(slope), power) for slope in slopes)


def uprightness(lines: list[FoundLine], height: float) -> float:
    """Return how much more the tops of letters vary in height than their feet.

    Letters stand on one line and end at two, the small ones' and the ascenders'; descenders
    are few, and stops stand on the line as well.

    Returns:
        The logarithm of the ratio of mean deviations; 0 if too few letters tell. Negative: the
        page may stand on its head.
    """
    tops, feet = [], []
    for line in lines:
        sizes = line.boxes[:, 2:4]
        letters = (sizes[:, 1] > _LEAST_LETTER_H * height) & (sizes[:, 0] < 1.3 * sizes[:, 1])
        boxes = line.boxes[letters]
        if len(boxes) < _LETTERS_A_LINE:
            continue
        centre = np.interp(boxes[:, 0] + boxes[:, 2] / 2, *line.centre.T)
        tops.append(_deviations(centre - boxes[:, 1]))
        feet.append(_deviations(boxes[:, 1] + boxes[:, 3] - centre))
    if sum(map(len, tops)) < _LETTERS_A_PAGE:
        return 0.0
    over, under = (float(np.mean(np.concatenate(values))) for values in (tops, feet))
    return float(np.log((over + 0.01 * height) / (under + 0.01 * height)))


def _deviations(values: Floats) -> Floats:
    middle = len(values) // 2
    return np.asarray(np.abs(values - np.partition(values, middle)[middle]), np.float64)
