"""Outputs: one writer a format, chosen by name or by the output's suffix."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pagereader.errors import UsageError
from pagereader.stages import Writer
from pagereader.write.alto import AltoWriter
from pagereader.write.files import is_taken, write_atomically
from pagereader.write.hocr import HocrWriter
from pagereader.write.json import JsonWriter
from pagereader.write.markdown import MarkdownWriter
from pagereader.write.pagexml import PageXmlWriter
from pagereader.write.pdf import PdfWriter
from pagereader.write.sanitise import printable
from pagereader.write.text import TextWriter

__all__ = [
    "WRITERS",
    "AltoWriter",
    "HocrWriter",
    "JsonWriter",
    "MarkdownWriter",
    "PageXmlWriter",
    "PdfWriter",
    "TextWriter",
    "format_of",
    "is_taken",
    "names_a_format",
    "write_atomically",
    "writer",
]

WRITERS: Mapping[str, type[Writer]] = {
    kind.format: kind
    for kind in (
        PageXmlWriter,
        AltoWriter,
        HocrWriter,
        TextWriter,
        JsonWriter,
        PdfWriter,
        MarkdownWriter,
    )
}
"""The writers by the name of their format on the command line."""

_SUFFIXES = {
    ".alto.xml": "alto",
    ".page.xml": "page",
    ".xml": "page",
    ".hocr": "hocr",
    ".html": "hocr",
    ".htm": "hocr",
    ".txt": "txt",
    ".json": "json",
    ".pdf": "pdf",
    ".md": "md",
}


def writer(
    format: str,
    *,
    reflow: bool = False,
    password: str | None = None,
    stdin: bytes | None = None,
) -> Writer:
    """Return a writer of ``format``.

    Args:
        format: Name of a format.
        reflow: Whether plain text joins the lines of a paragraph and words cut at line ends.
        password: Of encrypted PDFs, which a searchable PDF is made from.
        stdin: What came from standard input, if a searchable PDF is to be made of it.

    Raises:
        UsageError: if there is no such format.
    """
    if format not in WRITERS:
        raise UsageError(f"no output format is called {format!r}", f"known: {', '.join(WRITERS)}")
    if format == TextWriter.format:
        return TextWriter(reflow)
    if format == PdfWriter.format:
        return PdfWriter(password, stdin)
    return WRITERS[format]()


def names_a_format(path: str | os.PathLike[str]) -> bool:
    """Tell whether the suffix of an output is one we know."""
    return Path(path).name.lower().endswith(tuple(_SUFFIXES))


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the format that an output's suffix stands for.

    Raises:
        UsageError: if the suffix is none we know.
    """
    name = Path(path).name.lower()
    for suffix, format in _SUFFIXES.items():
        if name.endswith(suffix):
            return format
    raise UsageError(
        f"the suffix of {printable(path)} names no output format",
        f"use -f {','.join(WRITERS)}, or one of {' '.join(_SUFFIXES)}",
    )
