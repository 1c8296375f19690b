"""Lone figures are lines where they stand in a table, and dust is none."""

from __future__ import annotations

import numpy as np
import pytest

from pagereader.segment import LineSegmenter
from tests.segment import drawn
from tests.segment.drawn import DrawnPage, match


def counted(seed: int) -> DrawnPage:
    """A list with a column of single figures, and a page number."""
    page = DrawnPage(seed=seed)
    for i in range(12):
        y = 160 + 60.0 * i
        page.text(110, y, page.phrase(420))
        page.text(640, y, str(page.random.randint(2, 9)))
    texts = np.vstack(page.lines[::2])
    page.text(float(texts[:, 0].min() + texts[:, 0].max()) / 2 - 6, 900, "7")
    return page


@pytest.mark.parametrize("seed", [1, 2])
def test_lone_figures_and_the_page_number(seed: int) -> None:
    image, truth = counted(seed).page()
    found = LineSegmenter().segment(image)
    result = match(truth, found)
    assert result.found >= 0.99
    assert result.merged == result.extra == 0
    assert result.order == sorted(result.order)


def test_two_lone_figures_between_the_texts_of_their_rows() -> None:
    page = DrawnPage(seed=3)
    for i in range(8):
        page.text(110, 160 + 60.0 * i, page.phrase(500))
    for i, figure in enumerate("46"):
        y = 700 + 60.0 * i
        page.text(110, y, "33100")
        page.text(430, y, figure)
        page.text(600, y, "4.00")
    image, truth = page.page()
    result = match(truth, LineSegmenter().segment(image))
    assert result.found == 1
    assert result.merged == result.extra == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_specks_about_a_letter_are_no_lines(seed: int) -> None:
    page = drawn.letter(seed)
    for _ in range(25):
        x, y = page.random.randint(20, 100), page.random.randint(60, 1350)
        size = page.random.randint(3, 16)
        page.draw.ellipse((x, y, x + size // 2, y + size), fill=40)
    image, truth = page.page()
    result = match(truth, LineSegmenter().segment(image))
    assert result.found >= 0.99
    assert result.extra <= 2  # of 25


def test_specks_at_the_edge_beside_the_text_are_no_lines() -> None:
    page = drawn.letter(1)
    width = page.image.width
    for y in (200, 420, 700, 1010):
        page.text(width - 40, y, "ot", true=False)
    image, truth = page.page()
    result = match(truth, LineSegmenter().segment(image))
    assert result.found >= 0.99
    assert result.extra == 0


def test_short_notes_in_the_margin_stay() -> None:
    page = drawn.letter(1)
    for i in range(3):
        page.text(18, 300 + 150 * i, "note")
    image, truth = page.page()
    result = match(truth, LineSegmenter().segment(image))
    assert result.found >= 0.99
