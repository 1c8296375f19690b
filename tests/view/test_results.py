"""From results on the disk to pages with their images, and the command that shows them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pagereader.cli.view import view_command
from pagereader.document import Page, PageSource
from pagereader.errors import InputError, NothingReadError, OutputError
from pagereader.outputs import image_name
from pagereader.view import PageImages
from pagereader.view.results import read_results
from pagereader.write import writer
from tests.rights import without_rights

from .pages import drawn, letter
from .test_html import Elements


def write_results(folder: Path, page: Page, *formats: str) -> list[Path]:
    """Write ``page`` as the main command does, named after its image."""
    files = []
    for name in formats:
        files.append(folder / (Path(page.source.path).stem + writer(name).suffix))
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        files[-1].write_bytes(writer(name).render([page], [image_name(page, files[-1])]))
    return files


@pytest.fixture
def scanned(tmp_path: Path) -> Callable[..., Page]:
    """Make a page whose image lies in ``scans/``."""

    def make(name: str, number: int = 0) -> Page:
        file = tmp_path / "scans" / name
        file.parent.mkdir(exist_ok=True)
        page = letter(number, 1, path=str(file))
        page.source = PageSource(str(file), 0, 1)
        page.image_path = str(file)
        drawn(page).save(file)
        return page

    return make


@pytest.mark.parametrize("format", ["page", "alto", "hocr", "json"])
def test_results_of_every_format_find_their_image(
    tmp_path: Path, scanned: Callable[..., Page], format: str
) -> None:
    page = scanned("a.png")
    (file,) = write_results(tmp_path / "out", page, format)
    (result,) = read_results([file])
    assert [line.text for line in result.page.lines] == [line.text for line in page.lines]
    pixels = PageImages()(result.page, file.parent)
    assert pixels is not None
    assert pixels.shape == (1100, 800, 3)


def test_pages_of_a_document_find_theirs(tmp_path: Path) -> None:
    colours = ["white", "red", "green"]
    images = [Image.new("RGB", (80, 110), colour) for colour in colours]
    images[0].save(tmp_path / "all.tif", save_all=True, append_images=images[1:])
    for number in (0, 2):
        page = letter(number, 3, path=str(tmp_path / "all.tif"))
        for name in ("page", "alto", "hocr", "json"):
            file = tmp_path / f"out{number}{writer(name).suffix}"
            file.write_bytes(writer(name).render([page], [image_name(page, file)]))
            (result,) = read_results([file])
            pixels = PageImages()(result.page, file.parent)
            assert pixels is not None
            assert pixels[0, 0].tolist() == [[255, 255, 255], [], [0, 128, 0]][number], name


def test_a_folder_shows_each_page_once_in_natural_order(
    tmp_path: Path, scanned: Callable[..., Page]
) -> None:
    for number in (10, 2, 1):
        page = scanned(f"{number}.png", number)
        write_results(tmp_path / "out", page, "alto", "page", "hocr")
    write_results(tmp_path / "out" / "box", scanned("1.png", 30), "alto")
    (tmp_path / "out" / "notes.xml").write_text("<notes/>")
    (tmp_path / "out" / "state.json").write_text("{}")
    (tmp_path / "out" / ".hidden.xml").write_text("<PcGts")
    results = read_results([tmp_path / "out"])
    assert [result.page.lines[0].text for result in results] == [
        f"Letter {number}" for number in (2, 3, 11, 31)
    ]
    assert [result.file.name for result in results] == ["1.xml", "2.xml", "10.xml", "1.alto.xml"]


def test_a_broken_result_costs_no_other(tmp_path: Path, scanned: Callable[..., Page]) -> None:
    (good,) = write_results(tmp_path / "out", scanned("a.png"), "page")
    bad = tmp_path / "out" / "b.xml"
    bad.write_bytes(good.read_bytes()[:800])
    for named in ([tmp_path / "out"], [good, bad]):
        first, second = read_results(named)
        assert first.page.error is None
        assert "b.xml" in str(second.page.error)


def test_pages_that_failed_in_a_run_are_shown(
    tmp_path: Path, band_page: Callable[..., np.ndarray]
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    Image.fromarray(band_page(120)).save(scans / "good.png")
    (scans / "bad.png").write_bytes((scans / "good.png").read_bytes()[:60])
    command = [sys.executable, "-m", "pagereader", str(scans), "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [*command, "--recognizer", "null", "-q"], check=False, capture_output=True, timeout=120
    )
    assert done.returncode == 1, done.stderr
    good, bad = read_results([tmp_path / "out"])
    assert good.page.error is None
    assert "bad.png" in str(bad.page.error)


@pytest.mark.parametrize("format", ["json", "hocr"])
def test_a_folder_of_one_format_is_shown(
    tmp_path: Path, scanned: Callable[..., Page], format: str
) -> None:
    page = scanned("a.png")
    (file,) = write_results(tmp_path / "out", page, format)
    if format == "hocr":  # as other programs' may begin
        style = b"<style>" + b" " * 3000 + b"</style></head>"
        file.write_bytes(file.read_bytes().replace(b"</head>", style))
    (result,) = read_results([tmp_path / "out"])
    assert [line.text for line in result.page.lines] == [line.text for line in page.lines]


def test_a_damaged_ledger_costs_no_result(tmp_path: Path, scanned: Callable[..., Page]) -> None:
    write_results(tmp_path / "out", scanned("a.png"), "page")
    (tmp_path / "out" / ".pagereader").mkdir()
    (tmp_path / "out" / ".pagereader" / "ledger.sqlite").write_bytes(b"no database" * 100)
    good, unknown = read_results([tmp_path / "out"])
    assert good.page.error is None
    assert "is not known" in str(unknown.page.error)


def test_what_may_not_be_read_is_told(tmp_path: Path, scanned: Callable[..., Page]) -> None:
    write_results(tmp_path / "out", scanned("a.png"), "page")
    (closed,) = write_results(tmp_path / "out", scanned("b.png"), "page")
    with without_rights():
        closed.chmod(0)
        good, bad = read_results([tmp_path / "out"])
        assert good.page.error is None
        assert "b.xml: Permission denied" in str(bad.page.error)
        (tmp_path / "out").chmod(0)
        with pytest.raises(InputError, match="out cannot be opened: Permission denied"):
            read_results([tmp_path / "out"])
        (tmp_path / "out").chmod(0o700)


def test_nothing_to_show_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_results([tmp_path / "none.xml"])
    with pytest.raises(InputError, match="holds no transcription"):
        read_results([tmp_path])


def test_images_are_looked_for_beside_the_result_and_in_folders(
    tmp_path: Path, scanned: Callable[..., Page]
) -> None:
    page = scanned("a.png")
    (tmp_path / "moved").mkdir()
    (tmp_path / "scans" / "a.png").rename(tmp_path / "moved" / "a.png")
    assert PageImages()(page, tmp_path) is None
    assert PageImages([tmp_path / "moved"])(page, tmp_path) is not None
    assert PageImages()(page, tmp_path / "moved") is not None


def test_names_that_are_no_image_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    find = PageImages()
    names = ("", "-", "\0", "x" * 5000, str(tmp_path), str(tmp_path / "text.png"), "http://a/b.png")
    for name in (*names, "a.pdf#page=99999999999", "#page=1", "a\udcff"):
        page = letter(0, 1, path=name)
        page.image_path = name
        assert find(page, tmp_path) is None


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(view_command, [str(part) for part in arguments])


def test_the_command_writes_a_report(tmp_path: Path, scanned: Callable[..., Page]) -> None:
    write_results(tmp_path / "out", scanned("a.png"), "page")
    report = tmp_path / "report.html"
    result = run(tmp_path / "out", "-o", report)
    assert result.exception is None, result.output
    elements = Elements(report.read_text("utf-8"))
    assert json.loads(elements.script("document"))["title"] == "out"
    assert len(elements.script("image-0")) > 1000
    assert isinstance(run(tmp_path / "out", "-o", report).exception, OutputError)
    assert run(tmp_path / "out", "-o", report, "--overwrite", "--title", "Ours").exception is None
    assert "<title>Ours</title>" in report.read_text("utf-8")


def test_the_command_tells_of_broken_results(tmp_path: Path, scanned: Callable[..., Page]) -> None:
    (good,) = write_results(tmp_path / "out", scanned("a.png"), "page")
    bad = tmp_path / "bad.xml"
    bad.write_text("<PcGts")
    result = CliRunner().invoke(
        view_command, [str(good), str(bad), "-o", str(tmp_path / "r.html")], standalone_mode=False
    )
    assert result.return_value == 1
    assert "bad.xml" in result.stderr
    alone = run(bad, "-o", tmp_path / "r2.html")
    assert isinstance(alone.exception, NothingReadError)
