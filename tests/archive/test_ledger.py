"""What is said of ledgers that are damaged, of another version, or of runs that were killed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pagereader.archive import status
from pagereader.archive.ledger import Ledger
from pagereader.errors import OutputError
from tests.archive.conftest import Run
from tests.command import Run as Command


@pytest.fixture
def change(archive: Path, run: Run, tmp_path: Path) -> Callable[[str], None]:
    """Run once, then change the ledger behind its back."""
    run()

    def execute(statement: str) -> None:
        with closing(sqlite3.connect(tmp_path / "out/.pagereader/ledger.sqlite")) as database:
            database.execute(statement)
            database.commit()

    return execute


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE settings SET description = 'no json'", "its settings are no JSON"),
        ("DROP TABLE runs", "no such table"),
        ("PRAGMA user_version = 99", "another version"),
    ],
)
def test_status_says_what_is_wrong(
    change: Callable[[str], None], tmp_path: Path, statement: str, says: str
) -> None:
    change(statement)
    with pytest.raises(OutputError, match=says):
        status(tmp_path / "out")


def test_a_state_that_there_is_not_stops_the_run(
    change: Callable[[str], None], run: Run, tmp_path: Path
) -> None:
    change("UPDATE pages SET state = 'lost'")
    change("UPDATE inputs SET complete = 0")
    with pytest.raises(OutputError, match="cannot be used: a page cannot be 'lost'"):
        run()


def test_a_run_that_was_killed_before_it_saw_a_page_is_not_done(
    tmp_path: Path, command: Command
) -> None:
    (tmp_path / "out" / ".pagereader").mkdir(parents=True)
    with closing(Ledger(tmp_path / "out", create=True)) as ledger:
        ledger.begin_run({}, 3)
    result = command("status", tmp_path / "out")
    assert "was killed" in result.out
    assert result.code == 1
