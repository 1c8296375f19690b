"""What a file is, judged by its first bytes and never by its name."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from enum import StrEnum

HEAD = 65536
"""Bytes of a file that are looked at."""

_JPEG2000_SUFFIXES = frozenset({".jp2", ".jpx", ".jpf", ".j2k", ".j2c", ".jpc"})
FOREIGN_SUFFIXES = frozenset(
    {".bmp", ".gif", ".heic", ".heif", ".avif", ".jxl", ".djvu", ".djv"}
    | {".pbm", ".pgm", ".ppm", ".pnm", ".xps", ".oxps"}
)
"""Names that promise a page in a format that is not read."""

SUFFIXES = (
    _JPEG2000_SUFFIXES
    | FOREIGN_SUFFIXES
    | {".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".jpe", ".png", ".webp"}
)
"""Names that promise a page: in a folder, such a file is never passed over in silence."""


class Kind(StrEnum):
    """Kinds of input that hold pages."""

    PDF = "pdf"
    TIFF = "tiff"
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    JPEG2000 = "jpeg2000"
    TRANSCRIPTION = "transcription"
    """PAGE-XML, ALTO, hOCR or our JSON: lines that are already known."""


class Unreadable(Exception):
    """Why some bytes hold no page; the caller knows the file's name and adds it.

    Args:
        reason: What is wrong, continuing "the file ...".
        advice: What to do about it.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason, advice)
        self.reason = reason
        self.advice = advice


_JBIG2_PAGE, _MOST_SEGMENTS = 48, 10_000

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (rb"\xff\xd8\xff", Kind.JPEG),
    (rb"\x89PNG\r\n\x1a\n", Kind.PNG),
    (rb"(?:II[*+]\0|MM\0[*+])", Kind.TIFF),
    (rb"RIFF....WEBP", Kind.WEBP),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", Kind.JPEG2000),
)
_TRANSCRIPTION = re.compile(
    rb"<(?:\w+:)?(?:PcGts|alto)\b|class\s*=\s*[\"'][^\"']*\bocr_page\b|^\s*\{\s*\"pagereader", re.I
)


def kind_of(head: bytes) -> Kind | None:
    """Return what a file that begins with ``head`` is, or None if it is nothing we read."""
    for magic, kind in _MAGIC:
        if re.match(magic, head, re.DOTALL):
            return kind
    if b"%PDF-" in head[:1024]:  # readers allow junk before the header
        return Kind.PDF
    if _TRANSCRIPTION.search(_as_utf8(head)):
        return Kind.TRANSCRIPTION
    return None


def _as_utf8(head: bytes) -> bytes:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "ignore").encode("utf-8", "ignore")
    return head.removeprefix(b"\xef\xbb\xbf")


def jpeg2000_size(head: bytes) -> tuple[int, int] | None:
    """Return width and height as the code stream has them, whatever the boxes around it say."""
    at = head.find(b"\xff\x4f\xff\x51")
    if at < 0 or len(head) < at + 24:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", head, at + 8)
    return max(0, right - left), max(0, bottom - top)


def webp_size(head: bytes) -> tuple[int, int] | None:
    """Return the size of the canvas: libwebp allocates it before anyone can ask."""
    chunk, body = head[12:16], head[20:30]
    if len(body) < 10:
        return None
    if chunk == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<2H", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None


def jbig2_size(stream: bytes) -> tuple[int, int] | None:
    """Return the page size of an embedded JBIG2 stream (segment type 48), if it tells."""
    for kind, at, _ in _jbig2_segments(stream):
        if kind == _JBIG2_PAGE:
            return struct.unpack_from(">2I", stream, at) if len(stream) >= at + 8 else None
    return None


def jbig2_is_cut(stream: bytes) -> bool:
    """Tell whether an embedded JBIG2 stream ends within a segment: decoders leave it out."""
    return any(at + length > len(stream) for _, at, length in _jbig2_segments(stream))


def _jbig2_segments(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield type, place and length of the data of each segment, up to one of unknown length."""
    at = 0
    for _ in range(_MOST_SEGMENTS):
        if len(stream) < at + 11:
            return
        number, flags, referred = struct.unpack_from(">IBB", stream, at)
        at += 5
        count = referred >> 5
        if count == 7:
            count = struct.unpack_from(">I", stream, at)[0] & 0x1FFFFFFF
            at += 4 + (count + 8) // 8
        else:
            at += 1
        at += count * (1 if number <= 256 else 2 if number <= 65536 else 4)
        at += 4 if flags & 0x40 else 1
        if len(stream) < at + 4:
            return
        (length,) = struct.unpack_from(">I", stream, at)
        if length == 0xFFFFFFFF:
            return
        yield flags & 0x3F, at + 4, length
        at += 4 + length


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Refuse an image before it is decoded.

    Raises:
        Unreadable: if it has no pixels, or more than ``max_pixels``.
    """
    if width < 1 or height < 1:
        raise Unreadable(f"has no pixels ({width} x {height})", "scan or export it again")
    if width * height > max_pixels:
        raise Unreadable(
            f"has {width} x {height} pixels, more than the {max_pixels:,} allowed",
            "if you trust the file, raise --max-pixels",
        )
