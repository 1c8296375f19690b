"""Error rates: edits over the length of the truth, summable over lines and pages."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Edits (insertions, deletions and substitutions, one each) against a length.

    Attributes:
        edits: Levenshtein distance, in characters or words.
        length: Of the truth, in characters or words.
    """

    edits: int = 0
    length: int = 0

    def __add__(self, other: ErrorRate) -> ErrorRate:
        return ErrorRate(self.edits + other.edits, self.length + other.length)

    @property
    def value(self) -> float:
        """Edits over length; more than 1 is possible. An empty truth counts as one long."""
        return self.edits / max(1, self.length)


@dataclass(frozen=True, slots=True)
class Found:
    """How many of the true things were found: words or lines.

    Attributes:
        matched: Found things that are true.
        truth: True things.
        found: Found things.
    """

    matched: int = 0
    truth: int = 0
    found: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(
            self.matched + other.matched, self.truth + other.truth, self.found + other.found
        )

    @property
    def recall(self) -> float:
        """Share of the true things that were found; 1 if there is nothing to find."""
        return self.matched / self.truth if self.truth else 1.0

    @property
    def precision(self) -> float:
        """Share of the found things that are true; 1 if nothing was found."""
        return self.matched / self.found if self.found else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two; 1 if there was nothing and nothing was found."""
        both = self.truth + self.found
        return 2 * self.matched / both if both else 1.0


def character_errors(truth: str, reading: str) -> ErrorRate:
    """Return the character error rate (CER) of a text whose rules were applied before."""
    return ErrorRate(Levenshtein.distance(truth, reading), len(truth))


def word_errors(truth: str, reading: str) -> ErrorRate:
    """Return the word error rate (WER); words are what blanks part."""
    words = truth.split()
    return ErrorRate(Levenshtein.distance(words, reading.split()), len(words))


def words_found(truth: str, reading: str) -> Found:
    """Compare the texts as bags of words, blind to order and punctuation."""
    bags = [Counter(re.findall(r"\w+", text)) for text in (truth, reading)]
    return Found((bags[0] & bags[1]).total(), bags[0].total(), bags[1].total())
