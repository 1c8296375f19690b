"""Amounts that a ruling parts are one line; other columns of figures are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import ImageFont

from pagereader.segment import LineSegmenter
from tests.segment.drawn import DrawnPage
from tests.segment.matching import match

_TOP, _STEP, _ROWS = 160, 56, 14


def ruled(page: DrawnPage, columns: tuple[int, ...]) -> None:
    for x in columns:
        page.draw.line([(x, 100), (x, _TOP + _STEP * _ROWS)], fill=60, width=2)


def ledger(seed: int) -> DrawnPage:
    """Entries, then francs and centimes on either side of a ruling."""
    page = DrawnPage(seed=seed)
    ruled(page, (80, 720, 850, 910))
    font = ImageFont.load_default(page.size)
    for i in range(_ROWS):
        y = _TOP + 30 + _STEP * i
        page.text(110, y, page.phrase(500))
        francs = str(page.random.randint(2, 2500))
        left = 842 - font.getlength(francs)
        end = page.text(858, y, str(page.random.randint(10, 99)), true=False)
        page.text(left, y, francs)
        page.lines[-1][1, 0] = end
    return page


def ages(seed: int) -> DrawnPage:
    """Names of unequal length, then ages in a narrow column."""
    page = DrawnPage(seed=seed)
    ruled(page, (80, 300, 500, 570))
    for i in range(_ROWS):
        y = _TOP + 30 + _STEP * i
        for x in (110, 330):
            page.text(x, y, page.random.choice(("fox", "Harold", "by", "Lisbon", "mix")))
        page.text(520, y, str(page.random.randint(10, 99)))
    return page


def counts(seed: int) -> DrawnPage:
    """Columns of figures that are all as wide."""
    page = DrawnPage(seed=seed)
    ruled(page, (80, 150, 220, 290, 360))
    page.text(100, 80, page.phrase(600))
    for i in range(_ROWS):
        for x in (95, 165, 235, 305):
            page.text(x, _TOP + 30 + _STEP * i, str(page.random.randint(100, 999)))
    return page


@pytest.mark.parametrize("maker", [ledger, ages, counts])
def test_amounts_and_other_figures(maker: Callable[[int], DrawnPage]) -> None:
    image, truth = maker(1).page()
    found = LineSegmenter().segment(image)
    result = match(truth, found)
    assert result.found == 1
    assert result.merged == result.extra == 0
    assert sum(1 for region in found.regions for _ in region.all_lines()) == len(truth)
