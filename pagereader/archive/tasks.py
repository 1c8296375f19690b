"""What the run asks of its workers, and the work itself: nothing here writes a file."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pagereader import __version__, errors
from pagereader.archive.record import pack, unpack
from pagereader.document import Page, PageSource
from pagereader.errors import PageError, PagereaderError
from pagereader.failures import damage_error, failed_page
from pagereader.options import Options
from pagereader.outputs import image_name
from pagereader.parse import parse_transcription
from pagereader.pipeline import Reader
from pagereader.sources import InputFile, Kind, PageRef
from pagereader.write import writer

_NOT_IN_THE_BYTES = frozenset(
    {"password", "max_pixels", "batch_size", "jobs", "on_error", "max_failed", "retries",
     "page_timeout", "model", "device"}
)  # fmt: skip
"""Options that decide whether or how fast a page is read, not what its results hold. The model
and the arithmetic are named by the stages' own descriptions."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed, small enough for a ledger and a pipe.

    Attributes:
        type: Name of a class in :mod:`pagereader.errors`.
        message: What is wrong.
        advice: What to do.
    """

    type: str
    message: str
    advice: str = ""

    @classmethod
    def of(cls, error: Exception, source: PageSource) -> Failure:
        """Return the failure that ``error`` stands for."""
        if not isinstance(error, PagereaderError):
            error = failed_page(source, error).error or error
        if isinstance(error, PagereaderError):
            return cls(type(error).__name__, error.message, error.advice)
        return cls("PageError", str(error))

    @property
    def error(self) -> PagereaderError:
        """The failure as an exception."""
        kind = getattr(errors, self.type, PageError)
        error: PagereaderError = kind(self.message, self.advice)
        return error


@dataclass(frozen=True, slots=True)
class FileToSurvey:
    """An input file whose pages are to be counted.

    Attributes:
        key: Names it in the answer.
        file: The file.
        known: Hash of its content when it was last read completely; nothing is opened if it is
            still the same.
    """

    key: int
    file: InputFile
    known: str | None = None


@dataclass(frozen=True, slots=True)
class FileSurvey:
    """What a file holds.

    Attributes:
        key: The file's.
        digest: SHA-256 of its content; empty if it cannot be opened.
        refs: Its chosen pages; None if the content is the known one.
        failure: Why the file cannot be read, or None.
    """

    key: int
    digest: str
    refs: tuple[PageRef, ...] | None = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class PageJob:
    """A page to read.

    Attributes:
        key: Names it in the answer.
        ref: The page.
        outputs: Format and path of each file that holds this page alone.
        keep: Whether the page itself is needed later, for a file with several pages.
    """

    key: int
    ref: PageRef
    outputs: tuple[tuple[str, str], ...]
    keep: bool = False


@dataclass(frozen=True, slots=True)
class PageResult:
    """A page that was read, or why not.

    Attributes:
        key: The page's.
        outputs: Format, path and content of each file.
        record: The page itself, packed, if it was asked for.
        confidence: Of the page, or None.
        lines: How many it has.
        seconds: Time it took.
        failure: Why it failed, or None.
    """

    key: int
    outputs: tuple[tuple[str, str, bytes], ...] = ()
    record: bytes | None = None
    confidence: float | None = None
    lines: int = 0
    seconds: float = 0.0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class DocumentJob:
    """A file with several pages to write.

    Attributes:
        key: Names its input in the answer.
        refs: The document's pages.
        pages: For each, the page itself, packed, or why it failed.
        outputs: Format and path of each file that holds them all.
    """

    key: int
    refs: tuple[PageRef, ...]
    pages: tuple[bytes | Failure, ...]
    outputs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """The files of a document: format, path and content of each; or why there are none."""

    key: int
    outputs: tuple[tuple[str, str, bytes], ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class SurveyTask:
    """Files to survey together."""

    items: tuple[FileToSurvey, ...]


@dataclass(frozen=True, slots=True)
class PageTask:
    """Pages to read together."""

    items: tuple[PageJob, ...]


@dataclass(frozen=True, slots=True)
class DocumentTask:
    """A document to write."""

    items: tuple[DocumentJob]


Task = SurveyTask | PageTask | DocumentTask
Answer = list[FileSurvey] | list[PageResult] | list[DocumentResult]


class Worker:
    """Reads pages with one model. Lives in a process of its own.

    Args:
        options: Settings of the reading; ``jobs`` is the number of pages it prepares at once.
        formats: Formats of the results.
        reader: Reads the pages; made from ``options`` if None.

    Raises:
        ModelError: if the model is missing or broken.
    """

    def __init__(
        self, options: Options, formats: Sequence[str], reader: Reader | None = None
    ) -> None:
        self._reader = reader or Reader(options)
        self.settings = self._describe(options, formats)
        _one_thread()

    def work(self, task: Task) -> Answer:
        """Do a task. Never raises for a bad file or page."""
        if isinstance(task, SurveyTask):
            return [survey(self._reader, item) for item in task.items]
        if isinstance(task, DocumentTask):
            return [self._write(job) for job in task.items]
        return self._read(task.items)

    def _describe(self, options: Options, formats: Sequence[str]) -> dict[str, Any]:
        """Everything that decides the results' bytes, besides the input."""
        chosen = {k: v for k, v in asdict(options).items() if k not in _NOT_IN_THE_BYTES}
        steps = (self._reader.segmenter.describe(), self._reader.recognizer.describe())
        for step in steps:
            chosen[f"{step.name} tool"] = step.tool
            chosen.update({f"{step.name} {name}": value for name, value in step.settings})
        return chosen | {"formats": ",".join(sorted(formats)), "pagereader": __version__}

    def _read(self, jobs: Sequence[PageJob]) -> list[PageResult]:
        start = time.monotonic()
        pages = list(self._reader.read_pages([job.ref for job in jobs], on_error="keep"))
        results = [self._result(job, page) for job, page in zip(jobs, pages, strict=True)]
        share = (time.monotonic() - start) / max(1, len(jobs))
        return [replace(result, seconds=share) for result in results]

    def _result(self, job: PageJob, page: Page) -> PageResult:
        try:
            if page.error is not None:
                raise page.error
            outputs, failure = self._render(job.outputs, [page], job.ref, job.ref.source)
            if (damage := damage_error(page)) is not None and failure is None:
                failure = Failure.of(damage, job.ref.source)
            record = pack(page) if job.keep else None
            return PageResult(
                job.key, outputs, record, page.confidence, len(page.lines), failure=failure
            )
        except Exception as error:
            return PageResult(job.key, failure=Failure.of(error, job.ref.source))

    def _write(self, job: DocumentJob) -> DocumentResult:
        document = PageSource(job.refs[0].path)
        try:
            pages = [
                failed_page(ref.source, page.error) if isinstance(page, Failure) else unpack(page)
                for ref, page in zip(job.refs, job.pages, strict=True)
            ]
            return DocumentResult(job.key, *self._render(job.outputs, pages, job.refs[0], document))
        except Exception as error:
            return DocumentResult(job.key, failure=Failure.of(error, document))

    def _render(
        self,
        outputs: Sequence[tuple[str, str]],
        pages: Sequence[Page],
        ref: PageRef,
        source: PageSource,
    ) -> tuple[tuple[tuple[str, str, bytes], ...], Failure | None]:
        """Return the files that can be made, and why another one cannot."""
        rendered, failure, options = [], None, self._reader.options
        for format, path in outputs:
            made = writer(format, reflow=options.reflow, password=options.password, stdin=ref.data)
            names = [image_name(page, Path(path)) for page in pages]
            try:
                rendered.append((format, path, made.render(pages, names)))
            except Exception as error:
                failure = failure or Failure.of(error, source)
        return tuple(rendered), failure


