"""Words between lines are lines; loops that hang between them are none."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageFont

from pagereader.segment import LineSegmenter
from tests.segment.drawn import DrawnPage
from tests.segment.matching import match


def corrected(seed: int, words: int) -> DrawnPage:
    """Running text, widely spaced, with words in small letters over some lines."""
    page = DrawnPage(seed=seed)
    small = ImageFont.load_default(17)
    for i in range(14):
        y = 150 + 64.0 * i
        page.text(110, y, page.phrase(760))
        if i % 3 == 1 and words:
            x = page.random.randint(200, 600)
            text = " ".join(
                page.random.choice(("society", "researches", "himself")) for _ in range(words)
            )
            page.text(x, y - 29, text, 17, true=False)
            page.lines.append(
                np.array([[x, y - 29], [x + small.getlength(text), y - 29]], np.float64)
            )
    return page


@pytest.mark.parametrize("words", [1, 2])
def test_words_between_lines(words: int) -> None:
    image, truth = corrected(1, words).page()
    result = match(truth, LineSegmenter().segment(image), tolerance=8.0)
    assert result.found >= 0.99
    assert result.extra == 0


def test_loops_and_strokes_between_lines_are_no_words() -> None:
    page = corrected(2, 0)
    for i in range(12):
        x, y = page.random.randint(150, 800), 158 + 64 * i
        page.draw.arc((x, y, x + 18, y + 40), 0, 330, fill=30, width=2)
        page.draw.line([(x + 60, y + 24), (x + 95, y + 14)], fill=30, width=2)
    image, truth = page.page()
    result = match(truth, LineSegmenter().segment(image))
    assert result.found >= 0.99
    assert result.extra == 0
