"""From what the user names to the pages that were read: files, folders, several formats."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pagereader.archive.ledger import FOLDER as LEDGER
from pagereader.archive.summary import status
from pagereader.document import Page, PageSource
from pagereader.errors import InputError, PageError, PagereaderError
from pagereader.parse import parse_transcription
from pagereader.sources import Kind, natural_order
from pagereader.sources.kinds import HEAD, kind_of
from pagereader.view.images import without_fragment

_RICHEST_FIRST = (".json", ".xml", ".alto.xml", ".hocr", ".html", ".htm")
"""A folder often holds the same page in several formats: the one that keeps most is shown."""


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page and the file that its transcription stands in."""

    page: Page
    file: Path


def read_results(paths: Iterable[str | os.PathLike[str]]) -> list[ResultPage]:
    """Return the pages of the transcriptions at ``paths``, in the order named.

    Files of a folder, at any depth, come in natural order; a page that stands there in several
    formats comes once. A file that was named, or is a transcription but broken, becomes a failed
    page that carries the error. So does each page that failed in the run that made the folder.

    Raises:
        InputError: if a path does not exist, or a folder cannot be opened or holds no
            transcription.
    """
    results: list[ResultPage] = []
    for named in paths:
        path = Path(named)
        if path.is_dir():
            results += _folder(path)
        elif not path.exists():
            raise InputError(f"{os.fspath(path)} does not exist", "name a result of pagereader")
        else:
            results += _file(path)
    return results


def _file(path: Path) -> Iterator[ResultPage]:
    try:
        for page in parse_transcription(path):
            yield ResultPage(page, path)
    except PagereaderError as error:
        yield ResultPage(Page(0, 0, PageSource(os.fspath(path), 0, 1), error=error), path)


def _folder(folder: Path) -> list[ResultPage]:
    try:
        files = [path for path in _walk(folder) if _looks_like_result(path)]
    except OSError as error:
        name = os.fspath(error.filename or folder)
        raise InputError(
            f"{name} cannot be opened: {error.strerror}", "check its permissions"
        ) from error
    failed = _failed_in_run(folder)
    if not files and not failed:
        raise InputError(
            f"{os.fspath(folder)} holds no transcription", "PAGE-XML, ALTO, hOCR and JSON are shown"
        )
    best: dict[object, ResultPage] = {}
    for path in files:
        for result in _file(path):
            key = _identity(result)
            if key not in best or _rank(path) < _rank(best[key].file):
                best[key] = result
    return [*best.values(), *failed]


def _failed_in_run(folder: Path) -> list[ResultPage]:
    """Return the pages that the run into ``folder`` could not read: they have no file."""
    if not (folder / LEDGER / "ledger.sqlite").is_file():
        return []
    try:
        failed = [problem for problem in status(folder).problems if problem.state == "failed"]
    except PagereaderError as error:  # the results can be shown all the same
        reason = InputError(error.message, "whether pages failed in that run is not known")
        source = PageSource(str(Path(folder, LEDGER)), 0, 1)
        return [ResultPage(Page(0, 0, source, error=reason), folder)]
    return [
        ResultPage(
            Page(
                0,
                0,
                PageSource(problem.path, problem.page - 1),
                error=PageError(problem.reason, problem.advice),
            ),
            folder,
        )
        for problem in failed
    ]


def _walk(folder: Path) -> Iterator[Path]:
    entries = sorted(folder.iterdir(), key=lambda entry: natural_order(entry.name))
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
        elif entry.is_file():
            yield entry


def _looks_like_result(path: Path) -> bool:
    if _suffix(path) not in _RICHEST_FIRST:
        return False
    try:
        with path.open("rb") as file:
            return kind_of(file.read(HEAD)) is Kind.TRANSCRIPTION
    except OSError:  # a result or not: that it was left out must be told
        return True


def _identity(result: ResultPage) -> object:
    """What page this is, whatever the format: its folder, the name of its image, its number."""
    page = result.page
    if page.error is not None and not page.width:
        return result.file
    name, index = without_fragment(page.image_path or page.source.path, page.source.index)
    return result.file.parent, Path(name).name, index


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return ".alto.xml" if name.endswith(".alto.xml") else path.suffix.lower()


def _rank(path: Path) -> int:
    return _RICHEST_FIRST.index(_suffix(path))
