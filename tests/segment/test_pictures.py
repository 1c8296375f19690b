"""No lines are invented on pictures, and none of the text around them is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pagereader.document import RegionType
from pagereader.geometry import bounds
from pagereader.segment import LineSegmenter
from pagereader.stages import Segmentation
from tests.segment import drawn
from tests.segment import drawn_pictures as pictures
from tests.segment.drawn import DrawnPage
from tests.segment.drawn_pictures import Box
from tests.segment.matching import match

BOX = (140, 330, 860, 860)
Draw = Callable[[DrawnPage, Box], None]


def illustrated(draw: Draw, seed: int) -> DrawnPage:
    """A picture with its caption amid running text."""
    page = DrawnPage(seed=seed)
    page.text(330, 90, "THE SCENE OF THE JOURNEY")
    page.paragraph(120, 160, 760, 3)
    draw(page, BOX)
    page.text(300, BOX[3] + 45, "Fig. 4. View from the north side")
    page.paragraph(120, BOX[3] + 110, 760, 10)
    return page


def pictures_of(found: Segmentation) -> list[Box]:
    """Boxes of the regions that are pictures."""
    images = [region for region in found.regions if region.type is RegionType.IMAGE]
    boxes = [bounds(region.polygon) for region in images]
    return [(int(left), int(top), int(right), int(bottom)) for left, top, right, bottom in boxes]


def share_covered(box: Box, by: Box) -> float:
    across = max(0, min(box[2], by[2]) - max(box[0], by[0]))
    down = max(0, min(box[3], by[3]) - max(box[1], by[1]))
    return across * down / ((box[2] - box[0]) * (box[3] - box[1]))


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize(
    ("draw", "left"),
    [
        pytest.param(pictures.drawn_map, 4, id="map"),
        pytest.param(lambda p, b: pictures.drawn_map(p, b, frame=False), 4, id="map, no frame"),
        pytest.param(pictures.halftone, 2, id="halftone"),
        pytest.param(lambda p, b: pictures.halftone(p, b, 9), 2, id="coarse halftone"),
        pytest.param(pictures.engraving, 2, id="engraving"),
        pytest.param(lambda p, b: pictures.engraving(p, b, 12), 5, id="coarse engraving"),
    ],
)
def test_a_picture_in_a_page_is_no_text(draw: Draw, left: int, seed: int) -> None:
    image, truth = illustrated(draw, seed).page()
    found = LineSegmenter().segment(image)
    result = match(truth, found)
    assert result.found == 1
    assert result.merged == 0
    assert result.order == sorted(result.order)
    assert result.extra <= left  # of some thirty; names on a map may well stay
    assert max(share_covered(BOX, box) for box in pictures_of(found)) > 0.7


@pytest.mark.parametrize("scale", [0.6, 1.5])
def test_a_picture_at_any_size(scale: float) -> None:
    image, truth = illustrated(pictures.engraving, 5).page(scale)
    result = match(truth, LineSegmenter().segment(image), 9 * scale)
    assert result.found == 1
    assert result.extra <= 3


def test_a_picture_in_one_of_two_columns() -> None:
    page = DrawnPage(1200, 1500, size=20, seed=6)
    page.paragraph(90, 150, 480, 10, 1.4)
    pictures.engraving(page, (90, 450, 570, 900))
    page.paragraph(90, 950, 480, 12, 1.4)
    page.paragraph(630, 150, 480, 40, 1.4)
    image, truth = page.page()
    result = match(truth, LineSegmenter().segment(image))
    assert result.found == 1
    assert result.extra <= 3
    assert result.order == sorted(result.order)


@pytest.mark.parametrize("seed", [1, 2])
def test_an_ornament_is_one_picture(seed: int) -> None:
    page = DrawnPage(seed=seed)
    y = page.paragraph(120, 150, 760, 8)
    pictures.ornament(page, 500, y + 70, 600)
    page.paragraph(120, y + 200, 760, 8)
    image, truth = page.page()
    found = LineSegmenter().segment(image)
    result = match(truth, found)
    assert result.found == 1
    assert result.extra == 0
    assert len(pictures_of(found)) == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_a_decorated_initial_costs_no_line(seed: int) -> None:
    page = DrawnPage(seed=seed)
    page.text(300, 120, "CHAPTER THE FIRST", 34)
    pictures.initial(page, 120, 180, 100)
    for i in range(3):
        page.text(240, 204 + 36 * i, page.phrase(640))
    page.paragraph(120, 204 + 36 * 3, 760, 12)
    image, truth = page.page()
    result = match(truth, LineSegmenter().segment(image))
    assert result.found == 1
    assert result.extra <= 1


@pytest.mark.parametrize(
    "made",
    [drawn.letter, drawn.columns, drawn.form, drawn.ruled_table, drawn.receipt, drawn.bordered],
)
def test_text_is_no_picture(made: Callable[[], DrawnPage]) -> None:
    image, _ = made().page()
    assert pictures_of(LineSegmenter().segment(image)) == []


def test_large_print_is_no_picture() -> None:
    page = DrawnPage(seed=1)
    page.text(120, 200, "GRAND BALL", 90, true=False)
    page.text(120, 300, "in the great hall", 70, true=False)
    page.paragraph(120, 420, 760, 14)
    image, truth = page.page()
    found = LineSegmenter().segment(image)
    assert match(truth, found).found == 1
    assert pictures_of(found) == []
