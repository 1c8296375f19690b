"""Where the command line puts results: names, folders, pipes, standard output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

from pagereader.errors import ExitCode, OutputError
from tests.command import NULL, Result, Run, Scan, blank_pdf
from tests.rights import without_rights

SAMPLES = Path(__file__).parents[1] / "samples"


def test_one_page_one_file(run: Run, scan: Scan, tmp_path: Path) -> None:
    result = run(scan("a.png", (200,)), "-o", tmp_path / "out.xml", *NULL)
    assert result == Result(0, "", "")
    assert etree.parse(tmp_path / "out.xml").getroot().tag.endswith("PcGts")


def test_several_pages_and_formats_from_one_reading(run: Run, tmp_path: Path) -> None:
    pdf = blank_pdf(tmp_path / "a.pdf", 3)
    assert run(pdf, "-o", tmp_path / "o.xml", "-f", "page,hocr", "-f", "txt,json", *NULL).code == 0
    names = {p.name for p in tmp_path.glob("o*")}
    assert names == {"o_0001.xml", "o_0002.xml", "o_0003.xml", "o.hocr", "o.txt", "o.json"}
    assert (tmp_path / "o.txt").read_text("utf-8").count("\f") == 2
    assert len(json.loads((tmp_path / "o.json").read_text("utf-8"))["pages"]) == 3


def test_text_to_stdout_by_default(run: Run) -> None:
    result = run(SAMPLES / "columns.jpg", *NULL)
    assert result.code == 0
    assert result.out.strip()


def test_existing_files_are_kept(run: Run, scan: Scan, tmp_path: Path) -> None:
    page, out = scan("a.png", (200,)), tmp_path / "out.txt"
    out.write_text("mine", "utf-8")
    result = run(page, "-o", out, *NULL)
    assert result.code == ExitCode.OUTPUT
    assert "--overwrite" in result.err
    assert out.read_text("utf-8") == "mine"
    assert run(page, "-o", out, "--overwrite", *NULL).code == 0
    assert out.read_text("utf-8") != "mine"


def test_an_unwritable_target(run: Run, scan: Scan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    result = run(scan("a.png", (200,)), "-o", tmp_path / "file" / "o.xml", *NULL)
    assert result.code == ExitCode.OUTPUT


def test_names_may_hold_any_character(run: Run, scan: Scan, tmp_path: Path) -> None:
    name = "a & b;'\"<c>\n é.png"
    scan(f"in/{name}", (200,))
    (tmp_path / "in" / name).rename(os.fsdecode(os.fsencode(tmp_path / "in") + b"/odd \xff.png"))
    scan(f"in/{name}", (200,))
    result = run(tmp_path / "in", "-o", tmp_path / "out", "-f", "page,alto,hocr,txt,json", *NULL)
    assert result.code == 0, result.err
    assert len(list((tmp_path / "out").glob("[!.]*"))) == 10


def test_stdin_to_stdout(scan: Scan) -> None:
    with scan("a.png", (200,)).open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "pagereader", "-", "-o", "-", "-f", "page", *NULL],
            stdin=file,
            capture_output=True,
            check=True,
        )
    assert etree.fromstring(done.stdout).tag.endswith("PcGts")
    assert done.stderr == b""


def broken_pdf_writer(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def render(*_: object) -> bytes:
        raise error

    monkeypatch.setattr("pagereader.write.pdf.PdfWriter.render", render)


@pytest.mark.parametrize(
    ("error", "code"), [(OutputError("no PDF"), ExitCode.OUTPUT), (ValueError("odd"), 1)]
)
def test_a_format_that_fails_costs_no_other(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    broken_pdf_writer(monkeypatch, error)
    pdf = blank_pdf(tmp_path / "a.pdf", 2)
    result = run(pdf, "-o", tmp_path / "o.pdf", "-f", "pdf,txt,json", *NULL)
    assert result.code == code
    assert result.err.count("failed: ") == 1
    assert sorted(path.name for path in tmp_path.glob("o.*")) == ["o.json", "o.txt"]


def test_standard_output_of_one_page_formats_is_refused_before_reading(
    run: Run, tmp_path: Path
) -> None:
    result = run(blank_pdf(tmp_path / "a.pdf", 3), "-f", "page", *NULL)
    assert result.code == ExitCode.USAGE
    assert result.err.count("page holds one page a file") == 1


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (">&-", 4, "standard output is closed"),
        ("-o o.txt >&- 2>&- <&-", 0, ""),
        ("-f json > /dev/full", 4, "standard output: No space left"),
        ("-f json | true", 4, ""),
        ("-f json -o /dev/stdout | grep -q .", 0, ""),
    ],
)
def test_odd_streams(scan: Scan, tmp_path: Path, command: str, code: int, says: str) -> None:
    scan("a.png", (200,))
    program = f"{sys.executable} -m pagereader a.png --recognizer null {command}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", program], cwd=tmp_path, capture_output=True, check=False
    )
    err = done.stderr.decode()
    assert done.returncode == code, err
    assert says in err
    assert len(err.splitlines()) <= (2 if says else 0), err


def test_names_that_no_file_can_have(run: Run, scan: Scan, tmp_path: Path) -> None:
    name = "a" * 300
    result = run(f"{name}.png", *NULL)
    assert result.code == ExitCode.UNREADABLE_INPUT
    assert "File name too long" in result.err
    for output in (tmp_path / f"{name}.txt", tmp_path / name / "o.txt"):
        result = run(scan("a.png", (200,)), "-o", output, *NULL)
        assert result.code == ExitCode.OUTPUT
        assert "File name too long" in result.err


def test_a_pipe_is_written_into(run: Run, scan: Scan, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE)
    result = run(scan("a.png", (200,)), "-o", tmp_path / "pipe", "-f", "json", *NULL)
    assert result.code == 0, result.err
    assert reader.communicate(timeout=20)[0]


@pytest.mark.parametrize("out", ["in", "in/out"])
def test_results_that_lie_among_the_inputs_are_no_inputs(
    run: Run, scan: Scan, tmp_path: Path, out: str
) -> None:
    scan("in/a.png", (200,))
    blank_pdf(tmp_path / "in" / "b.pdf", 1)
    command = [tmp_path / "in", "-r", "-o", f"{tmp_path / out}/", "-f", "pdf", "--overwrite", "-j1"]
    assert run(*command, *NULL).code == 0
    before = sorted(tmp_path.rglob("[!.]*"))
    scan("in/c.png", (100,))
    assert run(*command, *NULL).code == 0
    added = {path.name for path in set(tmp_path.rglob("[!.]*")) - set(before)}
    assert {name for name in added if name[0] == "c"} == {"c.png", "c.pdf"}
    assert not list(tmp_path.rglob("*a.png.*"))


def test_a_folder_of_one_page_makes_a_folder(run: Run, scan: Scan, tmp_path: Path) -> None:
    scan("in/a.png", (200,))
    assert run(tmp_path / "in", "-o", tmp_path / "out", "-j1", *NULL).code == 0
    assert (tmp_path / "out" / "a.xml").is_file()


def test_a_scan_is_never_replaced_by_its_text(run: Run, scan: Scan, tmp_path: Path) -> None:
    image = scan("a.png", (200,))
    before = image.read_bytes()
    result = run(image, "-o", image, "-f", "txt", "--overwrite", *NULL)
    assert result.code == ExitCode.OUTPUT
    assert "is the scan itself" in result.err
    assert image.read_bytes() == before
    pdf = blank_pdf(tmp_path / "a.pdf", 1)
    assert run(pdf, "-o", pdf, "--overwrite", *NULL).code == 0


def test_a_full_standard_output_is_no_internal_error() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pagereader", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == ExitCode.OUTPUT
    assert done.stderr.startswith(b"pagereader: error: cannot write: No space left")


def test_overlays_of_inputs_of_one_name_lie_apart(run: Run, scan: Scan, tmp_path: Path) -> None:
    one, two = scan("x/a.png", (200,)), scan("y/a.png", (100,))
    over = tmp_path / "over"
    assert run(one, two, "-o", tmp_path / "out", "--overlay", over, *NULL).code == 0
    assert {str(path.relative_to(over)) for path in over.rglob("*.png")} == {
        "x/a.png.png",
        "y/a.png.png",
    }


@pytest.mark.parametrize("name", ["all.txt", "all.xml", "all.pdf"])
def test_a_file_is_no_place_for_several_results(
    run: Run, scan: Scan, tmp_path: Path, name: str
) -> None:
    """They went into a folder called all.txt, and as PAGE-XML."""
    one, two = scan("in/a.png", (200,)), scan("in/b.png", (100,))
    for inputs in ((one, two), (one.parent,)):
        result = run(*inputs, "-o", tmp_path / name, *NULL)
        assert result.code == ExitCode.USAGE
        assert f"{name} names one file" in result.err
        assert not (tmp_path / name).exists()
    assert run(one, two, "-o", f"{tmp_path / name}/", "-j1", *NULL).code == 0
    assert (tmp_path / name / "b.xml").is_file()


def test_texts_follow_each_other_on_standard_output(run: Run, scan: Scan, tmp_path: Path) -> None:
    scans = [blank_pdf(tmp_path / "a.pdf", 2), scan("b.png", (200,)), scan("c.png", (100,))]
    assert run(*scans, *NULL).out.count("\f") == 3
    assert run(*scans, "-f", "md", *NULL).code == 0


@pytest.mark.parametrize("format", ["page", "alto", "hocr", "json", "pdf"])
def test_documents_that_would_break_each_other_are_refused(
    run: Run, scan: Scan, format: str
) -> None:
    result = run(scan("a.png", (200,)), scan("b.png", (100,)), "-f", format, *NULL)
    assert result.code == ExitCode.USAGE
    assert result.out == ""
    assert f"one document in {format}, and there are 2 inputs" in result.err


def test_formats_may_be_written_loosely(run: Run, scan: Scan, tmp_path: Path) -> None:
    out = tmp_path / "o.xml"
    assert run(scan("a.png", (200,)), "-o", out, "-f", "PAGE, txt", *NULL).code == 0
    assert out.is_file()
    assert out.with_suffix(".txt").is_file()


def test_a_folder_that_may_not_be_read_is_a_failure(run: Run, scan: Scan, tmp_path: Path) -> None:
    folder, other = scan("in/a.png", (200,)).parent, scan("b.png", (100,))
    with without_rights():
        folder.chmod(0)
        result = run(folder, other, "-o", f"{tmp_path / 'out'}/", "-j1", *NULL)
        folder.chmod(0o700)
    assert result.code == ExitCode.SOME_PAGES_FAILED
    assert "in cannot be opened: Permission denied" in result.err
    assert (tmp_path / "out" / "b.xml").is_file()
