"""The ledger: what became of every page, in an SQLite file beside the outputs.

A rollback journal rather than a write-ahead log, because it is as safe against being killed and
also works on network file systems, where archives live. Every change is one transaction; results
are on the disk before the ledger calls them done.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pagereader.archive.rows import InputRow, OutputRow, PageRow, State, page_row
from pagereader.archive.tasks import Failure, PageResult
from pagereader.errors import OutputError

FOLDER = ".pagereader"
VERSION = 1
_BUSY = 60.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs(
    id INTEGER PRIMARY KEY, started REAL, ended REAL, pid INTEGER, settings INTEGER, inputs INTEGER,
    outcome TEXT);
CREATE TABLE IF NOT EXISTS settings(id INTEGER PRIMARY KEY, digest TEXT UNIQUE, description TEXT);
CREATE TABLE IF NOT EXISTS inputs(
    id INTEGER PRIMARY KEY, base BLOB UNIQUE, path BLOB, place BLOB, digest TEXT, settings INTEGER,
    run INTEGER, complete INTEGER DEFAULT 0, error TEXT, reason TEXT, advice TEXT);
CREATE TABLE IF NOT EXISTS pages(
    id INTEGER PRIMARY KEY, input INTEGER REFERENCES inputs ON DELETE CASCADE, position INTEGER,
    number INTEGER, state TEXT, error TEXT, reason TEXT, advice TEXT, seconds REAL,
    confidence REAL, lines INTEGER, finished REAL, run INTEGER, UNIQUE(input, position));
CREATE INDEX IF NOT EXISTS pages_by_state ON pages(state);
CREATE TABLE IF NOT EXISTS outputs(
    path BLOB PRIMARY KEY, input INTEGER REFERENCES inputs ON DELETE CASCADE,
    page INTEGER REFERENCES pages ON DELETE CASCADE, digest TEXT, size INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outputs_by_input ON outputs(input);
CREATE INDEX IF NOT EXISTS outputs_by_page ON outputs(page);
CREATE INDEX IF NOT EXISTS inputs_by_run ON inputs(run);
CREATE TABLE IF NOT EXISTS records(
    page INTEGER PRIMARY KEY REFERENCES pages ON DELETE CASCADE, data BLOB);
"""


