from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagereader.geometry import LineWarp, arc_lengths, bounds, points, rectangle

coordinate = st.floats(-2000, 2000, allow_nan=False)


def bent_line(bend: float) -> np.ndarray:
    x = np.linspace(100, 900, 17)
    return np.column_stack([x, 300 + bend * np.sin((x - 100) / 800 * np.pi)])


def test_points_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        points([1, 2, 3])


def test_rectangle_and_bounds_agree() -> None:
    assert bounds(rectangle(1, 2, 30, 40)) == (1, 2, 30, 40)


def test_a_level_line_is_cut_without_change() -> None:
    warp = LineWarp(points([[10, 50], [110, 50]]), ascent=20, descent=10)
    assert warp.size == (100, 30)
    np.testing.assert_allclose(warp.to_page([[0, 0], [100, 30]]), [[10, 30], [110, 60]])
    map_x, map_y = warp.sampling_maps()
    assert map_x.shape == map_y.shape == (30, 100)
    assert (map_x[0, 0], map_y[0, 0]) == (10, 30)
    assert (map_x[-1, -1], map_y[-1, -1]) == (109, 59)


def test_lead_and_tail_run_on_straight() -> None:
    warp = LineWarp(points([[10, 50], [110, 50]]), 20, 10, scale=2, lead=5, tail=7)
    assert warp.size == (224, 60)
    np.testing.assert_allclose(warp.to_page([[0, 40]]), [[5, 50]])


def test_a_line_that_runs_up_the_page_is_read_upright() -> None:
    """Text turned by 90 degrees: its top is on the left of the page."""
    warp = LineWarp(points([[50, 200], [50, 100]]), 20, 10)
    np.testing.assert_allclose(warp.to_page([[0, 0]]), [[30, 200]])


@given(coordinate, coordinate, st.floats(0.2, 3), st.floats(-40, 40))
def test_crop_and_page_are_inverse(u: float, v: float, scale: float, bend: float) -> None:
    warp = LineWarp(bent_line(bend), 30, 20, scale, lead=4, tail=4)
    width, height = warp.size
    crop = points([[u % width, v % height]])
    back = warp.to_crop(warp.to_page(crop))
    np.testing.assert_allclose(back, crop, atol=1.5 * max(1, scale) + abs(bend) / 10)


@given(st.floats(-40, 40))
def test_neighbouring_columns_of_a_bent_line_neither_cross_nor_gape(bend: float) -> None:
    map_x, _ = LineWarp(bent_line(bend), 30, 20).sampling_maps()
    steps = np.diff(map_x, axis=1)
    assert steps.min() > 0.5
    assert steps.max() < 1.5


def test_arc_lengths_start_at_zero() -> None:
    np.testing.assert_allclose(arc_lengths(points([[0, 0], [3, 4], [3, 10]])), [0, 5, 11])
