from __future__ import annotations

from pathlib import Path

import pytest

from pagereader.document import Page, PageSource
from pagereader.errors import UsageError
from pagereader.outputs import OutputPlan, image_name
from pagereader.sources import InputFile


def files(*relative: str) -> list[InputFile]:
    return [InputFile(f"in/{name}", name) for name in relative]


def test_one_page_gets_exactly_the_name_asked_for() -> None:
    (scan,) = files("scan.pdf")
    target = OutputPlan("result.xml", [], [scan]).target(scan)
    assert target.page_path("page", 1, several=False) == Path("result.xml")
    assert target.page_path("page", 12, several=True) == Path("result_0012.xml")


@pytest.mark.parametrize(
    ("output", "format", "several"),
    [
        ("a.alto.xml", "alto", "a_0002.alto.xml"),
        ("a.page.xml", "page", "a_0002.page.xml"),
        ("dir.d/a.b.xml", "page", "dir.d/a.b_0002.xml"),
    ],
)
def test_the_page_number_goes_before_the_suffix(output: str, format: str, several: str) -> None:
    (scan,) = files("scan.pdf")
    plan = OutputPlan(output, [], [scan])
    assert plan.formats == (format,)
    assert plan.target(scan).page_path(format, 2, several=True) == Path(several)


def test_further_formats_stand_beside_the_one_named() -> None:
    (scan,) = files("scan.pdf")
    target = OutputPlan("out/a.xml", ["page", "hocr", "txt", "alto"], [scan]).target(scan)
    assert target.document_path("hocr") == Path("out/a.hocr")
    assert target.document_path("txt") == Path("out/a.txt")
    assert target.page_path("alto", 1, several=False) == Path("out/a.alto.xml")


def test_folders_are_mirrored() -> None:
    inputs = files("1801/a.tif", "1802/a.tif")
    plan = OutputPlan("out", [], inputs)
    assert plan.formats == ("page",)
    assert [plan.target(f).page_path("page", 1, several=False) for f in inputs] == [
        Path("out/1801/a.xml"),
        Path("out/1802/a.xml"),
    ]


def test_equal_stems_never_share_a_file() -> None:
    inputs = files("a.jpg", "a.png", "A.tif", "b.pdf", "b_0001.jpg", "c.jpg")
    plan = OutputPlan("out/", ["txt"], inputs)
    paths = [plan.target(f).document_path("txt") for f in inputs]
    pages = [plan.target(inputs[3]).page_path("page", 1, several=True)]
    names = [str(p).casefold() for p in paths + pages]
    assert len(set(names)) == len(names)
    assert paths[5] == Path("out/c.txt")


def test_an_existing_folder_takes_one_file_too(tmp_path: Path) -> None:
    (scan,) = files("scan.pdf")
    plan = OutputPlan(str(tmp_path), [], [scan])
    assert plan.target(scan).page_path("page", 1, several=False) == tmp_path / "scan.xml"


def test_standard_output_holds_one_format() -> None:
    (scan,) = files("scan.pdf")
    assert OutputPlan("-", [], [scan]).formats == ("txt",)
    with pytest.raises(UsageError, match="one format"):
        OutputPlan("-", ["txt", "page"], [scan])


@pytest.mark.parametrize(("output", "formats"), [("a.docx", []), ("a.xml", ["word"])])
def test_unknown_formats_are_refused(output: str, formats: list[str]) -> None:
    with pytest.raises(UsageError):
        OutputPlan(output, formats, files("scan.pdf"))


def test_images_are_named_from_where_the_result_lies() -> None:
    page = Page(1, 1, PageSource("in/a.jpg", count=1), image_path="in/a.jpg")
    assert image_name(page, Path("out/x/a.xml")) == "../../in/a.jpg"
    assert image_name(page, None) == "a.jpg"


def test_a_page_of_a_document_is_named_with_its_number() -> None:
    page = Page(1, 1, PageSource("scan.pdf", index=2, count=9))
    assert image_name(page, Path("scan.xml")) == "scan.pdf#page=3"
