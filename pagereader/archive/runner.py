"""A run over an archive: hands pages to workers, writes what comes back, and keeps the ledger.

Only this process writes. A worker reads a page and answers with the bytes of its results; they
go to the disk whole, and then, in one transaction, the ledger calls the page done. Killed at any
instant, the next run finds every page either done with its results, or not done.
"""

from __future__ import annotations

import hashlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

from pagereader.archive.ledger import FOLDER, Ledger
from pagereader.archive.lock import locked
from pagereader.archive.placing import DiskError, Placer
from pagereader.archive.planning import OpenInput, Planner
from pagereader.archive.progress import Count, PageReport, Progress, Quiet
from pagereader.archive.rows import State
from pagereader.archive.schedule import Item, Result, Schedule
from pagereader.archive.summary import Summary, summarise
from pagereader.archive.tasks import (
    DocumentJob,
    DocumentResult,
    DocumentTask,
    Failure,
    FileSurvey,
    PageJob,
    PageResult,
    Task,
)
from pagereader.archive.workers import GPU_PAGES, Workers, local_workers, uses_gpu
from pagereader.document import PageSource
from pagereader.errors import ExitCode, OutputError
from pagereader.options import Options
from pagereader.outputs import OutputPlan
from pagereader.sources import InputFile, shown

_BEFORE_GIVING_UP = 20
"""Pages to settle before the share of failed ones means anything."""

_TICK = 0.5
MakeWorkers = Callable[[Options, Sequence[str]], Workers]


