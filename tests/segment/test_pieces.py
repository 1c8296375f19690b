"""Pieces of lines: one where several lie on one another."""

from __future__ import annotations

import numpy as np
import pytest

from pagereader.segment.cuts import Piece, one_a_line


def piece(start: float, end: float, y: float, ink: float = 3.0) -> Piece:
    x = np.arange(start, end + 1)
    return Piece(x, np.full(len(x), y), ink, 9.0)


@pytest.mark.parametrize("order", [1, -1])
def test_halves_of_a_line_that_overlap_are_one(order: int) -> None:
    found = one_a_line([piece(0, 220, 50), piece(150, 400, 53)][::order], 9.0)
    assert [(p.x[0], p.x[-1]) for p in found] == [(0, 400)]
    assert found[0].y[0] == 50
    assert found[0].y[-1] == 53
    assert np.abs(np.diff(found[0].y)).max() < 0.5
    assert (np.diff(found[0].x) == 1).all()


def test_of_two_that_lie_on_one_another_the_stronger_stays() -> None:
    found = one_a_line([piece(0, 400, 50), piece(20, 300, 53, ink=1.0)], 9.0)
    assert [(p.x[0], p.x[-1], p.ink) for p in found] == [(0, 400, 3.0)]


@pytest.mark.parametrize(
    "other", [piece(150, 400, 62), piece(221, 400, 50), piece(216, 400, 50), piece(500, 600, 50)]
)
def test_neighbours_stay_apart(other: Piece) -> None:
    assert len(one_a_line([piece(0, 220, 50), other], 9.0)) == 2
