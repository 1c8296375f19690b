"""Log records that say which page they are about."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

logger = logging.getLogger("pagereader")

_page: ContextVar[str] = ContextVar("page", default="")


@contextmanager
def about_page(name: object) -> Iterator[None]:
    """Mark the log records of this block as being about the page ``name``."""
    token = _page.set(str(name))
    try:
        yield
    finally:
        _page.reset(token)


class PageFilter(logging.Filter):
    """Adds ``record.page``: the page in hand, or an empty string."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        record.page = _page.get()
        return True


def configure(verbosity: int) -> None:
    """Send pagereader's records to stderr. The library itself never calls this.

    Args:
        verbosity: -1 errors only, 0 warnings, 1 progress of the work, 2 and more everything.
    """
    levels = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}
    handler = logging.StreamHandler()
    handler.addFilter(PageFilter())
    handler.setFormatter(_PageFormatter())
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(levels.get(verbosity, logging.DEBUG))


class _PageFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        page = getattr(record, "page", "")
        place = f"{page}: " if page else ""
        return f"pagereader: {place}{record.levelname.lower()}: {super().format(record)}"
