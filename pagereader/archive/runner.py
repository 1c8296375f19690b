"""A run over an archive: hands pages to workers, writes what comes back, and keeps the ledger.

Only this process writes. A worker reads a page and answers with the bytes of its results; they
go to the disk whole, and then, in one transaction, the ledger calls the page done. Killed at any
instant, the next run finds every page either done with its results, or not done.
"""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

from pagereader.archive.ledger import FOLDER, Ledger, State
from pagereader.archive.lock import locked
from pagereader.archive.placing import DiskError, Placer
from pagereader.archive.planning import OpenInput, Planner
from pagereader.archive.progress import Count, PageReport, Progress, Quiet
from pagereader.archive.record import unpack
from pagereader.archive.summary import Summary, summarise
from pagereader.archive.tasks import (
    Failure,
    FileSurvey,
    FileToSurvey,
    PageJob,
    PageResult,
    PageTask,
    SurveyTask,
    Task,
)
from pagereader.archive.workers import LocalWorkers, Outcome, Workers
from pagereader.document import Page
from pagereader.errors import ExitCode, OutputError
from pagereader.options import Options
from pagereader.outputs import OutputPlan, image_name
from pagereader.pipeline import failed_page
from pagereader.sources import InputFile, shown
from pagereader.write import writer

FILES_A_SURVEY = 16
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
    pages_a_task: int = 1,
    workers: MakeWorkers | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Read ``files`` into a folder, with a ledger that makes the run resumable.

    Args:
        files: Inputs, each named once.
        outputs: Where results go; must be a folder.
        options: Settings. ``jobs`` is the number of worker processes.
        overwrite: Whether files may be replaced that no earlier run made.
        resume: Whether pages that an earlier run did stay done.
        pages_a_task: Pages a worker reads together; more than one helps a GPU.
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
    own = outputs.folder / FOLDER
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot write into {shown(str(outputs.folder))}: {error.strerror}",
            "choose another --output",
        ) from error
    make = workers or _local
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
        work = _Run(files, options, ledger, crew, planner, placer, display, run, pages_a_task)
        outcome = "stopped by an error"
        try:
            work.go(stopped)
            outcome = work.stop_reason or "finished"
        finally:
            ledger.end_run(run, outcome)
        summary = summarise(ledger, run)
    if stopped:
        summary.exit_code = ExitCode(128 + stopped[0])
    return summary


def _local(options: Options, formats: Sequence[str]) -> Workers:
    return LocalWorkers(options.jobs or os.cpu_count() or 1, options, formats)


