"""Pages that may stand on their head are read both ways."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from pagereader.document import PageImage, PageSource, ProcessingStep
from pagereader.errors import ModelError
from pagereader.geometry import LineWarp
from pagereader.options import Options
from pagereader.pipeline import Reader
from pagereader.recognize import NullRecognizer
from pagereader.segment import LineSegmenter
from pagereader.stages import LineCrop, LineReading, Recognizer
from pagereader.upright import LINES, stands_on_head
from tests.segment.drawn import DrawnPage, letter

CAPITALS = ["HIS MOTHER AND HIS", "TOOK THE MONEY", "WITH THEM AT NIGHT", "INTO THE COTTAGE"]


class HeavyFeet:
    """A recogniser that is surer of lines with more ink below than above."""

    def __init__(self) -> None:
        self.asked = 0

    def read(self, crops: Sequence[LineCrop]) -> list[LineReading]:
        self.asked += len(crops)
        return [LineReading("text", self._sure(crop.pixels)) for crop in crops]

    def describe(self) -> ProcessingStep:
        return ProcessingStep("recognition", "heavy feet")

    @staticmethod
    def _sure(pixels: np.ndarray) -> float:
        middle = len(pixels) // 2
        return 0.97 if pixels[middle:].sum() < pixels[:middle].sum() else 0.5


def crops(count: int, dark_above: bool) -> list[LineCrop]:
    pixels = np.full((20, 200), 255, np.uint8)
    pixels[: 10 if dark_above else 0] = 0
    pixels[10:] = 255 if dark_above else 0
    warp = LineWarp(np.array([[0.0, 10.0], [200.0, 10.0]]), 10.0, 10.0)
    return [LineCrop(pixels, warp)] * count


def capitals(turned: bool) -> np.ndarray:
    page = DrawnPage(seed=2, size=30)
    for row in range(14):
        page.text(120, 150 + 60 * row, CAPITALS[row % len(CAPITALS)])
    return np.ascontiguousarray(page.pixels[::-1, ::-1]) if turned else page.pixels


def on_head(recognizer: Recognizer, page: list[LineCrop]) -> bool:
    return stands_on_head(recognizer, page, recognizer.read(page))


def test_a_page_that_reads_better_upside_down_stands_on_its_head() -> None:
    assert on_head(HeavyFeet(), crops(4, dark_above=True))
    assert not on_head(HeavyFeet(), crops(4, dark_above=False))


def test_few_lines_are_read_again_and_none_of_a_page_that_reads_well() -> None:
    recognizer = HeavyFeet()
    on_head(recognizer, crops(50, dark_above=True))
    assert recognizer.asked == 50 + LINES
    on_head(recognizer, crops(50, dark_above=False))
    assert recognizer.asked == 50 + LINES + 50
    assert not on_head(recognizer, [])


def test_readings_without_confidence_leave_a_page_as_it_is() -> None:
    null = NullRecognizer.from_options(Options())
    assert not on_head(null, crops(4, dark_above=True))


def test_the_segmenter_says_when_it_does_not_know() -> None:
    image = PageImage(capitals(turned=False), PageSource("capitals.png"))
    assert LineSegmenter().segment(image).may_be_on_head
    assert not LineSegmenter(orientation="0").segment(image).may_be_on_head
    assert not LineSegmenter().segment(letter().page()[0]).may_be_on_head


@pytest.mark.parametrize("turned", [False, True])
def test_capitals_are_read_the_right_way_up(turned: bool) -> None:
    page = Reader().read_image(capitals(turned))
    assert page.orientation == (180 if turned else 0)
    texts = [line.text for line in page.lines]
    assert sum(text in CAPITALS for text in texts) >= 10
    first = page.lines[0].baseline
    assert (first[0, 1] > 700) == turned, "the first line lies at the foot of the image"
    assert dict(page.steps[0].settings)["orientation"] == "auto"


def test_a_hand_upside_down_is_turned(shared: Path) -> None:
    image = cv2.imread(str(shared / "pages" / "images" / "hooker-33-003.jpg"))
    assert image is not None
    for degrees in (0, 180):
        pixels = np.ascontiguousarray(np.rot90(image[..., ::-1], degrees // 90))
        assert Reader().read_image(pixels).orientation == degrees


def test_a_model_that_does_not_run_is_an_error() -> None:
    class Broken(HeavyFeet):
        def read(self, crops: Sequence[LineCrop]) -> list[LineReading]:
            raise ModelError("broken", "mend it")

    broken = Broken()
    with pytest.raises(ModelError):
        Reader(recognizer=broken).read_image(capitals(turned=False))
