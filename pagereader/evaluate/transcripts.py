"""Transcriptions to compare, from PAGE, ALTO, hOCR, JSON, plain text or a list of line crops."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pagereader.document import Page
from pagereader.errors import InputError, PageError
from pagereader.evaluate.linematch import Track
from pagereader.sources.kinds import HEAD, kind_of

SUFFIXES = (
    ".page.xml",
    ".alto.xml",
    ".xml",
    ".hocr",
    ".html",
    ".json",
    ".txt",
)
"""Of transcriptions; what stands before them is the page's name."""
LINE_LISTS = (".tsv",)


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line to compare.

    Attributes:
        id: Its name on its page.
        text: As written.
        track: Where it runs, or None if that is not known.
    """

    id: str
    text: str
    track: Track | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """The text of one page.

    Attributes:
        name: Of the page.
        text: The whole text, lines parted by newlines.
        lines: In reading order; empty for plain text.
        note: What is wrong with it, or empty.
    """

    name: str
    text: str
    lines: tuple[TextLine, ...] = ()
    note: str = ""

    @classmethod
    def of_page(cls, name: str, page: Page) -> Transcript:
        """Return the transcript of a page object."""
        lines = tuple(
            TextLine(line.id, line.text, Track.of(line.baseline, line.polygon))
            for line in page.lines
        )
        text = "\n".join(line.text for line in lines)
        return cls(name, text, lines, "" if page.error is None else str(page.error))

    @property
    def is_located(self) -> bool:
        """Whether every line is known to run somewhere."""
        return bool(self.lines) and all(line.track is not None for line in self.lines)


@dataclass(slots=True)
class TranscriptSet:
    """Transcripts by the names of their pages.

    Attributes:
        pages: In the order found.
        failed: Names of files that could not be read, and why.
    """

    pages: dict[str, Transcript] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def read_transcripts(path: str | Path) -> TranscriptSet:
    """Read a file, or all transcriptions of a folder and its folders.

    Raises:
        InputError: if there is nothing to read.
    """
    root = Path(path)
    if not root.exists():
        raise InputError(f"{str(path)!r} does not exist", "check the path")
    files = list(files_in(root)) if root.is_dir() else [root]
    found = TranscriptSet()
    for file in files:
        name = page_name(file, root if root.is_dir() else None)
        try:
            for transcript in _read(file, name):
                found.pages.setdefault(transcript.name, transcript)
        except (InputError, PageError) as error:
            if root.is_file():
                raise
            found.failed[name] = str(error)
    if not found.pages and not found.failed:
        raise InputError(
            f"{str(path)!r} holds no transcription", "expected PAGE, ALTO, hOCR, JSON, txt or tsv"
        )
    return found


def page_name(file: Path, root: Path | None = None) -> str:
    """Return the name of the page that a file is about: its path without the suffix."""
    relative = file.relative_to(root) if root else Path(file.name)
    suffix = next((s for s in SUFFIXES if file.name.lower().endswith(s)), file.suffix)
    return relative.as_posix()[: -len(suffix)] if suffix else relative.as_posix()


def read_line_list(path: Path) -> list[dict[str, str]]:
    """Read a table of line crops: a header with at least ``image`` and ``text``, tabs between.

    Raises:
        InputError: if it is none.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}") from None
    if rows and not {"image", "text"} <= rows[0].keys():
        raise InputError(
            f"{str(path)!r} has no columns 'image' and 'text'",
            "the first row names the columns, tabs part them",
        )
    if not rows:
        raise InputError(f"{str(path)!r} lists no lines", "the first row names the columns")
    return [{key: value or "" for key, value in row.items() if key} for row in rows]


def transcripts_of_rows(rows: Sequence[dict[str, str]]) -> Iterator[Transcript]:
    """Group the rows of a line list by page, if it names pages."""
    pages: dict[str, list[TextLine]] = {}
    for row in rows:
        pages.setdefault(row.get("page") or "lines", []).append(TextLine(row["image"], row["text"]))
    for name, lines in pages.items():
        yield Transcript(name, "\n".join(line.text for line in lines), tuple(lines))


def files_in(root: Path) -> Iterator[Path]:
    """Yield a folder's transcriptions page by page; of several for one page, the best comes first.

    Hidden files are passed over, and XML, HTML and JSON that is something else (METS, metadata).

    Raises:
        InputError: if a folder cannot be opened.
    """
    rank = {suffix: number for number, suffix in enumerate((*SUFFIXES, *LINE_LISTS))}
    named = [(f, next((s for s in rank if f.name.lower().endswith(s)), "")) for f in _walk(root)]
    chosen = [(f, rank[suffix]) for f, suffix in named if suffix and not _is_something_else(f)]
    for file, _ in sorted(chosen, key=lambda item: (page_name(item[0], root), item[1])):
        yield file


def _walk(root: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(
            f"{str(error.filename)!r} cannot be opened: {error.strerror}", "check its permissions"
        )

    for folder, _, names in os.walk(root, onerror=refuse):
        hidden = any(part.startswith(".") for part in Path(folder).relative_to(root).parts)
        yield from (Path(folder, name) for name in names if not hidden and name[0] != ".")


def _is_something_else(file: Path) -> bool:
    """Whether a file is what its suffix says, but no transcription, not even a broken one."""
    if file.name.lower().endswith((".txt", *LINE_LISTS)):
        return False
    try:
        with file.open("rb") as opened:
            head = opened.read(HEAD)
    except OSError:  # reading it will tell
        return False
    return kind_of(head) is None and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"{", b"[")


def _read(file: Path, name: str) -> Iterator[Transcript]:
    lower = file.name.lower()
    if lower.endswith(".txt"):
        yield from _plain(file, name)
    elif lower.endswith(LINE_LISTS):
        yield from transcripts_of_rows(read_line_list(file))
    else:
        from pagereader.parse import parse_transcription

        pages = parse_transcription(file)
        for number, page in enumerate(pages, 1):
            yield Transcript.of_page(name if len(pages) == 1 else f"{name}#{number}", page)


def _plain(file: Path, name: str) -> Iterator[Transcript]:
    try:
        texts = file.read_text("utf-8", errors="replace").split("\f")
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be read: {error.strerror}") from None
    if len(texts) > 1 and not texts[-1].strip():
        texts.pop()
    for number, text in enumerate(texts, 1):
        yield Transcript(name if len(texts) == 1 else f"{name}#{number}", text)
