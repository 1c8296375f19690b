"""Fraktur fonts, made fit for German print.

The web's Fraktur fonts come without the long s. It is an f without the right half of its bar, and
so it is made of theirs. Joined letters that a font has get code points of their own (see
``pagereader.training.fonts.LIGATURES``), for lines are set letter by letter.
"""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

LONG_S = 0x17F
LIGATURES = {"ch": 0xE000, "ck": 0xE001, "tz": 0xE002, "ff": 0xE003, "ll": 0xE004, "tt": 0xE005}
BARS = {
    "unifrakturmaguntia": (365, 880, 1040),
    "unifrakturcook": (398, 800, 1100),
    "KaTeX_Fraktur-Regular": (206, 345, 392),
}
"""Of the f: right edge of the stem, lower and upper edge of the bar, in units of the font."""
WEB = ("unifrakturmaguntia", "unifrakturcook")
PLAIN = ("Blankenburg_UNZ1A.ttf",)


def collect_fraktur(unpacked: Path, folder: Path) -> int:
    """Write the Fraktur fonts into a folder of their own and return how many there are."""
    from fontTools.ttLib import TTFont

    folder.mkdir(parents=True, exist_ok=True)
    for name in WEB:
        for packed in sorted(unpacked.rglob(f"{name}-latin-[47]00-normal.woff")):
            save(TTFont(packed), name, folder / f"{packed.stem}.ttf")
    for file in unpacked.rglob("KaTeX_Fraktur-Regular.ttf"):
        font = TTFont(file)
        add_umlauts(font)
        save(font, file.stem, folder / file.name)
    for name in PLAIN:
        for file in unpacked.rglob(name):
            shutil.copyfile(file, folder / name)
    return len(list(folder.iterdir()))


def save(font: TTFont, name: str, path: Path) -> None:
    """Give a font its long s and joined letters, and write it."""
    if LONG_S not in font.getBestCmap() and name in BARS:
        add_long_s(font, *BARS[name])
    glyphs = set(font.getGlyphOrder())
    for pair, code in LIGATURES.items():
        joined = [n for n in ("_".join(pair), {"ff": "uniFB00"}.get(pair, "")) if n in glyphs]
        if joined:
            name_glyph(font, code, joined[0])
    font.flavor = None
    font.save(path)


def name_glyph(font: TTFont, code: int, glyph: str) -> None:
    """Let a code point stand for a glyph."""
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap[code] = glyph


def add_glyph(font: TTFont, code: int, name: str, outline: Any, metrics: tuple[int, int]) -> None:
    """Add a glyph for a code point."""
    font["glyf"][name] = outline
    font["hmtx"][name] = metrics
    name_glyph(font, code, name)


def add_long_s(font: TTFont, stem: int, low: int, high: int) -> None:
    """Make the long s: an f whose bar ends at the stem."""
    original = font.getBestCmap()[ord("f")]
    outline = copy.deepcopy(font["glyf"][original])
    for at, (x, y) in enumerate(outline.coordinates):
        if x > stem and low < y < high:
            outline.coordinates[at] = (stem, y)
    outline.program.fromBytecode([])
    add_glyph(font, LONG_S, "longs", outline, font["hmtx"][original])


def add_umlauts(font: TTFont) -> None:
    """Set two full stops above a, o and u where a font has no umlauts."""
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    names, glyphs = font.getBestCmap(), font["glyf"]
    dot = names[ord(".")]
    wide = glyphs[dot].xMax - glyphs[dot].xMin
    for umlaut, letter in zip("\u00e4\u00f6\u00fc\u00c4\u00d6\u00dc", "aouAOU", strict=True):
        base = glyphs[names[ord(letter)]]
        middle, top = (base.xMin + base.xMax) / 2, base.yMax + 0.6 * wide - glyphs[dot].yMin
        pen = TTGlyphPen(font.getGlyphSet())
        pen.addComponent(names[ord(letter)], (1, 0, 0, 1, 0, 0))
        for side in (-0.95 * wide, 0.95 * wide):
            left = round(middle + side - (glyphs[dot].xMin + glyphs[dot].xMax) / 2)
            pen.addComponent(dot, (1, 0, 0, 1, left, round(top)))
        metrics = font["hmtx"][names[ord(letter)]]
        add_glyph(font, ord(umlaut), f"umlaut.{letter}", pen.glyph(), metrics)
