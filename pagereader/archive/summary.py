"""The state of a run, from its ledger: while it runs, after it, and after it was killed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pagereader.archive.ledger import FOLDER, Ledger
from pagereader.archive.lock import is_locked
from pagereader.archive.rows import State
from pagereader.archive.tasks import Failure
from pagereader.batch import Tally
from pagereader.errors import ExitCode

WORST = 10
LISTED = 1000
_RATE_WINDOW = 600.0


@dataclass(frozen=True, slots=True)
class PageProblem:
    """A page that failed or was skipped.

    Attributes:
        path: The input as named.
        page: From 1; 0 if the file with all the pages could not be written.
        state: "failed" or "skipped".
        reason: What was wrong.
        advice: What to do.
    """

    path: str
    page: int
    state: str
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class WeakPage:
    """A page that was read with little confidence."""

    path: str
    page: int
    confidence: float


@dataclass(slots=True)
class Summary:
    """How a run stands or went.

    Attributes:
        done: Pages read, in this run or an earlier one.
        read: Pages read in this run.
        failed: Pages that could not be read.
        failed_documents: Files with all pages of an input that could not be written.
        skipped: Pages whose outputs would have replaced files that are not ours.
        pending: Pages known but not read yet.
        inputs: Input files of the run.
        surveyed: Input files that were opened so far.
        running: Whether a run is going on now.
        started: When the last run began, seconds since 1970.
        seconds: How long it took, or has taken.
        pages_a_minute: Rate of the last ten minutes of work.
        outcome: How it ended; empty if it goes on or was killed.
        settings: Everything that decides the results' bytes.
        problems: Failed and skipped pages, at most 1,000.
        worst: The pages read with the least confidence, worst first.
        exit_code: What the run comes to.
    """

    done: int = 0
    read: int = 0
    failed: int = 0
    failed_documents: int = 0
    skipped: int = 0
    pending: int = 0
    inputs: int = 0
    surveyed: int = 0
    running: bool = False
    started: float | None = None
    seconds: float = 0.0
    pages_a_minute: float = 0.0
    outcome: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    problems: list[PageProblem] = field(default_factory=list)
    worst: list[WeakPage] = field(default_factory=list)
    exit_code: ExitCode = ExitCode.OK

    def as_json(self) -> str:
        """Return everything as one JSON object on one line, in ASCII."""
        return json.dumps(asdict(self))

    def lines(self) -> Iterator[str]:
        """Yield it as a person wants to read it."""
        state = "running" if self.running else self.outcome or "was killed; run it again to go on"
        yield f"{state}: {self.done} pages done, {self.failed} failed, {self.skipped} skipped, " + (
            f"{self.pending} pending"
        )
        if self.seconds:
            rate = f"{self.pages_a_minute:.1f} a minute"
            yield f"{self.read} pages in {_duration(self.seconds)}, {rate}"
        if self.surveyed < self.inputs:
            yield f"{self.surveyed} of {self.inputs} files opened"
        for problem in self.problems:
            yield f"{problem.state}: {problem.reason}" + (
                f" ({problem.advice})" if problem.advice else ""
            )
        problems = self.failed + self.skipped + self.failed_documents
        if problems > len(self.problems):
            yield f"and {problems - len(self.problems)} more"
        if self.worst:
            yield "least confident pages:"
        for page in self.worst:
            yield f"  {page.confidence:.2f}  {page.path}, page {page.page}"


def status(folder: Path) -> Summary:
    """Return the state of the last run into ``folder``, also while it runs.

    Raises:
        OutputError: if ``folder`` holds no ledger.
    """
    ledger = Ledger(folder)
    try:
        runs = ledger.query("SELECT max(id) FROM runs")
        summary = summarise(ledger, int(runs[0][0] or 0))
    finally:
        ledger.close()
    summary.running = is_locked(folder / FOLDER / "lock")
    if not summary.running and not summary.outcome:
        summary.seconds = min(summary.seconds, _last_sign(folder) - (summary.started or 0))
    return summary


def summarise(ledger: Ledger, run: int) -> Summary:
    """Return the state of a run."""
    summary = Summary()
    for started, ended, inputs, outcome, settings in ledger.query(
        "SELECT started, ended, inputs, outcome, settings FROM runs WHERE id = ?", run
    ):
        summary.started, summary.inputs, summary.outcome = started, inputs, outcome or ""
        summary.seconds = (ended or time.time()) - started
        summary.settings = ledger.settings(settings)
    counts: dict[str, int] = dict(
        ledger.query(  # type: ignore[arg-type]
            "SELECT state, count(*) FROM pages JOIN inputs ON inputs.id = pages.input"
            " WHERE inputs.run = ? GROUP BY state",
            run,
        )
    )
    summary.done, summary.failed = counts.get(State.DONE, 0), counts.get(State.FAILED, 0)
    summary.skipped, summary.pending = counts.get(State.SKIPPED, 0), counts.get(State.PENDING, 0)
    ((summary.surveyed,),) = ledger.query("SELECT count(*) FROM inputs WHERE run = ?", run)
    ((summary.read,),) = ledger.query(
        "SELECT count(*) FROM pages WHERE run = ? AND state = 'done'", run
    )
    summary.pages_a_minute = _rate(ledger, run, summary)
    summary.problems = [
        PageProblem(os.fsdecode(path), number, state, reason or "", advice or "")
        for path, number, state, reason, advice in ledger.query(
            "SELECT inputs.path, number, state, pages.reason, pages.advice FROM pages"
            " JOIN inputs ON inputs.id = pages.input"
            " WHERE inputs.run = ?1 AND state IN ('failed', 'skipped')"
            " UNION ALL SELECT path, 0, 'failed', reason, advice FROM inputs"
            " WHERE run = ?1 AND error IS NOT NULL ORDER BY 1, 2 LIMIT ?2",
            run,
            LISTED,
        )
    ]
    ((summary.failed_documents,),) = ledger.query(
        "SELECT count(*) FROM inputs WHERE run = ? AND error IS NOT NULL", run
    )
    summary.worst = [
        WeakPage(os.fsdecode(path), number, confidence)
        for path, number, confidence in ledger.query(
            "SELECT inputs.path, number, confidence FROM pages"
            " JOIN inputs ON inputs.id = pages.input"
            " WHERE inputs.run = ? AND state = 'done' AND confidence IS NOT NULL"
            " ORDER BY confidence, inputs.path, number LIMIT ?",
            run,
            WORST,
        )
    ]
    summary.exit_code = _exit_code(ledger, run, summary.done)
    return summary


def _rate(ledger: Ledger, run: int, summary: Summary) -> float:
    if summary.started is None or not summary.read:
        return 0.0
    end = summary.started + summary.seconds
    start = max(summary.started, end - _RATE_WINDOW)
    ((recent,),) = ledger.query(
        "SELECT count(*) FROM pages WHERE run = ? AND state = 'done' AND finished >= ?", run, start
    )
    return float(recent) * 60 / max(1e-3, end - start)


def _exit_code(ledger: Ledger, run: int, done: int) -> ExitCode:
    kinds = ledger.query(
        "SELECT pages.error FROM pages JOIN inputs ON inputs.id = pages.input"
        " WHERE inputs.run = ?1 AND state IN ('failed', 'skipped')"
        " UNION SELECT error FROM inputs WHERE run = ?1 AND error IS NOT NULL",
        run,
    )
    return Tally(done, [Failure(kind or "PageError", "").error for (kind,) in kinds]).exit_code


def _last_sign(folder: Path) -> float:
    return (folder / FOLDER / "ledger.sqlite").stat().st_mtime


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
