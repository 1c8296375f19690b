"""Which pieces of lines hold letters."""

from __future__ import annotations

import numpy as np

from pagereader.segment.arrays import components
from pagereader.segment.clean import Letters
from pagereader.segment.cuts import Piece
from pagereader.segment.found import lines_with_letters
from pagereader.segment.parameters import Parameters

H = 10
SHAPE = (200, 600)


def letters_at(*boxes: tuple[int, int, int, int]) -> Letters:
    """Solid letters at left, top, right, bottom."""
    ink = np.zeros(SHAPE, np.uint8)
    for left, top, right, bottom in boxes:
        ink[top:bottom, left:right] = 1
    none = np.zeros(SHAPE, np.uint8)
    return Letters(ink, ink, ink, none, none, components(ink)[1][1:], np.zeros((0, 4), np.int32))


def piece(y: float, left: int, right: int) -> Piece:
    x = np.arange(left, right, dtype=np.float64)
    return Piece(x, np.full(len(x), y), 3.0, H)


def kept(letters: Letters, *pieces: Piece) -> list[float]:
    """Where the pieces that hold letters begin."""
    density = letters.ink.astype(np.float32)
    found, _ = lines_with_letters(list(pieces), letters, density, H, 1.0, Parameters())
    return [float(line.centre[0, 0]) for line in found]


def test_what_juts_out_of_other_lines_is_no_short_line() -> None:
    word = [(x, 45, x + 7, 55) for x in range(20, 100, 9)]
    tail = (300, 95, 303, 105)  # of a letter that stands over it
    letters = letters_at(*word, tail)
    assert kept(letters, piece(50, 20, 99), piece(100, 280, 340)) == [20.5]


def test_a_lone_figure_is_a_line_as_long_as_it_is_wide() -> None:
    letters = letters_at((300, 95, 305, 105))
    assert kept(letters, piece(100, 298, 307)) == [298.5]


def test_a_long_line_may_share_its_letters_with_others() -> None:
    letters = letters_at(*[(x, 45, x + 8, 55) for x in range(20, 420, 40)])
    assert kept(letters, piece(50, 20, 400)) == [20.5]
