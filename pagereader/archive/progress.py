"""What a run says while it goes on: a bar, plain lines, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from pagereader.sources import shown

if TYPE_CHECKING:
    from pagereader.archive.summary import Summary


@dataclass(slots=True)
class Count:
    """How far a run is.

    Attributes:
        total: Pages known so far, those of files not opened yet estimated.
        total_is_known: Whether every file was opened.
        before: Pages that an earlier run had done.
        done: Pages read in this run.
        failed: Pages that failed or were skipped.
        started: ``time.monotonic()`` when reading began.
    """

    total: int = 0
    total_is_known: bool = False
    before: int = 0
    done: int = 0
    failed: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def pages_a_minute(self) -> float:
        """Rate of this run."""
        return (self.done + self.failed) * 60 / max(1e-3, time.monotonic() - self.started)

    @property
    def seconds_left(self) -> float | None:
        """Time left at that rate, or None before the first page."""
        left = max(0, self.total - self.before - self.done - self.failed)
        return left * 60 / self.pages_a_minute if self.done + self.failed else None


@dataclass(frozen=True, slots=True)
class PageReport:
    """A page that was settled: its file, number, what became of it and why."""

    path: str
    page: int
    state: str
    reason: str = ""
    seconds: float = 0.0
    confidence: float | None = None


class Progress(Protocol):
    """Is told what happens."""

    def page(self, report: PageReport, count: Count) -> None:
        """A page was settled."""
        ...

    def say(self, remark: str) -> None:
        """Something the user should know."""
        ...

    def end(self, summary: Summary) -> None:
        """The run ended, well or not."""
        ...

    def close(self) -> None:
        """Nothing more will happen."""
        ...


class Quiet:
    """Says nothing but remarks and failures, on ``stream`` (stderr)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def page(self, report: PageReport, count: Count) -> None:
        """Report failures only; see :class:`Progress`."""
        del count
        if report.state != "done":
            self._line(f"pagereader: {report.state}: {shown(report.reason)}")

    def say(self, remark: str) -> None:
        """See :class:`Progress`."""
        self._line(f"pagereader: {shown(remark)}")

    def end(self, summary: Summary) -> None:
        """Leave the last word to the caller; see :class:`Progress`."""

    def close(self) -> None:
        """See :class:`Progress`."""

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Plain(Quiet):
    """One line a page, for logs."""

    def page(self, report: PageReport, count: Count) -> None:
        """See :class:`Progress`."""
        super().page(report, count)
        settled = count.before + count.done + count.failed
        about = "" if count.total_is_known else "about "
        self._line(
            f"{settled}/{about}{count.total} {report.state} {shown(report.path)} page {report.page}"
            f" {report.seconds:.1f} s, {count.pages_a_minute:.1f} pages/min,"
            f" {count.failed} failed, {_left(count)} left"
        )


class JsonLines(Quiet):
    """One JSON object a line, for programs."""

    def page(self, report: PageReport, count: Count) -> None:
        """See :class:`Progress`."""
        left = count.seconds_left
        self._event(
            "page",
            **asdict(report),
            settled=count.before + count.done + count.failed,
            failed=count.failed,
            total=count.total,
            total_is_known=count.total_is_known,
            pages_a_minute=round(count.pages_a_minute, 2),
            seconds_left=None if left is None else round(left, 1),
        )

    def say(self, remark: str) -> None:
        """See :class:`Progress`."""
        self._event("remark", text=remark)

    def end(self, summary: Summary) -> None:
        """See :class:`Progress`."""
        self._event("summary", **asdict(summary))

    def _event(self, name: str, **values: Any) -> None:
        self._line(json.dumps({"event": name, "time": round(time.time(), 3), **values}))


class Bar:
    """A bar on a terminal; failures stay above it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.1f}/min  {task.fields[left]} left"),
            TextColumn("{task.fields[failed]} failed", style="red"),
            TextColumn("{task.description}", markup=False),
        )
        self._bar = Progress(*columns, console=Console(file=stream or sys.stderr), transient=True)
        self._task = self._bar.add_task("", total=None, rate=0.0, left="?", failed=0)
        self._bar.start()

    def page(self, report: PageReport, count: Count) -> None:
        """See :class:`Progress`."""
        if report.state != "done":
            self.say(f"{report.state}: {report.reason}")
        self._bar.update(
            self._task,
            completed=count.before + count.done + count.failed,
            total=count.total,
            description=f"{shown(report.path)} {report.page}",
            rate=count.pages_a_minute,
            left=_left(count),
            failed=count.failed,
        )

    def say(self, remark: str) -> None:
        """See :class:`Progress`."""
        self._bar.console.print(f"pagereader: {shown(remark)}", markup=False, highlight=False)

    def end(self, summary: Summary) -> None:
        """Leave the last word to the caller; see :class:`Progress`."""

    def close(self) -> None:
        """See :class:`Progress`."""
        self._bar.stop()


MODES = ("auto", "bar", "plain", "json", "quiet")


def progress(mode: str, stream: TextIO | None = None) -> Progress:
    """Return the progress display of one of :data:`MODES`; "auto" is a bar on a terminal."""
    stream = stream or sys.stderr
    if mode == "bar" or (mode == "auto" and stream.isatty()):
        return Bar(stream)
    return {"plain": Plain, "json": JsonLines}.get(mode, Quiet)(stream)


def _left(count: Count) -> str:
    left = count.seconds_left
    if left is None:
        return "?"
    minutes = round(left / 60)
    return f"{minutes // 60}:{minutes % 60:02d} h" if minutes >= 60 else f"{minutes} min"
