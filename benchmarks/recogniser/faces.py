"""Sort fonts into folders by what the generator draws with them: receipts, hands, typescript."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

NARROW = (
    *("antonio", "archivo-narrow", "asap-condensed", "barlow-condensed", "dotgothic16", "doto"),
    *("encode-sans-condensed", "fira-sans-extra-condensed", "ibm-plex-sans-condensed"),
    *("jersey-10", "oswald", "pragati-narrow", "pt-sans-narrow", "roboto-condensed"),
    *("saira-condensed", "saira-extra-condensed", "share-tech", "share-tech-mono"),
    *("sofia-sans-extra-condensed", "ubuntu-condensed", "vt323"),
)
TYPEWRITERS = (
    *("special-elite*", "cutive-mono*", "GNUTypewriter.ttf", "Courier Prime*.otf"),
    *("AerialMono.ttf", "NimbusMonoPS-Regular.otf", "lmmono10-regular.otf"),
)
"""Drawn twice as often as other print: they lie in the folder of all faces, too."""
LIST = Path(__file__).with_name("hands.txt")
SCOPE = "@fontsource/"


def hands() -> list[str]:
    """Return what is handwriting: packages of the web's fonts, and files of Debian's."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return [name for line in lines if not line.startswith("#") for name in line.split()]


def from_web(names: Iterable[str]) -> list[str]:
    """Return the packages of the web among names, without their scope."""
    return [name.removeprefix(SCOPE) for name in names if name.startswith(SCOPE)]


def collect_narrow(unpacked: Path, folder: Path) -> int:
    """Write narrow fonts and those of printers into a folder of their own."""
    return unpack(unpacked, NARROW, folder)


def collect_hands(unpacked: Path, folder: Path) -> int:
    """Write handwriting into a folder of its own, taking Debian's out of the folder above it."""
    unpack(unpacked, from_web(hands()), folder)
    for name in hands():
        if (folder.parent / name).is_file():
            (folder.parent / name).replace(folder / name)
    return len(list(folder.iterdir()))


def collect_typewriters(_: Path, folder: Path) -> int:
    """Copy what typewriters write from the folder above."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in TYPEWRITERS:
        for file in folder.parent.glob(pattern):
            shutil.copyfile(file, folder / file.name)
    return len(list(folder.iterdir()))


def unpack(unpacked: Path, names: Iterable[str], folder: Path) -> int:
    """Write fonts of the web, one weight each, as files that FreeType reads."""
    from fontTools.ttLib import TTFont

    folder.mkdir(parents=True, exist_ok=True)
    wanted = {f"{name}-latin-400-normal.woff" for name in names}
    for packed in unpacked.rglob("*-latin-400-normal.woff"):
        if packed.name in wanted:
            font = TTFont(packed)
            font.flavor = None
            font.save(folder / f"{packed.stem}.ttf")
    return len(list(folder.iterdir()))
