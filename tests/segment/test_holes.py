"""Doubted lines that fill a hole between evenly spaced ones."""

from __future__ import annotations

import numpy as np
import pytest

from pagereader.segment.found import FoundLine
from pagereader.segment.holes import in_holes


def line(y: float, left: float = 0.0, right: float = 600.0) -> FoundLine:
    return FoundLine(np.array([[left, y], [right, y]]), 8.0, 20.0, np.zeros((0, 5), np.int32))


def stack(*missing: int) -> list[FoundLine]:
    return [line(100 + 50 * i + i % 2) for i in range(9) if i not in missing]


@pytest.mark.parametrize("missing", [(3,), (2, 3), (1,), (7,)])
def test_lines_that_fill_a_hole(missing: tuple[int, ...]) -> None:
    doubted = [line(100 + 50 * i, 40, 300) for i in missing]
    assert in_holes(doubted, stack(*missing), 20.0) == doubted


@pytest.mark.parametrize(
    "doubted",
    [
        line(275),  # between two lines that stand as all others do
        line(80),  # over the first
        line(250, 590, 1100),  # beside them
        line(250, 0, 60),  # too short
        line(270),  # in the hole, but not where the line would stand
    ],
)
def test_others_do_not(doubted: FoundLine) -> None:
    assert in_holes([doubted], stack(3), 20.0) == []


def test_a_wide_hole_is_no_missing_line() -> None:
    assert in_holes([line(300), line(350)], stack(3, 4, 5, 6), 20.0) == []
