"""Prose and words of other languages, out of the manuals and word lists of Debian packages."""

from __future__ import annotations

import gzip
import random
import re
import unicodedata
from pathlib import Path

SOURCES = {
    "german": (
        *("usr/share/games/fortunes/de/*", "usr/share/dict/[no]german", "usr/share/man/de/*/*.gz"),
        *("usr/share/doc/debian-edu-doc-de/*bookworm*.html",),
    ),
    "french": (
        *("usr/share/dict/french", "usr/share/man/fr/*/*.gz", "usr/share/doc/debian/FAQ/*.fr.*"),
        *("usr/share/doc/debian-edu-doc-fr/*bookworm*.html",),
        *("usr/share/developers-reference/fr/*.txt.gz",),
    ),
    "danish": (
        *("usr/share/dict/danish", "usr/share/man/da/*/*.gz", "usr/share/gimp/*/help/da/*.html"),
        *("usr/share/doc/debian-edu-doc-da/*bookworm*.html",),
    ),
    "czech": (
        *("usr/share/games/fortunes/cs/*", "usr/share/hunspell/cs_CZ.dic"),
        *("usr/share/man/cs/*/*.gz", "usr/share/gimp/*/help/cs/*.html"),
        *("usr/share/doc/aptitude/html/cs/*.html",),
    ),
    "latin": ("usr/share/collatinus/data/lemmes.la", "usr/share/collatinus/data/lucretia.txt"),
}
"""Where the texts of each language lie among the unpacked packages."""
WORDS = 25_000
"""Words taken of a word list."""
PROSE = 1_500_000
"""Characters of prose taken of one source."""
MANUALS = 500_000
"""The same of manual pages, which repeat themselves."""
_ENGLISH = re.compile(r"\b(the|of|and|with|which|this|for|is)\b")
_MARK_UP = re.compile(r"<(script|style|pre|head)\b.*?</\1>|<[^>]*>", re.DOTALL)
_ENTITY = {"&nbsp;": " ", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&", "&#160;": " "}
_ROFF = re.compile(r"\\f.|\\&|\\\(..|\\\*\(..|\\")


def collect_languages(unpacked: Path, folder: Path) -> dict[str, int]:
    """Write a folder for each language and return its characters."""
    sizes = {}
    for language, patterns in SOURCES.items():
        target = folder / language
        target.mkdir(parents=True, exist_ok=True)
        for pattern in patterns:
            files = sorted(f for f in unpacked.glob(pattern) if is_source(f))
            text = "\n".join(read_source(file) for file in files)
            if text.strip():
                name = re.sub(r"\W+", "_", pattern.removeprefix("usr/share/")).strip("_")
                (target / f"{name}.txt").write_text(
                    text[: MANUALS if "/man/" in pattern else PROSE], "utf-8"
                )
        sizes[language] = sum(file.stat().st_size for file in target.iterdir())
    return sizes


def is_source(path: Path) -> bool:
    """Whether a file holds text of its own."""
    return path.is_file() and not path.is_symlink() and path.suffix not in {".dat", ".u8"}


def read_source(path: Path) -> str:
    """Return the prose or the words of a file."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", "ignore")
    text = unicodedata.normalize("NFC", text)
    if "dict" in path.parts or path.suffix in {".dic", ".la"}:
        return words(text, path.suffix)
    if "man" in path.parts:
        return prose("\n\n".join(manual(text)))
    if path.suffix == ".html":
        text = _MARK_UP.sub("\n", re.sub(r"</?(a|em|i|b|strong|span)\b[^>]*>", "", text))
        for entity, character in _ENTITY.items():
            text = text.replace(entity, character)
        return prose(re.sub(r"\n\s*\n", "\n\n", text))
    return prose(re.sub(r"^%$|^\s*--", "\n", text, flags=re.MULTILINE))


def words(text: str, suffix: str) -> str:
    """Return the words of a list in random order, without flags and marks of quantity."""
    if suffix == ".la":
        lemmas = (line.split("=")[0].split("|")[0] for line in text.splitlines() if "|" in line)
        text = "".join(c for c in unicodedata.normalize("NFD", "\n".join(lemmas)) if c.isascii())
        text = re.sub(r"\d", "", text)
    chosen = sorted({line.split("/")[0].strip() for line in text.splitlines()})
    random.Random(0).shuffle(chosen)
    return " ".join(word for word in chosen[:WORDS] if word[:1].isalpha())


def manual(roff: str) -> list[str]:
    """Return the paragraphs of a manual page."""
    paragraphs, lines = [], []
    for line in roff.splitlines():
        if line.startswith((".", "'")) or not line.strip():
            paragraphs.append(" ".join(lines))
            lines = []
        else:
            lines.append(_ROFF.sub("", line))
    return [*paragraphs, " ".join(lines)]


def prose(text: str) -> str:
    """Return the paragraphs that are mostly letters and not English."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return "\n".join(p for p in paragraphs if is_prose(p))


def is_prose(paragraph: str) -> bool:
    """Whether a paragraph is a sentence or more of a language other than English."""
    plain = sum(c.isalpha() or c == " " for c in paragraph)
    if len(paragraph) < 25 or plain < 0.85 * len(paragraph):
        return False
    return len(_ENGLISH.findall(paragraph)) <= len(paragraph) / 60
