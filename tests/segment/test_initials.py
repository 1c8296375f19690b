"""Drop capitals stand apart from the lines that begin beside them."""

from __future__ import annotations

import pytest
from PIL import ImageFont

from pagereader.document import RegionType
from pagereader.segment import LineSegmenter
from tests.segment.drawn import DrawnPage, justified, letter, receipt
from tests.segment.matching import match

LEADING = 1.4 * 24


def chapter(rows: int, initial: str = "M") -> tuple[DrawnPage, float]:
    """A paragraph, and one that begins with a capital of so many rows; where that ends."""
    page = DrawnPage(seed=8)
    y = justified(page, 120, 150, 760, 6) + 2 * LEADING
    size = round(((rows - 1) * LEADING + 17) / 0.7)
    right = page.text(120, y + (rows - 1) * LEADING, initial, size)
    start = 120 + ImageFont.load_default(size).getlength(initial) + 10
    for row in range(rows):
        justified(page, start, y + row * LEADING, 880 - start, 1)
    justified(page, 120, y + rows * LEADING, 760, 8)
    return page, right


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.6])
@pytest.mark.parametrize(("rows", "initial"), [(2, "H"), (3, "M"), (4, "T")])
def test_a_drop_capital_is_a_line_before_those_beside_it(
    rows: int, initial: str, scale: float
) -> None:
    page, right = chapter(rows, initial)
    image, truth = page.page(scale)
    found = LineSegmenter().segment(image)
    result = match(truth, found, 14 * scale)  # a glyph is narrower than its advance
    assert result.found == 1.0
    assert result.merged == 0
    assert result.order == sorted(result.order)
    (at,) = (i for i, region in enumerate(found.regions) if region.type is RegionType.DROP_CAPITAL)
    assert len(found.regions[at].lines) == 1
    beside = found.regions[at + 1].lines[:rows]
    assert all(line.baseline[0, 0] > right * scale - 2 for line in beside)
    assert found.regions[at + 1].lines[rows].baseline[0, 0] < 140 * scale


@pytest.mark.parametrize("page", [letter(), receipt(), chapter(1)[0]])
def test_pages_without_one_have_none(page: DrawnPage) -> None:
    found = LineSegmenter().segment(page.page()[0])
    assert RegionType.DROP_CAPITAL not in {region.type for region in found.regions}


def test_a_large_letter_amid_lines_is_none() -> None:
    page = DrawnPage(seed=9)
    y = justified(page, 120, 150, 760, 4)
    page.text(440, y + 60, "M", 110, true=False)
    for row in range(3):
        page.text(120, y + row * LEADING, page.phrase(300))
        page.text(560, y + row * LEADING, page.phrase(300))
    justified(page, 120, y + 4 * LEADING, 760, 6)
    found = LineSegmenter().segment(page.page()[0])
    assert RegionType.DROP_CAPITAL not in {region.type for region in found.regions}
