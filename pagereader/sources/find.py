"""From what the user named to the files that hold pages, in an order people expect."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pagereader.log import logger
from pagereader.sources.inputs import InputFile, shown
from pagereader.sources.kinds import SUFFIXES, Kind, kind_of

MAX_STDIN = 1 << 30
"""Bytes taken from standard input at most: they are held in memory."""

_SNIFF = 2048
_RESULTS = ".pagereader"  # lies in folders that hold results


def find_inputs(
    paths: Iterable[str | os.PathLike[str]], *, recursive: bool = False
) -> Iterator[InputFile]:
    """Yield the files behind ``paths``, folders expanded in natural order (2 before 10).

    In a folder, hidden files and files that hold no page are passed over; a file whose suffix
    promises a page is always yielded, and so is whatever could not be looked at: it raises
    :class:`~pagereader.errors.InputError` when its pages are asked for. PAGE, ALTO and hOCR
    files are taken only if named, because they often lie beside their images.

    Args:
        paths: Files, folders, or "-" for standard input.
        recursive: Whether to go down into the folders' folders.
    """
    for path in paths:
        name = os.fsdecode(path)
        if name == "-":
            yield _standard_input(sys.stdin)
        elif os.path.isdir(name):  # noqa: PTH112  says no to a name that no file can have
            yield from _Folder(name, recursive).files()
        else:
            yield InputFile(name, Path(name).name)


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key under which numbers count by value: page2 before page10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    numbers = ((0, int(part), part) if part[0] in "0123456789" else (1, 0, part) for part in parts)
    return tuple(numbers)


class _Folder:
    """A folder the user named; nothing outside it is read."""

    def __init__(self, root: str, recursive: bool) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._recursive = recursive
        self._not_entered = 0

    def files(self) -> Iterator[InputFile]:
        yield from self._walk("")
        if self._not_entered:
            logger.warning(
                "folders within %s were not entered (%d): -r (recursive) reads them, too",
                shown(self._root),
                self._not_entered,
            )

    def _walk(self, below: str) -> Iterator[InputFile]:
        folder = str(Path(self._root, below)) if below else self._root
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: natural_order(entry.name))
        except OSError as error:
            problem = f"cannot be opened: {os.strerror(error.errno or 5)}"
            yield InputFile(folder, below, problem, "check the folder's permissions")
            return
        for entry in entries:
            if not entry.name.startswith("."):
                yield from self._entry(entry, str(Path(below, entry.name)))

    def _entry(self, entry: os.DirEntry[str], relative: str) -> Iterator[InputFile]:
        promises = Path(entry.name).suffix.lower() in SUFFIXES
        try:
            is_folder = entry.is_dir()
            if entry.is_symlink() and not self._inside(entry.path):
                if promises or (is_folder and self._recursive):
                    yield InputFile(
                        entry.path,
                        relative,
                        "is a link out of the folder and was not followed",
                        "name its target to read it",
                    )
            elif is_folder:
                # A link to a folder inside only repeats what is visited anyway, or runs in circles.
                if self._recursive and not entry.is_symlink():
                    yield from self._walk(relative)
                elif not self._recursive and not Path(entry.path, _RESULTS).exists():
                    self._not_entered += 1
            elif promises or (entry.is_file() and _holds_pages(entry.path)):
                yield InputFile(entry.path, relative)
        except OSError as error:
            problem = f"cannot be looked at: {os.strerror(error.errno or 5)}"
            yield InputFile(entry.path, relative, problem, "check its permissions")

    def _inside(self, path: str) -> bool:
        real = os.path.realpath(path)
        return os.path.commonpath([real, self._real_root]) == self._real_root


def _holds_pages(path: str) -> bool:
    with Path(path).open("rb") as file:
        return kind_of(file.read(_SNIFF)) not in (None, Kind.TRANSCRIPTION)


def _standard_input(stdin: object) -> InputFile:
    stream: BinaryIO | None = getattr(stdin, "buffer", None)
    if stream is None:
        return InputFile("-", "stdin", "is closed", "pipe a file into it")
    if stream.isatty():
        return InputFile("-", "stdin", "is a terminal", "pipe a file into it")
    data = stream.read(MAX_STDIN + 1)
    if len(data) > MAX_STDIN:
        return InputFile(
            "-", "stdin", f"is larger than {MAX_STDIN >> 20} MiB", "save it to a file first"
        )
    return InputFile("-", "stdin", data=data)