class _Run:
    """The loop: what is waiting, what is open, and what comes back."""

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
        self._display, self._number, self._pages_a_task = display, run, pages_a_task
        self._count = Count()
        self._unopened = iter(enumerate(files))
        self._left_to_open = len(files)
        self._surveys: deque[tuple[FileToSurvey, ...]] = deque()
        self._jobs: deque[PageJob] = deque()
        self._alone: deque[PageJob] = deque()
        self._in_flight = 0
        self._pending = 0
        self._surveying = 0
        self._open: dict[int, OpenInput] = {}
        self._input_of_page: dict[int, int] = {}
        self._tries: Counter[int] = Counter()
        self._deaths: Counter[tuple[str, int]] = Counter()

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
                self._take(outcome)

    def _stop(self, reason: str) -> None:
        self.stop_reason = reason
        self._crew.finish()

    def _feed(self) -> None:
        while self._crew.free > 0:
            task = self._next_task()
            if task is None:
                return
            timeout = self._options.page_timeout
            self._crew.submit(task, timeout and timeout * len(task.items))
            self._in_flight += 1
            self._surveying += isinstance(task, SurveyTask)

    def _next_task(self) -> Task | None:
        """Choose between opening files, a little ahead, and reading pages."""
        plenty = 4 * self._pages_a_task * max(2, self._crew.free)
        if len(self._jobs) < plenty and self._surveying < 2:
            items = self._surveys.popleft() if self._surveys else self._next_files()
            if items:
                return SurveyTask(items)
        if self._alone:
            return PageTask((self._alone.popleft(),))
        if self._jobs:
            count = min(self._pages_a_task, len(self._jobs))
            return PageTask(tuple(self._jobs.popleft() for _ in range(count)))
        return None

    def _next_files(self) -> tuple[FileToSurvey, ...]:
        found = []
        for key, file in self._unopened:
            found.append(self._planner.question(key, file))
            if len(found) >= FILES_A_SURVEY:
                break
        return tuple(found)

    def _take(self, outcome: Outcome) -> None:
        task = outcome.task
        if isinstance(task, SurveyTask):
            self._surveying -= 1
            if outcome.answer is not None:
                for found in outcome.answer:
                    self._take_survey(found)  # type: ignore[arg-type]
            else:
                self._survey_again(task, outcome)
        elif outcome.answer is not None:
            self._take_results(task, outcome.answer)  # type: ignore[arg-type]
        else:
            self._read_again(task, outcome)

    def _survey_again(self, task: SurveyTask, outcome: Outcome) -> None:
        """Ask again about files whose worker died, one by one to find the culprit."""
        if len(task.items) > 1 or not outcome.problem:
            self._surveys.extend((item,) for item in task.items)
            return
        (item,) = task.items
        if self._may_try_again("file", item.key, outcome):
            self._surveys.append(task.items)
            return
        path = shown(item.file.path)
        failure = Failure("InputError", f"{path} {outcome.problem}", "the file may be malicious")
        self._take_survey(FileSurvey(item.key, "", (), failure))

    def _read_again(self, task: PageTask, outcome: Outcome) -> None:
        """Read pages again whose worker died, one by one to find the culprit."""
        if not outcome.problem:
            self._jobs.extendleft(reversed(task.items))
            return
        if len(task.items) > 1:
            self._alone.extend(task.items)
            return
        (job,) = task.items
        if self._may_try_again("page", job.key, outcome):
            self._alone.append(job)
            return
        message = f"{shown(str(job.ref.source))} {outcome.problem}"
        advice = "raise --page-timeout, or look at the page" if outcome.timed_out else ""
        failure = Failure("PageError", message, advice or "look at the page; memory may be short")
        self._take_results(task, [PageResult(job.key, failure=failure)])

    def _may_try_again(self, kind: str, key: int, outcome: Outcome) -> bool:
        """Allow one death more than other failures: the page may not be what killed the worker."""
        self._deaths[kind, key] += 1
        allowed = self._options.retries + (0 if outcome.timed_out else 1)
        return self._deaths[kind, key] <= allowed

    def _take_survey(self, survey: FileSurvey) -> None:
        opened = self._planner.take(self._files[survey.key], survey)
        self._left_to_open -= 1
        self._count.before += opened.kept
        self._pending += opened.left
        for page in opened.settled:
            self._settled(
                opened.file.path, page.number, page.state, PageResult(0, failure=page.failure)
            )
        self._jobs.extend(opened.jobs)
        self._open[opened.id] = opened
        self._input_of_page.update({job.key: opened.id for job in opened.jobs})
        opened.jobs = []
        if not opened.left:
            self._close_input(opened)

    def _take_results(self, task: PageTask, results: list[PageResult]) -> None:
        for job, result in zip(task.items, results, strict=True):
            if result.failure is not None and self._is_worth_a_try(job, result.failure):
                self._alone.append(job)
                continue
            self._finish_page(job, result)

    def _is_worth_a_try(self, job: PageJob, failure: Failure) -> bool:
        if failure.type != "PageError":
            return False  # a file that cannot be read stays so
        self._tries[job.key] += 1
        return self._tries[job.key] <= self._options.retries

    def _finish_page(self, job: PageJob, result: PageResult) -> None:
        opened = self._open[self._input_of_page.pop(job.key)]
        try:
            for _, path, data in result.outputs:
                self._placer.place(Path(path), data)
        except DiskError:
            raise
        except OutputError as error:
            result = PageResult(job.key, failure=Failure.of(error, job.ref.source))
        with self._ledger.transaction():
            for _, path, data in result.outputs:
                self._written(Path(path), data)
            self._ledger.finish(job.key, result, self._number)
        self._tries.pop(job.key, None)
        opened.left -= 1
        self._pending -= 1
        state = State.FAILED if result.failure else State.DONE
        self._settled(job.ref.path, job.ref.index + 1, state, result)
        if not opened.left:
            self._close_input(opened)

    def _close_input(self, opened: OpenInput) -> None:
        """Write the files that hold the whole document, now that all its pages are settled."""
        del self._open[opened.id]
        if not opened.refs:
            return
        several = len(opened.refs) > 1
        rows = self._ledger.pages(opened.id)
        done = sum(row.state is State.DONE for row in rows)
        formats = self._planner.document_formats(several)
        if formats and done:
            self._write_document(opened, formats)
        if done == len(rows):
            with self._ledger.transaction():
                self._ledger.complete(opened.id)

    def _write_document(self, opened: OpenInput, formats: Sequence[str]) -> None:
        pages = list(self._document(opened))
        for format in formats:
            path = self._planner.path_of(opened.file, format, opened.refs[0], True)
            data = writer(format).render(pages, [image_name(page, path) for page in pages])
            self._placer.place(path, data)
            with self._ledger.transaction():
                self._written(path, data)

    def _document(self, opened: OpenInput) -> Iterator[Page]:
        for row, ref in zip(self._ledger.pages(opened.id), opened.refs, strict=True):
            record = self._ledger.record(row.id)
            if row.state is State.DONE and record is not None:
                yield unpack(record)
            else:
                failure = row.failure or Failure("PageError", "was not read")
                yield failed_page(ref.source, failure.error)

    def _written(self, path: Path, data: bytes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        self._ledger.written(self._planner.name_of(path), digest, len(data))

    def _settled(self, path: str, number: int, state: State, result: PageResult) -> None:
        count, failure = self._count, result.failure
        count.done += state is State.DONE
        count.failed += state is not State.DONE
        self._estimate_total()
        reason = str(failure.error) if failure else ""
        self._display.page(
            PageReport(path, number, str(state), reason, result.seconds, result.confidence), count
        )
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
