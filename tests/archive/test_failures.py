"""A run over an archive in which pages, workers, disks or models fail."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path

import pymupdf
import pytest

from pagereader.archive import status
from pagereader.archive.lock import locked
from pagereader.archive.tasks import (
    Answer,
    DocumentJob,
    DocumentResult,
    DocumentTask,
    Failure,
    PageJob,
    PageTask,
    Task,
)
from pagereader.errors import ExitCode, ModelError, OutputError
from pagereader.options import Options
from pagereader.sources import InputFile
from tests.archive import fakes
from tests.archive.conftest import Run, page, tree, write_pages


def test_failures_cost_their_page_only(archive: Path, run: Run, tmp_path: Path) -> None:
    write_pages(archive / "fails.png", 9)
    write_pages(archive / "dies-always.png", 10)
    write_pages(archive / "dies-first.png", 11)
    write_pages(archive / "hangs.png", 12)
    (archive / "kills-survey.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (archive / "empty.pdf").touch()
    summary, notes = run(page_timeout=3.0, workers=fakes.crew)
    reasons = {Path(problem.path).name: problem.reason for problem in summary.problems}
    assert summary.exit_code == ExitCode.SOME_PAGES_FAILED
    assert summary.done == 7
    assert set(reasons) == {
        "fails.png", "dies-always.png", "hangs.png", "kills-survey.png", "empty.pdf",
    }  # fmt: skip
    assert "the segmenter broke" in reasons["fails.png"]
    assert "ended the process that read it (exit code 7)" in reasons["dies-always.png"]
    assert "took longer than 3 s" in reasons["hangs.png"]
    assert "ended the process that read it (signal 9)" in reasons["kills-survey.png"]
    assert "is empty" in reasons["empty.pdf"]
    assert len(notes.pages) == 12


def test_culprits_are_found_among_pages_read_together(
    archive: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write_pages(archive / f"n{number}.png", 20 + number)
    write_pages(archive / "dies-always.png", 10)
    monkeypatch.setattr("pagereader.archive.schedule.TASKS_AHEAD", 1)  # also in so small a run
    summary, _ = run(pages_a_task=4, workers=fakes.crew)
    assert (summary.done, summary.failed) == (11, 1)


def test_failed_pages_are_tried_again_by_the_next_run(
    archive: Path, run: Run, tmp_path: Path
) -> None:
    write_pages(archive / "once.tif", 20, 21, 22)
    summary, _ = run(jobs=1)
    assert (summary.done, summary.failed) == (8, 1)
    assert json.loads((tmp_path / "out/once.json").read_bytes())["pages"][0]["error"]
    summary, notes = run()
    assert (summary.done, summary.failed, len(notes.pages)) == (9, 0, 1)
    assert not any(
        page.get("error") for page in json.loads((tmp_path / "out/once.json").read_bytes())["pages"]
    )
    run(out=tmp_path / "calm")
    assert tree(tmp_path / "calm") == tree(tmp_path / "out")


def test_a_damaged_page_is_in_its_document_as_far_as_it_was_read(
    archive: Path, run: Run, tmp_path: Path
) -> None:
    with pymupdf.open() as document:
        for seed, hole in ((20, 64), (21, 0)):
            stream = io.BytesIO()
            page(seed, lines=9).convert("RGB").save(stream, "JPEG")
            data, at = stream.getvalue(), len(stream.getvalue()) // 2
            added = document.new_page(width=120, height=380)
            added.insert_image(added.rect, stream=data[:at] + bytes(hole) + data[at + hole :])
        document.save(archive / "hurt.pdf")
    for formats in (("json",), ("page", "json")):
        summary, notes = run(out=tmp_path / formats[0], formats=formats, jobs=1)
        assert (summary.exit_code, summary.failed) == (ExitCode.SOME_PAGES_FAILED, 1)
        assert any("is damaged" in report.reason for report in notes.pages)
        found = json.loads((tmp_path / formats[0] / "hurt.json").read_bytes())["pages"]
        assert len(found) == 2
        assert all(each["regions"] and not each.get("error") for each in found)


def test_retries(archive: Path, run: Run) -> None:
    write_pages(archive / "once.tif", 20, 21, 22)
    write_pages(archive / "fails.png", 23)
    summary, notes = run(retries=1)
    assert (summary.done, summary.failed) == (9, 1)
    assert len(notes.pages) == 10


def test_abort_at_the_first_failure(archive: Path, run: Run) -> None:
    write_pages(archive / "0-fails.png", 9)
    for number in range(40):
        write_pages(archive / f"slow{number}.png", number)
    summary, _ = run(on_error="abort")
    assert summary.exit_code == ExitCode.SOME_PAGES_FAILED
    assert summary.pending > 20
    assert "--on-error abort" in summary.outcome


def test_giving_up_when_too_many_fail(archive: Path, run: Run) -> None:
    for number in range(60):
        write_pages(archive / f"fails{number}.png", number)
    summary, _ = run(max_failed=0.5)
    assert "--max-failed" in summary.outcome
    assert summary.failed < 40
    assert summary.exit_code != ExitCode.OK


def test_nothing_could_be_read(run: Run, tmp_path: Path) -> None:
    write_pages(tmp_path / "in/fails.png", 9)
    assert run()[0].exit_code == ExitCode.NOTHING_READ
    (tmp_path / "in/fails.png").write_bytes(b"")
    assert run()[0].exit_code == ExitCode.UNREADABLE_INPUT


def test_two_runs_into_one_folder(archive: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "out/.pagereader").mkdir(parents=True)
    with (
        locked(tmp_path / "out/.pagereader/lock"),
        pytest.raises(OutputError, match=rf"another run is writing .*process {os.getpid()} on "),
    ):
        run()
    assert run()[0].done == 6


def test_the_model_is_missing(archive: Path, run: Run) -> None:
    with pytest.raises(ModelError, match=r"no model here \(get one\)"):
        run(workers=fakes.no_model)
    with pytest.raises(ModelError, match=r"workers die before they can read \(exit code 9\)"):
        run(workers=fakes.still_born)


def test_workers_that_compute_differently_are_not_mixed(
    archive: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pagereader.archive.workers.DISAGREEMENTS", 2)
    for number in range(60):
        write_pages(archive / f"slow{number}.png", number)
    with pytest.raises(ModelError, match=r"workers would not give the same results \(mood "):
        run(workers=fakes.moody)


def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(
    archive: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 18:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="No space left"):
            run()
    assert 0 < status(tmp_path / "out").done < 6
    assert run()[0].exit_code == ExitCode.OK
    run(out=tmp_path / "calm")
    assert tree(tmp_path / "calm") == tree(tmp_path / "out")


def test_a_document_that_cannot_be_written_is_a_failure(
    archive: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fakes.FakeWorker.work

    def broken(self: fakes.FakeWorker, task: Task) -> Answer:
        if isinstance(task, DocumentTask):
            return [
                DocumentResult(job.key, failure=Failure("OutputError", "no")) for job in task.items
            ]
        return real(self, task)

    with monkeypatch.context() as patch:
        patch.setattr(fakes.FakeWorker, "work", broken)
        summary, notes = run()
    assert (summary.done, summary.failed, summary.failed_documents) == (6, 0, 1)
    assert summary.exit_code == ExitCode.OUTPUT
    assert [problem.page for problem in summary.problems] == [0]
    assert notes.pages[-1].reason == "no"
    summary, _ = run()
    assert (summary.exit_code, summary.read, summary.failed_documents) == (ExitCode.OK, 0, 0)
    run(out=tmp_path / "calm")
    assert tree(tmp_path / "calm") == tree(tmp_path / "out")


@pytest.mark.parametrize("pages", [1, 2])
def test_a_bad_format_costs_no_other(
    pages: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise OutputError("no PDF of this")

    monkeypatch.setattr("pagereader.write.pdf.PdfWriter.render", broken)
    scan = tmp_path / "a.tif"
    write_pages(scan, *range(pages))
    options = Options(recognizer="null")
    worker = fakes.FakeWorker(options, ("pdf", "txt"))
    refs = tuple(InputFile(str(scan), scan.name).pages(options))
    outputs = (("pdf", str(tmp_path / "a.pdf")), ("txt", str(tmp_path / "a.txt")))
    if pages == 1:
        (result,) = worker.work(PageTask((PageJob(1, refs[0], outputs),)))
    else:
        jobs = tuple(PageJob(number, ref, (), keep=True) for number, ref in enumerate(refs))
        records = tuple(result.record for result in worker.work(PageTask(jobs)))
        (result,) = worker.work(DocumentTask((DocumentJob(1, refs, records, outputs),)))
    assert result.failure == Failure("OutputError", "no PDF of this")
    assert [format for format, _, _ in result.outputs] == ["txt"]
