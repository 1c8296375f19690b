"""Text for training lines: prose, and what prose lacks.

Prose alone teaches the decoder to guess the likely word, so words in random order, numbers and
loose characters come between.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pagereader.errors import InputError
from pagereader.training.forms import FormText

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
LATIN = PRINTABLE + (
    "£§°«»€©®½¼¾éèêëàâáäåãæçíìîïñóòôöõøœúùûüýÿßÀÂÁÄÅÆÇÉÈÊËÍÎÏÑÓÔÖØŒÚÛÜſ†‡¶±·¡¿•"
    "\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u00d7"  # dashes, quotes, times
)
"""What English and West European print needs."""
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIV", "XIX")


@dataclass(frozen=True, slots=True)
class TextMix:
    """Shares of the kinds of text; what is left over is running prose.

    Attributes:
        words: Words in random order.
        numbers: Numbers, dates, sums and references among words.
        loose: Random characters.
        forms: Of all lines, those of receipts and forms (:meth:`TextSource.form`).
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
    forms: float = 0.12
    capitals: float = 0.19
    titles: float = 0.04
    long_s: float = 0.04
    dashes: float = 0.05
    quoted: float = 0.03
    hyphens: float = 0.12
    curly: float = 0.25
    longest: int = 85


class TextSource:
    """Draws the texts of lines.

    Args:
        prose: Running text; at least a hundred characters.
        characters: Those that may occur; others are left out.
        mix: How much of what.
    """

    def __init__(self, prose: str, characters: str = LATIN, mix: TextMix | None = None) -> None:
        self.characters = "".join(sorted(set(characters)))
        self.mix = mix or TextMix()
        allowed = set(characters) | {" "}
        kept = (c if not c.isspace() else " " for c in prose if c in allowed or c.isspace())
        self._prose = " ".join("".join(kept).split())
        if len(self._prose) < 100:
            raise InputError(
                f"the text has only {len(self._prose)} usable characters",
                "give at least a few pages of prose",
            )
        self._words = sorted(set(self._prose.split()))

    @classmethod
    def read(
        cls,
        paths: Sequence[str | Path],
        characters: str = LATIN,
        mix: TextMix | None = None,
    ) -> TextSource:
        """Read UTF-8 text files and folders of them.

        Raises:
            InputError: if a file cannot be read, or there is too little text.
        """
        files: list[Path] = []
        for path in map(Path, paths):
            files += sorted(path.rglob("*.txt")) if path.is_dir() else [path]
        try:
            texts = [file.read_text("utf-8", errors="replace") for file in files]
        except OSError as error:
            raise InputError(
                f"{error.filename!r} cannot be read: {error.strerror}", "check the path"
            ) from None
        return cls("\n".join(texts), characters, mix)

    def draw(self, rng: np.random.Generator, length: int = 0) -> str:
        """Return one line of text without blanks at its ends, at least one character long.

        Args:
            rng: Decides.
            length: About how many characters; 0 to leave that to the lot.
        """
        mix, kind = self.mix, rng.random()
        length = min(length or self._length(rng), self.mix.longest)
        if kind < mix.loose:
            text = "".join(_pick(rng, self.characters) for _ in range(min(length, 30)))
        elif kind < mix.loose + mix.numbers:
            text = " ".join(self._numbers(rng, length))
        elif kind < mix.loose + mix.numbers + mix.words:
            text = self._shuffled(rng, length)
        else:
            text = self._running(rng, length)
        return self._kept(self._styled(text, rng), rng)

    def form(self, rng: np.random.Generator, length: int = 0) -> str:
        """Return one line as receipts and forms have it; otherwise as :meth:`draw`."""
        length = min(length or self._length(rng), self.mix.longest)
        return self._kept(FormText(rng, lambda: self._word(rng)).line(length), rng)

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

    def _running(self, rng: np.random.Generator, length: int) -> str:
        start = int(rng.integers(0, max(1, len(self._prose) - length - 25)))
        text = self._prose[start : start + length + 25]
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

    def _shuffled(self, rng: np.random.Generator, length: int) -> str:
        words = [self._word(rng) for _ in range(max(1, length // 7))]
        if rng.random() < 0.3:
            words = [word + _pick(rng, (",", ".", ";", ":", "?", "!")) for word in words]
        return " ".join(words)

    def _numbers(self, rng: np.random.Generator, length: int) -> list[str]:
        count = max(1, length // 7)
        return [_number(rng) if rng.random() < 0.6 else self._word(rng) for _ in range(count)]

    def _word(self, rng: np.random.Generator) -> str:
        return self._words[int(rng.integers(len(self._words)))]

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


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
