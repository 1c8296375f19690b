from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import Polygon

from pagereader.document import Flag, Line, PageImage, PageSource
from pagereader.errors import InputError, ModelError, PageError, UsageError
from pagereader.geometry import LineWarp, bounds, points, rectangle
from pagereader.pipeline import LINES_A_BATCH, Reader
from pagereader.placing import apply_reading
from pagereader.stages import LineReading, WordSpan
from tests.conftest import BandSegmenter, WidthRecognizer

Scan = Callable[..., Path]


def reader(segmenter: BandSegmenter | None = None, recognizer: object = None, **changes) -> Reader:
    return Reader(
        segmenter=segmenter or BandSegmenter(),
        recognizer=recognizer or WidthRecognizer(),
        **changes,
    )


def test_pages_come_in_order_with_their_text(scan: Scan) -> None:
    path = scan("a.tif", (100, 200), (300,), (50,))
    pages = list(reader().read(path))
    assert [page.text for page in pages] == ["wide 100\nwide 200", "wide 300", "wide 50"]
    assert [page.source.number for page in pages] == [1, 2, 3]
    assert [step.name for step in pages[0].steps] == ["segmentation", "recognition"]


def test_the_order_does_not_depend_on_who_is_done_first(scan: Scan) -> None:
    class Hurdle(BandSegmenter):
        """Lets the second page overtake the first."""

        passed = threading.Event()

        def segment(self, image: PageImage):
            if image.source.index == 0:
                assert self.passed.wait(20)
            else:
                self.passed.set()
            return super().segment(image)

    path = scan("a.tif", (100,), (200,))
    pages = list(reader(Hurdle(), jobs=2).read(path))
    assert [page.text for page in pages] == ["wide 100", "wide 200"]


def test_lines_of_several_pages_are_read_together(scan: Scan) -> None:
    recognizer = WidthRecognizer()
    path = scan("a.tif", *[(100, 120, 140)] * 8)
    assert len(list(reader(recognizer=recognizer).read(path))) == 8
    assert recognizer.batches == [24]


def test_a_recogniser_may_ask_for_more_lines_at_once(scan: Scan) -> None:
    recognizer = WidthRecognizer()
    recognizer.lines_a_batch = 100  # type: ignore[attr-defined]
    path = scan("a.tif", *[tuple(range(50, 90))] * 7)
    assert len(list(reader(recognizer=recognizer).read(path))) == 7
    assert recognizer.batches == [120, 120, 40]


def test_page_one_is_there_before_the_last_is_opened(scan: Scan) -> None:
    segmenter = BandSegmenter()
    path = scan("a.tif", *[tuple(range(50, 50 + LINES_A_BATCH))] * 12)
    pages = reader(segmenter, jobs=2).read(path)
    next(pages)
    assert len(segmenter.seen) < 8
    pages.close()


def test_a_broken_page_costs_no_neighbour(scan: Scan, band_page: Callable[..., np.ndarray]) -> None:
    path = scan("a.tif", (100,), band_page(120, first_pixel=77), (140,))
    kept = list(reader(BandSegmenter(poison=77)).read(path, on_error="keep"))
    assert [page.text for page in kept] == ["wide 100", "", "wide 140"]
    assert isinstance(kept[1].error, PageError)
    assert "page 2" in str(kept[1].error)


def test_errors_are_raised_after_the_pages_before_them(
    scan: Scan, band_page: Callable[..., np.ndarray]
) -> None:
    path = scan("a.tif", (100,), band_page(120, first_pixel=77))
    pages = reader(BandSegmenter(poison=77)).read(path)
    assert next(pages).text == "wide 100"
    with pytest.raises(PageError):
        next(pages)


def test_a_recogniser_that_breaks_on_one_page_reads_the_others(scan: Scan) -> None:
    path = scan("a.tif", (100,), (120,), (140,))
    kept = list(reader(recognizer=WidthRecognizer(broken_width=120)).read(path, on_error="keep"))
    assert [page.text for page in kept] == ["wide 100", "", "wide 140"]
    assert kept[1].error is not None
    assert kept[1].regions == []


def test_a_broken_model_stops_the_run(scan: Scan) -> None:
    class Broken(WidthRecognizer):
        def read(self, crops):
            raise ModelError("the weights are gone")

    with pytest.raises(ModelError):
        list(reader(recognizer=Broken()).read(scan("a.png", (100,)), on_error="keep"))


