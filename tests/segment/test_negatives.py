"""White writing on black is read as black on white; dark pictures and dark grounds are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pagereader.segment import LineSegmenter
from pagereader.segment.negatives import is_negative
from tests.segment import drawn
from tests.segment.drawn import DrawnPage


@pytest.mark.parametrize("maker", [drawn.letter, drawn.columns, drawn.form, drawn.receipt])
def test_a_negative_has_the_lines_and_the_crops_of_its_positive(
    maker: Callable[[int], DrawnPage],
) -> None:
    page = maker(2)
    segmenter = LineSegmenter()
    image, negative = drawn.as_page(page.pixels), drawn.as_page(255 - page.pixels)
    found, again = segmenter.segment(image), segmenter.segment(negative)
    for region, other in zip(again.regions, found.regions, strict=True):
        assert (region.polygon == other.polygon).all()
    crops, turned = segmenter.cut(image, found.regions), segmenter.cut(negative, again.regions)
    assert len(crops) > 4
    for crop, other in zip(crops, turned, strict=True):
        assert (crop.pixels == other.pixels).all()


def test_a_light_frame_round_a_negative_does_not_hide_it() -> None:
    framed = 255 - drawn.letter(1).pixels
    framed[:40] = framed[-40:] = 255
    framed[:, :40] = framed[:, -40:] = 255
    assert is_negative(framed)


def test_colours() -> None:
    blue = np.stack([255 - drawn.letter(1).pixels] * 3, axis=2)
    blue[..., 2] = np.maximum(blue[..., 2], 120)  # a blueprint
    assert is_negative(blue)


@pytest.mark.parametrize("seed", range(3))
def test_other_dark_pages_are_none(seed: int) -> None:
    random = np.random.default_rng(seed)
    page = drawn.letter(seed).pixels
    assert not is_negative(page)
    assert not is_negative((page * 0.3).astype(np.uint8)), "a dark scan"
    on_black = np.zeros((3 * len(page), 3 * page.shape[1]), np.uint8)
    on_black[len(page) : 2 * len(page), page.shape[1] : 2 * page.shape[1]] = page
    assert not is_negative(on_black), "a small page on a dark ground"
    coarse = random.uniform(0, 110, (9, 7)).astype(np.float32)
    photograph = np.kron(coarse, np.ones((150, 150))).astype(np.uint8)
    assert not is_negative(photograph)
    assert not is_negative(np.zeros((900, 700), np.uint8))
    assert not is_negative(np.zeros((1, 1), np.uint8))
