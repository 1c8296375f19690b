from __future__ import annotations

import re

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pagereader.segment.arrays import components, labelled, long_runs, percentile, resized

ROWS = st.lists(st.text("01", min_size=9, max_size=9), min_size=1, max_size=6)


def without_short(row: str, least: int) -> str:
    runs = re.findall("1+|0+", row)
    return "".join(run if len(run) >= least else "0" * len(run) for run in runs)


@given(ROWS, st.data())
def test_only_runs_as_long_as_their_row_asks_for_are_kept(
    rows: list[str], data: st.DataObject
) -> None:
    least = data.draw(st.lists(st.integers(1, 10), min_size=len(rows), max_size=len(rows)))
    expected = [without_short(row, n) for row, n in zip(rows, least, strict=True)]
    mask = np.array([list(row) for row in rows], np.uint8)
    kept = long_runs(mask, np.array(least))
    assert ["".join(map(str, row)) for row in kept.tolist()] == expected


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.sampled_from([5, 80, 90, 95]))
def test_percentiles_are_those_of_numpy(values: list[float], share: float) -> None:
    numbers = np.array(values)
    assert percentile(numbers, share) == float(np.percentile(numbers, share))
    greys = (np.abs(numbers) % 256).astype(np.uint8)
    assert percentile(greys, share) == float(np.percentile(greys, share))


def test_labels_are_those_of_components_even_of_noise() -> None:
    for rows in (40, 800):  # of the larger there are more than 16 bits can number
        mask = np.zeros((rows, 800), np.uint8)
        mask[::2, ::2] = 1
        np.testing.assert_array_equal(labelled(mask), components(mask)[0])


def test_pages_blurred_in_strips_are_as_if_blurred_at_once() -> None:
    for rows in (255, 256, 257, 700):
        page = np.random.default_rng(rows).integers(0, 256, (rows, 90), np.uint8)
        blurred = cv2.GaussianBlur(page, (3, 3), 0)
        expected = cv2.resize(blurred, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(resized(page, 0.7), expected)
