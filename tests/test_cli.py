"""The command line from outside: exit codes, messages, names of outputs."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from lxml import etree

from pagereader.batch import transcribe
from pagereader.cli import main
from pagereader.document import Page
from pagereader.errors import ExitCode, OutputError
from pagereader.outputs import OutputPlan
from pagereader.pipeline import Reader
from pagereader.sources import find_inputs

SAMPLES = Path(__file__).parents[1] / "samples"
NULL = ["--recognizer", "null"]
Scan = Callable[..., Path]


@dataclass
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def call(*args: object) -> Result:
        with pytest.raises(SystemExit) as stop:
            main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Result(int(stop.value.code or 0), out, err)

    return call


Run = Callable[..., Result]


def blank_pdf(path: Path, pages: int, **save: object) -> Path:
    document = pymupdf.open()
    for number in range(pages):
        document.new_page(width=200, height=200).insert_text((20, 60), f"page {number + 1}")
    document.save(path, **save)
    return path


def test_version_and_help_go_to_stdout(run: Run) -> None:
    assert run("--version").out.startswith("pagereader, version ")
    text = run("--help").out
    assert "Exit codes" in text
    assert "--max-pixels" in run("transcribe", "--help").out


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


def test_a_bad_page_costs_its_neighbours_nothing(run: Run, scan: Scan, tmp_path: Path) -> None:
    folder = scan("in/a.png", (200,)).parent
    scan("in/c.png", (100,))
    (folder / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    result = run(folder, "-o", tmp_path / "out", *NULL)
    assert result.code == ExitCode.SOME_PAGES_FAILED
    assert {p.name for p in (tmp_path / "out").glob("*.xml")} == {"a.xml", "c.xml"}
    assert "b.png" in result.err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"hello", "nothing that can be read"),
        (b"%PDF-1.7 nothing more", "pdf"),
        (b"\xff\xd8\xff\xe0 cut", "cut.pdf"),
    ],
)
def test_unreadable_files_say_why(run: Run, tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "cut.pdf"
    path.write_bytes(content)
    result = run(path, "-o", tmp_path / "o.xml", *NULL)
    assert result.code == ExitCode.UNREADABLE_INPUT
    assert says in result.err
    assert not (tmp_path / "o.xml").exists()


def test_a_missing_file(run: Run, tmp_path: Path) -> None:
    result = run(tmp_path / "none.pdf", "-o", tmp_path / "o.xml", *NULL)
    assert result.code == ExitCode.UNREADABLE_INPUT
    assert "does not exist" in result.err


def test_encrypted_pdf(run: Run, tmp_path: Path) -> None:
    pdf = blank_pdf(
        tmp_path / "a.pdf",
        1,
        encryption=pymupdf.PDF_ENCRYPT_AES_256,
        user_pw="sesame",
        owner_pw="o",
    )
    result = run(pdf, "-o", tmp_path / "o.xml", *NULL)
    assert result.code == ExitCode.UNREADABLE_INPUT
    assert "--password" in result.err
    assert run(pdf, "-o", tmp_path / "o.xml", "--password", "sesame", *NULL).code == 0


@pytest.mark.parametrize(
    "flags",
    [
        ["--pages", "9"],
        ["--pages", "x"],
        ["--nonsense"],
        ["--dpi", "1"],
        ["--precision", "double"],
        ["-f", "docx"],
        ["--recognizer", "nobody"],
    ],
)
def test_wrong_usage(run: Run, scan: Scan, tmp_path: Path, flags: list[str]) -> None:
    recognizer = [] if "--recognizer" in flags else NULL
    result = run(scan("a.png", (200,)), "-o", tmp_path / "o.xml", *flags, *recognizer)
    assert result.code == ExitCode.USAGE
    assert result.err


def test_too_many_pixels(run: Run, scan: Scan, tmp_path: Path) -> None:
    result = run(scan("a.png", (200,)), "-o", tmp_path / "o.xml", "--max-pixels", "100", *NULL)
    assert result.code == ExitCode.UNREADABLE_INPUT
    assert "--max-pixels" in result.err


def test_an_unwritable_target(run: Run, scan: Scan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    result = run(scan("a.png", (200,)), "-o", tmp_path / "file" / "o.xml", *NULL)
    assert result.code == ExitCode.OUTPUT


def test_a_missing_model(run: Run, scan: Scan, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    result = run(scan("a.png", (200,)), "-o", tmp_path / "o.xml", "-m", tmp_path / "model")
    assert result.code == ExitCode.MODEL
    assert "model" in result.err


def test_a_blank_page_is_a_page(run: Run, scan: Scan, tmp_path: Path) -> None:
    path = scan("a.png", np.full((300, 200), 255, np.uint8))
    assert run(path, "-o", tmp_path / "o.xml", *NULL).code == 0
    assert (tmp_path / "o.xml").exists()


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


def hear_interrupts() -> None:
    """Undo what shells do to background jobs, which the tests may be part of."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("stop", "code"),
    [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)],
)
def test_interrupts_end_with_their_own_code(
    stop: signal.Signals, code: ExitCode, tmp_path: Path
) -> None:
    pdf = blank_pdf(tmp_path / "a.pdf", 2000)  # more than are read before the signal comes
    process = subprocess.Popen(
        [sys.executable, "-m", "pagereader", pdf, "-o", tmp_path / "o.xml", *NULL],
        stderr=subprocess.PIPE,
        preexec_fn=hear_interrupts,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("o_*.xml")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(stop)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in err
    assert not list(tmp_path.glob("*.tmp"))


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


def test_a_folder_without_pages_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for output in ("-", tmp_path / "out/"):
        result = run(tmp_path / "in", "-o", output, *NULL)
        assert result.code == ExitCode.NOTHING_READ
        assert "no page was found in" in result.err


def test_a_folder_of_one_page_makes_a_folder(run: Run, scan: Scan, tmp_path: Path) -> None:
    scan("in/a.png", (200,))
    assert run(tmp_path / "in", "-o", tmp_path / "out", "-j1", *NULL).code == 0
    assert (tmp_path / "out" / "a.xml").is_file()


def test_abort_stops_at_the_first_failure(run: Run, tmp_path: Path) -> None:
    pdf = blank_pdf(tmp_path / "a.pdf", 3)
    with pymupdf.open(pdf) as document:
        document.xref_set_key(document[1].xref, "MediaBox", "[0 0 9999999 9999999]")
        document.saveIncr()
    result = run(pdf, "-o", tmp_path / "o.xml", "--on-error", "abort", *NULL)
    assert result.code == ExitCode.SOME_PAGES_FAILED
    assert "stopped at the first failure" in result.err
    assert [path.name for path in tmp_path.glob("o_*")] == ["o_0001.xml"]


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


def test_pages_are_not_kept_that_no_document_needs(tmp_path: Path) -> None:
    pdf = blank_pdf(tmp_path / "a.pdf", 100)
    files = list(find_inputs([pdf]))
    alive = []

    def count(_: Page) -> None:
        alive.append(sum(type(each) is Page for each in gc.get_objects()))

    plan = OutputPlan(str(tmp_path / "o.xml"), [], files)
    before = sum(type(each) is Page for each in gc.get_objects())
    tally = transcribe(Reader(recognizer="null", jobs=1, dpi=30), files, plan, on_page=count)
    assert tally.done == 100
    assert max(alive) - before < 60
