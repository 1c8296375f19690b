"""Text for training lines: prose, and what prose lacks.

Prose alone teaches the decoder to guess the likely word, so words in random order, numbers and
loose characters come between.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from pagereader.errors import InputError
from pagereader.training.fonts import bare
from pagereader.training.forms import FormText
from pagereader.training.german import LONG_S, long_s, older_spelling

T = TypeVar("T")
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
LATIN = PRINTABLE + (
    "£§°«»€©®½¼¾éèêëàâáäåãæçíìîïñóòôöõøœúùûüýÿßÀÂÁÄÅÆÇÉÈÊËÍÎÏÑÓÔÖØŒÚÛÜſ†‡¶±·¡¿•"
    "\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u00d7"  # dashes, quotes, times
    "\u010d\u0159\u0161\u017e\u011b\u016f\u0148\u0165\u010f"  # Czech
    "\u010c\u0158\u0160\u017d\u011a\u016e\u0147"
)
"""What the print of Western Europe needs, and Czech."""
GERMAN = "german"
"""Name of the folder of text that Fraktur is set with."""
LEAST = 100
"""Characters of prose without which there is nothing to draw from."""
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIV", "XIX")


@dataclass(frozen=True, slots=True)
class TextMix:
    """Shares of the kinds of text; what is left over is running prose.

    Attributes:
        words: Words in random order.
        numbers: Numbers, dates, sums and references among words.
        loose: Random characters.
        forms: Of the lines neither in Fraktur nor written, those of receipts and forms
            (:meth:`TextSource.form`).
        foreign: Of all lines but those in Fraktur, those in other languages; of written ones a
            third as many.
        fraktur: Of all lines, those in Fraktur (:meth:`TextSource.fraktur`).
        hands: Of all lines but those in Fraktur, those written (:meth:`TextSource.written`).
        capitals: Of all lines, those in capitals only.
        titles: Of all lines, those with every word capitalised.
        long_s: Of all lines, those with the long s of old print.
        dashes: Of all lines, those with short instead of long dashes.
        quoted: Of all lines, those within the quotes of other languages.
        hyphens: Of prose, lines that end in a broken word.
        curly: Of all lines, those with curly instead of straight quotes.
        longest: Characters of a line at most.
    """

    words: float = 0.14
    numbers: float = 0.09
    loose: float = 0.05
    forms: float = 0.14
    foreign: float = 0.6
    fraktur: float = 0.15
    hands: float = 0.5
    capitals: float = 0.19
    titles: float = 0.04
    long_s: float = 0.04
    dashes: float = 0.05
    quoted: float = 0.03
    hyphens: float = 0.12
    curly: float = 0.25
    longest: int = 85


@dataclass(frozen=True, slots=True)
class Prose:
    """Running text and its words, in the characters that may occur."""

    text: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, text: str, allowed: frozenset[str]) -> Prose:
        """Take up a text; characters that may not occur lose their accents or are left out."""
        kept = {ord(c): _kept_as(c, allowed) for c in set(text)}
        text = " ".join(text.translate(kept).split())
        return cls(text, tuple(sorted(set(text.split()))))


class TextSource:
    """Draws the texts of lines.

    Args:
        prose: Running text; at least a hundred characters.
        characters: Those that may occur; others are left out.
        mix: How much of what.
        foreign: Prose in other languages, by name; all are drawn equally often.
    """

    def __init__(
        self,
        prose: str,
        characters: str = LATIN,
        mix: TextMix | None = None,
        foreign: Mapping[str, str] | None = None,
    ) -> None:
        self.characters = "".join(sorted(set(characters)))
        self.mix = mix or TextMix()
        allowed = frozenset(characters) | {" "}
        self._prose = Prose.of(prose, allowed)
        if len(self._prose.text) < LEAST:
            raise InputError(
                f"the text has only {len(self._prose.text)} usable characters",
                "give at least a few pages of prose",
            )
        others = {name: Prose.of(text, allowed) for name, text in sorted((foreign or {}).items())}
        self._foreign = {name: p for name, p in others.items() if len(p.text) >= LEAST}

    @classmethod
    def read(
        cls,
        paths: Sequence[str | Path],
        characters: str = LATIN,
        mix: TextMix | None = None,
    ) -> TextSource:
        """Read UTF-8 text files and folders of them.

        Each folder within a folder is another language: it is read apart from the rest, and gets
        a share of its own.

        Raises:
            InputError: if a file cannot be read, or there is too little text.
        """
        files: list[tuple[str, Path]] = []
        for path in map(Path, paths):
            inside = sorted(path.rglob("*.txt")) if path.is_dir() else [path]
            files += [
                (f.parent.name if f.parent not in (path, path.parent) else "", f) for f in inside
            ]
        texts: dict[str, list[str]] = {"": []}
        try:
            for language, file in files:
                texts.setdefault(language, []).append(file.read_text("utf-8", errors="replace"))
        except OSError as error:
            raise InputError(
                f"{error.filename!r} cannot be read: {error.strerror}", "check the path"
            ) from None
        joined = {language: "\n".join(parts) for language, parts in texts.items()}
        prose = joined.pop("") or "\n".join(joined.values())
        return cls(prose, characters, mix, joined)

    def draw(self, rng: np.random.Generator, length: int = 0) -> str:
        """Return one line of text without blanks at its ends, at least one character long.

        Args:
            rng: Decides.
            length: About how many characters; 0 to leave that to the lot.
        """
        length = min(length or self._length(rng), self.mix.longest)
        prose = self._language(rng, self.mix.foreign)
        return self._kept(self._styled(self._composed(rng, length, prose), rng), rng)

    def fraktur(self, rng: np.random.Generator, length: int = 0) -> str:
        """Return one line as German was printed in Fraktur; otherwise as :meth:`draw`."""
        prose = self._foreign.get(GERMAN, self._prose)
        length = min(length or self._length(rng), self.mix.longest)
        text = self._composed(rng, length, prose)
        if rng.random() < 0.5:
            text = older_spelling(text)
        if rng.random() < 0.95 and LONG_S in self.characters:
            text = long_s(text)
        if rng.random() < 0.5:
            text = re.sub(r'"(?=\w)|\u00bb(?=\w)', "\u201e", text)
            text = re.sub(r'"|(?<=\w)\u00ab', "\u201c", text)
        return self._kept(text, rng)

    def written(self, rng: np.random.Generator, length: int = 0) -> str:
        """Return one line as letters have it, not in capitals; otherwise as :meth:`draw`."""
        length = min(length or self._length(rng), self.mix.longest)
        text = self._composed(rng, length, self._language(rng, self.mix.foreign / 3))
        if rng.random() < 0.4:
            text = re.sub(r"\band\b", "&", text)
        if rng.random() < 0.5:
            text = text.replace("\u2014", " - ")
        return self._kept(text, rng)

    def _language(self, rng: np.random.Generator, foreign: float) -> Prose:
        """Return prose in another language, in that share of the calls."""
        if self._foreign and rng.random() < foreign:
            return _pick(rng, tuple(self._foreign.values()))
        return self._prose

    def _composed(self, rng: np.random.Generator, length: int, prose: Prose) -> str:
        mix, kind = self.mix, rng.random()
        if kind < mix.loose:
            return "".join(_pick(rng, self.characters) for _ in range(min(length, 30)))
        if kind < mix.loose + mix.numbers:
            return " ".join(self._numbers(rng, length, prose))
        if kind < mix.loose + mix.numbers + mix.words:
            return self._shuffled(rng, length, prose)
        return self._running(rng, length, prose)

    def form(self, rng: np.random.Generator, length: int = 0) -> str:
        """Return one line as receipts and forms have it; otherwise as :meth:`draw`."""
        length = min(length or self._length(rng), self.mix.longest)
        return self._kept(FormText(rng, lambda: _pick(rng, self._prose.words)).line(length), rng)

    def _kept(self, text: str, rng: np.random.Generator) -> str:
        allowed = set(self.characters) | {" "}
        text = " ".join("".join(c for c in text if c in allowed).split())
        return text[: self.mix.longest].strip() or _pick(rng, self.characters.strip())

    def _length(self, rng: np.random.Generator) -> int:
        longest = self.mix.longest
        if rng.random() < 0.2:
            return int(rng.integers(1, max(2, min(25, longest))))
        if longest < 3:
            return longest
        return max(1, int(rng.triangular(1, 0.62 * longest, longest)))

    def _running(self, rng: np.random.Generator, length: int, prose: Prose) -> str:
        start = int(rng.integers(0, max(1, len(prose.text) - length - 25)))
        text = prose.text[start : start + length + 25]
        first = text.find(" ")
        if 0 <= first < 24:
            text = text[first + 1 :]
        cut = text.rfind(" ", 0, length)  # at a word's end, before or after the wanted length
        if cut <= length / 2:
            cut = text.find(" ", length)
        text = text[:cut] if cut > 0 else text[:length]
        if rng.random() < self.mix.hyphens and len(text) > 8 and "-" in self.characters:
            text = text.rstrip(".,;: ") + "-"
        return text

    def _shuffled(self, rng: np.random.Generator, length: int, prose: Prose) -> str:
        words = [_pick(rng, prose.words) for _ in range(max(1, length // 7))]
        if rng.random() < 0.3:
            words = [word + _pick(rng, (",", ".", ";", ":", "?", "!")) for word in words]
        return " ".join(words)

    def _numbers(self, rng: np.random.Generator, length: int, prose: Prose) -> list[str]:
        return [
            _number(rng) if rng.random() < 0.6 else _pick(rng, prose.words)
            for _ in range(max(1, length // 7))
        ]

    def _styled(self, text: str, rng: np.random.Generator) -> str:
        if rng.random() < self.mix.capitals:
            text = text.upper()
        elif rng.random() < self.mix.titles:
            text = text.title()
        if rng.random() < self.mix.long_s:
            text = re.sub(r"s(?=[a-z])", "\u017f", text)
        if rng.random() < self.mix.dashes:
            text = text.replace("\u2014", "\u2013")
        if rng.random() < self.mix.quoted:
            text = f"\u00ab{text}\u00bb" if rng.random() < 0.5 else f"\u201e{text}\u201c"
        if rng.random() < self.mix.curly:
            text = re.sub(r'"(?=\w)', "\u201c", text).replace('"', "\u201d").replace("'", "\u2019")
        return text


def _kept_as(character: str, allowed: frozenset[str]) -> str:
    if character.isspace():
        return " "
    return next((c for c in (character, bare(character)) if c in allowed), "")


def _number(rng: np.random.Generator) -> str:
    def upto(high: int, low: int = 0) -> int:
        return int(rng.integers(low, high + 1))

    kinds = (
        lambda: str(upto(10 ** upto(6, 1))),
        lambda: f"{upto(31, 1)}/{upto(12, 1)}/{upto(2030, 1500)}",
        lambda: f"{_pick(rng, '$£')}{upto(9999):,}.{upto(99):02d}",
        lambda: f"{upto(999)}.{upto(99):02d}",
        lambda: f"({upto(999, 100)}) {upto(999, 100)}-{upto(9999, 1000)}",
        lambda: _pick(rng, ("No. ", "p. ", "§ ", "Vol. ", "ch. ")) + str(upto(400, 1)),
        lambda: _pick(rng, ROMAN) + ".",
    )
    return kinds[upto(len(kinds) - 1)]()


def _pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]
