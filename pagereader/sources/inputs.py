"""An input file and its pages."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pagereader.document import PageImage, PageSource
from pagereader.errors import InputError, PageError
from pagereader.log import logger
from pagereader.options import Options, PageRange
from pagereader.sources import pdf, raster, tiff
from pagereader.sources.kinds import FOREIGN_SUFFIXES, HEAD, Kind, Unreadable, kind_of

_READABLE = "pagereader reads PDF, TIFF, JPEG, PNG, WebP, JPEG 2000, PAGE-XML, ALTO and hOCR"


def shown(path: str) -> str:
    """Return a file's name fit for one line on a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in path)


@dataclass(frozen=True, slots=True)
class PageRef:
    """One page of an input, not yet opened. Small and picklable, unless it is standard input.

    Attributes:
        path: The file as the user named it; "-" for standard input.
        index: Page of the file, from 0.
        count: How many pages the file has.
        kind: What the file is.
        modified: When the file was last changed.
        offset: For a TIFF, where the page's directory lies; else 0.
        data: The whole file, if it came from standard input.
    """

    path: str
    index: int
    count: int
    kind: Kind
    modified: datetime | None = None
    offset: int = 0
    data: bytes | None = field(default=None, repr=False)

    @property
    def source(self) -> PageSource:
        """Where the page comes from, for its transcription."""
        return PageSource(self.path, self.index, self.count, self.modified)

    def load(self, options: Options) -> PageImage:
        """Open the file and return the page's pixels. Safe in threads and processes.

        Raises:
            PageError: if this page cannot be read but others of the file may.
            InputError: if the file has no other page, or cannot be opened.
        """
        try:
            image = self._load(options)
        except Unreadable as error:
            if self.count == 1:
                raise InputError(f"{shown(self.path)} {error.reason}", error.advice) from error
            raise PageError(
                f"{shown(self.path)}, page {self.index + 1} {error.reason}", error.advice
            ) from error
        except OSError as error:
            raise _os_error(self.path, error) from error
        if image.damage:
            logger.warning("is damaged and is read as far as it can be: %s", image.damage)
        return image

    def _load(self, options: Options) -> PageImage:
        if self.kind is Kind.PDF:
            page = pdf.load_page(
                _pdf_file(self.path, self.data, options),
                self.index,
                options.dpi,
                options.max_pixels,
            )
            return PageImage(page.pixels, self.source, page.dpi, damage=page.damage)
        if self.kind is Kind.TRANSCRIPTION:
            raise Unreadable("is a transcription, not an image", "name the image it belongs to")
        with _opened(self.path, self.data) as file:
            image = raster.decode(file, self.kind, options.max_pixels, self.offset)
        is_file = image.as_stored and self.count == 1 and self.data is None
        path = self.path if is_file else ""
        return PageImage(image.pixels, self.source, image.dpi, path, damage=image.damage)


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file that the user named, or that lies in a folder the user named.

    Attributes:
        path: The file as named; "-" for standard input.
        relative: Where its results belong under an output folder, in the file's own place.
        problem: Why it cannot be read, if that is known already; raised by :meth:`pages`.
        advice: What to do about the problem.
        data: The whole file, if it came from standard input.
    """

    path: str
    relative: str
    problem: str = ""
    advice: str = ""
    data: bytes | None = field(default=None, repr=False)

    def pages(self, options: Options) -> list[PageRef]:
        """Return the chosen pages, opening just enough of the file to count them.

        Raises:
            InputError: if the file cannot be read or holds no page.
            UsageError: if ``options.pages`` reaches past its end.
        """
        try:
            if self.problem:
                raise Unreadable(self.problem, self.advice)
            refs = self._pages(options)
        except Unreadable as error:
            name = "standard input" if self.path == "-" else shown(self.path)
            raise InputError(f"{name} {error.reason}", error.advice) from error
        except OSError as error:
            raise _os_error(self.path, error) from error
        if options.pages is None:
            return refs
        chosen = PageRange.parse(options.pages).indices(len(refs), shown(self.path))
        return [refs[index] for index in chosen]

    def _pages(self, options: Options) -> list[PageRef]:
        with _opened(self.path, self.data) as file:
            head = file.read(HEAD)
            kind = _checked_kind(self.path, head)
            if kind is Kind.TRANSCRIPTION and self.data is not None:
                raise Unreadable(
                    "is a transcription, whose image is looked for beside it", "name the file"
                )
            offsets = tiff.frame_offsets(file) if kind is Kind.TIFF else [0]
        if kind is Kind.PDF:
            offsets = [0] * pdf.count_pages(_pdf_file(self.path, self.data, options))
        modified = None
        if self.data is None:
            modified = datetime.fromtimestamp(Path(self.path).stat().st_mtime, UTC)
        return [
            PageRef(self.path, index, len(offsets), kind, modified, offset, self.data)
            for index, offset in enumerate(offsets)
        ]


def _checked_kind(path: str, head: bytes) -> Kind:
    if not head:
        raise Unreadable("is empty (0 bytes)", "copy it again from where it came from")
    kind = kind_of(head)
    if kind is None:
        suffix = Path(path).suffix
        if suffix.lower() in FOREIGN_SUFFIXES:
            raise Unreadable(
                f"is of a kind that is not read ({suffix.lower()})", "convert it to TIFF or PDF"
            )
        despite = f", whatever its suffix {shown(suffix)} says" if suffix else ""
        raise Unreadable(f"is nothing that can be read{despite}", _READABLE)
    return kind


def _opened(path: str, data: bytes | None) -> BinaryIO:
    if data is not None:
        return raster.in_memory(data)
    # A pipe would block on opening and can be read only once; a device may never end.
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise Unreadable("is not a regular file", "for a pipe, use - and standard input")
    return Path(path).open("rb")


def _pdf_file(path: str, data: bytes | None, options: Options) -> pdf.PdfFile:
    if data is not None:
        return pdf.PdfFile("", data, options.password)
    found = Path(path).stat()
    return pdf.PdfFile(path, None, options.password, (found.st_mtime_ns, found.st_size))


def _os_error(path: str, error: OSError) -> InputError:
    reason = {
        FileNotFoundError: ("does not exist", "check the name"),
        PermissionError: ("may not be read", "check its permissions"),
        IsADirectoryError: ("is a folder", "name it without other inputs, or a file in it"),
    }.get(type(error), (f"cannot be read: {os.strerror(error.errno or 5)}", "check the disk"))
    return InputError(f"{shown(path)} {reason[0]}", reason[1])