def run_archive(
    files: Sequence[InputFile],
    outputs: OutputPlan,
    options: Options,
    *,
    overwrite: bool = False,
    resume: bool = True,
    pages_a_task: int | None = None,
    workers: MakeWorkers | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Read ``files`` into a folder, with a ledger that makes the run resumable.

    Args:
        files: Inputs; one that is named twice is read once.
        outputs: Where results go; must be a folder.
        options: Settings. ``jobs`` is the number of worker processes.
        overwrite: Whether files may be replaced that no earlier run made.
        resume: Whether pages that an earlier run did stay done.
        pages_a_task: Pages a worker reads together; None for one, or several for a GPU.
        workers: Makes the workers; processes on this machine if None.
        progress: Is told what happens; remarks and failures go to stderr if None.

    Returns:
        How the run went. Failed pages do not raise: see ``exit_code``.

    Raises:
        OutputError: if the folder is in use by another run, or the disk takes no more.
        ModelError: if the model is missing or broken.
    """
    if outputs.folder is None:
        raise OutputError("an archive needs a folder for its results", "give -o FOLDER/")
    files = list(dict.fromkeys(files))
    own = outputs.folder / FOLDER
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot write into {shown(str(outputs.folder))}: {error.strerror}",
            "choose another --output",
        ) from error
    make = workers or local_workers
    together = pages_a_task or (GPU_PAGES if uses_gpu(options) else 1)
    with (
        locked(own / "lock"),
        closing(Ledger(outputs.folder, create=True)) as ledger,
        closing(make(options, outputs.formats)) as crew,
        closing(progress or Quiet()) as display,
        _stop_signals() as stopped,
    ):
        run, settings = ledger.begin_run(crew.settings, len(files))
        placer = Placer(outputs.folder, own / "part")
        planner = Planner(
            ledger,
            outputs,
            placer,
            run=run,
            settings=settings,
            overwrite=overwrite,
            resume=resume,
            say=display.say,
        )
        work = _Run(files, options, ledger, crew, planner, placer, display, run, together)
        outcome = "stopped by an error"
        try:
            work.go(stopped)
            outcome = work.stop_reason or "finished"
        finally:
            ledger.end_run(run, outcome)
        summary = summarise(ledger, run)
        if stopped:
            summary.exit_code = ExitCode(128 + stopped[0])
        display.end(summary)
    return summary


class _Run:
    """The loop: hands out what is next, and settles what comes back."""

    def __init__(
        self,
        files: Sequence[InputFile],
        options: Options,
        ledger: Ledger,
        crew: Workers,
        planner: Planner,
        placer: Placer,
        display: Progress,
        run: int,
        pages_a_task: int,
    ) -> None:
        self.stop_reason = ""
        self._files, self._options = files, options
        self._ledger, self._crew, self._planner, self._placer = ledger, crew, planner, placer
        self._display, self._number = display, run
        questions = (planner.question(key, file) for key, file in enumerate(files))
        self._schedule = Schedule(questions, options.retries, pages_a_task)
        self._count = Count()
        self._left_to_open = len(files)
        self._in_flight = 0
        self._pending = 0
        self._open: dict[int, OpenInput] = {}
        self._input_of_page: dict[int, int] = {}

    def go(self, stopped: list[int]) -> None:
        """Work until nothing is left, or something says stop."""
        while True:
            if stopped and not self.stop_reason:
                self._stop(f"stopped by {signal.Signals(stopped[0]).name}")
            if not self.stop_reason:
                self._feed()
            if not self._in_flight:
                return
            for outcome in self._crew.wait(_TICK):
                self._in_flight -= 1
                for task, answer in self._schedule.take(outcome):
                    self._settle(task, answer)

    def _stop(self, reason: str) -> None:
        self.stop_reason = reason
        self._crew.finish()

    def _feed(self) -> None:
        while self._crew.free > 0:
            task = self._schedule.next_task(self._crew.free)
            if task is None:
                return
            self._crew.submit(task, self._timeout(task))
            self._in_flight += 1

    def _timeout(self, task: Task) -> float | None:
        """A page's time for each page or file of the task, as they cannot be told apart."""
        if self._options.page_timeout is None:
            return None
        items = task.items[0].pages if isinstance(task, DocumentTask) else task.items
        return self._options.page_timeout * len(items)

    def _settle(self, item: Item, result: Result) -> None:
        if isinstance(result, FileSurvey):
            self._take_survey(result)
        elif isinstance(result, DocumentResult):
            self._finish_document(result)
        elif isinstance(item, PageJob):
            self._finish_page(item, result)

    def _take_survey(self, survey: FileSurvey) -> None:
        opened = self._planner.take(self._files[survey.key], survey)
        self._left_to_open -= 1
        self._count.before += opened.kept
        self._pending += opened.left
        for page in opened.settled:
            self._report(opened.file.path, page.number, page.state, page.failure)
        self._open[opened.id] = opened
        self._input_of_page.update({job.key: opened.id for job in opened.jobs})
        self._schedule.add_pages(opened.jobs)
        opened.jobs = []
        if not opened.left:
            self._close_input(opened)

    def _finish_page(self, job: PageJob, result: PageResult) -> None:
        opened = self._open[self._input_of_page.pop(job.key)]
        failure = self._place(result.outputs, job.ref.source) or result.failure
        with self._ledger.transaction():
            if failure is None:
                self._note_outputs(result.outputs)
            else:  # of a damaged page, the document shows what could be read
                record = result.record
                result = PageResult(job.key, record=record, seconds=result.seconds, failure=failure)
            self._ledger.finish(job.key, result, self._number)
        opened.left -= 1
        self._pending -= 1
        state = State.DONE if failure is None else State.FAILED
        self._report(job.ref.path, job.ref.index + 1, state, failure, result)
        if not opened.left:
            self._close_input(opened)

    def _close_input(self, opened: OpenInput) -> None:
        """See to the files that hold the whole document, now that all its pages are settled."""
        rows = self._ledger.pages(opened.id)
        done = sum(row.state is State.DONE for row in rows)
        formats = self._planner.document_formats(len(opened.refs) > 1)
        is_read = done or any(self._ledger.has_record(row.id) for row in rows)
        if opened.refs and formats and is_read:
            self._schedule.add_document(lambda: self._document(opened, formats))
            return
        del self._open[opened.id]
        if opened.refs and done == len(rows):
            with self._ledger.transaction():
                self._ledger.complete(opened.id)

    def _document(self, opened: OpenInput, formats: Sequence[str]) -> DocumentJob:
        pages: list[bytes | Failure] = []
        for row in self._ledger.pages(opened.id):
            record = self._ledger.record(row.id)
            pages.append(record or row.failure or Failure("PageError", "was not read"))
        outputs = tuple(
            (format, str(self._planner.path_of(opened.file, format, opened.refs[0], True)))
            for format in formats
        )
        return DocumentJob(opened.id, opened.refs, tuple(pages), outputs)

    def _finish_document(self, result: DocumentResult) -> None:
        opened = self._open.pop(result.key)
        path = opened.file.path
        failure = self._place(result.outputs, PageSource(path)) or result.failure
        with self._ledger.transaction():
            self._ledger.fail_document(opened.id, failure)
            if failure is None:
                self._note_outputs(result.outputs)
                rows = self._ledger.pages(opened.id)
                if all(row.state is State.DONE for row in rows):
                    self._ledger.complete(opened.id)
        if failure is not None:
            self._report(path, 0, State.FAILED, failure)

    def _place(
        self, outputs: Sequence[tuple[str, str, bytes]], source: PageSource
    ) -> Failure | None:
        """Write files; return why one could not be written."""
        try:
            for _, path, data in outputs:
                self._placer.place(Path(path), data)
        except DiskError:
            raise
        except OutputError as error:
            return Failure.of(error, source)
        return None

    def _note_outputs(self, outputs: Sequence[tuple[str, str, bytes]]) -> None:
        for _, path, data in outputs:
            digest = hashlib.sha256(data).hexdigest()
            self._ledger.written(self._planner.name_of(Path(path)), digest, len(data))

    def _report(
        self,
        path: str,
        number: int,
        state: State,
        failure: Failure | None,
        result: PageResult | None = None,
    ) -> None:
        count = self._count
        count.done += state is State.DONE
        count.failed += state is not State.DONE
        self._estimate_total()
        reason = str(failure.error) if failure else ""
        seconds, confidence = (result.seconds, result.confidence) if result else (0.0, None)
        report = PageReport(path, number, str(state), reason, seconds, confidence)
        self._display.page(report, count)
        if failure is not None and not self.stop_reason:
            self._check_failures()

    def _estimate_total(self) -> None:
        count = self._count
        known = count.before + count.done + count.failed + self._pending
        opened_files = max(1, len(self._files) - self._left_to_open)
        count.total = known + round(self._left_to_open * known / opened_files)
        count.total_is_known = self._left_to_open == 0

    def _check_failures(self) -> None:
        failed, settled = self._count.failed, self._count.failed + self._count.done
        if self._options.on_error == "abort":
            self._stop("stopped at the first failure (--on-error abort)")
        elif settled >= _BEFORE_GIVING_UP and failed > self._options.max_failed * settled:
            self._stop(f"stopped: {failed} of {settled} pages failed (--max-failed)")


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Note SIGINT and SIGTERM instead of dying; the second one is not withstood."""
    seen: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
