from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from pagereader import write
from pagereader.document import Line, Page, PageSource, Region
from pagereader.geometry import rectangle
from pagereader.parse import parse_transcription
from tests.parse.same import assert_same_regions
from tests.write.pages import failed_page, full_page, ugly_pages


def again(tmp_path, format: str, *pages: Page) -> list[Page]:
    """Write and read back."""
    writer = write.writer(format)
    path = tmp_path / f"again{writer.suffix}"
    path.write_bytes(writer.render(pages, ["a;b.png"] * len(pages)))
    return parse_transcription(path)


def test_page_xml_loses_nothing(tmp_path):
    wanted = full_page()
    (got,) = again(tmp_path, "page", wanted)
    assert_same_regions(got, wanted)
    for mine, theirs in zip(got.lines, wanted.lines, strict=True):
        assert mine.confidence == theirs.confidence
        assert mine.alternatives == theirs.alternatives
        assert (mine.height, mine.error) == (theirs.height, theirs.error)
    assert (got.width, got.height, got.dpi) == (2000, 3000, (300.0, 300.0))
    assert (got.orientation, got.skew, got.language) == (90, -1.25, "en")
    assert got.steps == wanted.steps
    assert got.source == wanted.source
    assert got.image_path == str(tmp_path / "a;b.png")


def test_alto_loses_little(tmp_path):
    wanted = full_page()
    (got,) = again(tmp_path, "alto", wanted)
    assert_same_regions(got, wanted)
    assert (got.width, got.height) == (2000, 3000)
    assert (got.orientation, got.skew, got.language) == (90, -1.25, "en")
    assert got.steps == wanted.steps
    assert got.source.index == 2
    unsplit = got.regions[1].lines[2]
    assert [other.text for other in unsplit.alternatives] == ["no wards here", "no words hero"]
    char = got.regions[0].lines[0].words[0].char_confidences[0]
    assert char == pytest.approx(0.9, abs=0.06)


def test_hocr_keeps_every_page(tmp_path):
    wanted = full_page()
    got, failed = again(tmp_path, "hocr", wanted, failed_page())
    assert_same_regions(got, wanted, boxes=True)
    assert (got.width, got.height, got.dpi, got.language) == (2000, 3000, (300.0, 300.0), "en")
    assert (got.source.index, failed.source.index) == (2, 3)
    assert got.regions[0].lines[0].words[0].char_confidences == (0.9, 0.91, 0.92, 0.93, 0.94)
    assert "page 4 is broken" in str(failed.error)
    assert got.image_path == str(tmp_path / "a;b.png")


@pytest.mark.parametrize("format", ["page", "alto", "hocr", "json"])
def test_a_failed_page_does_not_become_a_blank_one(tmp_path, format):
    (got,) = again(tmp_path, format, failed_page())
    assert "page 4 is broken" in str(got.error)
    assert "mend it" in str(got.error)
    assert not any(step.name == "error" for step in got.steps)
    wordless = failed_page()
    wordless.error = RuntimeError()
    assert again(tmp_path, format, wordless)[0].error is not None


def turned_page(degrees: int) -> Page:
    """A page whose only line must be turned clockwise by ``degrees`` to be read."""
    feet = {
        90: [[160, 540], [161, 300], [160, 60.0]],
        180: [[280, 70], [20, 72.0]],
        270: [[110, 60], [111, 300], [110, 540.0]],
    }[degrees]
    left, top, right, bottom = (10, 50, 290, 90) if degrees == 180 else (100, 50, 170, 550)
    box = rectangle(left, top, right, bottom)
    line = Line(box, np.array(feet), text="turned")
    source = PageSource("a.png", 0, 1)
    return Page(300, 600, source, [Region(box, lines=[line])], orientation=degrees, skew=0.75)


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("format", ["page", "alto", "hocr", "json"])
def test_turned_pages_stay_turned(tmp_path, format, degrees):
    wanted = turned_page(degrees)
    (got,) = again(tmp_path, format, wanted)
    assert (got.orientation, got.skew) == (degrees, 0.75)
    assert np.abs(got.lines[0].baseline[0] - wanted.lines[0].baseline[0]).max() <= 1
    assert np.abs(got.lines[0].baseline[-1] - wanted.lines[0].baseline[-1]).max() <= 1


def test_each_page_of_hocr_keeps_its_language(tmp_path):
    pages = [turned_page(90), turned_page(90), turned_page(90)]
    for page, language in zip(pages, ("grc", "de", ""), strict=True):
        page.language = language
    assert [page.language for page in again(tmp_path, "hocr", *pages)] == ["grc", "de", ""]


def test_json_loses_nothing_at_all(tmp_path):
    pages = [full_page(), failed_page()]
    got = again(tmp_path, "json", *pages)
    assert_same_regions(got[0], pages[0])
    assert (got[0].steps, got[0].source, got[0].dpi) == (
        pages[0].steps,
        pages[0].source,
        pages[0].dpi,
    )
    assert repr(got[1].error) == repr(pages[1].error)
    assert got[0].lines[0].words[0].char_confidences == (0.9, 0.91, 0.92, 0.93, 0.94)
    assert write.writer("json").render(got, ["x"] * 2) == write.writer("json").render(
        [_with_image(page, mine) for page, mine in zip(pages, got, strict=True)], ["x"] * 2
    )


def _with_image(page: Page, like: Page) -> Page:
    page = copy.copy(page)
    page.image_path = like.image_path
    return page


@pytest.mark.parametrize("format", ["page", "alto", "hocr", "json"])
def test_writing_again_changes_nothing(tmp_path, format):
    once = again(tmp_path, format, full_page())
    twice = again(tmp_path, format, *once)
    assert write.writer(format).render(twice, ["a"]) == write.writer(format).render(once, ["a"])


@pytest.mark.parametrize("format", ["page", "alto", "hocr", "json"])
def test_whatever_we_write_we_read(tmp_path, format):
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(page=ugly_pages)
    def check(page):
        (got,) = again(tmp_path, format, page)
        assert len(got.lines) == len(page.lines)

    check()
