"""JPEGs that are decoded only if all of their data fit: libjpeg decodes on after any damage.

Nothing in a JPEG's compressed data can be wrong as such. Damaged data decode to other blocks,
mostly to another number of them, and every block after the damage lies in another place. libjpeg
warns only if the data are many bytes too many or too few, which half of all damages are not. So
a row of blocks is asked for below the last one: in a sound file the data end with the last real
block, so that all that follow are the grey that libjpeg fills with. Where they are not, the data
are decoded again, as they are and cut, to see whether the last of them is needed.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_HUFFMAN = frozenset({0xC0, 0xC1, 0xC2})
_PROGRESSIVE = 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_TABLE, _END, _SCAN, _RESTART_INTERVAL = 0xC4, 0xD9, 0xDA, 0xDD
_END_OF_BLOCK = 0
_HOLE = bytes(16)
_END_OF_SCAN = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_BETWEEN_SCANS = frozenset({0xC4, 0xDB, 0xDC, 0xDD, 0xFE})
_COLOURS = {1: "GRAY", 3: "RGB", 4: "CMYK"}

_FILL, _FILL_SLACK = 128, 6  # the bits that fill up the last byte may change a block by so much
_REFINED_SLACK = 40  # and by so much where a scan has but one bit for a block's mean
_DAMAGE = (
    "corrupt jpeg data",
    "premature end",
    "inconsistent progression",
    "invalid jpeg file",
    "unsupported marker",
    "bogus",
)
_HARMLESS = "icc marker"
_MAX_PADDING = 16
_MISFIT = "its compressed data do not fit its size"


@dataclass(frozen=True, slots=True)
class DecodedJpeg:
    """What became of a JPEG.

    Attributes:
        pixels: uint8, shape (height, width) for grey, (height, width, 3) for RGB or
            (height, width, 4) for CMYK as stored; None if another decoder must do it.
        complaint: What is wrong with the data, or empty.
    """

    pixels: NDArray[np.uint8] | None = None
    complaint: str = ""


@dataclass(frozen=True, slots=True)
class _Frame:
    """The head of a JPEG.

    Attributes:
        process: The marker that begins the frame.
        height_at: Where the height stands.
        block: Width and height in pixels of what is coded together.
        has_restarts: Whether the data begin anew at markers, at which libjpeg itself compares.
        data_at: Where the compressed data begin.
        zeros_are_data: Whether a long row of zero bits may stand for blank paper.
    """

    process: int
    height_at: int
    height: int
    width: int
    components: int
    block: tuple[int, int]
    has_restarts: bool
    data_at: int
    zeros_are_data: bool

    @property
    def rows(self) -> int:
        """The height, filled up to whole blocks."""
        return -(-self.height // self.block[1]) * self.block[1]

    @property
    def can_be_watched(self) -> bool:
        """Whether a row more can be asked for, and is wide enough to show something."""
        return (
            self.process in _HUFFMAN
            and not self.has_restarts
            and self.rows + self.block[1] < 65536
            and self.width > 3 * self.block[0]
        )


def decode_jpeg(data: bytes, max_pixels: int, *, as_grey: bool = False) -> DecodedJpeg:
    """Decode a JPEG if it is sound and of a usual kind.

    Args:
        data: The file.
        max_pixels: A larger one is left to others, who will refuse it.
        as_grey: Whether to leave out the colours, for whoever asks only whether it is sound.
    """
    frame = _frame(data)
    if frame is None or frame.components not in _COLOURS:
        return DecodedJpeg()
    if frame.width * frame.height > max_pixels:
        return DecodedJpeg()
    colours = _COLOURS[1 if as_grey and frame.components == 3 else frame.components]
    try:
        pixels = _decode_watched(data, frame, colours)
    except ValueError as error:
        said = " ".join(str(error).split())
        is_damage = said.lower().startswith(_DAMAGE) and _HARMLESS not in said.lower()
        return DecodedJpeg(None, said[:200] if is_damage else "")
    return DecodedJpeg(pixels, "" if pixels is not None else _MISFIT)


def _decode_watched(data: bytes, frame: _Frame, colours: str) -> NDArray[np.uint8] | None:
    """Decode data that fit their size, else return None.

    Raises:
        ValueError: as libjpeg complains.
    """
    if _has_hole(data, frame):
        _decode(data, colours, strict=True)
        return None
    if not frame.can_be_watched:
        return _decode(data, colours, strict=True)
    if frame.process == _PROGRESSIVE:  # a scan that is too short leaves only details out
        pixels = _decode(data, colours, strict=True)
        cheaper = colours if frame.components == 4 else _COLOURS[1]
        watched = _decode(_with_another_row(data, frame), cheaper, strict=False)
        return None if _runs_over(watched, frame) else pixels
    watched = _decode(_with_another_row(data, frame), colours, strict=False)
    if not _ends_early(watched, frame) and not _runs_over(watched, frame):
        return watched[: frame.height]
    pixels = _decode(data, colours, strict=True)
    return None if _has_too_much(data, frame, colours) else pixels


def _decode(data: bytes | bytearray, colours: str, strict: bool) -> NDArray[np.uint8]:
    import simplejpeg

    pixels = np.asarray(simplejpeg.decode_jpeg(data, colours, strict=strict), np.uint8)
    return pixels[..., 0] if colours == "GRAY" else pixels


def _with_another_row(data: bytes, frame: _Frame) -> bytearray:
    taller = bytearray(data)
    struct.pack_into(">H", taller, frame.height_at, frame.rows + frame.block[1])
    return taller


def _ends_early(pixels: NDArray[np.uint8], frame: _Frame) -> bool:
    """Tell whether not even the fill of the last byte was left for the first block more."""
    return _are_grey(pixels[frame.rows + 2 :, : frame.block[0] - 2], _FILL_SLACK)


def _runs_over(pixels: NDArray[np.uint8], frame: _Frame) -> bool:
    """Tell whether the data filled more blocks than the first one more."""
    slack = _REFINED_SLACK if frame.process == _PROGRESSIVE else _FILL_SLACK
    return not _are_grey(pixels[frame.rows + 2 :, frame.block[0] + 2 :], slack)


def _are_grey(pixels: NDArray[np.uint8], slack: int) -> bool:
    """Tell whether blocks are as libjpeg fills them; colours run two pixels over their edges."""
    return bool((np.abs(pixels.astype(np.int16) - _FILL) <= slack).all())


def _has_hole(data: bytes, frame: _Frame) -> bool:
    """Tell whether the data were overwritten with what no encoder writes."""
    if frame.process == _PROGRESSIVE:  # libjpeg finds scans again after anything
        return not _scans_follow_each_other(data, frame.data_at)
    hole = -1 if frame.zeros_are_data else data.find(_HOLE, frame.data_at)
    if hole < 0:
        return False
    end = _END_OF_SCAN.search(data, frame.data_at)
    return end is not None and hole < end.start()


def _scans_follow_each_other(data: bytes, at: int) -> bool:
    while (found := _END_OF_SCAN.search(data, at)) is not None:
        at = found.end() - 2
        while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] in _BETWEEN_SCANS:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
        if data[at : at + 2] != bytes((0xFF, _SCAN)):
            return data[at : at + 2] == bytes((0xFF, _END))
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return True  # cut off: libjpeg says so


def _has_too_much(data: bytes, frame: _Frame, colours: str) -> bool:
    """Tell whether the data are not needed to their end, a little padding aside."""
    end = _END_OF_SCAN.search(data, frame.data_at)
    if end is None:
        return False
    last = end.start()
    if _END_OF_SCAN.match(data, last) and data[end.end() - 1] != _END:
        return False  # more scans follow
    while end.start() - last < _MAX_PADDING and data[last - 1] in (0x00, 0xFF):
        last -= 1
    try:
        _decode(data[: last - 2] + b"\xff\xd9", colours, strict=True)
    except ValueError:
        return False
    return True


def _frame(data: bytes) -> _Frame | None:
    """Read the markers up to the first compressed data; None if there is something odd."""
    at, found, has_restarts, zeros_are_data = 2, 0, False, True
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _FRAMES:
            found = at
        elif marker == _RESTART_INTERVAL:
            has_restarts = any(data[at + 4 : at + 6])
        elif marker == _TABLE:
            zeros_are_data &= _ends_blocks_with_zeros(data[at + 4 : at + 2 + length])
        elif marker == _SCAN:
            data_at = at + 2 + length
            return _frame_at(data, found, has_restarts, data_at, zeros_are_data)
        at += 2 + length
    return None


def _ends_blocks_with_zeros(tables: bytes) -> bool:
    """Tell whether in all of some Huffman tables the code of zeros ends a block."""
    at = 0
    while at + 17 < len(tables):
        is_for_blocks = tables[at] >> 4
        if is_for_blocks and tables[at + 17] != _END_OF_BLOCK:
            return False
        at += 17 + sum(tables[at + 1 : at + 17])
    return True


def _frame_at(
    data: bytes, at: int, has_restarts: bool, data_at: int, zeros_are_data: bool
) -> _Frame | None:
    if not at or len(data) < at + 10 or len(data) < at + 10 + 3 * data[at + 9]:
        return None
    bits, height, width, components = struct.unpack_from(">BHHB", data, at + 4)
    sampling = [data[at + 11 + 3 * i] for i in range(components)]
    if bits != 8 or not height or not width or not sampling or not all(sampling):
        return None
    block = 8 * max(s >> 4 for s in sampling), 8 * max(s & 15 for s in sampling)
    if components == 1:
        block = 8, 8  # whatever its sampling says
    return _Frame(
        data[at + 1],
        at + 5,
        height,
        width,
        components,
        block,
        has_restarts,
        data_at,
        zeros_are_data,
    )
