"""What the blocks of a page are."""

from __future__ import annotations

import pytest

from pagereader.document import RegionType
from pagereader.options import Options
from pagereader.segment import LineSegmenter
from tests.segment.drawn import DrawnPage, justified, letter, receipt
from tests.segment.drawn_pictures import photograph

TEXT = RegionType.PARAGRAPH


def kinds(page: DrawnPage, scale: float = 1.0) -> list[tuple[RegionType, int]]:
    """Each region's type and number of lines, in reading order."""
    image, _ = page.page(scale)
    regions = LineSegmenter.from_options(Options()).segment(image).regions
    return [(region.type, len(region.lines)) for region in regions]


def book_page(notes: int, size: int = 17, gap: float = 30) -> DrawnPage:
    """A running head, text, notes in smaller letters under it, and a page number."""
    page = DrawnPage(seed=3)
    page.text(380, 90, "OF WIZARDS AND POTIONS")
    y = justified(page, 120, 190, 760, 22)
    y += gap
    for _ in range(notes):
        page.text(120, y, page.phrase(740, size), size)
        y += 1.4 * size
    page.text(480, 1340, "117")
    return page


@pytest.mark.parametrize("scale", [0.6, 1.0, 1.7])
@pytest.mark.parametrize("notes", [1, 4])
def test_small_print_under_the_text_is_a_footnote(notes: int, scale: float) -> None:
    assert kinds(book_page(notes), scale) == [
        (RegionType.HEADER, 1),
        (TEXT, 22),
        (RegionType.FOOTNOTE, notes),
        (RegionType.PAGE_NUMBER, 1),
    ]


def test_small_print_amid_the_text_is_none() -> None:
    page = DrawnPage(seed=4)
    y = justified(page, 120, 150, 760, 10)
    y = page.paragraph(160, y + 40, 680, 4, size=17)
    justified(page, 120, y + 40, 760, 10)
    assert RegionType.FOOTNOTE not in dict(kinds(page))


@pytest.mark.parametrize("page", [letter(), receipt(), book_page(0)])
def test_pages_without_notes_have_none(page: DrawnPage) -> None:
    assert RegionType.FOOTNOTE not in dict(kinds(page))


def test_a_few_lines_under_a_picture_are_its_caption() -> None:
    page = DrawnPage(seed=5)
    y = justified(page, 120, 150, 760, 9)
    photograph(page, (200, round(y), 800, round(y) + 420))
    page.text(300, y + 460, "The wizards of Lisbon, 1911")
    justified(page, 120, y + 560, 760, 10)
    assert kinds(page) == [
        (TEXT, 9),
        (RegionType.CAPTION, 1),
        (TEXT, 10),
        (RegionType.IMAGE, 0),
    ]


def test_headings_and_marginal_notes() -> None:
    page = DrawnPage(1200, 1500, seed=6)
    page.text(330, 150, "The spring of that year", 40)
    justified(page, 300, 240, 800, 24)
    for n, word in enumerate(("A letter", "from Mar-", "garet")):
        page.text(80, 500 + 27 * n, word, 18)
    assert sorted(kinds(page)) == sorted(
        [(RegionType.HEADING, 1), (TEXT, 24), (RegionType.MARGINALIA, 3)]
    )
