"""What is left to do of an input, judged by content, model, settings and outputs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pagereader.archive.ledger import FOLDER, Ledger
from pagereader.archive.placing import Placer
from pagereader.archive.rows import InputRow, OutputRow, PageRow, State
from pagereader.archive.tasks import Failure, FileSurvey, FileToSurvey, PageJob, PageResult
from pagereader.archive.workers import differences
from pagereader.outputs import STDOUT, OutputPlan
from pagereader.sources import InputFile, PageRef, shown
from pagereader.write import WRITERS


@dataclass(frozen=True, slots=True)
class Settled:
    """A page that was settled without reading it: its number from 1, its state and why."""

    number: int
    state: State
    failure: Failure


@dataclass(slots=True)
class OpenInput:
    """An input that is being read.

    Attributes:
        id: Its number in the ledger.
        file: The file.
        refs: Its chosen pages; empty if it could not be opened or need not be.
        kept: How many pages an earlier run had done.
        jobs: What is left to read of it.
        settled: Pages that were settled without reading.
        left: How many jobs are not finished.
    """

    id: int
    file: InputFile
    refs: tuple[PageRef, ...] = ()
    kept: int = 0
    jobs: list[PageJob] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    left: int = 0


class Planner:
    """Compares inputs with the ledger, and claims outputs before they are written.

    Args:
        ledger: What was done before.
        outputs: How outputs are named.
        placer: Moves changed outputs out of the way.
        run: Number of this run.
        settings: Number of its settings.
        overwrite: Whether files that are not ours may be replaced.
        resume: Whether what is done stays done.
        say: Takes remarks for the user.
    """

    def __init__(
        self,
        ledger: Ledger,
        outputs: OutputPlan,
        placer: Placer,
        *,
        run: int,
        settings: int,
        overwrite: bool,
        resume: bool,
        say: Callable[[str], None],
    ) -> None:
        if outputs.folder is None:
            raise ValueError("an archive is written into a folder")
        self._ledger, self._outputs, self._placer = ledger, outputs, placer
        self._folder = outputs.folder
        self._run, self._settings = run, settings
        self._overwrite, self._resume, self._say = overwrite, resume, say
        self._said: set[int] = set()
        self._first: dict[str, int] = {}

    def question(self, key: int, file: InputFile) -> FileToSurvey:
        """Return what to ask a worker about ``file``."""
        base = self._base(file)
        if self._first.setdefault(base, key) != key:
            return FileToSurvey(key, file)
        row = self._ledger.input_of(base)
        if row is None or not row.complete or not self._is_current(row):
            return FileToSurvey(key, file)
        return FileToSurvey(key, file, row.digest if self._has_its_outputs(row) else None)

    def take(self, file: InputFile, survey: FileSurvey) -> OpenInput:
        """Enter an input into the ledger; return it with what is left to do."""
        with self._ledger.transaction():
            return self._take(file, survey)

    def path_of(self, file: InputFile, format: str, ref: PageRef, several: bool) -> Path:
        """Return the absolute path of an output."""
        target = self._outputs.target(file)
        if WRITERS[format].one_page_a_file:
            path = target.page_path(format, ref.index + 1, several)
        else:
            path = target.document_path(format)
        return Path(os.path.abspath(path))  # noqa: PTH100  keeps links as the user named them

    def name_of(self, path: Path) -> str:
        """Return how the ledger names an output."""
        return os.path.relpath(path, self._folder)

    def document_formats(self, several: bool) -> list[str]:
        """Return the formats that hold several pages of an input in one file."""
        return [f for f in self._outputs.formats if several and not WRITERS[f].one_page_a_file]

    def _take(self, file: InputFile, survey: FileSurvey) -> OpenInput:
        base, place = self._base(file), self._place(file)
        row = self._ledger.input_of(base)
        clash = self._clash(row, survey, base, place)
        if clash is not None:
            base = f"{base}\0{place}"
            row = self._ledger.input_of(base)
        if row is None or not self._is_same(row, survey):
            number = self._begin(base, file, survey, row)
        else:
            number = row.id
            self._ledger.touch(number, self._run)
        failure = clash or survey.failure
        if failure is not None:
            return self._give_up(number, file, failure)
        if survey.refs is None:
            return OpenInput(number, file, kept=len(self._ledger.pages(number)))
        return self._open(number, file, survey.refs)

    def _begin(self, base: str, file: InputFile, survey: FileSurvey, row: InputRow | None) -> int:
        """Plan an input from the start; the outputs it had stay its own."""
        own = []
        if row is not None:
            own = self._ledger.outputs(row.id)
            self._say_why(file, row, survey)
        place = self._place(file)
        number = self._ledger.replan(
            base, file.path, place, survey.digest, self._settings, self._run
        )
        for position, ref in enumerate(survey.refs or (None,)):
            page = 1 if ref is None else ref.index + 1
            self._ledger.add_page(number, position, page, self._run)
        for output in own:
            self._ledger.claim(output.path, number, None)
        return number

    def _give_up(self, number: int, file: InputFile, failure: Failure) -> OpenInput:
        """Settle a whole input that cannot be read; what it had is kept for better days."""
        opened = OpenInput(number, file)
        self._ledger.incomplete(number)
        for page in self._ledger.pages(number):
            self._settle(opened, page, failure, State.FAILED)
        return opened

    def _open(self, number: int, file: InputFile, refs: tuple[PageRef, ...]) -> OpenInput:
        opened = OpenInput(number, file, refs)
        several = len(refs) > 1
        documents = [
            self.path_of(file, f, refs[0], several) for f in self.document_formats(several)
        ]
        if documents:
            self._ensure_records(number)
        for page, ref in zip(self._ledger.pages(number), refs, strict=True):
            if page.state is State.DONE:
                opened.kept += 1
            else:
                self._add_job(opened, page, ref, documents)
        for path in documents:
            if self._why_blocked(path, number) is None:
                self._ledger.claim(self.name_of(path), number, None)
        opened.left = len(opened.jobs)
        return opened

    def _add_job(
        self, opened: OpenInput, page: PageRow, ref: PageRef, documents: Sequence[Path]
    ) -> None:
        several = len(opened.refs) > 1
        outputs = [
            (f, self.path_of(opened.file, f, ref, several))
            for f in self._outputs.formats
            if WRITERS[f].one_page_a_file or not several
        ]
        for path in [*documents, *(path for _, path in outputs)]:
            blocked = self._why_blocked(path, opened.id)
            if blocked is not None:
                self._settle(opened, page, blocked, State.SKIPPED)
                return
        for _, path in outputs:
            self._ledger.claim(self.name_of(path), opened.id, page.id)
        self._ledger.reopen([page.id])
        named = tuple((format, str(path)) for format, path in outputs)
        opened.jobs.append(PageJob(page.id, ref, named, keep=bool(documents)))

    def _settle(self, opened: OpenInput, page: PageRow, failure: Failure, state: State) -> None:
        self._ledger.finish(page.id, PageResult(page.id, failure=failure), self._run, state)
        opened.settled.append(Settled(page.number, state, failure))

    def _ensure_records(self, input: int) -> None:
        """Read pages again that a document needs but that are not kept any more."""
        done = [page.id for page in self._ledger.pages(input) if page.state is State.DONE]
        self._ledger.reopen(page for page in done if not self._ledger.has_record(page))

    def _has_its_outputs(self, row: InputRow) -> bool:
        """Find outputs that are gone or changed, and see to it that they are made again."""
        hurt = [output for output in self._ledger.outputs(row.id) if not self._is_intact(output)]
        if hurt:
            with self._ledger.transaction():
                self._ledger.incomplete(row.id)
                self._ledger.reopen(output.page for output in hurt if output.page is not None)
        return not hurt

    def _is_intact(self, output: OutputRow) -> bool:
        if output.digest is None:
            return True  # not written yet, or of no use any more
        path = self._folder / output.path
        try:
            data = path.read_bytes() if path.stat().st_size == output.size else b""
        except OSError:
            return False
        if hashlib.sha256(data).hexdigest() == output.digest:
            return True
        aside = self._folder / FOLDER / "replaced"
        self._placer.put_aside(path, aside)
        self._say(f"{shown(str(path))} was changed: making it again, the old one is in {aside}")
        return False

    def _why_blocked(self, path: Path, input: int) -> Failure | None:
        """Return why ``path`` may not be written, or None."""
        owner = self._ledger.owner(self.name_of(path))
        if owner is None:
            if self._overwrite or not os.path.lexists(path):
                return None
            return Failure(
                "OutputError", f"{shown(str(path))} exists already", "replace it with --overwrite"
            )
        number, other, run = owner
        if number == input or (self._overwrite and run != self._run):
            return None
        return _taken(path, other)

    def _clash(
        self, row: InputRow | None, survey: FileSurvey, base: str, place: str
    ) -> Failure | None:
        """Return why an input may not have the outputs it would be given, or None."""
        if self._first.setdefault(base, survey.key) != survey.key:
            return _taken(self._folder / base, "another input")
        if row is None or survey.failure is not None or self._overwrite:
            return None
        is_same = row.place == place and place != STDOUT  # what is piped in has no name of its own
        if is_same or row.digest == survey.digest:
            return None
        return _taken(self._folder / base, row.place)

    def _is_current(self, row: InputRow) -> bool:
        return self._resume and row.settings == self._settings

    def _is_same(self, row: InputRow, survey: FileSurvey) -> bool:
        if survey.failure is not None:
            return True  # nothing is known against what was read of it
        if not self._is_current(row) or row.digest != survey.digest:
            return False
        return survey.refs is None or len(self._ledger.pages(row.id)) == len(survey.refs)

    def _say_why(self, file: InputFile, row: InputRow, survey: FileSurvey) -> None:
        if row.digest and survey.digest and row.digest != survey.digest:
            self._say(f"{shown(file.path)} changed since it was read: reading it again")
        if row.settings != self._settings and row.settings not in self._said:
            self._said.add(row.settings)
            before = self._ledger.settings(row.settings)
            now = self._ledger.settings(self._settings)
            self._say(f"settings changed ({differences(before, now)}): reading pages again")

    def _base(self, file: InputFile) -> str:
        return os.path.relpath(self._outputs.target(file).base, self._folder)

    def _place(self, file: InputFile) -> str:
        return file.path if file.path == "-" else os.path.realpath(file.path)


def _taken(path: Path, owner: str) -> Failure:
    return Failure(
        "OutputError",
        f"{shown(str(path))} holds the results of {shown(owner)} under the same name",
        "choose another --output",
    )
