"""A first look at a page, on a small copy: how large it is written and how it lies.

What it tells saves work: large letters need no large copy, and a page that is turned level
before its ink is looked for need not be looked at twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from pagereader.segment.arrays import Grey, Map, components, halved, picked, shrunk
from pagereader.segment.orientation import is_sideways, standing, steepness
from pagereader.segment.parameters import Parameters
from pagereader.segment.prepare import find_text
from pagereader.segment.scale import Strips, height_of, letter_like, strips

_LETTER = 18.0  # pixels that a letter is high on a working copy
_LEAST_PIXELS = 0.3e6  # of a working copy, if the page has so many
_WORTHWHILE = 0.9
_LEAST_SIDE = 400  # pixels; a page any smaller is looked at as it is
_MAP_LETTER = 6.0  # pixels that a letter is high on the map


@dataclass(frozen=True, slots=True)
class Look:
    """What a first look tells.

    Attributes:
        height: Letter height in the pixels of the page.
        density: Map of what may be letters.
        map_height: Letter height on the map.
        ink: The map's ink in strips; None if there is too little.
        standing: See :func:`standing`.
    """

    height: float
    density: Map
    map_height: float
    ink: Strips | None
    standing: float

    @property
    def tilt(self) -> float:
        """Slope of the lines if it is a degree or more, else 0."""
        return steepness(self.ink)

    @property
    def is_sideways(self) -> bool:
        """Whether the lines run up or down the page."""
        return is_sideways(self.ink, strips(self.density.T, self.map_height), self.standing)

    def fitting(self, pixels: int) -> float:
        """Return by how much a page of so many pixels may be shrunk without losing lines."""
        factor = max(_LETTER / self.height, (_LEAST_PIXELS / pixels) ** 0.5)
        return factor if factor < _WORTHWHILE else 1.0


def first_look(grey: Grey, parameters: Parameters) -> Look | None:
    """Look at a page; None if it shows no letters."""
    times = 1 if min(grey.shape) >= _LEAST_SIDE else 0
    small = halved(grey, times)
    ink = find_text(small, parameters)
    labels, stats = components(ink)
    letters = letter_like(stats, ink.shape)
    letters[0] = False
    height = height_of(stats[letters])
    if height is None:
        return None
    factor = min(1.0, _MAP_LETTER / height)
    density = shrunk(picked(letters, labels), factor)
    ink_in_strips = strips(density, height * factor)
    upright = standing(stats[letters], height)
    return Look(height * 2**times, density, height * factor, ink_in_strips, upright)