def test_a_file_that_is_missing_is_one_failed_page(scan: Scan, tmp_path: Path) -> None:
    good = scan("a.png", (100,))
    kept = list(reader().read(tmp_path / "none.png", good, on_error="keep"))
    assert isinstance(kept[0].error, InputError)
    assert kept[1].text == "wide 100"


def test_pages_can_be_chosen(scan: Scan) -> None:
    path = scan("a.tif", (100,), (120,), (140,))
    assert [p.text for p in reader(pages="2-end").read(path)] == ["wide 120", "wide 140"]
    with pytest.raises(UsageError, match="only 3 pages"):
        list(reader(pages="4").read(path))


def test_an_array_is_read_like_a_file(band_page: Callable[..., np.ndarray]) -> None:
    page = reader().read_image(band_page(100, 200), dpi=(300, 300))
    assert page.text == "wide 100\nwide 200"
    assert page.dpi == (300, 300)


def test_words_lie_inside_their_line_and_in_order(band_page: Callable[..., np.ndarray]) -> None:
    page = reader().read_image(band_page(100))
    (line,) = page.lines
    left, top, right, bottom = bounds(line.polygon)
    boxes = [bounds(word.polygon) for word in line.words]
    assert all(left <= b[0] < b[2] <= right and top <= b[1] < b[3] <= bottom for b in boxes)
    assert boxes[0][2] <= boxes[1][0]


def test_readings_replace_what_was_there() -> None:
    line = Line(rectangle(0, 0, 100, 20), points([[0, 15], [100, 15]]), text="old")
    line.flags = frozenset({Flag.BOXED, Flag.FAILED})
    warp = LineWarp(line.baseline, 15, 5)
    apply_reading(line, warp, LineReading("a b", 0.5, [WordSpan("a", 0, 40, 0.5)]))
    assert line.text == "a b"
    assert line.flags == {Flag.BOXED}
    np.testing.assert_allclose(bounds(line.words[0].polygon), (0, 1, 40, 19))


@pytest.mark.parametrize("slope", [0.0, 0.013, 0.1, -0.3])
def test_words_fit_their_line_in_whole_numbers_too(slope: float) -> None:
    feet = points([[100, 500], [900.7, 500.3 + 800.7 * slope]])
    outline = np.vstack([feet, feet[::-1]]) + np.repeat([[0, -30.6], [0, 11.3]], 2, axis=0)
    line = Line(outline, feet)
    warp = LineWarp(feet, 30.6, 11.3, lead=20, tail=20)
    spans = [WordSpan("a", start, start + 60, 0.5) for start in range(30, 760, 70)]
    apply_reading(line, warp, LineReading("a", 0.5, spans))
    whole = Polygon(np.rint(outline))
    assert all(whole.covers(Polygon(np.rint(word.polygon))) for word in line.words)


def test_threads_end_when_the_reader_is_left_early(scan: Scan) -> None:
    path = scan("a.tif", *[(100,)] * 30)
    pages = reader(jobs=2).read(path)
    next(pages)
    pages.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("prepare")]


def test_a_source_tells_where_it_is_from() -> None:
    assert str(PageSource("a.pdf", 2, 9)) == "a.pdf, page 3"
    assert str(PageSource("a.jpg", 0, 1)) == "a.jpg"


@pytest.mark.parametrize(
    "array",
    [
        np.full((20, 30), 0.9),
        np.full((20, 30), True),
        np.full((20, 30), 60000, np.uint16),
        np.full((20, 30, 4), 255, np.uint8),
        np.full((20,), 255, np.uint8),
        np.full((0, 30), 255, np.uint8),
    ],
)
def test_arrays_that_are_no_images_are_no_blank_pages(array: np.ndarray) -> None:
    with pytest.raises(UsageError, match="is no image"):
        reader().read_image(array)


def test_stages_may_be_named(scan: Scan) -> None:
    named = Reader(segmenter="lines", recognizer="null")
    assert (named.options.segmenter, named.options.recognizer) == ("lines", "null")
    assert list(named.read(scan("a.png", (200,))))


def test_a_page_past_the_end_names_its_file(scan: Scan) -> None:
    (page,) = reader(pages="2").read(scan("a.png", (200,)), on_error="keep")
    assert "a.png: page 2 was asked for, but there is only 1 page" in str(page.error)
