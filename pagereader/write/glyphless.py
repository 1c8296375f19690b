"""A font without ink for the text under a scan: a few hundred bytes for any script.

Every letter, with the marks on it, is half an em wide and one em high (from 0.2 em below its
origin to 0.8 em above), so a word of known box needs only its origin, size and horizontal scale.
A document numbers the letters it uses; the ToUnicode map says which they are.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

ASCENT, DESCENT, WIDTH = 0.8, 0.2, 0.5
"""Height above and below the origin, and advance, of every character in ems."""

_EM = 1000
_PER_BLOCK = 100  # the most entries that a CMap may hold in one block


class GlyphlessFont:
    """The letters that a document uses so far, numbered as they come."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def encode(self, letters: Sequence[str]) -> str:
        """Return letters, each with its marks, as a hexadecimal string operand of PDF's Tj."""
        codes = (self._codes.setdefault(letter, len(self._codes) + 1) for letter in letters)
        return "<" + "".join(f"{min(code, 0xFFFF):04X}" for code in codes) + ">"

    def add_to(self, document: Any) -> int:
        """Add the font to a PyMuPDF document, once all text is encoded; return its number."""
        count = len(self._codes) + 1
        file = _add_stream(document, truetype(), f"/Length1 {len(truetype())}")
        to_glyph = _add_stream(document, b"\0\1" * count, "")
        to_unicode = _add_stream(document, self._to_unicode().encode(), "")
        descriptor = _add(
            document,
            "<</Type/FontDescriptor/FontName/Glyphless/Flags 5/ItalicAngle 0/StemV 80"
            f"/FontBBox[0 {-DESCENT * _EM:.0f} {WIDTH * _EM:.0f} {ASCENT * _EM:.0f}]"
            f"/Ascent {ASCENT * _EM:.0f}/Descent {-DESCENT * _EM:.0f}/CapHeight {ASCENT * _EM:.0f}"
            f"/FontFile2 {file} 0 R>>",
        )
        inner = _add(
            document,
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/Glyphless"
            "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
            f"/FontDescriptor {descriptor} 0 R/CIDToGIDMap {to_glyph} 0 R/DW {WIDTH * _EM:.0f}>>",
        )
        return _add(
            document,
            "<</Type/Font/Subtype/Type0/BaseFont/Glyphless/Encoding/Identity-H"
            f"/DescendantFonts[{inner} 0 R]/ToUnicode {to_unicode} 0 R>>",
        )

    def _to_unicode(self) -> str:
        entries = [
            f"<{code:04X}> <{letter.encode('utf-16-be').hex().upper()}>"
            for letter, code in self._codes.items()
            if code <= 0xFFFF
        ]
        blocks = [entries[i : i + _PER_BLOCK] for i in range(0, len(entries), _PER_BLOCK)]
        return "\n".join(
            [
                "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
                "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def",
                "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
                "1 begincodespacerange <0000> <FFFF> endcodespacerange",
                *(
                    f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar"
                    for block in blocks
                ),
                "endcmap CMapName currentdict /CMap defineresource pop end end",
            ]
        )


def _add(document: Any, source: str) -> int:
    xref = int(document.get_new_xref())
    document.update_object(xref, source)
    return xref


def _add_stream(document: Any, data: bytes, entries: str) -> int:
    xref = _add(document, f"<<{entries}>>")
    document.update_stream(xref, data, new=True, compress=True)
    return xref


def truetype() -> bytes:
    """Return the font file: two empty glyphs and the tables that PDF requires of a TrueType."""
    up, down, width = round(ASCENT * _EM), round(-DESCENT * _EM), round(WIDTH * _EM)
    empty = struct.pack(">5hH", 0, 0, 0, 0, 0, 0)  # no contours, no instructions
    tables = {
        b"glyf": empty * 2,
        b"head": struct.pack(
            ">IIIIHHqqhhhhHHhhh",
            *(0x10000, 0x10000, 0, 0x5F0F3CF5, 0, _EM, 0, 0, 0, down, width, up, 0, 8, 2, 0, 0),
        ),
        b"hhea": struct.pack(
            ">IhhhHhhhhhh8xhH", 0x10000, up, down, 0, width, 0, 0, 0, 1, 0, 0, 0, 2
        ),
        b"hmtx": struct.pack(">HhHh", width, 0, width, 0),
        b"loca": struct.pack(">3H", 0, len(empty) // 2, len(empty)),
        b"maxp": struct.pack(">IH13H", 0x10000, 2, *([0] * 2), 0, 0, 1, *([0] * 8)),
    }
    return _assembled(tables)


def _assembled(tables: dict[bytes, bytes]) -> bytes:
    count = len(tables)
    power = count.bit_length() - 1
    head = struct.pack(">IHHHH", 0x10000, count, 16 << power, power, (count - (1 << power)) * 16)
    offset, directory, body = len(head) + 16 * count, b"", b""
    for tag, data in sorted(tables.items()):
        directory += struct.pack(">4sIII", tag, _checksum(data), offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    font = head + directory + body
    adjustment = (0xB1B0AFBA - _checksum(font)) & 0xFFFFFFFF
    at = font.index(struct.pack(">I", 0x5F0F3CF5)) - 4
    return font[:at] + struct.pack(">I", adjustment) + font[at + 4 :]


def _checksum(data: bytes) -> int:
    padded = data + bytes(-len(data) % 4)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}I", padded)
    return sum(words) & 0xFFFFFFFF
