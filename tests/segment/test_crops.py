from __future__ import annotations

import numpy as np
import pytest

from pagereader.document import Flag, Line, PageImage, Region
from pagereader.geometry import rectangle
from pagereader.segment import LineSegmenter
from tests.segment import drawn
from tests.segment.drawn import DrawnPage


def crops_of(page: DrawnPage) -> tuple[PageImage, list[Line], list[np.ndarray]]:
    image, _ = page.page()
    segmenter = LineSegmenter()
    found = segmenter.segment(image)
    lines = [line for region in found.regions for line in region.all_lines()]
    crops = segmenter.cut(image, found.regions)
    assert len(crops) == len(lines)
    return image, lines, [crop.pixels for crop in crops]


def test_crop_holds_its_own_ink_and_not_its_neighbours() -> None:
    page = DrawnPage()
    for i in range(8):
        page.text(120, 200 + 34 * i, "gypsy quilting hbdfk jpqy" if i % 2 else "Hull bold fjord")
    image, lines, crops = crops_of(page)
    assert len(crops) == 8
    for line, crop in zip(lines, crops, strict=True):
        y = float(line.baseline[:, 1].mean())
        own = DrawnPage()
        nearest = min(range(8), key=lambda i: abs(200 + 34 * i - y))
        own.text(120, 200 + 34 * nearest, page_text(nearest))
        expected = int((own.pixels < 128).sum())
        assert int((crop < 128).sum()) == pytest.approx(expected, rel=0.06)
        assert crop.shape[0] < 2.2 * page.size
    assert image.width == 1000


def page_text(i: int) -> str:
    return "gypsy quilting hbdfk jpqy" if i % 2 else "Hull bold fjord"


def test_sloping_line_is_straightened() -> None:
    image, truth = drawn.letter(2).rotated(6)
    segmenter = LineSegmenter()
    found = segmenter.segment(image)
    crops = segmenter.cut(image, found.regions)
    for crop in crops:
        assert crop.pixels.shape[0] < 50
        inside = crop.warp.to_page([[0.0, 0.0], list(map(float, crop.warp.size))])
        assert (inside > -20).all()
    assert len(crops) == len(truth)


def test_underline_is_taken_out_of_the_crop() -> None:
    page = DrawnPage()
    for i in range(5):
        page.text(120, 200 + 60 * i, "never again without them")
        page.draw.line([(110, 206 + 60 * i), (560, 206 + 60 * i)], fill=30, width=2)
    _, _, crops = crops_of(page)
    assert len(crops) == 5
    for crop in crops:
        dark = (crop < 128).mean(axis=1)
        assert dark.max() < 0.6


@pytest.mark.parametrize(
    ("polygon", "baseline"),
    [
        (rectangle(100, 100, 400, 140), np.zeros((0, 2))),
        (rectangle(100, 100, 400, 140), np.array([[200.0, 130.0], [200.0, 130.0]])),
        (rectangle(100, 100, 400, 140), np.array([[np.nan, 130.0], [400.0, 130.0]])),
        (rectangle(-500, -500, -400, -450), np.array([[-500.0, -460.0], [-400.0, -460.0]])),
        (rectangle(900, 1300, 90000, 1340), np.array([[900.0, 1330.0], [90000.0, 1330.0]])),
        (np.array([[100.0, 100.0], [400.0, 140.0]]), np.array([[100.0, 130.0], [400.0, 130.0]])),
    ],
)
def test_line_without_a_sound_outline_is_boxed_not_dropped(
    polygon: np.ndarray, baseline: np.ndarray
) -> None:
    image, _ = drawn.letter().page()
    line = Line(polygon, baseline)
    (crop,) = LineSegmenter().cut(image, [Region(rectangle(0, 0, 1000, 1400), lines=[line])])
    assert crop.pixels.shape == crop.warp.size[::-1]
    assert crop.pixels.dtype == np.uint8
    if len(baseline) < 2 or not np.isfinite(baseline).all() or len(polygon) < 3:
        assert Flag.BOXED in line.flags
