"""Ground truth with images: found, cut as at reading time, and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw

from pagereader.cli.evaluate import evaluate_command
from pagereader.document import Line, Page, PageSource, Region
from pagereader.errors import InputError, UsageError
from pagereader.evaluate.truthlines import find_truth, load_image, read_truth
from pagereader.geometry import points, rectangle
from pagereader.options import Options
from pagereader.parse import parse_transcription
from pagereader.stages import load_stage
from pagereader.write import writer

TEXTS = ("first line", "the second", "")


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """A page of three lines with its image beside it, in PAGE-XML; one line has no text."""
    image = Image.new("L", (400, 300), 240)
    pen = ImageDraw.Draw(image)
    lines = []
    for number, text in enumerate(TEXTS):
        y = 60 + 80 * number
        pen.text((30, y - 24), text or "unread", fill=10, font_size=28)
        lines.append(
            Line(
                rectangle(20, y - 30, 380, y + 12),
                points([[20, y], [380, y]]),
                height=20,
                text=text,
                id=f"l{number}",
            )
        )
    image.save(tmp_path / "page.png")
    region = Region(rectangle(0, 0, 400, 300), lines=lines, id="r")
    page = Page(400, 300, PageSource("page.png", 0, 1), [region], image_path="page.png")
    path = tmp_path / "page.xml"
    path.write_bytes(writer("page").render([page], ["page.png"]))
    return path


def test_lines_are_cut_as_at_reading_time(truth: Path) -> None:
    (file,) = find_truth([truth])
    assert file.texts == 2
    assert not file.missing
    lines = list(read_truth(file))
    assert [(line.page, line.text) for line in lines] == [("page", t) for t in TEXTS[:2]]
    image = load_image(truth.with_suffix(".png"), Options())
    segmenter = load_stage("segmenters", "lines").from_options(Options())
    crops = segmenter.cut(image, parse_transcription(truth)[0].regions)
    assert np.array_equal(lines[1].pixels, crops[1].pixels)
    assert np.ptp(lines[0].pixels) > 100


def test_a_folder_is_searched_and_images_found_in_it(truth: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "page.png").rename(tmp_path / "images" / "page.png")
    (file,) = find_truth([tmp_path])
    assert file.images == (tmp_path / "images" / "page.png",) or not file.missing


def test_lines_are_cut_from_their_own_page_at_its_own_size(truth: Path, tmp_path: Path) -> None:
    (page,) = parse_transcription(truth)
    right = Image.open(truth.with_suffix(".png"))
    wrong = Image.new("L", right.size, 255)
    wrong.save(tmp_path / "all.tif", save_all=True, append_images=[right.resize((800, 600))])
    data = writer("page").render([page], ["all.tif#page=2"])
    (tmp_path / "second.xml").write_bytes(data)
    (file,) = find_truth([tmp_path / "second.xml"])
    first, second = read_truth(file)
    assert [first.text, second.text] == [*TEXTS[:2]]
    assert np.ptp(first.pixels) > 100
    (plain,) = find_truth([truth])
    small = next(read_truth(plain)).pixels.shape
    assert np.allclose(np.divide(first.pixels.shape, small), 2, atol=0.2)
    (tmp_path / "second.xml").write_bytes(data.replace(b"#page=2", b"#page=3"))
    (file,) = find_truth([tmp_path / "second.xml"])
    with pytest.raises(InputError, match="has no page 3"):
        list(read_truth(file))


def test_a_missing_image_is_noticed(truth: Path) -> None:
    truth.with_suffix(".png").unlink()
    (file,) = find_truth([truth])
    assert file.missing == [str(truth)]
    assert list(read_truth(file)) == []


def test_command_compares_files_and_writes_reports(truth: Path, tmp_path: Path) -> None:
    read = tmp_path / "out" / "page.txt"
    read.parent.mkdir()
    read.write_text("first line\nthe sekond")
    arguments = [str(truth), str(read), "--tsv", str(tmp_path / "t.tsv"), "--html"]
    result = CliRunner().invoke(
        evaluate_command, [*arguments, str(tmp_path / "r.html")], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert "(1 of 21)" in result.output
    assert (tmp_path / "t.tsv").read_text().startswith("page\tline")
    assert "<del>c</del><ins>k</ins>" in (tmp_path / "r.html").read_text()


def test_a_page_in_several_formats_is_learned_once(truth: Path, tmp_path: Path) -> None:
    (page,) = parse_transcription(truth)
    for name in ("alto", "hocr", "json"):
        other = truth.with_name("page" + writer(name).suffix)
        other.write_bytes(writer(name).render([page], ["page.png"]))
    (tmp_path / "mets.xml").write_text("<mets/>")
    (file,) = find_truth([tmp_path])
    assert file.texts == 2


def test_command_says_which_truth_was_not_used(truth: Path, tmp_path: Path) -> None:
    (tmp_path / "lost.xml").write_bytes(truth.read_bytes().replace(b"page.png", b"none.png"))
    (tmp_path / "odd\udcff.xml").write_bytes(b"<PcGts")
    result = CliRunner().invoke(
        evaluate_command,
        [str(tmp_path), str(tmp_path), "--tsv", str(tmp_path / "t")],
        standalone_mode=False,
        catch_exceptions=False,
    )
    assert result.return_value == 1
    assert "odd\\udcff" in result.output
    (tmp_path / "odd\udcff.xml").unlink()
    result = CliRunner().invoke(
        evaluate_command,
        [str(tmp_path), "--model", "bundled"],
        standalone_mode=False,
        catch_exceptions=False,
    )
    assert result.return_value == 1
    assert "lost.xml: its image is missing" in result.output


def test_command_measures_a_model(truth: Path) -> None:
    result = CliRunner().invoke(
        evaluate_command, [str(truth), "--model", "bundled"], catch_exceptions=False
    )
    assert result.exit_code == 0
    cer = float(result.output.split("CER")[1].split()[0])
    assert cer < 0.3, result.output


def test_command_wants_one_of_result_and_model(truth: Path) -> None:
    with pytest.raises(UsageError, match="either"):
        CliRunner().invoke(evaluate_command, [str(truth)], catch_exceptions=False)


def test_command_says_when_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no line"):
        CliRunner().invoke(
            evaluate_command, [str(tmp_path), "--model", "bundled"], catch_exceptions=False
        )
