"""``pagereader page.xml -o new.xml``: other people's lines, our text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pagereader import Reader, write
from pagereader.document import RegionType
from pagereader.options import Options
from pagereader.parse import parse_transcription
from pagereader.segment import LineSegmenter
from tests.conftest import WidthRecognizer
from tests.parse.test_foreign import line, page_xml, region
from tests.write.checks import check_page


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A page of two regions, read second first, with a line that has no outline."""
    pixels = np.full((800, 1000), 235, np.uint8)
    for top in (15, 60, 115):
        for x in range(25, 395, 30):
            pixels[top + 8 : top + 30, x : x + 18] = 30
    Image.fromarray(pixels).save(tmp_path / "a.jpg")
    bare = '<TextLine id="bare"><Baseline points="20,145 400,146"/></TextLine>'
    body = (
        '<ReadingOrder><OrderedGroup id="ro"><RegionRefIndexed index="0" regionRef="second"/>'
        '<RegionRefIndexed index="1" regionRef="first"/></OrderedGroup></ReadingOrder>'
        + region("first", 0, line("l1", 5, "old text") + line("l2", 50, "old"))
        + region("second", 100, bare, 'type="marginalia"')
    )
    path = tmp_path / "a.xml"
    path.write_text(page_xml(body))
    return path


def reader(**changes) -> Reader:
    segmenter = LineSegmenter.from_options(Options())
    return Reader(segmenter=segmenter, recognizer=WidthRecognizer(), **changes)


def test_regions_lines_and_baselines_stay_and_the_text_is_new(foreign):
    (page,) = reader().read(str(foreign))
    assert [(r.id, r.type) for r in page.regions] == [
        ("second", RegionType.MARGINALIA),
        ("first", RegionType.PARAGRAPH),
    ]
    assert [found.id for found in page.lines] == ["bare", "l1", "l2"]
    assert page.lines[1].baseline.tolist() == [[20, 35], [400, 37]]
    assert page.lines[1].polygon.tolist() == [[20, 5], [400, 5], [400, 45], [20, 45]]
    assert all(found.text.startswith("wide ") for found in page.lines)
    names = [step.name for step in page.steps]
    assert names[0] == "import"
    data = write.writer("page").render([page], ["a.jpg"])
    check_page(data)
    assert b"old" not in data


def test_resegment_cuts_anew(foreign):
    (page,) = reader(resegment=True).read(str(foreign))
    assert "first" not in [found.id for found in page.regions]
    assert page.steps[0].name == "segmentation"


def test_coordinates_of_a_smaller_copy_are_scaled(foreign):
    with Image.open(foreign.with_name("a.jpg")) as image:
        image.resize((2000, 1600)).save(foreign.with_name("a.jpg"))
    (page,) = reader().read(str(foreign))
    assert (page.width, page.height) == (2000, 1600)
    assert page.lines[1].baseline.tolist() == [[40, 70], [800, 74]]


@pytest.mark.parametrize("format", ["page", "alto", "hocr", "json", "pdf"])
def test_every_format_can_be_made_of_it(foreign, tmp_path, format):
    (page,) = reader().read(str(foreign))
    writer = write.writer(format)
    path = tmp_path / f"new{writer.suffix}"
    path.write_bytes(writer.render([page], ["a.jpg"]))
    if format != "pdf":
        (again,) = parse_transcription(path)
        assert [found.text for found in again.lines] == [found.text for found in page.lines]
        (twice,) = reader().read(str(path))
        assert [found.text for found in twice.lines] == [found.text for found in page.lines]


def test_a_missing_image_is_an_error_of_the_page(foreign):
    foreign.with_name("a.jpg").unlink()
    (page,) = reader().read(str(foreign), on_error="keep")
    assert "a.jpg" in str(page.error)


def test_a_missing_image_is_told_with_the_file_that_names_it(foreign):
    (foreign.parent / "a.jpg").unlink()
    (page,) = reader().read(str(foreign), on_error="keep")
    assert "a.xml: its image" in str(page.error)
    assert "a.jpg does not exist" in str(page.error)
