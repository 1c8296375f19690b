"""Rows of what is all one shape are the dots of a screen, not text."""

from __future__ import annotations

import numpy as np
import pytest

from pagereader.segment.cuts import Piece
from pagereader.segment.found import FoundLine
from pagereader.segment.texture import is_texture

ROWS, ACROSS, HEIGHT = 20, 60, 12


@pytest.mark.parametrize(("spread", "texture"), [(0, True), (3, False)])
def test_letters_differ_and_dots_do_not(spread: int, texture: bool) -> None:
    random = np.random.default_rng(4)
    density = np.zeros((40 * ROWS + 40, 16 * ACROSS), np.float32)
    pieces, lines = [], []
    for row in range(ROWS):
        y = 40.0 * row + 40
        density[int(y) - 6 : int(y) + 6] = 0.5
        x = np.arange(16.0 * ACROSS)
        pieces.append(Piece(x, np.full(len(x), y), 0.5))
        boxes = np.zeros((ACROSS, 5), np.int32)
        boxes[:, 0], boxes[:, 1] = 16 * np.arange(ACROSS), int(y) - 6
        boxes[:, 2:4] = HEIGHT + random.integers(-spread, spread + 1, (ACROSS, 2))
        boxes[:, 4] = 100
        lines.append(FoundLine(np.array([[0.0, y], [x[-1], y]]), 6.0, float(HEIGHT), boxes))
    assert is_texture(pieces, lines, density, float(HEIGHT), float(HEIGHT)) is texture
