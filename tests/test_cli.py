"""The command line from outside: exit codes, messages, signals."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pymupdf
import pytest

from pagereader.batch import transcribe
from pagereader.cli import COMMANDS, cli
from pagereader.document import Page
from pagereader.errors import ExitCode
from pagereader.outputs import OutputPlan
from pagereader.pipeline import Reader
from pagereader.sources import find_inputs
from tests.command import NULL, Run, Scan, blank_pdf


def test_version_and_help_go_to_stdout(run: Run) -> None:
    assert run("--version").out.startswith("pagereader, version ")
    text = run("--help").out
    assert "Exit codes" in text
    assert "--max-pixels" in run("transcribe", "--help").out


@pytest.mark.parametrize("name", ["stauts", "Status", "vew", "transcrib", "evalute"])
def test_misspelt_commands_are_no_files(run: Run, scan: Scan, name: str) -> None:
    result = run(name, scan("a.png", (200,)).parent, *NULL)
    assert result.code == ExitCode.USAGE
    assert result.out == ""
    assert f"no command or file is called '{name}'" in result.err


def test_every_option_says_what_it_does() -> None:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} {option.opts}"


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


def test_a_missing_model(run: Run, scan: Scan, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    result = run(scan("a.png", (200,)), "-o", tmp_path / "o.xml", "-m", tmp_path / "model")
    assert result.code == ExitCode.MODEL
    assert "model" in result.err


def test_a_blank_page_is_a_page(run: Run, scan: Scan, tmp_path: Path) -> None:
    path = scan("a.png", np.full((300, 200), 255, np.uint8))
    assert run(path, "-o", tmp_path / "o.xml", *NULL).code == 0
    assert (tmp_path / "o.xml").exists()


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


def test_a_folder_without_pages_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for output in ("-", tmp_path / "out/"):
        result = run(tmp_path / "in", "-o", output, *NULL)
        assert result.code == ExitCode.NOTHING_READ
        assert "no page was found in" in result.err


def test_abort_stops_at_the_first_failure(run: Run, tmp_path: Path) -> None:
    pdf = blank_pdf(tmp_path / "a.pdf", 3)
    with pymupdf.open(pdf) as document:
        document.xref_set_key(document[1].xref, "MediaBox", "[0 0 9999999 9999999]")
        document.saveIncr()
    result = run(pdf, "-o", tmp_path / "o.xml", "--on-error", "abort", *NULL)
    assert result.code == ExitCode.SOME_PAGES_FAILED
    assert "stopped at the first failure" in result.err
    assert [path.name for path in tmp_path.glob("o_*")] == ["o_0001.xml"]


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
