"""Fonts to draw training lines with."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from pagereader.errors import InputError

SUFFIXES = (".ttf", ".otf", ".ttc", ".cff", ".pfb")
EM = 38
"""Pixels an em that lines are drawn at, before they are scaled to scan size."""
SAMPLE = "each of the Letters, as often as in 1850 "
FRAKTUR = "fraktur"
"""Name of the folder whose fonts have broken letters."""
NARROW = "narrow"
"""Name of the folder whose fonts are those of receipts and crowded forms."""
HANDS = "hands"
"""Name of the folder whose fonts are handwriting."""
LIGATURES = {
    pair: chr(0xE000 + place) for place, pair in enumerate(("ch", "ck", "tz", "ff", "ll", "tt"))
}
"""Joined letters of Fraktur, and the private code points that fonts made for us have them at."""
PROBE_SIZE = 12
"""Pixels an em at which glyphs are looked for."""
PROBES = 24
"""Characters that a font is judged by."""
_PROBE = "\U0010fffe"
"""A code point that no font has: what it draws is the sign for missing glyphs."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """A letter as the font draws it.

    Attributes:
        ink: uint8, 0 for none to 255 for full, shape (height, width); may be empty.
        left: Of the ink, seen from the pen.
        top: Of the ink, seen from the baseline; negative above it.
        advance: How far the pen moves, in pixels.
    """

    ink: NDArray[np.uint8]
    left: int
    top: int
    advance: float


class Face:
    """A font file.

    Letters are kept once drawn: FreeType takes longer for each than all that follows.

    Args:
        path: Of the file.
        wanted: Characters that may be asked for.
    """

    def __init__(self, path: Path, wanted: frozenset[str]) -> None:
        self.path = path
        self._wanted = wanted
        self._sizes: dict[int, ImageFont.FreeTypeFont] = {}
        self._glyphs: dict[str, Glyph] = {}

    @cached_property
    def characters(self) -> frozenset[str]:
        """Those of the wanted characters that the font can draw."""
        return drawable(_open(self.path, PROBE_SIZE), self._wanted)

    @cached_property
    def kind(self) -> str:
        """Name of its folder: :data:`FRAKTUR`, :data:`NARROW` and :data:`HANDS` count."""
        return self.path.parent.name

    @cached_property
    def ligatures(self) -> dict[str, str]:
        """Joined letters that the font has."""
        if self.kind != FRAKTUR:
            return {}
        known = drawable(_open(self.path, PROBE_SIZE), LIGATURES.values())
        return {pair: code for pair, code in LIGATURES.items() if code in known}

    @property
    def joins(self) -> bool:
        """Whether it has any."""
        return bool(self.ligatures)

    def joined(self, text: str) -> str:
        """Return the text as it is set, with the font's joined letters."""
        for pair, code in self.ligatures.items():
            text = text.replace(pair, code)
        return text

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the font at ``size`` pixels an em."""
        if size not in self._sizes:
            self._sizes[size] = _open(self.path, size)
        return self._sizes[size]

    @cached_property
    def metrics(self) -> tuple[int, int]:
        """Ascent and descent in pixels, both positive, at :data:`EM`."""
        return self.at(EM).getmetrics()

    @cached_property
    def letter_width(self) -> float:
        """Mean advance in running text, in ems."""
        return sum(self.glyph(c).advance for c in SAMPLE) / len(SAMPLE) / EM

    @cached_property
    def fixed_width(self) -> bool:
        """Whether all letters are equally wide, as those of typewriters are."""
        return abs(self.glyph("i").advance - self.glyph("M").advance) < 1

    @cached_property
    def x_height(self) -> float:
        """Height of small letters, in ems."""
        return len(self.glyph("x").ink) / EM

    def glyph(self, character: str) -> Glyph:
        """Return a letter at :data:`EM`."""
        if character not in self._glyphs:
            font = self.at(EM)
            mask, (left, top) = font.getmask2(character, mode="L", anchor="ls")
            width, height = mask.size
            ink = np.frombuffer(bytes(mask), np.uint8).reshape(height, width)
            self._glyphs[character] = Glyph(ink, left, top, font.getlength(character))
        return self._glyphs[character]

    def only(self, text: str) -> str:
        """Return ``text`` without the characters that this face lacks, or without their accents."""
        kept = (c if c in self.characters else self._bare(c) for c in text)
        return " ".join("".join(kept).split())

    def _bare(self, character: str) -> str:
        return "".join(c for c in bare(character) if c in self.characters)


def bare(character: str) -> str:
    """Return a letter without its accents."""
    return unicodedata.normalize("NFKD", character)[0]


def find_faces(paths: Sequence[str | Path], characters: Iterable[str]) -> list[Face]:
    """Open all fonts among files and folders, in sorted order.

    Fonts that lack half of the common ``characters`` (symbols, other scripts) are left out.

    Raises:
        InputError: if no usable font is left.
    """
    wanted = frozenset(characters)
    usual = sorted(c for c in wanted if c <= "\u00ff") or sorted(wanted)
    common = usual[:: max(1, len(usual) // PROBES)]
    files = [file for path in paths for file in _files(Path(path))]
    faces = []
    for file in files:
        try:
            known = drawable(_open(file, PROBE_SIZE), common)
        except OSError:
            continue  # broken font files are common in big collections
        if 2 * len(known) >= len(common):
            faces.append(Face(file, wanted))
    if not faces:
        raise InputError(
            f"no usable font in {', '.join(repr(str(path)) for path in paths)}",
            f"expected {', '.join(SUFFIXES)} files with the letters of the text",
        )
    return faces


def drawable(font: ImageFont.FreeTypeFont, characters: Iterable[str]) -> frozenset[str]:
    """Return the characters that a font has a glyph for; blanks always count."""
    missing = bytes(font.getmask(_PROBE))
    known = set()
    for character in characters:
        if character.isspace():
            known.add(character)
            continue
        mask = font.getmask(character)
        if mask.getbbox() is not None and bytes(mask) != missing:
            known.add(character)
    return frozenset(known)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES)
    if not path.is_file():
        raise InputError(f"{str(path)!r} does not exist", "give font files or a folder of them")
    return [path]


def _open(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
