"""What a writer was given, checked with a clear word: programs call writers, too."""

from __future__ import annotations

from collections.abc import Sequence

from pagereader.document import Page
from pagereader.errors import UsageError


def only_page(format: str, pages: Sequence[Page], names: Sequence[str]) -> tuple[Page, str]:
    """Return the one page of a format that holds one page a file, and its image's name.

    Raises:
        UsageError: if there are more pages, or none.
    """
    if len(pages) != 1 or len(names) != 1:
        raise UsageError(
            f"{format} holds one page a file, and {len(pages)} were given",
            "render each page by itself",
        )
    return pages[0], names[0]


def with_names(pages: Sequence[Page], names: Sequence[str]) -> list[tuple[Page, str]]:
    """Return each page with its image's name.

    Raises:
        UsageError: if there is not one name a page.
    """
    if len(pages) != len(names):
        raise UsageError(
            f"{len(pages)} pages, but {len(names)} names of images", "give one name a page"
        )
    return list(zip(pages, names, strict=True))
