"""Which file a page's result goes to.

Formats like PAGE and ALTO hold one page a file: a document of which one page is read gives
exactly the name asked for, several pages give ``name_0001.xml`` and so on, counted as in the
document. Formats like hOCR, text and JSON hold the whole document.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pagereader.document import Page
from pagereader.errors import UsageError
from pagereader.sources import InputFile
from pagereader.write import WRITERS, format_of, names_a_format
from pagereader.write.sanitise import printable

STDOUT = "-"
BETWEEN = {"txt": b"\f", "md": b"\n"}
"""Formats of which several documents may follow each other, and what parts them."""


@dataclass(frozen=True, slots=True)
class OutputTarget:
    """Where one input's results go.

    Attributes:
        base: Output path without a format's suffix.
        suffixes: Suffixes that the user chose for a format instead of the format's own.
    """

    base: Path
    suffixes: Mapping[str, str] = field(default_factory=dict)

    def document_path(self, format: str) -> Path:
        """Return the file that holds the whole document in ``format``."""
        return self.base.with_name(self.base.name + self._suffix(format))

    def page_path(self, format: str, number: int, several: bool) -> Path:
        """Return the file that holds page ``number`` (from 1) in ``format``.

        Args:
            format: A format with one page a file.
            number: Page of the input, from 1.
            several: Whether more than one page of this input is read.
        """
        counter = f"_{number:04d}" if several else ""
        return self.base.with_name(self.base.name + counter + self._suffix(format))

    def _suffix(self, format: str) -> str:
        return self.suffixes.get(format, WRITERS[format].suffix)


class OutputPlan:
    """Names every output before anything is read, so that no two inputs share a file.

    Args:
        output: What the user gave as ``-o``: a file, a folder or "-".
        formats: Names of formats; empty to take the format from the output's suffix.
        inputs: The input files; more than one, or a folder among them, makes ``output`` a folder,
            unless it is called like a file.

    Raises:
        UsageError: if the formats do not fit the output.
    """

    def __init__(self, output: str, formats: Sequence[str], inputs: Sequence[InputFile]) -> None:
        self.to_stdout = output == STDOUT
        self.folder = None if self.to_stdout else _as_folder(output, inputs)
        self.formats = _checked_formats(output, formats, self.folder is not None)
        self._file = None if self.to_stdout or self.folder else Path(output)
        self._bases = _distinct_bases(inputs) if self.folder else {}
        if self.to_stdout and len(self.formats) > 1:
            raise UsageError(
                "standard output holds one format", "name one with -f, or give -o FILE"
            )
        if self.to_stdout and len(inputs) > 1 and self.formats[0] not in BETWEEN:
            raise UsageError(
                f"standard output holds one document in {self.formats[0]}, "
                f"and there are {len(inputs)} inputs",
                "give -o FOLDER/, or -f txt",
            )

    def target(self, source: InputFile) -> OutputTarget:
        """Return where the results of ``source`` go. Not for standard output."""
        if self.folder is not None:
            return OutputTarget(self.folder / self._bases[source])
        if self._file is None:
            raise ValueError("standard output has no path")
        return _named_target(self._file, self.formats)


def _named_target(file: Path, formats: Sequence[str]) -> OutputTarget:
    """The target whose first format goes to exactly ``file``."""
    for name in formats:
        for suffix in (f".{name}.xml", WRITERS[name].suffix):
            if file.name.endswith(suffix) and file.name != suffix:
                return OutputTarget(file.with_name(file.name.removesuffix(suffix)), {name: suffix})
    return OutputTarget(file.with_suffix(""), {formats[0]: file.suffix})


def image_name(page: Page, output: Path | None) -> str:
    """Return how a result names its page image: relative to the result, page as a fragment.

    A page of a PDF or of a multi-page TIFF is named ``scan.pdf#page=3``.
    """
    path = page.image_path or page.source.path
    if path == STDOUT:
        name = "stdin"
    elif output is None:
        name = Path(path).name
    else:
        name = os.path.relpath(path, output.parent)
    return name if page.image_path else f"{name}#page={page.source.number}"


def _as_folder(output: str, inputs: Sequence[InputFile]) -> Path | None:
    is_folder = os.path.isdir(output)  # noqa: PTH112  no for a name that no file can have
    looks_like_folder = output.endswith(("/", os.sep)) or is_folder
    mirrored = any(Path(source.relative).parent != Path() for source in inputs)
    if looks_like_folder:
        return Path(output)
    return Path(folder_name(output)) if len(inputs) > 1 or mirrored else None


def folder_name(output: str) -> str:
    """Return ``output`` as the name of a folder, which the inputs ask for.

    Raises:
        UsageError: if it is called like a file and no folder: results of several inputs are not
            put into one, and a folder in a file's place would be no help.
    """
    is_folder = output.endswith(("/", os.sep)) or os.path.isdir(output)  # noqa: PTH112
    if not is_folder and names_a_format(output):
        raise UsageError(
            f"{printable(output)} names one file, and several inputs or a folder need a folder",
            "end it in / for a folder; without -o, texts follow each other on standard output",
        )
    return os.path.join(output, "")  # noqa: PTH118  no path may take the slash away again


def _checked_formats(output: str, formats: Sequence[str], is_folder: bool) -> tuple[str, ...]:
    unknown = [name for name in formats if name not in WRITERS]
    if unknown:
        known = ", ".join(sorted(WRITERS))
        raise UsageError(f"no output format is called {unknown[0]!r}", f"known: {known}")
    if formats:
        return tuple(dict.fromkeys(formats))
    if output == STDOUT:
        return ("txt",)
    return ("page",) if is_folder else (format_of(output),)


def _distinct_bases(inputs: Sequence[InputFile]) -> dict[InputFile, Path]:
    """Mirror each input's place; where stems meet, keep the whole file name in the result's."""
    stems = {source: _place(source).with_suffix("") for source in inputs}
    taken = Counter(str(stem).casefold() for stem in stems.values())
    bases = {}
    for source, stem in stems.items():
        numbered = re.sub(r"_\d{4,}$", "", str(stem)).casefold()  # page 1 of scan.pdf: scan_0001
        meets = taken[str(stem).casefold()] > 1
        meets |= numbered != str(stem).casefold() and taken[numbered] > 0
        bases[source] = _place(source) if meets else stem
    return _told_apart(bases)


def _place(source: InputFile) -> Path:
    """Where a source lies; a folder that cannot be opened has no place within itself."""
    return Path(source.relative or Path(source.path).name or "folder")


def _told_apart(bases: dict[InputFile, Path]) -> dict[InputFile, Path]:
    """Put inputs of one name into a folder named after where they lie; then count."""
    meets = Counter(str(base).casefold() for base in bases.values())
    told: dict[InputFile, Path] = {}
    taken = {name for name, count in meets.items() if count == 1}
    for source, base in bases.items():
        if meets[str(base).casefold()] == 1:
            told[source] = base
            continue
        depth = len(Path(source.relative).parts)
        above = Path(source.path).absolute().parts[:-depth]
        place = Path(above[-1], base) if len(above) > 1 else base
        told[source], number = place, 1
        while str(told[source]).casefold() in taken:
            number += 1
            told[source] = place.with_name(f"{place.name}-{number}")
        taken.add(str(told[source]).casefold())
    return told