def survey(reader: Reader, item: FileToSurvey) -> FileSurvey:
    """Hash a file and count its pages."""
    file, digest = item.file, ""
    try:
        if not file.problem:
            digest = content_hash(file)
            if digest == item.known:
                return FileSurvey(item.key, digest, None)
        refs = reader.page_refs(file)
        broken = [page for page in refs if isinstance(page, Page)]
        if broken and broken[0].error is not None:
            raise broken[0].error
        return FileSurvey(item.key, digest, tuple(ref for ref in refs if isinstance(ref, PageRef)))
    except Exception as error:
        return FileSurvey(item.key, digest, (), Failure.of(error, PageSource(file.path)))


def content_hash(file: InputFile) -> str:
    """Return the SHA-256 of a file, and of the images it names if it is a transcription.

    Raises:
        InputError: if the file cannot be read.
    """
    if file.data is not None:
        return hashlib.sha256(file.data).hexdigest()
    path = Path(file.path)
    if not path.is_file():
        return ""  # missing, a pipe or a folder: asking for its pages says so
    try:
        with path.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256")
    except OSError:
        return ""
    if path.suffix.lower() in (".xml", ".html", ".hocr", ".json"):
        for page in _known_pages(file):
            if page.image_path and Path(page.image_path).is_file():
                with Path(page.image_path).open("rb") as opened:
                    found.update(hashlib.file_digest(opened, "sha256").digest())
    return found.hexdigest()


def _known_pages(file: InputFile) -> list[Page]:
    refs = file.pages(Options())
    return parse_transcription(file.path) if refs and refs[0].kind is Kind.TRANSCRIPTION else []


def _one_thread() -> None:
    """One thread a worker: more would fight over the cores, and could change the sums' order."""
    import cv2

    cv2.setNumThreads(1)
    torch = sys.modules.get("torch")  # a recogniser without torch need not wait for its import
    if torch is not None:
        torch.set_num_threads(1)
