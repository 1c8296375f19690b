from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagereader.recognize.ink import Pixels
from pagereader.training.slant import measure_slant, upright


def strokes(lean: float, height: int = 48) -> Pixels:
    """Ten upright strokes, then leaning so far to the right."""
    pixels = np.full((height, 8 * height), 230, np.uint8)
    for x in range(height, 7 * height, height * 3 // 5):
        pixels[height // 5 : -height // 5, x : x + 3] = 40
    shear = np.array([[1, -lean, lean * height / 2], [0, 1, 0]], np.float32)
    size = pixels.shape[::-1]
    moved = cv2.warpAffine(pixels, shear, size, borderMode=cv2.BORDER_CONSTANT, borderValue=[230])
    return np.asarray(moved, np.uint8)


@pytest.mark.parametrize("lean", [-0.2, 0.0, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("height", [24, 48, 150])
def test_slant_is_measured(lean: float, height: int) -> None:
    assert measure_slant(strokes(lean, height)) == pytest.approx(lean, abs=0.051)


def test_leaning_strokes_are_set_upright_around_the_middle() -> None:
    level, straight = upright(strokes(0.5)), strokes(0.0)
    inked, wanted = ((pixels < 140).sum(axis=0) for pixels in (level, straight))
    assert np.abs(np.flatnonzero(inked > 15) - np.flatnonzero(wanted > 15)).max() <= 1
    assert abs(int(inked.sum()) / int(wanted.sum()) - 1) < 0.1


@pytest.mark.parametrize("lean", [0.0, 0.1])
def test_what_hardly_leans_is_left_as_it_is(lean: float) -> None:
    pixels = strokes(lean)
    assert upright(pixels) is pixels


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_nothing_leans_nowhere(grey: int) -> None:
    pixels = np.full((30, 200), grey, np.uint8)
    assert measure_slant(pixels) == 0
    assert upright(pixels) is pixels


def test_lines_may_be_wider_than_opencv_counts_in_16_bits() -> None:
    assert upright(np.tile(strokes(0.5), (1, 100))).shape == (48, 100 * 8 * 48)


@given(st.integers(1, 90), st.integers(1, 400), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_any_crop_keeps_its_shape(height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    out = upright(pixels)
    assert out.shape == pixels.shape
    assert out.dtype == np.uint8
