"""The edge of the paper is no line, and text beside it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pagereader.document import PageImage
from pagereader.segment import LineSegmenter
from tests.segment import drawn
from tests.segment.drawn import DrawnPage, as_page
from tests.segment.matching import match

PAPER = 200


def torn(page: DrawnPage, around: int, thick: int) -> PageImage:
    """A sheet whose upper and lower edges are wavy and cast a shadow, lighter here than there."""
    rng = np.random.default_rng(page.seed)
    height, width = page.pixels.shape
    x, y = np.arange(width), np.arange(height)[:, None]

    def wave() -> np.ndarray:
        swings = [thick / k * np.sin(4 * k * x / width + rng.uniform(0, 6)) for k in (1, 2, 3, 5)]
        return np.asarray(sum(swings) + np.cumsum(rng.normal(0, 0.4, width)))

    edges = 50 + wave(), height - 40 + wave()
    inside = (y > edges[0]) & (y < edges[1])
    image = np.where(inside, page.pixels * (PAPER / 245), around)
    for edge in edges:
        uneven = np.convolve(rng.normal(0.5, 1.2, width + 80), np.ones(81) / 81, "valid")
        shadow = thick * np.clip(3 * uneven, 0, 1)
        image = np.where(np.abs(y - edge) < shadow / 2, 0.55 * image, image)
    image = cv2.GaussianBlur(image, (0, 0), 1.2) + rng.normal(0, 3, image.shape)
    return as_page(np.clip(image, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("around", [250, 225])
@pytest.mark.parametrize("thick", [16, 20])
def test_the_edge_of_a_sheet_on_lighter_ground_is_no_line(around: int, thick: int) -> None:
    page = drawn.letter(1)
    result = match(page.lines, LineSegmenter().segment(torn(page, around, thick)))
    assert result.found >= 0.99
    assert result.extra == 0


@pytest.mark.parametrize("around", [250, 120])
def test_text_right_at_the_edge_of_a_sheet_stays(around: int) -> None:
    page = DrawnPage(seed=1)
    page.paragraph(120, 90, 760, 12)
    last = page.lines[-1][0, 1]
    page.draw.rectangle((0, last + 14, page.width, page.height), fill=around)
    image, truth = page.page()
    result = match(truth, LineSegmenter().segment(image))
    assert result.found == 1
    assert result.extra == 0
