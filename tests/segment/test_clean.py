from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagereader.segment import clean
from pagereader.segment.arrays import components, kernel, median, picked

MASKS = st.tuples(st.integers(1, 70), st.integers(1, 70), st.sampled_from([0.5, 0.9, 0.97]))


def noise(rows, columns, share, seed=0):
    return (np.random.default_rng(seed).random((rows, columns)) < share).astype(np.uint8)


@given(MASKS, st.integers(0, 99), st.integers(1, 80), st.booleans())
def test_straight_is_an_opening_with_the_outside_set(shape, seed, length, upright):
    mask = noise(*shape, seed)
    element = kernel(length, 1) if upright else kernel(1, length)
    expected = cv2.dilate(cv2.erode(mask, element), element)
    np.testing.assert_array_equal(clean.straight(mask, *element.shape), expected)


@pytest.mark.parametrize("rows", [1, 64, 65, 200])
def test_components_are_picked_by_their_labels(rows):
    labels, stats = components(noise(rows, 90, 0.3))
    wanted = stats[:, 4] > 2
    np.testing.assert_array_equal(picked(wanted, labels), wanted[labels])


@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=9) | st.lists(st.floats(-9, 9), min_size=1)
)
def test_the_median_is_that_of_numpy(values):
    assert median(values) == np.median(values)


def test_discs_are_found_among_letters_however_many(monkeypatch):
    ink = np.zeros((400, 900), np.uint8)
    for x in range(20, 880, 30):
        cv2.putText(ink, "S", (x, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (1,), 2)
        cv2.rectangle(ink, (x, 340), (x + 12, 360), (1,), -1)  # thick, but no disc
    for x, radius in ((100, 15), (400, 25), (700, 40)):
        cv2.circle(ink, (x, 200), radius, (1,), -1)
    labels, stats = components(ink)
    found = clean._discs(ink, labels, stats, 18.0)
    assert sorted(stats[found, 2].tolist()) == [31, 51, 81]
    monkeypatch.setattr(clean, "_FEW_DISCS", 0)
    np.testing.assert_array_equal(clean._discs(ink, labels, stats, 18.0), found)
