"""The command line called from tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pymupdf

NULL = ["--recognizer", "null"]
"""For tests that do not look at the text: nothing is loaded and nothing read."""


@dataclass
class Result:
    """What a command ended with."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]
Scan = Callable[..., Path]


def blank_pdf(path: Path, pages: int, **save: object) -> Path:
    """Write a PDF of pages with a word or two."""
    document = pymupdf.open()
    for number in range(pages):
        document.new_page(width=200, height=200).insert_text((20, 60), f"page {number + 1}")
    document.save(path, **save)
    return path
