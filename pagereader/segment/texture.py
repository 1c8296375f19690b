"""Whether what was found is text at all, or the grain of a photograph or of noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pagereader.segment.arrays import Floats, Map
from pagereader.segment.cuts import Piece
from pagereader.segment.found import LETTER_H, FoundLine

_STANDS_OUT = 1.5  # ink of a line, as a multiple of that right over or under it
_MANY = 12
_COLUMNS = 6  # every so many columns of a line tell enough
_SHORT_H = 3.0
_LEAST_HEIGHT = 8.0  # pixels; smaller letters cannot be told from grain
_UNEVEN = 0.35  # spread of the letters' heights, as a share of their mean
_ALL_ALIKE = 0.05  # spread of heights and of widths, under which they are dots of a screen


def is_texture(
    pieces: list[Piece], lines: list[FoundLine], density: Map, map_height: float, height: float
) -> bool:
    """Return whether the lines of a page do not stand out as text does.

    Lines of text are far denser than the space between them, and their letters are not all of
    one shape; and where all pieces are short, as in tables of figures, their letters are at
    least legible and even in height.

    Args:
        pieces: Lines on the map.
        lines: The same in working pixels.
        density: The map.
        map_height: Letter height on it.
        height: Letter height in working pixels.
    """
    if len(pieces) < _MANY or not lines:
        return False
    letters = np.concatenate([line.boxes[:, 2:4] for line in lines])
    letters = letters[letters[:, 1] > LETTER_H * height]
    if len(letters) and (letters.std(axis=0) < _ALL_ALIKE * letters.mean(axis=0)).all():
        return True
    lengths = np.array([piece.length for piece in pieces])
    inner, outer = _inside_and_beside(pieces, density, map_height)
    if (inner * lengths).sum() < _STANDS_OUT * (outer * lengths).sum():
        return True
    if lengths.mean() > _SHORT_H * map_height:
        return False
    if height < _LEAST_HEIGHT or not len(letters):
        return True
    sizes = letters[:, 1]
    return float(sizes.std()) > _UNEVEN * float(sizes.mean())


def _inside_and_beside(pieces: list[Piece], density: Map, height: float) -> tuple[Floats, Floats]:
    """Mean ink along each line, and over or under it, where there is less, each shape (n,)."""
    middle = np.arange(-int(0.3 * height), int(0.3 * height) + 1)
    beside = np.arange(int(0.9 * height), int(1.3 * height) + 1)
    counts = np.array([len(piece.x[::_COLUMNS]) for piece in pieces])
    starts = np.cumsum(counts) - counts
    x = np.concatenate([piece.x[::_COLUMNS] for piece in pieces]).astype(np.intp)
    y = np.rint(np.concatenate([piece.y[::_COLUMNS] for piece in pieces])).astype(np.intp)

    def ink(offsets: NDArray[np.intp]) -> Floats:
        rows = np.clip(y + offsets[:, None], 0, density.shape[0] - 1)
        band = density[rows, x].mean(axis=0, dtype=np.float64)
        return np.asarray(np.add.reduceat(band, starts) / counts, np.float64)

    return ink(middle), np.minimum(ink(beside), ink(-beside))
