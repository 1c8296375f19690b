"""All steps from an upright working copy to its lines."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.segment.amounts import join_amounts
from pagereader.segment.arrays import Floats, Grey, Map, components, shrunk
from pagereader.segment.clean import Letters, keep_letters
from pagereader.segment.cuts import cut_rows, one_a_line
from pagereader.segment.found import LETTER_H, FoundLine, lines_with_letters
from pagereader.segment.headings import large_lines, once
from pagereader.segment.holes import in_holes
from pagereader.segment.initials import part_initials, with_initials
from pagereader.segment.insertions import insertions
from pagereader.segment.lines import distances, find_ridges, measured_again
from pagereader.segment.orientation import View
from pagereader.segment.parameters import Parameters
from pagereader.segment.pictures import without_pictures
from pagereader.segment.prepare import Ink, find_ink
from pagereader.segment.rows import rows_of
from pagereader.segment.scale import density_map, letter_height, measure, page_slope, sheared
from pagereader.segment.strays import stray_lines, without_edge_specks, without_edges
from pagereader.segment.texture import is_texture

_RULED = 0.25  # share of a map pixel that a vertical ruling must fill
_WORDS_H = 6.0  # a line of several words is longer
_FAR_MORE = 4.0
_AS_MUCH = 0.5
_LEAST_SIDE = 8  # pixels; nothing can be read on less
_MOST_INK = 0.4  # share of a page; more is a photograph or noise, not text


@dataclass(slots=True)
class FoundPage:
    """What was found on the working copy of a page, in the pixels of ``view``.

    Attributes:
        view: How these pixels lie on the image.
        height: Letter height, 0 if nothing was found.
        pitch: Distance between lines.
        slope: dy/dx of the lines.
        lines: In no particular order.
        letters: The ink; None if there is none.
        pictures: Left, top, width, height of each picture, shape (n, 4).
        tilt: Slope by which the copy was rotated to lie level.
    """

    view: View
    height: float = 0.0
    pitch: float = 0.0
    slope: float = 0.0
    lines: list[FoundLine] = field(default_factory=list)
    letters: Letters | None = None
    pictures: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 4), np.int32))
    tilt: float = 0.0

    @property
    def running_length(self) -> float:
        """Length of all lines long enough for several words, in letter heights."""
        lengths = [(line.box[2] - line.box[0]) / self.height for line in self.lines]
        return float(sum(length for length in lengths if length > _WORDS_H))

    def runs_better_than(self, other: FoundPage) -> bool:
        """Whether there is far more running text here, or hardly less in longer lines.

        Of text looked at from the side, as many pieces may be found, but short ones.
        """
        mine, theirs = self.running_length, other.running_length
        longer = mine * len(other.lines) > theirs * len(self.lines)
        return mine > _FAR_MORE * theirs or (mine > _AS_MUCH * theirs and longer)

    def level_boxes(self) -> Floats:
        """Left, centre y, right, half height of each line, laid level; shape (n, 4)."""
        result = np.zeros((len(self.lines), 4))
        for i, line in enumerate(self.lines):
            x, y = line.centre.T
            result[i] = x[0], float(np.mean(y - self.slope * x)), x[-1], line.height / 2
        return result


@dataclass(slots=True)
class Draft:
    """The ink of a working copy and its scale, before lines are looked for.

    Attributes:
        view: How it lies on the image.
        ink: Its ink.
        letters: What of that may be text.
        height: Letter height.
        density: Map of the letters.
        factor: Map pixels a working pixel.
    """

    view: View
    ink: Ink
    letters: Letters
    height: float
    density: Map
    factor: float


def draft(
    grey: Grey, view: View, parameters: Parameters, canvas: NDArray[np.bool_] | None = None
) -> Draft | None:
    """Find the ink of a working copy; None if nothing on it can be text."""
    if min(grey.shape) < _LEAST_SIDE:
        return None
    ink = find_ink(grey, parameters, canvas)
    found = components(ink.text)
    height = letter_height(found)
    if height is None or cv2.countNonZero(ink.text) > _MOST_INK * ink.text.size:
        return None
    letters = keep_letters(ink, height, found)
    if not len(letters.boxes):
        return None
    density, factor = density_map(letters.ink, height, parameters)
    return Draft(view, ink, letters, height, density, factor)


def find_lines(page: Draft, parameters: Parameters, barred: slice | None = None) -> FoundPage:
    """Return the lines of a page that stands upright and roughly level.

    Args:
        page: Its ink.
        parameters: Limits.
        barred: Columns of the working copy that no line may cross (the fold of a spread).
    """
    bars = page.letters.vertical | page.ink.outside
    if barred is not None:
        bars[:, barred] = 1
    factor = page.factor
    ruled = (shrunk(bars, factor) > _RULED).astype(np.float32)
    weak = shrunk(page.letters.weak, factor)
    slope = page_slope(page.density, page.height * factor)
    level = sheared(page.density, slope)
    scale = measure(level, page.height * factor, slope)
    ridges = find_ridges(page.density, level, scale, parameters)
    places = _places(page)
    away = distances(ridges, scale)
    own = [replace(scale, pitch=pitch) for pitch in np.minimum(away, scale.pitch)]
    rows = rows_of(ridges, page.density, weak, ruled, places, own)
    scale = measured_again(scale, ridges, away)
    pieces = one_a_line(cut_rows(rows, page.density, scale, parameters), scale.height)
    pieces = join_amounts(pieces, ruled, scale)
    lines, doubted = lines_with_letters(
        pieces, page.letters, page.density, page.height, factor, parameters
    )
    if is_texture(pieces, lines, page.density, scale.height, page.height):
        return FoundPage(page.view)
    lines = once(lines + large_lines(page.letters, scale.slope), page.height)
    pitch = scale.pitch / factor
    lines = part_initials(lines, page.letters, scale.slope, page.height, pitch)
    lines += in_holes(doubted, lines, page.height)
    lines += stray_lines(lines, page.letters, scale.slope, page.height)
    lines += insertions(lines, page.letters, scale.slope, page.height)
    lines = without_edge_specks(lines, page.ink.outside, page.height)
    light = page.ink.light
    lines = without_edges(lines, light, len(light) / len(page.ink.text), page.height)
    letters = with_initials(page.letters, lines)
    kept, pictures = without_pictures(lines, letters, page.ink.outside, page.height)
    if len(kept) < len(lines):
        stays = {id(line) for line in kept}
        kept += in_holes([line for line in lines if id(line) not in stays], kept, page.height)
    return FoundPage(page.view, page.height, pitch, scale.slope, kept, page.letters, pictures)


def _places(page: Draft) -> Floats:
    """Middle x, middle y and height of what is as high as a letter, on the map; shape (n, 3).

    From left to right.
    """
    left, top, width, height = page.letters.boxes[:, :4].T * page.factor
    places = np.column_stack([left + width / 2, top + height / 2, height])
    places = places[height > LETTER_H * page.height * page.factor]
    return np.asarray(places[places[:, 0].argsort()], np.float64)
