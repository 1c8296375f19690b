"""The chain of pages in a TIFF, walked without decoding, so that page 5,000 opens at once."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from pagereader.sources.kinds import Unreadable
from pagereader.tiffpages import SUBFILE_TYPE, page_frames

MAX_FRAMES = 100_000
_SHORT, _LONG, _LONG8 = 3, 4, 16


@dataclass(frozen=True, slots=True)
class _Layout:
    """Sizes of the fields in a classic or a big TIFF."""

    order: str
    header: int
    count: str
    entry: str
    offset: str

    def unpack(self, code: str, data: bytes) -> tuple[int, ...]:
        return struct.unpack_from(self.order + code, data)


def _layout(header: bytes) -> _Layout:
    order = "<" if header[:2] == b"II" else ">"
    big = 43 in header[2:4]
    return _Layout(order, 8, "Q", "HHQ8s", "Q") if big else _Layout(order, 4, "H", "HHI4s", "I")


def frame_offsets(file: BinaryIO) -> list[int]:
    """Return where each page's directory lies, thumbnails left out unless there is nothing else.

    Raises:
        Unreadable: if the file ends within the chain, or the chain has no page or no end.
    """
    file.seek(0)
    header = file.read(16)
    layout = _layout(header)
    at = _read(file, layout, layout.header, layout.offset)[0]
    found: dict[int, int] = {}  # where each directory lies, and its subfile type
    while at:
        if at in found:
            raise Unreadable("has pages that point back at each other", "export it again")
        if len(found) >= MAX_FRAMES:
            raise Unreadable(f"has more than {MAX_FRAMES:,} pages", "split the file")
        found[at], at = _directory(file, layout, at)
    if not found:
        raise Unreadable("is a TIFF without pages", "export it again")
    offsets = list(found)
    return [offsets[number] for number in page_frames(found.values())]


def _directory(file: BinaryIO, layout: _Layout, at: int) -> tuple[int, int]:
    """Return the subfile type of the picture at ``at``, and where the next one lies."""
    (entries,) = _read(file, layout, at, layout.count)
    if entries > 65535:
        raise Unreadable("is a broken TIFF", "export it again")
    size = struct.calcsize("=" + layout.entry)
    body = file.read(entries * size)
    tail = file.read(struct.calcsize("=" + layout.offset))
    if len(body) < entries * size:
        raise Unreadable("ends too early (truncated)", "copy it again from where it came from")
    # Some writers leave out the last page's end mark.
    following = layout.unpack(layout.offset, tail)[0] if len(tail) == 4 or len(tail) == 8 else 0
    return _subfile_type(layout, body, size), following


def _subfile_type(layout: _Layout, body: bytes, size: int) -> int:
    for start in range(0, len(body), size):
        tag, kind, _, value = layout.unpack(layout.entry, body[start : start + size])
        if tag == SUBFILE_TYPE:
            code = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}.get(kind)
            return layout.unpack(code, bytes(value))[0] if code else 0
        if tag > SUBFILE_TYPE:
            break
    return 0


def _read(file: BinaryIO, layout: _Layout, at: int, code: str) -> tuple[int, ...]:
    size = struct.calcsize("=" + code)
    try:
        file.seek(at)
    except (OSError, ValueError, OverflowError):
        raise Unreadable("is a broken TIFF", "export it again") from None
    data = file.read(size)
    if len(data) < size:
        raise Unreadable("ends too early (truncated)", "copy it again from where it came from")
    return layout.unpack(code, data)


class FrameFile(io.RawIOBase):
    """A TIFF as if the page at ``offset`` were its first and only one.

    Pillow walks the whole chain to reach a page; behind this view it starts at the right one.
    """

    def __init__(self, file: BinaryIO, offset: int) -> None:
        super().__init__()
        self._file = file
        file.seek(0)
        header = bytearray(file.read(16))
        layout = _layout(bytes(header))
        struct.pack_into(layout.order + layout.offset, header, layout.header, offset)
        self._header = bytes(header[: layout.header + struct.calcsize("=" + layout.offset)])
        file.seek(0)

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move in the underlying file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place in the underlying file."""
        return self._file.tell()

    def fileno(self) -> int:
        """Return the underlying descriptor: libtiff finds the page by its offset there."""
        return self._file.fileno()

    def read(self, size: int | None = -1) -> bytes:
        """Read from the underlying file, with the header's pointer turned to our page."""
        at = self._file.tell()
        data = self._file.read(-1 if size is None else size)
        if at < len(self._header):
            ours = self._header[at : at + len(data)]
            data = ours + data[len(ours) :]
        return data

    def readall(self) -> bytes:
        """Read to the end."""
        return self.read()
