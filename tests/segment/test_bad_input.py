from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pagereader.segment import LineSegmenter
from tests.segment.drawn import as_page

RANDOM = np.random.default_rng(1)


def paper() -> NDArray[np.uint8]:
    return np.clip(235 + RANDOM.normal(0, 4, (1500, 1000)), 0, 255).astype(np.uint8)


def photograph() -> NDArray[np.uint8]:
    y, x = np.mgrid[:1200, :1600]
    scene = 128 + 60 * np.sin(x / 90 + np.cos(y / 60)) + 40 * np.sin(y / 37)
    grain = RANDOM.normal(0, 25, scene.shape)
    scene = cv2.GaussianBlur((scene + grain).astype(np.float32), (0, 0), 2)
    return np.clip(scene, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(np.full((1500, 1000), 255, np.uint8), id="blank"),
        pytest.param(np.zeros((1500, 1000), np.uint8), id="black"),
        pytest.param(paper(), id="paper"),
        pytest.param(RANDOM.integers(0, 256, (1500, 1000), np.uint8), id="noise"),
        pytest.param(RANDOM.integers(0, 256, (900, 800, 3), np.uint8), id="colour noise"),
        pytest.param(
            np.where(RANDOM.random((1500, 1000)) > 0.95, 0, 255).astype(np.uint8), id="dirt"
        ),
        pytest.param(photograph(), id="photograph"),
        pytest.param(np.zeros((1, 1), np.uint8), id="1 x 1"),
        pytest.param(np.zeros((1, 1000), np.uint8), id="one row"),
        pytest.param(np.full((1000, 1), 255, np.uint8), id="one column"),
        pytest.param(np.full((300, 20000), 255, np.uint8), id="wide"),
    ],
)
def test_nothing_is_found_where_nothing_is(pixels: NDArray[np.uint8]) -> None:
    for spread in (False, True):
        image = as_page(pixels)
        segmenter = LineSegmenter(spread=spread)
        found = segmenter.segment(image)
        assert [line for region in found.regions for line in region.all_lines()] == []
        assert segmenter.cut(image, found.regions) == []


def test_one_letter_gives_at_most_one_line() -> None:
    pixels = np.full((300, 300), 255, np.uint8)
    cv2.putText(pixels, "A", (100, 200), cv2.FONT_HERSHEY_SIMPLEX, 3, (0,), 6)
    found = LineSegmenter().segment(as_page(pixels))
    assert sum(len(region.lines) for region in found.regions) <= 1
