"""Faxes of uneven resolution are read stretched; coordinates stay those of the stored page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pagereader.document import Line, Page, PageImage, PageSource, Region, Word
from pagereader.geometry import bounds, points, rectangle
from pagereader.pipeline import Reader
from pagereader.squarepixels import Stretch, bring_back, squared
from pagereader.stages import Segmentation
from tests.conftest import BandSegmenter, WidthRecognizer


class Watching(BandSegmenter):
    """Notes the sizes of the pages it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, int]] = []

    def segment(self, image: PageImage) -> Segmentation:
        self.sizes.append((image.width, image.height))
        return super().segment(image)


def bands(width: int, height: int) -> Image.Image:
    page = Image.new("L", (width, height), 255)
    for top in (height // 5, height // 2):
        page.paste(0, (width // 10, top, width * 9 // 10, top + height // 10))
    return page


@pytest.mark.parametrize(
    ("dpi", "seen"),
    [
        ((204, 98), (408, 624)),
        ((98, 204), (849, 300)),
        ((204, 196), (408, 300)),
        ((300, 300), (408, 300)),
        ((2000, 100), (408, 300)),  # nobody scans like that
        (None, (408, 300)),
    ],
)
def test_the_stored_page_keeps_its_coordinates(
    tmp_path: Path, dpi: tuple[int, int] | None, seen: tuple[int, int]
) -> None:
    path = tmp_path / "fax.tif"
    bands(408, 300).save(path, **({"dpi": dpi} if dpi else {}))
    segmenter = Watching()
    (page,) = Reader(segmenter=segmenter, recognizer=WidthRecognizer()).read(path)
    ((width, height),) = segmenter.sizes
    assert abs(width - seen[0]) <= 1
    assert abs(height - seen[1]) <= 1
    assert (page.width, page.height) == (408, 300)
    assert page.dpi == (pytest.approx(dpi, rel=0.01) if dpi else None)
    for line, top in zip(page.lines, (60, 150), strict=True):
        assert np.abs(np.array(bounds(line.polygon)) - (40, top, 367, top + 30)).max() <= 2
        for word in line.words:
            left, upper, right, lower = bounds(word.polygon)
            assert 38 <= left < right <= 369
            assert top - 2 <= upper < lower <= top + 32


def test_all_that_a_region_holds_is_brought_back() -> None:
    upright = Line(
        rectangle(10, 20, 30, 40),
        points([[10, 40], [30, 40]]),
        height=20,
        words=[Word("a", rectangle(10, 20, 20, 40))],
    )
    sideways = Line(rectangle(10, 20, 30, 80), points([[10, 20], [10, 80]]), height=20)
    cell = Region(rectangle(0, 0, 50, 100), lines=[sideways])
    page = Page(50, 50, PageSource("a"), [Region(rectangle(0, 0, 50, 100), lines=[upright])])
    page.regions[0].regions.append(cell)
    bring_back(page, Stretch(1, 2))
    assert bounds(page.regions[0].polygon) == (0, 0, 50, 50)
    assert bounds(cell.polygon) == (0, 0, 50, 50)
    assert bounds(upright.polygon) == (10, 10, 30, 20)
    assert bounds(upright.words[0].polygon) == (10, 10, 20, 20)
    assert upright.baseline.tolist() == [[10, 20], [30, 20]]
    assert (upright.height, sideways.height) == (10, 20)


def test_what_is_known_of_a_page_is_stretched_with_it() -> None:
    known = Page(40, 30, PageSource("a"), [Region(rectangle(0, 0, 40, 30))])
    pixels = np.zeros((30, 40), np.uint8)
    image, stretch = squared(PageImage(pixels, PageSource("a"), (200.0, 100.0), known=known))
    assert image.pixels.shape == (60, 40)
    assert stretch == Stretch(1, 2)
    assert bounds(known.regions[0].polygon) == (0, 0, 40, 60)
