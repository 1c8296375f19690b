"""The page's units: where lines are told apart, and how far they stand from each other."""

from __future__ import annotations

import numpy as np
import pytest

from pagereader.segment.lines import Ridge, distances, measured_again
from pagereader.segment.scale import Scale


def _ridge(left: float, right: float, y: float, slope: float = 0.0) -> Ridge:
    x = np.arange(left, right + 1)
    return Ridge(x, y + slope * (x - left), np.ones(len(x)))


def test_distances_to_the_nearest_line_over_or_under() -> None:
    ridges = [
        _ridge(0, 300, 10),
        _ridge(0, 300, 24, slope=0.01),
        _ridge(0, 300, 60),
        _ridge(400, 700, 62),
        _ridge(400, 500, 90),
    ]
    found = distances(ridges, Scale(9.0, 20.0, 0.0))
    assert found[:2] == pytest.approx([15.5, 15.5], abs=0.5)
    assert found[2] == pytest.approx(34.5, abs=0.5)
    assert found[3] == np.inf  # most of it stands over nothing
    assert found[4] == pytest.approx(28)


def test_no_line_has_no_distance() -> None:
    assert distances([], Scale(9.0, 20.0, 0.0)).shape == (0,)


@pytest.mark.parametrize(("pitch", "expected"), [(30.0, 15.0), (14.0, 14.0)])
def test_lines_as_found_correct_a_pitch_taken_twice(pitch: float, expected: float) -> None:
    scale = Scale(9.0, pitch, 0.0)
    ridges = [_ridge(0, 200, 15.0 * i) for i in range(8)]
    ridges += [_ridge(300, 310, 4.0 * i) for i in range(20)]  # too short to tell
    assert measured_again(scale, ridges, distances(ridges, scale)).pitch == expected


def test_few_lines_tell_nothing() -> None:
    scale = Scale(9.0, 30.0, 0.0)
    ridges = [_ridge(0, 200, 15.0 * i) for i in range(3)]
    assert measured_again(scale, ridges, distances(ridges, scale)) == scale
