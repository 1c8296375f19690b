"""What is told of pages that could not be read, or only in part."""

from __future__ import annotations

from pagereader.document import Page, PageSource
from pagereader.errors import PageError, PagereaderError
from pagereader.log import logger


def failed_page(source: PageSource, error: Exception) -> Page:
    """Return the record of a page that could not be read."""
    if not isinstance(error, PagereaderError):
        logger.debug("unexpected error", exc_info=error)
        kind = type(error).__name__
        error = PageError(f"{source}: {kind}: {error}", "please report this; -vv shows where")
    return Page(0, 0, source, error=error)


def damage_error(page: Page) -> PageError | None:
    """Return what to report of a page that was read from damaged pixels, or None."""
    if not page.damage:
        return None
    return PageError(
        f"{page.source} is damaged and was read as far as it can be: {page.damage}",
        "copy or scan it again",
    )
