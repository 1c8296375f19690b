"""Fonts to draw training lines with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from PIL import ImageFont

from pagereader.errors import InputError

SUFFIXES = (".ttf", ".otf", ".ttc", ".cff", ".pfb")
SIZES = (30, 36, 42)
"""Pixels an em that lines are drawn at, before they are scaled to scan size."""
PROBE_SIZE = 12
"""Pixels an em at which glyphs are looked for."""
PROBES = 24
"""Characters that a font is judged by."""
_PROBE = "\U0010fffe"
"""A code point that no font has: what it draws is the sign for missing glyphs."""


class Face:
    """A font file, drawn with in a few sizes.

    Args:
        path: Of the file.
        wanted: Characters that may be asked for.
    """

    def __init__(self, path: Path, wanted: frozenset[str]) -> None:
        self.path = path
        self._wanted = wanted
        self._sizes: dict[int, ImageFont.FreeTypeFont] = {}

    @cached_property
    def characters(self) -> frozenset[str]:
        """Those of the wanted characters that the font can draw."""
        return drawable(_open(self.path, PROBE_SIZE), self._wanted)

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the font at ``size`` pixels an em."""
        if size not in self._sizes:
            self._sizes[size] = _open(self.path, size)
        return self._sizes[size]

    def only(self, text: str) -> str:
        """Return ``text`` without the characters that this face lacks."""
        return " ".join("".join(c for c in text if c in self.characters).split())


def find_faces(paths: Sequence[str | Path], characters: Iterable[str]) -> list[Face]:
    """Open all fonts among files and folders, in sorted order.

    Fonts that lack half of the common ``characters`` (symbols, other scripts) are left out.

    Raises:
        InputError: if no usable font is left.
    """
    wanted = frozenset(characters)
    common = sorted(wanted)[:: max(1, len(wanted) // PROBES)]
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
