"""Ridges: the middles of lines, joined where their ends foretell each other."""

from __future__ import annotations

import numpy as np
import pytest

from pagereader.segment.lines import Ridge, join


def ridge(start: float, end: float, y: float, slope: float = 0.0) -> Ridge:
    x = np.arange(start, end)
    return Ridge(x, y + slope * (x - start), np.ones_like(x))


@pytest.mark.parametrize("gap", [-25, -10, 0, 20, 45])
def test_ends_that_lie_beside_or_over_one_another_are_joined(gap: float) -> None:
    found = join([ridge(0, 100, 50), ridge(100 + gap, 300, 51)], 10, 0.0, 5.0)
    assert [(r.x[0], r.x[-1]) for r in found] == [(0, 299)]
    assert (np.diff(found[0].x) > 0).all()


@pytest.mark.parametrize(("gap", "down"), [(-25, 6), (-10, 6), (20, 8), (60, 0), (-60, 0)])
def test_ends_too_far_apart_are_not(gap: float, down: float) -> None:
    found = join([ridge(0, 100, 50), ridge(100 + gap, 300, 50 + down)], 10, 0.0, 5.0)
    assert len(found) == 2
