"""Lone figures are lines where they stand in a table, and dust is none."""

from __future__ import annotations

import numpy as np
import pytest

from pagereader.segment import LineSegmenter
from tests.segment import drawn
from tests.segment.drawn import DrawnPage
from tests.segment.matching import match


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


def listed(seed: int) -> DrawnPage:
    """A list in which ditto marks stand for the second word of most rows."""
    page = DrawnPage(seed=seed)
    for i in range(14):
        y = 160 + 50.0 * i
        page.text(110, y, page.random.choice(("wizards", "potions", "Harold", "Margaret")))
        if i % 7:
            for x in (350, 357):
                page.draw.line([(x, y - 8), (x, y - 2)], fill=30, width=3)
            page.lines.append(np.array([[344, y - 2], [364, y - 2]], np.float64))
        else:
            page.text(320, y, "Lisbon")
        page.text(500, y, page.phrase(300))
    return page


@pytest.mark.parametrize("seed", [1, 2])
def test_ditto_marks(seed: int) -> None:
    image, truth = listed(seed).page()
    result = match(truth, LineSegmenter().segment(image))
    assert result.found >= 0.99
    assert result.merged == result.extra == 0


def test_specks_that_are_level_with_no_line_are_no_ditto_marks() -> None:
    page = drawn.letter(1)
    for i in range(12):
        y = 300 + 40 * i + page.random.randint(0, 20)
        page.draw.line([(62, y), (62, y + 6)], fill=30, width=3)
        page.draw.line([(69, y), (69, y + 6)], fill=30, width=3)
    image, truth = page.page()
    result = match(truth, LineSegmenter().segment(image))
    assert result.found >= 0.99
    assert result.extra == 0