class Ledger:
    """The ledger of one output folder.

    Args:
        folder: The output folder.
        create: Whether to make the ledger if there is none.

    Raises:
        OutputError: if there is no ledger, or it cannot be opened.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.path = folder / FOLDER / "ledger.sqlite"
        if not create and not self.path.is_file():
            raise OutputError(f"{folder} holds no ledger", "name the folder that was given to -o")
        with self._reasons():
            self._db = sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None)
            self._db.execute("PRAGMA foreign_keys = ON")
            self._check_version()
            if create:
                self._prepare()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the block's changes together or not at all. May be nested.

        Raises:
            OutputError: if the disk takes no more.
        """
        if self._db.in_transaction:
            yield
            return
        with self._reasons():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def begin_run(self, settings: dict[str, Any], inputs: int) -> tuple[int, int]:
        """Note that a run begins; return its number and its settings'."""
        description = json.dumps(settings, sort_keys=True, default=str)
        digest = hashlib.sha256(description.encode()).hexdigest()
        with self.transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO settings(digest, description) VALUES(?, ?)",
                (digest, description),
            )
            (number,) = self._one("SELECT id FROM settings WHERE digest = ?", digest)
            run = self._db.execute(
                "INSERT INTO runs(started, pid, settings, inputs) VALUES(?, ?, ?, ?)",
                (time.time(), os.getpid(), number, inputs),
            ).lastrowid
        return int(run or 0), int(number)

    def end_run(self, run: int, outcome: str) -> None:
        """Note how a run ended."""
        with self.transaction():
            self._db.execute(
                "UPDATE runs SET ended = ?, outcome = ? WHERE id = ?", (time.time(), outcome, run)
            )

    def settings(self, number: int) -> dict[str, Any]:
        """Return settings by their number."""
        (text,) = self._one("SELECT description FROM settings WHERE id = ?", number)
        with self._reasons():
            found: dict[str, Any] = _loaded(text)
        return found

    def input_of(self, base: str) -> InputRow | None:
        """Return the input whose outputs are named ``base``, if there is one."""
        row = self._db.execute(
            "SELECT id, place, digest, settings, run, complete FROM inputs WHERE base = ?",
            (os.fsencode(base),),
        ).fetchone()
        if row is None:
            return None
        return InputRow(row[0], os.fsdecode(row[1]), row[2], row[3], row[4], bool(row[5]))

    def touch(self, input: int, run: int) -> None:
        """Note that ``run`` found an input as it was."""
        with self.transaction():
            self._db.execute("UPDATE inputs SET run = ? WHERE id = ?", (run, input))

    def replan(self, base: str, path: str, place: str, digest: str, settings: int, run: int) -> int:
        """Begin an input anew, forgetting what was known of it; return its number."""
        with self.transaction():
            self._db.execute("DELETE FROM inputs WHERE base = ?", (os.fsencode(base),))
            found = self._db.execute(
                "INSERT INTO inputs(base, path, place, digest, settings, run)"
                " VALUES(?, ?, ?, ?, ?, ?)",
                (os.fsencode(base), os.fsencode(path), os.fsencode(place), digest, settings, run),
            )
        return int(found.lastrowid or 0)

    def add_page(self, input: int, position: int, number: int, run: int) -> int:
        """Add a pending page; return its number."""
        found = self._db.execute(
            "INSERT INTO pages(input, position, number, state, run) VALUES(?, ?, ?, ?, ?)",
            (input, position, number, State.PENDING, run),
        )
        return int(found.lastrowid or 0)

    def claim(self, path: str, input: int, page: int | None) -> None:
        """Note, before it exists, that an output belongs to an input."""
        self._db.execute(
            "INSERT OR REPLACE INTO outputs(path, input, page) VALUES(?, ?, ?)",
            (os.fsencode(path), input, page),
        )

    def owner(self, path: str) -> tuple[int, str, int] | None:
        """Return number, path and last run of the input that an output belongs to."""
        row = self._db.execute(
            "SELECT inputs.id, inputs.path, inputs.run FROM outputs JOIN inputs"
            " ON inputs.id = outputs.input WHERE outputs.path = ?",
            (os.fsencode(path),),
        ).fetchone()
        return None if row is None else (row[0], os.fsdecode(row[1]), row[2])

    def written(self, path: str, digest: str, size: int) -> None:
        """Note that an output is on the disk, whole."""
        self._db.execute(
            "UPDATE outputs SET digest = ?, size = ? WHERE path = ?",
            (digest, size, os.fsencode(path)),
        )

    def finish(self, page: int, result: PageResult, run: int, state: State | None = None) -> None:
        """Note what became of a page."""
        failure = result.failure
        state = state or (State.FAILED if failure else State.DONE)
        self._db.execute(
            "UPDATE pages SET state = ?, error = ?, reason = ?, advice = ?, seconds = ?,"
            " confidence = ?, lines = ?, finished = ?, run = ? WHERE id = ?",
            (
                state,
                *_columns(failure),
                result.seconds,
                result.confidence,
                result.lines,
                time.time(),
                run,
                page,
            ),
        )
        if result.record is not None:
            self._db.execute(
                "INSERT OR REPLACE INTO records(page, data) VALUES(?, ?)", (page, result.record)
            )
        elif failure is not None:
            self._db.execute("DELETE FROM records WHERE page = ?", (page,))

    def reopen(self, pages: Iterable[int]) -> None:
        """Set pages back to pending: their results are gone or changed."""
        self._db.executemany(
            "UPDATE pages SET state = 'pending' WHERE id = ?", [(page,) for page in pages]
        )

    def complete(self, input: int) -> None:
        """Note that an input is done with all its outputs; its pages need not be kept."""
        self._db.execute("UPDATE inputs SET complete = 1 WHERE id = ?", (input,))
        self._db.execute(
            "DELETE FROM records WHERE page IN (SELECT id FROM pages WHERE input = ?)", (input,)
        )

    def fail_document(self, input: int, failure: Failure | None) -> None:
        """Note why the files with all pages of an input cannot be written, or that they are."""
        self._db.execute(
            "UPDATE inputs SET error = ?, reason = ?, advice = ? WHERE id = ?",
            (*_columns(failure), input),
        )

    def incomplete(self, input: int) -> None:
        """Note that an input needs another look."""
        self._db.execute("UPDATE inputs SET complete = 0 WHERE id = ?", (input,))

    def pages(self, input: int) -> list[PageRow]:
        """Return the pages of an input, in order."""
        rows = self._db.execute(
            "SELECT id, input, position, number, state, error, reason, advice FROM pages"
            " WHERE input = ? ORDER BY position",
            (input,),
        )
        with self._reasons():
            return [page_row(row) for row in rows]

    def outputs(self, input: int) -> list[OutputRow]:
        """Return the outputs of an input."""
        rows = self._db.execute(
            "SELECT path, input, page, digest, size FROM outputs WHERE input = ? ORDER BY path",
            (input,),
        )
        return [OutputRow(os.fsdecode(row[0]), *row[1:]) for row in rows]

    def results(self) -> frozenset[str]:
        """Return the real paths of all outputs but those that took their own input's place."""
        folder = self.path.parent.parent
        paths = {
            os.path.realpath(folder / os.fsdecode(path))
            for (path,) in self.query("SELECT path FROM outputs")
        }
        return frozenset(
            paths - {os.fsdecode(p) for (p,) in self.query("SELECT place FROM inputs")}
        )

    def record(self, page: int) -> bytes | None:
        """Return a page that is kept for its document, or None."""
        row = self._db.execute("SELECT data FROM records WHERE page = ?", (page,)).fetchone()
        return None if row is None else bytes(row[0])

    def has_record(self, page: int) -> bool:
        """Tell whether a page is kept for its document."""
        return bool(self.query("SELECT 1 FROM records WHERE page = ?", page))

    def query(self, sql: str, *values: object) -> list[Sequence[Any]]:
        """Return rows of a reading query."""
        with self._reasons():
            return self._db.execute(sql, values).fetchall()

    def _check_version(self) -> None:
        (version,) = self._one("PRAGMA user_version")
        if version not in (0, VERSION):
            raise OutputError(
                f"{self.path} was made by another version of pagereader",
                "use that version, or choose another --output",
            )

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = TRUNCATE")
        self._db.execute("PRAGMA synchronous = FULL")
        with self.transaction():
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _one(self, sql: str, *values: object) -> Sequence[Any]:
        found: Sequence[Any] = self._db.execute(sql, values).fetchone()
        return found

    @contextmanager
    def _reasons(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(
                f"the ledger {self.path} cannot be used: {error}",
                "make room on the disk; if the ledger is damaged, choose another --output",
            ) from error


def results_in(folder: Path) -> frozenset[str]:
    """Return the real paths of what earlier runs wrote into ``folder``; nothing if there were none.

    Raises:
        OutputError: if the ledger is damaged.
    """
    if not os.path.isfile(folder / FOLDER / "ledger.sqlite"):  # noqa: PTH113  for any name
        return frozenset()
    with closing(Ledger(folder)) as ledger:
        return ledger.results()


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise sqlite3.DatabaseError(f"its settings are no JSON: {error}") from error


def _columns(failure: Failure | None) -> tuple[str | None, str | None, str | None]:
    if failure is None:
        return None, None, None
    return failure.type, _storable(failure.message), _storable(failure.advice)


def _storable(text: str) -> str:
    """SQLite holds UTF-8 only; parts of names that are none become escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
