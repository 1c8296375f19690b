"""Reads files and writes their results, keeping every failure to its page."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from pagereader.document import Page, PageSource
from pagereader.errors import ExitCode, InputError, OutputError, UsageError
from pagereader.failures import damage_error, failed_page
from pagereader.log import about_page, logger
from pagereader.outputs import BETWEEN, OutputPlan, image_name
from pagereader.pipeline import Reader
from pagereader.sources import InputFile, Kind, PageRef, shown
from pagereader.view.overlay import draw_overlay
from pagereader.write import WRITERS, PdfWriter, is_taken, write_atomically, writer


class OutputGone(OutputError):
    """Standard output takes no more: going on would be for nothing."""


@dataclass(slots=True)
class Tally:
    """How a run went.

    Attributes:
        done: Pages read and written.
        failures: One error for each page or file that failed or is damaged, in order.
    """

    done: int = 0
    failures: list[Exception] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """What the run as a whole comes to."""
        for kind in (OutputError, UsageError):
            if any(isinstance(error, kind) for error in self.failures):
                return kind.exit_code
        if not self.failures:
            return ExitCode.OK if self.done else ExitCode.NOTHING_READ
        if self.done:
            return ExitCode.SOME_PAGES_FAILED
        if all(isinstance(error, InputError) for error in self.failures):
            return ExitCode.UNREADABLE_INPUT
        return ExitCode.NOTHING_READ


@dataclass(frozen=True, slots=True)
class _Place:
    """Which page of which file a result belongs to."""

    file: InputFile
    position: int
    count: int
    ref: PageRef | Page

    @property
    def is_last(self) -> bool:
        return self.position == self.count - 1


def transcribe(
    reader: Reader,
    files: Iterable[InputFile],
    plan: OutputPlan,
    *,
    overwrite: bool = False,
    overlay: Path | None = None,
    stdout: BinaryIO | None = None,
    on_page: Callable[[Page], object] | None = None,
) -> Tally:
    """Read ``files`` and write each page as soon as it is read, each document when it ends.

    Args:
        reader: Reads the pages.
        files: What to read.
        plan: Where results go.
        overwrite: Whether existing files may be replaced.
        overlay: Folder for pictures of what was found, or None.
        stdout: Takes the result if the plan says standard output.
        on_page: Called after each page, or None.

    Raises:
        ModelError: if the recogniser is missing or broken.
    """
    run = _Run(reader, plan, overwrite, overlay, stdout)
    places: deque[_Place] = deque()
    for page in reader.read_pages(run.page_refs(files, places), on_error="keep"):
        with about_page(page.source):
            run.take(places.popleft(), page)
        if on_page is not None:
            on_page(page)
        if run.tally.failures and reader.options.on_error == "abort":
            logger.warning("stopped at the first failure (--on-error abort)")
            break
    return run.tally


class _Run:
    """Writes pages as they come; document formats once their last page is there."""

    def __init__(
        self,
        reader: Reader,
        plan: OutputPlan,
        overwrite: bool,
        overlay: Path | None,
        stdout: BinaryIO | None,
    ) -> None:
        self.tally = Tally()
        self._reader, self._plan = reader, plan
        self._overwrite, self._overlay, self._stdout = overwrite, overlay, stdout
        self._between = b""
        self._document: list[Page] = []
        self._keeps_pages = not all(WRITERS[name].one_page_a_file for name in plan.formats)

    def page_refs(
        self, files: Iterable[InputFile], places: deque[_Place]
    ) -> Iterator[PageRef | Page]:
        """Yield what to read, and note in ``places`` where each result belongs."""
        for file in files:
            refs = self._fitting(file, self._reader.page_refs(file))
            for position, ref in enumerate(refs):
                place = _Place(file, position, len(refs), ref)
                places.append(place)
                yield ref if isinstance(ref, Page) else self._unless_kept(place, ref)

    def _fitting(self, file: InputFile, refs: list[PageRef | Page]) -> list[PageRef | Page]:
        """Refuse, before any work, several pages for standard output in a format that holds one."""
        if self._stdout is None or len(refs) < 2:
            return refs
        for name in self._plan.formats:
            if WRITERS[name].one_page_a_file:
                error = UsageError(
                    f"{name} holds one page a file, {shown(file.path)} has {len(refs)}",
                    "give -o FILE or choose one page with --pages",
                )
                return [failed_page(PageSource(file.path), error)]
        return refs

    def take(self, place: _Place, page: Page) -> None:
        """Write what can be written now that ``page`` is read."""
        if self._keeps_pages:
            self._document.append(page)
        if page.error is None:
            self._write_page(place, page)
            if (damage := damage_error(page)) is not None:
                self.tally.failures.append(damage)
        else:
            self.tally.failures.append(page.error)
        if place.is_last:
            pages, self._document = self._document, []
            if any(each.error is None for each in pages):
                self._write_document(place, pages)

    def _attempt(self, source: PageSource, write: Callable[[], None]) -> bool:
        """Tell whether ``write`` succeeded; a file that fails costs no other one."""
        try:
            write()
        except (OutputGone, OSError, MemoryError):
            raise
        except Exception as error:
            self.tally.failures.append(failed_page(source, error).error or error)
            return False
        return True

    def _unless_kept(self, place: _Place, ref: PageRef) -> PageRef | Page:
        """Refuse, before any work, a page whose result would replace a file."""
        if self._plan.to_stdout:
            return ref
        for name in self._plan.formats:
            path = self._path(name, place, ref.source.number)
            if not is_taken(path):
                continue
            if not self._overwrite:
                error = OutputError(f"{path} exists already", "replace it with --overwrite")
                return failed_page(ref.source, error)
            if not _holds_as_much(ref.kind, name) and _is_same_file(path, ref.path):
                error = OutputError(f"{path} is the scan itself", "choose another --output")
                return failed_page(ref.source, error)
        return ref

    def _path(self, format: str, place: _Place, number: int) -> Path:
        target = self._plan.target(place.file)
        if WRITERS[format].one_page_a_file:
            return target.page_path(format, number, place.count > 1)
        return target.document_path(format)

    def _write_page(self, place: _Place, page: Page) -> None:
        tasks = [
            partial(self._write, name, place, [page])
            for name in self._plan.formats
            if WRITERS[name].one_page_a_file
        ]
        if self._overlay is not None:
            tasks.append(partial(self._save_overlay, self._overlay, place, page))
        written = [self._attempt(page.source, task) for task in tasks]
        self.tally.done += all(written)

    def _write_document(self, place: _Place, pages: list[Page]) -> None:
        document = PageSource(place.file.path)
        for name in self._plan.formats:
            if not WRITERS[name].one_page_a_file:
                self._attempt(document, partial(self._write, name, place, pages))

    def _write(self, format: str, place: _Place, pages: list[Page]) -> None:
        if self._stdout is not None:
            data = self._render(format, place, pages, None)
            self._print(self._between + data, self._stdout)
            self._between = BETWEEN.get(format, b"")
            return
        path = self._path(format, place, pages[0].source.number)
        data = self._render(format, place, pages, path)
        write_atomically(path, data, overwrite=self._overwrite)

    def _print(self, data: bytes, stdout: BinaryIO) -> None:
        try:
            stdout.write(data)
            stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputGone(
                f"cannot write to standard output: {error.strerror}", "make room, or use -o FILE"
            ) from error

    def _render(self, format: str, place: _Place, pages: list[Page], path: Path | None) -> bytes:
        options = self._reader.options
        chosen = writer(
            format, reflow=options.reflow, password=options.password, stdin=place.file.data
        )
        return chosen.render(pages, [image_name(page, path) for page in pages])

    def _save_overlay(self, folder: Path, place: _Place, page: Page) -> None:
        if isinstance(place.ref, Page):
            return
        drawn = Image.fromarray(draw_overlay(self._reader.load(place.ref), page))
        buffer = BytesIO()
        drawn.save(buffer, "PNG")
        number = f"_{page.source.number:04d}" if place.count > 1 else ""
        relative = Path(place.file.relative)
        if self._plan.folder is not None:  # inputs of one name lie apart there
            told_apart = self._plan.target(place.file).base.relative_to(self._plan.folder)
            relative = told_apart.with_name(relative.name)
        path = folder / relative.with_name(f"{relative.name}{number}.png")
        write_atomically(path, buffer.getvalue(), overwrite=True)


def _holds_as_much(kind: Kind, format: str) -> bool:
    """Tell whether a result may stand in the place of an input of this kind."""
    return kind is Kind.TRANSCRIPTION or (kind is Kind.PDF and format == PdfWriter.format)


def _is_same_file(path: Path, other: str) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False
