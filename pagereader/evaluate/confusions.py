"""Which characters are taken for which, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

LONGEST = 8
"""Characters of a confusion's side; longer stretches are missed or invented text."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A stretch of two texts, equal or not.

    Attributes:
        truth: What stands there; empty for an insertion.
        reading: What was read; empty for a deletion.
    """

    truth: str
    reading: str

    @property
    def equal(self) -> bool:
        """Whether nothing is wrong here."""
        return self.truth == self.reading

    @property
    def edits(self) -> int:
        """What the stretch costs, in characters."""
        return 0 if self.equal else Levenshtein.distance(self.truth, self.reading)


@dataclass(frozen=True, slots=True)
class Confusion:
    """A mistake made several times.

    Attributes:
        truth: What stood there.
        reading: What was read.
        count: How often.
        edits: What it cost in all, in characters.
    """

    truth: str
    reading: str
    count: int
    edits: int


def differences(truth: str, reading: str) -> list[Difference]:
    """Align two texts; stretches in order, equal and unequal ones taking turns.

    Neighbouring edits are one stretch, so that "rn" read as "m" is one confusion.
    """
    out: list[Difference] = []
    for step in Levenshtein.opcodes(truth, reading):
        here = Difference(
            truth[step.src_start : step.src_end], reading[step.dest_start : step.dest_end]
        )
        if out and not here.equal and not out[-1].equal:
            out[-1] = Difference(out[-1].truth + here.truth, out[-1].reading + here.reading)
        else:
            out.append(here)
    return out


def confusions(pairs: Iterable[tuple[str, str]]) -> list[Confusion]:
    """Count the mistakes over pairs of truth and reading, the most costly first."""
    counts: Counter[tuple[str, str]] = Counter()
    edits: Counter[tuple[str, str]] = Counter()
    for truth, reading in pairs:
        for part in differences(truth, reading):
            if part.equal:
                continue
            key = _named(part)
            counts[key] += 1
            edits[key] += part.edits
    found = [Confusion(*key, count, edits[key]) for key, count in counts.items()]
    return sorted(found, key=lambda c: (-c.edits, -c.count, c.truth, c.reading))


def _named(part: Difference) -> tuple[str, str]:
    if max(len(part.truth), len(part.reading)) <= LONGEST:
        return part.truth, part.reading
    if len(part.reading) * 4 < len(part.truth):
        return "(a stretch of text)", "(missed)"
    if len(part.truth) * 4 < len(part.reading):
        return "(nothing)", "(invented text)"
    return "(a stretch of text)", "(misread)"
