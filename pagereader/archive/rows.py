"""What the ledger knows of inputs, pages and outputs."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pagereader.archive.tasks import Failure


class State(StrEnum):
    """What became of a page."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class InputRow:
    """An input file as the ledger knows it.

    Attributes:
        id: Its number.
        place: Real path of the file.
        digest: SHA-256 of its content.
        settings: Number of the settings it was read with.
        run: Number of the run that read it last.
        complete: Whether every page is done and every output written.
    """

    id: int
    place: str
    digest: str
    settings: int
    run: int
    complete: bool


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page as the ledger knows it.

    Attributes:
        id: Its number.
        input: Its input's number.
        position: Its place among the pages of the input that were chosen, from 0.
        number: Page of the input, from 1.
        state: What became of it.
        failure: Why it failed or was skipped, or None.
    """

    id: int
    input: int
    position: int
    number: int
    state: State
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class OutputRow:
    """A file that belongs to an input.

    Attributes:
        path: Relative to the output folder.
        input: The input's number.
        page: The page's, or None if the file holds the whole document.
        digest: SHA-256 of its content, or None if it was never completely written.
        size: In bytes, or None.
    """

    path: str
    input: int
    page: int | None
    digest: str | None
    size: int | None


def page_row(row: Sequence[Any]) -> PageRow:
    """Return a row of the table of pages: number, input, position, page, state and failure.

    Raises:
        sqlite3.DatabaseError: if there is no such state.
    """
    failure = Failure(row[5], row[6] or "", row[7] or "") if row[5] else None
    if row[4] not in set(State):
        raise sqlite3.DatabaseError(f"a page cannot be {row[4]!r}")
    return PageRow(row[0], row[1], row[2], row[3], State(row[4]), failure)
