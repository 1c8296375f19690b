"""What people see while pages are read: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pagereader.document import Page


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[Page], None] | None]:
    """Give out a function to call with each finished page, or None if nobody would see it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), "{task.description}", MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def advance(page: Page) -> None:
            bar.update(task, advance=1, description=str(page.source))

        yield advance
