"""What is to be done next, and what is to be done again after a failure or a worker's death."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

from pagereader.archive.tasks import (
    DocumentJob,
    DocumentResult,
    DocumentTask,
    Failure,
    FileSurvey,
    FileToSurvey,
    PageJob,
    PageResult,
    PageTask,
    SurveyTask,
    Task,
)
from pagereader.archive.workers import Outcome
from pagereader.sources import shown

FILES_A_SURVEY = 16
TASKS_AHEAD = 8
"""Tasks in the queue below which each gets fewer pages, so that workers end at about one time."""
_SURVEYS_AT_ONCE = 2

Item = FileToSurvey | PageJob | DocumentJob
Result = FileSurvey | PageResult | DocumentResult


class Schedule:
    """The queues of a run.

    Args:
        files: The inputs, asked for only when it is their turn.
        retries: Times a failed page is tried again.
        pages_a_task: Pages a worker reads together at most; fewer towards the end.
    """

    def __init__(self, files: Iterator[FileToSurvey], retries: int, pages_a_task: int) -> None:
        self._files, self._retries, self._pages_a_task = files, retries, pages_a_task
        self._files_alone: deque[FileToSurvey] = deque()
        self._jobs: deque[PageJob] = deque()
        self._jobs_alone: deque[PageJob] = deque()
        self._documents: deque[Callable[[], DocumentJob]] = deque()
        self._surveying = 0
        self._tries: Counter[int] = Counter()
        self._deaths: Counter[tuple[type, int]] = Counter()

    def add_pages(self, jobs: Sequence[PageJob]) -> None:
        """Put pages at the end of the queue."""
        self._jobs.extend(jobs)

    def add_document(self, make: Callable[[], DocumentJob]) -> None:
        """Queue a document; ``make`` gathers its pages when its turn has come."""
        self._documents.append(make)

    def next_task(self, free: int) -> Task | None:
        """Choose between finishing documents, opening files a little ahead, and reading pages."""
        if self._documents:
            return DocumentTask((self._documents.popleft()(),))
        enough = 4 * self._pages_a_task * max(2, free)
        if len(self._jobs) < enough and self._surveying < _SURVEYS_AT_ONCE:
            files = self._next_files()
            if files:
                self._surveying += 1
                return SurveyTask(files)
        if self._jobs_alone:
            return PageTask((self._jobs_alone.popleft(),))
        if self._jobs:
            count = min(self._pages_a_task, max(1, len(self._jobs) // TASKS_AHEAD))
            return PageTask(tuple(self._jobs.popleft() for _ in range(count)))
        return None

    def take(self, outcome: Outcome) -> Iterator[tuple[Item, Result]]:
        """Yield what is settled by an outcome; queue again what is not."""
        task = outcome.task
        self._surveying -= isinstance(task, SurveyTask)
        if outcome.answer is None:
            yield from self._after_death(outcome)
            return
        items: Sequence[Item] = task.items
        answer: Sequence[Result] = outcome.answer
        for item, result in zip(items, answer, strict=True):
            failure = result.failure
            if isinstance(item, PageJob) and failure and self._may_retry(item, failure):
                self._jobs_alone.append(item)
            else:
                yield item, result

    def _next_files(self) -> tuple[FileToSurvey, ...]:
        if self._files_alone:
            return (self._files_alone.popleft(),)
        found: list[FileToSurvey] = []
        for file in self._files:
            found.append(file)
            if len(found) >= FILES_A_SURVEY:
                break
        return tuple(found)

    def _may_retry(self, job: PageJob, failure: Failure) -> bool:
        if failure.type != "PageError":
            return False  # a file that cannot be read stays so
        self._tries[job.key] += 1
        return self._tries[job.key] <= self._retries

    def _after_death(self, outcome: Outcome) -> Iterator[tuple[Item, Result]]:
        """Try again what a dead worker held: one by one, to find the culprit."""
        for item in outcome.task.items:
            blamed = len(outcome.task.items) == 1 and bool(outcome.problem)
            if blamed and not self._may_survive(item, outcome):
                yield item, _given_up(item, outcome)
            else:
                self._again(item, alone=bool(outcome.problem))

    def _may_survive(self, item: Item, outcome: Outcome) -> bool:
        """Allow one death more than other failures: it may not be what killed the worker."""
        name = type(item), item.key
        self._deaths[name] += 1
        return self._deaths[name] <= self._retries + (0 if outcome.timed_out else 1)

    def _again(self, item: Item, alone: bool) -> None:
        if isinstance(item, FileToSurvey):
            self._files_alone.append(item)
        elif isinstance(item, DocumentJob):
            self._documents.append(lambda: item)
        elif alone:
            self._jobs_alone.append(item)
        else:
            self._jobs.appendleft(item)


def _given_up(item: Item, outcome: Outcome) -> Result:
    advice = "raise --page-timeout, or look at it" if outcome.timed_out else "memory may be short"
    if isinstance(item, FileToSurvey):
        message = f"{shown(item.file.path)} {outcome.problem}"
        return FileSurvey(item.key, "", (), Failure("InputError", message, advice))
    if isinstance(item, DocumentJob):
        message = f"{shown(item.refs[0].path)}, all pages, {outcome.problem}"
        return DocumentResult(item.key, failure=Failure("OutputError", message, advice))
    message = f"{shown(str(item.ref.source))} {outcome.problem}"
    return PageResult(item.key, failure=Failure("PageError", message, advice))
