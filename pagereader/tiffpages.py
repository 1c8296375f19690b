"""Which pictures of a TIFF are its pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

SUBFILE_TYPE = 254
"""The tag (NewSubfileType) that tells what a picture is in its file."""

_REDUCED = 1  # a thumbnail of another picture


def page_frames(subfile_types: Iterable[int]) -> Iterator[int]:
    """Yield the numbers of the pictures that are pages: thumbnails are none, unless all are.

    Args:
        subfile_types: Each picture's :data:`SUBFILE_TYPE` in order, 0 where it has none; taken
            only as far as pages are asked for.
    """
    seen = pages = 0
    for number, subfile_type in enumerate(subfile_types):
        seen += 1
        if not subfile_type & _REDUCED:
            pages += 1
            yield number
    if not pages:
        yield from range(seen)
