"""Fax codes in TIFFs, decoded by MuPDF: libtiff reads on after damage, MuPDF says where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from pagereader.mupdf import quiet_mupdf
from pagereader.sources.kinds import Unreadable

_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 259, 262, 266
_STRIPS, _ROWS, _COUNTS, _T4 = 273, 278, 279, 292
_RLE, _G3, _G4 = 2, 3, 4
_TILES = 322
_TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_MOST_STRIPS = 65_536
_MOST = 0.75
"""Share of its rows with which a damaged page is worth reading."""


@dataclass(frozen=True, slots=True)
class Fax:
    """A fax image as MuPDF decodes it.

    Attributes:
        pixels: 0 and 255, shape (height, width); white where rows are lost.
        lost: Rows that could not be decoded.
        complaint: What is wrong with the codes, or empty.
        is_group4: Whether nothing is to be gained from what comes after an error: each row is
            told by its difference from the one before.
    """

    pixels: NDArray[np.uint8]
    lost: int
    complaint: str
    is_group4: bool

    def damage(self, others: NDArray[np.uint8]) -> str:
        """Return what is wrong, given what another decoder made of the same codes."""
        if self.complaint or others.shape != self.pixels.shape:
            return self.complaint
        # After an error no two decoders go on alike.
        return "" if np.array_equal(others, self.pixels) else "its fax codes are damaged"

    def check(self) -> None:
        """Refuse an image of which too little is left.

        Raises:
            Unreadable: if more than a quarter of the rows is lost.
        """
        if self.lost > (1 - _MOST) * len(self.pixels):
            raise Unreadable(
                f"is damaged: {self.lost} of {len(self.pixels)} rows are lost",
                "copy it again from where it came from",
            )


def decode_fax(image: TiffImagePlugin.TiffImageFile, file: BinaryIO) -> Fax | None:
    """Decode a TIFF's page if it is a fax in strips, else return None.

    Args:
        image: Opened, not loaded; its size is checked.
        file: The whole file.
    """
    tags = image.tag_v2
    coding = int(tags.get(_COMPRESSION, 1))
    width, height = int(tags.get(_WIDTH, 0)), int(tags.get(_HEIGHT, 0))  # as stored
    starts, counts = tags.get(_STRIPS, ()), tags.get(_COUNTS, ())
    is_usual = coding in (_RLE, _G3, _G4) and image.mode == "1" and _TILES not in tags
    is_usual = is_usual and (width, height) in (image.size, image.size[::-1])
    if not is_usual or not 0 < len(starts) == len(counts) <= _MOST_STRIPS:
        return None
    rows = min(tags.get(_ROWS, height), height)
    if rows < 1 or -(-height // rows) != len(starts):
        return None
    strips = [_read(file, start, count) for start, count in zip(starts, counts, strict=True)]
    if any(len(strip) < count for strip, count in zip(strips, counts, strict=True)):
        return None  # the file is cut off, as libtiff will say
    if tags.get(_FILL_ORDER, 1) == 2:
        strips = [strip.translate(_TURNED) for strip in strips]
    heights = [min(rows, height - at) for at in range(0, height, rows)]
    keys = _parameters(coding, int(tags.get(_T4, 0)), width)
    decoded, lost, complaint = _decode(strips, heights, keys, (width + 7) // 8)
    bits = np.unpackbits(decoded, axis=1, count=width)
    white_is_zero = tags.get(_PHOTOMETRIC, 0) == 0
    pixels = (bits if white_is_zero else 1 - bits) * np.uint8(255)
    return Fax(pixels, lost, complaint, coding == _G4)


def _read(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    return file.read(count)


def _parameters(coding: int, t4: int, width: int) -> str:
    k = {_G4: -1, _RLE: 0}.get(coding, 4 if t4 & 1 else 0)
    aligned = " /EncodedByteAlign true" if coding == _RLE else ""
    return f"/K {k} /Columns {width}{aligned}"


def _decode(
    strips: list[bytes], heights: list[int], keys: str, row: int
) -> tuple[NDArray[np.uint8], int, str]:
    """Return rows as packed bits with 1 for white, the number of lost ones and a complaint."""
    found = np.full((sum(heights), row), 255, np.uint8)
    at, lost, complaint = 0, 0, ""
    with quiet_mupdf() as pymupdf, pymupdf.open() as document:
        xref = document.get_new_xref()
        for strip, height in zip(strips, heights, strict=True):
            parameters = f"<<{keys} /Rows {height}>>"
            document.update_object(xref, f"<</Filter /CCITTFaxDecode /DecodeParms {parameters}>>")
            document.update_stream(xref, strip, new=True, compress=False)
            document.xref_set_key(xref, "Filter", "/CCITTFaxDecode")
            document.xref_set_key(xref, "DecodeParms", parameters)
            pymupdf.TOOLS.reset_mupdf_warnings()
            data = document.xref_stream(xref) or b""
            said = [line for line in pymupdf.TOOLS.mupdf_warnings().splitlines() if "fax" in line]
            whole = min(len(data) // row, height)
            found[at : at + whole] = np.frombuffer(data, np.uint8, whole * row).reshape(-1, row)
            if whole < height or said:
                lost += height - whole
                complaint = complaint or f"its fax codes are damaged from row {at + whole} on"
            at += height
    return found, lost, complaint
