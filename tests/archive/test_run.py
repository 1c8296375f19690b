"""A run over an archive: all accounted for, nothing done twice, nothing of others touched."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pagereader.archive import run_archive, status
from pagereader.archive.placing import Placer
from pagereader.batch import transcribe
from pagereader.errors import ExitCode, OutputError
from pagereader.options import Options
from pagereader.outputs import OutputPlan
from pagereader.pipeline import Reader
from pagereader.sources import InputFile, find_inputs
from tests.archive import fakes
from tests.archive.conftest import FORMATS, Run, tree, write_pages


def test_everything_is_read_and_mirrored(archive: Path, run: Run, tmp_path: Path) -> None:
    summary, notes = run()
    assert summary.exit_code == ExitCode.OK
    assert (summary.done, summary.read, summary.failed, summary.pending) == (6, 6, 0, 0)
    assert (notes.count.total, notes.count.total_is_known) == (6, True)
    names = {f"a{s}" for s in (".xml", ".hocr", ".txt", ".json")}
    names |= {f"deep/er/b{s}" for s in (".xml", ".hocr", ".txt", ".json")}
    names |= {f"deep/many{s}" for s in (".hocr", ".txt", ".json")}
    names |= {f"deep/many_000{n}.xml" for n in (1, 2, 3, 4)}
    assert set(tree(tmp_path / "out")) == names
    assert len(summary.worst) == 6


def test_same_bytes_as_without_an_archive(archive: Path, run: Run, tmp_path: Path) -> None:
    run()
    files = list(find_inputs([archive], recursive=True))
    reader = Reader(Options(recognizer="null"), segmenter=fakes.Rows())
    transcribe(reader, files, OutputPlan(f"{tmp_path / 'plain'}/", FORMATS, files))
    assert tree(tmp_path / "plain") == tree(tmp_path / "out")


@pytest.mark.parametrize(("jobs", "together"), [(1, 1), (3, 1), (2, 4), (1, 16)])
def test_same_bytes_whatever_the_workers(
    archive: Path,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    jobs: int,
    together: int,
) -> None:
    run(out=tmp_path / "one", jobs=1)
    monkeypatch.setattr("pagereader.archive.schedule.TASKS_AHEAD", 1)  # also in so small a run
    run(out=tmp_path / "two", jobs=jobs, pages_a_task=together)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_second_run_does_nothing(archive: Path, run: Run, tmp_path: Path) -> None:
    run()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.*")}
    os.utime(archive / "a.png", (1, 1))  # touched, not changed
    summary, notes = run()
    assert (summary.done, summary.read, notes.pages, notes.remarks) == (6, 0, [], [])
    assert summary.exit_code == ExitCode.OK
    for path in tree(tmp_path / "out"):
        assert (tmp_path / "out" / path).stat().st_mtime_ns == before[tmp_path / "out" / path]


def test_the_folders_name_does_not_matter(
    archive: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    monkeypatch.chdir(tmp_path)
    summary, _ = run(Path("./in/../in"))
    assert (summary.done, summary.read) == (6, 0)


def test_changed_inputs_are_read_again_and_said(archive: Path, run: Run, tmp_path: Path) -> None:
    run()
    before = tree(tmp_path / "out")
    write_pages(archive / "a.png", 77)
    write_pages(archive / "new.png", 78)
    summary, notes = run()
    assert sorted(report.path for report in notes.pages) == [
        str(archive / "a.png"),
        str(archive / "new.png"),
    ]
    assert notes.remarks == [f"{archive / 'a.png'} changed since it was read: reading it again"]
    after = tree(tmp_path / "out")
    assert after["a.txt"] != before["a.txt"]
    assert after["deep/many.txt"] == before["deep/many.txt"]
    assert summary.done == 7


def test_changed_settings_are_seen_and_said(archive: Path, run: Run, tmp_path: Path) -> None:
    run()
    summary, notes = run(language="la")
    assert summary.read == 6
    assert notes.remarks == ["settings changed (language  -> la): reading pages again"]
    assert b"la" in tree(tmp_path / "out")["a.hocr"]
    assert run(language="la")[0].read == 0


def test_settings_that_change_no_byte_change_nothing(archive: Path, run: Run) -> None:
    run()
    summary, _ = run(jobs=1, batch_size=3, retries=2, page_timeout=50.0, max_failed=0.5)
    assert summary.read == 0


def test_formats_can_be_added_and_dropped(archive: Path, run: Run, tmp_path: Path) -> None:
    run()
    wanted = tree(tmp_path / "out")
    run(formats=["page"])
    summary, _ = run()
    assert summary.exit_code == ExitCode.OK
    assert tree(tmp_path / "out") == wanted


@pytest.mark.parametrize("name", ["a.xml", "deep/many_0002.xml", "deep/many.hocr"])
def test_outputs_that_are_gone_or_cut_are_made_again(
    archive: Path, run: Run, tmp_path: Path, name: str
) -> None:
    run()
    wanted = tree(tmp_path / "out")
    (tmp_path / "out" / name).unlink()
    assert run()[0].read >= 1
    assert tree(tmp_path / "out") == wanted
    path = tmp_path / "out" / name
    path.write_bytes(path.read_bytes()[:-9] + b"corrected")
    _, notes = run()
    assert tree(tmp_path / "out") == wanted
    assert "was changed: making it again" in notes.remarks[0]
    (aside,) = (tmp_path / "out/.pagereader/replaced").rglob("*.1")
    assert aside.read_bytes().endswith(b"corrected")


def test_no_resume_reads_everything_again(archive: Path, run: Run, tmp_path: Path) -> None:
    run()
    wanted = tree(tmp_path / "out")
    assert run(resume=False)[0].read == 6
    assert tree(tmp_path / "out") == wanted


def test_files_of_others_are_kept(archive: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.txt").write_text("mine")
    summary, _ = run()
    assert (summary.done, summary.skipped) == (5, 1)
    assert summary.exit_code == ExitCode.OUTPUT
    assert "exists already" in summary.problems[0].reason
    assert (tmp_path / "out/a.txt").read_text() == "mine"
    assert not (tmp_path / "out/a.xml").exists()
    summary, _ = run(overwrite=True)
    assert (summary.exit_code, summary.read) == (ExitCode.OK, 1)


def test_another_archive_does_not_replace_this_one(archive: Path, run: Run, tmp_path: Path) -> None:
    run()
    wanted = tree(tmp_path / "out")
    write_pages(tmp_path / "other/a.png", 50)
    summary, _ = run(tmp_path / "other")
    assert summary.exit_code != ExitCode.OK
    assert "holds the results of" in summary.problems[0].reason
    assert tree(tmp_path / "out") == wanted
    assert run()[0].read == 0


def test_what_is_piped_in_does_not_replace_what_was(run: Run, tmp_path: Path) -> None:
    for seed, code in ((1, ExitCode.OK), (2, ExitCode.OUTPUT), (1, ExitCode.OK)):
        data = write_pages(tmp_path / "x.png", seed).read_bytes()
        file = InputFile("-", "stdin", data=data)
        plan = OutputPlan(f"{tmp_path / 'out'}/", ["txt"], [file])
        options = Options(recognizer="null", jobs=1)
        summary = run_archive([file], plan, options, workers=fakes.Inline)
        assert summary.exit_code == code


def test_inputs_of_one_name_are_told_apart(run: Run, tmp_path: Path) -> None:
    one, two = write_pages(tmp_path / "x/a.png", 1), write_pages(tmp_path / "y/a.png", 2)
    summary, _ = run([one.parent, two], formats=["txt"])
    assert summary.exit_code == ExitCode.OK
    assert set(tree(tmp_path / "out")) == {"x/a.png.txt", "y/a.png.txt"}
    assert run([one.parent, two], formats=["txt"])[0].read == 0


def test_an_input_named_twice_is_read_once(run: Run, tmp_path: Path) -> None:
    one = write_pages(tmp_path / "x/a.png", 1)
    summary, _ = run([one, one.parent], formats=["txt"])
    assert (summary.exit_code, summary.read) == (ExitCode.OK, 1)
    assert set(tree(tmp_path / "out")) == {"a.txt"}


def test_a_file_that_cannot_be_read_for_a_while_loses_nothing(
    archive: Path, run: Run, tmp_path: Path
) -> None:
    run()
    wanted = tree(tmp_path / "out")
    (archive / "a.png").rename(tmp_path / "away.png")
    (archive / "a.png").symlink_to(tmp_path / "away.png")
    summary, _ = run()
    assert summary.failed == 1
    assert "link out of the folder" in summary.problems[0].reason
    (archive / "a.png").unlink()
    (tmp_path / "away.png").rename(archive / "a.png")
    assert run()[0].exit_code == ExitCode.OK
    assert tree(tmp_path / "out") == wanted


def test_searchable_pdf(archive: Path, run: Run, tmp_path: Path) -> None:
    summary, _ = run(formats=["pdf", "txt"])
    assert summary.exit_code == ExitCode.OK
    assert {name for name in tree(tmp_path / "out") if name.endswith(".pdf")} == {
        "a.pdf", "deep/er/b.pdf", "deep/many.pdf",
    }  # fmt: skip


def test_nothing_is_written_through_a_link(archive: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/deep").symlink_to(tmp_path / "elsewhere")
    summary, _ = run()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert summary.done == 1
    assert "leads out of the output folder" in summary.problems[0].reason


def test_a_link_in_place_of_an_output_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.txt").symlink_to(tmp_path / "secret")
    Placer(tmp_path / "out", tmp_path / "out/.pagereader/part").place(
        tmp_path / "out/a.txt", b"new"
    )
    assert (tmp_path / "secret").read_text() == "mine"
    assert (tmp_path / "out/a.txt").read_bytes() == b"new"


def test_odd_names(run: Run, tmp_path: Path) -> None:
    names = ["a & b.png", "a;b.png", 'a"b.png', "a'b.png", "a\nb.png", "ß√.png", "caf\udce9.png"]
    try:
        for number, name in enumerate(names):
            write_pages(tmp_path / "plain.png", number).rename(tmp_path / "in" / name) if (
                tmp_path / "in"
            ).is_dir() else write_pages(tmp_path / "in" / name, number)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    (tmp_path / "in/bad\udce9\n.png").touch()
    summary, _ = run()
    assert (summary.done, summary.failed) == (7, 1)
    assert "\n" not in summary.problems[0].reason
    json.loads(summary.as_json())
    assert run()[0].read == 0


def test_status(archive: Path, run: Run, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="holds no ledger"):
        status(tmp_path / "out")
    write_pages(archive / "fails.png", 1)
    run()
    found = status(tmp_path / "out")
    assert (found.done, found.failed, found.running, found.outcome) == (6, 1, False, "finished")
    assert found.settings["recognizer"] == "null"
    text = "\n".join(found.lines())
    assert "6 pages done, 1 failed" in text
    assert "the segmenter broke" in text
    data: dict[str, Any] = json.loads(found.as_json())
    assert data["problems"][0]["page"] == 1
    assert data["pages_a_minute"] > 0


def test_a_ledger_of_another_version_is_left_alone(archive: Path, run: Run, tmp_path: Path) -> None:
    run()
    database = sqlite3.connect(tmp_path / "out/.pagereader/ledger.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(OutputError, match="another version"):
        run()


def test_a_damaged_ledger_is_one_clear_line(archive: Path, run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "out/.pagereader/ledger.sqlite").write_bytes(b"no database" * 999)
    with pytest.raises(OutputError, match="cannot be used"):
        run()
