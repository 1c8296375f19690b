from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import ImageFont

from pagereader.segment import LineSegmenter
from pagereader.stages import Segmenter
from tests.segment import drawn
from tests.segment.drawn import DrawnPage
from tests.segment.matching import match

MAKERS: dict[str, Callable[[int], DrawnPage]] = {
    "letter": drawn.letter,
    "business letter": drawn.business_letter,
    "wide spaces": drawn.wide_spaced_letter,
    "two columns": drawn.columns,
    "three columns": lambda seed: drawn.columns(3, seed, gutter=40, size=18),
    "receipt": drawn.receipt,
    "long receipt": drawn.long_receipt,
    "form": drawn.form,
    "filled form": drawn.filled_form,
    "loose columns": drawn.loose_columns,
    "table": drawn.ruled_table,
    "border": drawn.bordered,
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", MAKERS)
def test_every_line_once_and_in_order(name: str, seed: int) -> None:
    image, truth = MAKERS[name](seed).page()
    result = match(truth, LineSegmenter().segment(image))
    assert result.found >= 0.99
    assert result.merged == 0
    assert result.extra == 0
    assert result.order == sorted(result.order)


@pytest.mark.parametrize("degrees", [-1.2, 0.6, 1.2])
@pytest.mark.parametrize("maker", [drawn.business_letter, drawn.long_receipt])
def test_order_of_a_skewed_page(maker: Callable[[int], DrawnPage], degrees: float) -> None:
    image, truth = maker(1).rotated(degrees)
    result = match(truth, LineSegmenter().segment(image))
    assert result.found == 1
    assert result.order == sorted(result.order)


@pytest.mark.parametrize("factor", [0.5, 0.7, 1.5, 2.0])
def test_scale_does_not_matter(factor: float) -> None:
    for maker in (drawn.letter, drawn.columns, drawn.receipt):
        image, truth = maker(3).page(factor)
        result = match(truth, LineSegmenter().segment(image), 9 * factor)
        assert result.found >= 0.99
        assert result.merged == result.extra == 0
        assert result.order == sorted(result.order)


@pytest.mark.parametrize("degrees", [-14, -8, -4, -1.5, 0.7, 3, 6, 12])
def test_skew(degrees: float) -> None:
    image, truth = drawn.letter(4).rotated(degrees)
    found = LineSegmenter().segment(image)
    result = match(truth, found)
    assert result.found >= 0.95
    assert result.merged == 0
    assert result.order == sorted(result.order)
    assert found.skew == pytest.approx(degrees, abs=0.7)


@pytest.mark.parametrize("degrees", [-2.5, -2, -1.5, -0.9, 0.9, 1.5, 2])
@pytest.mark.parametrize("maker", [drawn.ruled_table, drawn.bordered])
def test_rulings_of_a_skewed_page(maker: Callable[[int], DrawnPage], degrees: float) -> None:
    image, truth = maker(3).rotated(degrees)
    result = match(truth, LineSegmenter().segment(image))
    assert result.found == 1
    assert result.merged == result.extra == 0
    assert result.order == sorted(result.order)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_quarter_turns(turn: int) -> None:
    page = drawn.letter(5)
    image, truth = page.rotated(-turn)
    found = LineSegmenter().segment(image)
    assert found.orientation == turn
    result = match(truth, found)
    assert result.found >= 0.99
    assert result.order == sorted(result.order)
    told = LineSegmenter(orientation=str(turn)).segment(image)
    assert len(told.regions) == len(found.regions)


def few_lines(seed: int) -> DrawnPage:
    page = DrawnPage(seed=seed)
    page.paragraph(100, 200, 800, 4, leading=2)
    return page


@pytest.mark.parametrize("turn", [90, 270])
@pytest.mark.parametrize(
    "maker", [few_lines, drawn.receipt, drawn.form, drawn.ruled_table, drawn.typed_report]
)
def test_quarter_turns_of_pages_with_little_text(
    maker: Callable[[int], DrawnPage], turn: int
) -> None:
    image, truth = maker(3).rotated(-turn)
    found = LineSegmenter().segment(image)
    assert found.orientation == turn
    assert match(truth, found).found >= 0.9


@pytest.mark.parametrize(("columns", "rows", "digits"), [(2, 40, 2), (4, 12, 2), (8, 40, 4)])
def test_columns_of_figures_stay_upright(columns: int, rows: int, digits: int) -> None:
    width = 14 * digits + 60
    page = DrawnPage(160 + columns * width, 160 + rows * 30)
    for row in range(rows):
        for column in range(columns):
            number = page.random.randrange(10 ** (digits - 1), 10**digits)
            page.text(80 + column * width, 80 + row * 30, str(number))
    assert LineSegmenter().segment(page.page()[0]).orientation == 0


def test_spread_is_read_left_page_first() -> None:
    left, right = drawn.letter(6), drawn.letter(7)
    both = np.hstack([left.pixels, right.pixels])
    image = drawn.as_page(both)
    shifted = [line + np.array([left.width, 0]) for line in right.lines]
    result = match(left.lines + shifted, LineSegmenter(spread=True).segment(image))
    assert result.found >= 0.99
    assert result.order == sorted(result.order)


def test_result_is_plain_and_on_the_page() -> None:
    image, _ = drawn.columns().page()
    segmenter = LineSegmenter()
    assert isinstance(segmenter, Segmenter)
    found = segmenter.segment(image)
    for region in found.regions:
        for line in region.all_lines():
            assert line.polygon.dtype == line.baseline.dtype == np.float64
            assert len(line.polygon) >= 4
            assert (np.diff(line.baseline[:, 0]) > 0).all()
            assert line.height == pytest.approx(16, abs=10)
    settings = dict(segmenter.describe().settings)
    assert settings["orientation"] == "auto"
    assert "gap_text_u" in settings


def test_blanks_of_a_form_and_a_thick_frame_are_no_text() -> None:
    page = DrawnPage(seed=5)
    page.draw.rectangle((60, 60, 940, 1000), outline=20, width=12)
    for i in range(8):
        y = 160 + 90.0 * i
        for x, name in ((110, "Air"), (330, "Auto"), (550, "Train"), (770, "Other")):
            end = page.text(x, y, name)
            page.draw.line([(end + 10, y + 3), (end + 70, y + 3)], fill=40, width=3)
    image, truth = page.page()
    found = LineSegmenter().segment(image)
    result = match(truth, found)
    assert result.found == 1
    assert result.merged == result.extra == 0
    for region in found.regions:
        for line in region.all_lines():
            assert np.ptp(line.baseline[:, 0]) < 90


@pytest.mark.parametrize("size", [26, 34, 54])
def test_a_heading_in_large_spaced_capitals_is_one_line(size: int) -> None:
    page = DrawnPage(seed=1, size=16)
    font = ImageFont.load_default(size)
    x = 250.0
    for word in ("COVINGTON", "&", "BURLING"):
        for letter in word:
            page.text(x, 120, letter, size, true=False)
            x += font.getlength(letter) + 0.25 * size
        x += 0.3 * size
    page.lines.append(np.array([[250, 120], [x - 0.55 * size, 120]], np.float64))
    for i in range(4):
        page.text(400, 180 + 24 * i, page.phrase(180))
    page.paragraph(110, 330, 780, 3)
    image, truth = page.page()
    found = LineSegmenter().segment(image)
    result = match(truth, found)
    assert result.found == 1
    assert result.merged == result.extra == 0
    assert sum(1 for region in found.regions for _ in region.all_lines()) == len(truth)


def test_dashes_that_fill_up_a_line_are_no_part_of_it() -> None:
    page = drawn.receipt(2)
    font = drawn.font_of(page.size)
    left, width = 240.0, font.getlength("INVOICE")
    page.text(left, 1010, "INVOICE")
    for start, end in ((60, left - 6), (left + width + 6, 550)):
        for x in np.arange(start, end - 10, 16):
            page.draw.line([(x, 1002), (x + 9, 1002)], fill=30, width=3)
    page.lines.append(page.lines.pop(-2))
    image, truth = page.page()
    found = LineSegmenter().segment(image)
    result = match(truth, found)
    assert result.found == 1
    assert result.extra == 0
    lines = [line for region in found.regions for line in region.all_lines()]
    heading = min(lines, key=lambda line: abs(line.baseline[0, 1] - 1010))
    assert heading.baseline[0, 0] == pytest.approx(left, abs=12)
    assert heading.baseline[-1, 0] == pytest.approx(left + width, abs=12)


@pytest.mark.parametrize("times", [1.3, 1.6, 2.2, 3.2])
def test_outlines_hold_the_letters_of_headings(times: float) -> None:
    page = drawn.DrawnPage(seed=3, size=18)
    size = round(times * page.size)
    page.text(150, 130, "Proceedings of the Society", size)
    page.paragraph(100, 250, 780, 12)
    image, truth = page.page()
    (line, *_) = LineSegmenter().segment(image).regions[0].lines
    assert np.allclose(line.baseline[[0, -1]], truth[0], atol=0.35 * size)
    left, top, right, bottom = drawn.font_of(size).getbbox(
        "Proceedings of the Society", anchor="ls"
    )
    assert line.polygon[:, 1].min() <= 130 + top
    assert line.polygon[:, 1].max() >= 130 + bottom
    assert line.polygon[:, 0].min() <= 150 + left + 0.1 * size  # its white
    assert line.polygon[:, 0].max() >= 150 + right
    assert np.ptp(line.polygon[:, 1]) < 1.6 * (bottom - top)


def test_outlines_hold_long_strokes_of_small_letters() -> None:
    page = drawn.DrawnPage(seed=2)
    for i in range(9):
        x, y = 100.0, 150 + 110 * i
        for letter in page.phrase(800):
            end = page.text(x, y, letter, true=False)
            if letter in "bdfhkl":
                page.draw.line((x + 2, y - 36, x + 2, y - 8), fill=30, width=2)
            if letter in "gpqy":
                page.draw.line((end - 2, y - 8, end - 2, y + 24), fill=30, width=2)
            x = end
        page.lines.append(np.array([[100, y], [x, y]], np.float64))
    image, truth = page.page()
    found = LineSegmenter().segment(image)
    assert match(truth, found).found == 1
    lines = [line for region in found.regions for line in region.all_lines()]
    held = [
        line.polygon[:, 1].min() <= 150 + 110 * i - 36
        and line.polygon[:, 1].max() >= 150 + 110 * i + 24
        for i, line in enumerate(lines)
    ]
    assert sum(held) >= 8  # where such strokes are very few they may be another line's
