"""The Python interface as a newcomer uses it: wrong types, images in memory, copies of pages."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pagereader
from pagereader import Options, PageError, Reader, UsageError
from pagereader.parse import parse_transcription
from pagereader.write import write_atomically, writer
from tests.write.pages import full_page

from .conftest import BandSegmenter, WidthRecognizer

Scan = Callable[..., Path]


def reader(**changes: Any) -> Reader:
    return Reader(segmenter=BandSegmenter(), recognizer=WidthRecognizer(), **changes)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"dpi": "300"}, "dpi '300' is not a whole number"),
        ({"dpi": 300.5}, "whole number"),
        ({"jobs": True}, "whole number"),
        ({"pages": 1}, "such as '1,3-5'"),
        ({"pages": [1, 2]}, "not text"),
        ({"spread": "no"}, "True or False"),
        ({"device": None}, "such as 'auto'"),
        ({"language": ["en"]}, "not text"),
        ({"max_failed": "0.1"}, "not a number"),
    ],
)
def test_settings_of_another_type_are_refused(setting: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Reader(**setting)


def test_settings_may_be_paths_and_numpy_numbers() -> None:
    options = Options(model=Path("a", "model"), dpi=np.int64(200), max_failed=1)  # type: ignore[arg-type]
    assert options.model == str(Path("a", "model"))
    assert Options.of(options).dpi == 200
    with pytest.raises(UsageError, match="is no Options"):
        Reader({"dpi": 300})  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [WidthRecognizer, object(), 7])
def test_what_is_no_stage_is_refused_before_it_costs_a_page(wrong: Any) -> None:
    with pytest.raises(UsageError, match="is no recognizer"):
        Reader(recognizer=wrong)
    with pytest.raises(UsageError, match="is no segmenter"):
        Reader(segmenter=WidthRecognizer())  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [["a.png"], None, np.zeros((9, 9), np.uint8), b"x" * 3, 7])
def test_only_paths_are_read(wrong: Any) -> None:
    if isinstance(wrong, bytes):
        (page,) = reader().read(wrong, on_error="keep")
        assert "xxx does not exist" in str(page.error)
        return
    with pytest.raises(UsageError, match=r"is no path.*read_image"):
        reader().read(wrong)


def test_an_unknown_on_error_is_no_silent_keep() -> None:
    for call in (pagereader.read, reader().read):
        with pytest.raises(UsageError, match="raise or keep"):
            call("a.png", on_error="skip")
    for call in (reader().read_files, reader().read_pages):
        with pytest.raises(UsageError, match="raise or keep"):
            call([], on_error="skip")


def test_a_name_that_no_file_can_have_costs_no_neighbour(scan: Scan) -> None:
    bad, good = reader().read("a\0b.png", scan("a.png", (200,)), on_error="keep")
    assert isinstance(bad.error, PageError)
    assert good.error is None


MODES = ["1", "L", "P", "PA", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"]


@pytest.mark.parametrize("mode", MODES)
def test_pillow_images_of_every_mode_are_read(
    mode: str, band_page: Callable[..., np.ndarray]
) -> None:
    grey = band_page(120, 240)
    if mode in ("I;16", "I", "F"):
        deep = grey.astype(np.uint16) * 257
        image = Image.fromarray(deep)
        image = image if mode == "I;16" else image.convert("I").convert(mode)
    elif mode == "P":  # inverted: its numbers are no greys
        image = Image.fromarray(255 - grey).convert("P")
        image.putpalette([255 - i // 3 for i in range(768)])
    elif mode == "PA":
        image = Image.fromarray(grey).convert("P").convert("PA")
    else:
        image = Image.fromarray(grey).convert("RGB").convert(mode)
    page = reader().read_image(image, dpi=300, name=Path("a.png"))
    assert page.text == "wide 120\nwide 240"
    assert page.dpi == (300.0, 300.0)
    assert page.source.path == "a.png"


def test_transparent_paper_is_white(band_page: Callable[..., np.ndarray]) -> None:
    ink = 255 - band_page(120)
    image = Image.merge("LA", [Image.new("L", ink.shape[::-1], 0), Image.fromarray(ink)])
    assert reader().read_image(image).text == "wide 120"


@pytest.mark.parametrize("wrong", ["a.png", Path("a.png"), b"\x89PNG", None, [[1, 2]]])
def test_what_is_no_image_in_memory_says_so(wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"takes pixels|is no image"):
        reader().read_image(wrong)


def test_pages_can_be_copied_and_compared() -> None:
    page = full_page()
    page.error = PageError("a", "b")
    for other in (copy.deepcopy(page), pickle.loads(pickle.dumps(page))):
        assert other == page
        other.lines[-1].baseline[0, 0] += 1
        assert other != page
        assert page.lines.index(other.lines[0]) == 0
        assert other.lines[-1] not in page.lines
    assert page != "page"
    assert len({id(line) for line in page.lines}) == len(page.lines)


def transcription(path: Path, page: pagereader.Page, image: str) -> Path:
    write_atomically(path, writer("page").render([page], [image]))
    return path


@pytest.mark.parametrize("failed", [False, True])
def test_a_transcription_without_lines_is_no_blank_page(
    scan: Scan, tmp_path: Path, failed: bool
) -> None:
    """Of a page that failed, or on which nobody has drawn lines yet."""
    scan("a.png", (120,))
    empty = pagereader.Page(400, 80, pagereader.PageSource("a.png", 0, 1))
    empty.error = PageError("the disk was full") if failed else None
    file = transcription(tmp_path / "a.xml", empty, "a.png")
    assert (parse_transcription(file)[0].error is not None) == failed
    (page,) = reader().read(file)
    assert page.text == "wide 120"


def test_formats_of_one_page_say_so() -> None:
    for name in ("page", "alto"):
        for pages in ([], [full_page()] * 2):
            with pytest.raises(UsageError, match="one page a file"):
                writer(name).render(pages, ["a.png"] * len(pages))
    with pytest.raises(UsageError, match="2 pages, but 1 names"):
        writer("hocr").render([full_page()] * 2, ["a.png"])


@pytest.mark.parametrize("format", ["page", "alto", "hocr", "json", "txt", "md"])
def test_outlines_may_be_plain_lists(format: str) -> None:
    page, plain = full_page(), full_page()
    for line in plain.lines:
        line.polygon, line.baseline = line.polygon.tolist(), line.baseline.tolist()
    assert writer(format).render([plain], ["a"]) == writer(format).render([page], ["a"])
