"""What would spoil a training run, found before its first step."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pagereader.errors import InputError
from pagereader.evaluate.truthlines import TruthFile
from pagereader.training.store import StoredLine
from pagereader.training.tokens import Spelling

FEWEST_LINES = 20
FEW_LINES = 300
"""Below this a run is possible but hardly worth while."""
SHOWN = 5

logger = logging.getLogger("pagereader.training")


@dataclass(frozen=True, slots=True)
class Fitness:
    """Which lines can be learned.

    Attributes:
        good: Lines that can.
        unknown: Characters that the tokenizer lacks, with their counts.
        too_long: Lines with more tokens than the decoder has places.
    """

    good: list[StoredLine]
    unknown: Counter[str]
    too_long: list[StoredLine]


def check_files(files: Sequence[TruthFile], what: str = "the ground truth") -> None:
    """Check that there is text and that every page and line has its image.

    Raises:
        InputError: saying what is missing.
    """
    if not files:
        raise InputError(
            f"{what} holds no transcriptions", "expected PAGE, ALTO, hOCR or JSON files, or a .tsv"
        )
    missing = [name for file in files for name in file.missing]
    if missing:
        raise InputError(
            f"{len(missing)} images of {what} are missing: {_some(missing)}",
            "put them beside the transcriptions or name their folder with --images",
        )
    if not any(file.texts for file in files):
        raise InputError(
            f"{what} has no text: {_some([str(file.path) for file in files])}",
            "transcribe some lines first",
        )


def check_count(lines: Sequence[object], what: str = "to learn from") -> None:
    """Check that there are enough lines.

    Raises:
        InputError: if not.
    """
    if len(lines) < FEWEST_LINES:
        raise InputError(
            f"only {len(lines)} lines {what}",
            f"{FEWEST_LINES} are the least, {FEW_LINES} and more do good",
        )
    if len(lines) < FEW_LINES:
        logger.warning("only %d lines %s: expect little", len(lines), what)


def check_texts(lines: Iterable[StoredLine], spelling: Spelling, longest: int) -> Fitness:
    """Sort the lines by whether the tokenizer can spell them in the decoder's places.

    Args:
        lines: To be learned.
        spelling: The tokenizer.
        longest: Tokens of a line at most, the end token included.
    """
    good, too_long, unknown = [], [], Counter[str]()
    for line in lines:
        lacking = spelling.lacking(line.text)
        if lacking:
            unknown.update(lacking)
        elif len(spelling.tokens(line.text)) + 1 > longest:
            too_long.append(line)
        else:
            good.append(line)
    return Fitness(good, unknown, too_long)


def insist(fitness: Fitness, skip: bool, longest: int) -> None:
    """Refuse bad lines, or say that they are left out.

    Raises:
        InputError: if there are bad lines and they are not to be skipped.
    """
    complaints: list[str] = []
    if fitness.unknown:
        complaints.append(f"characters that the model cannot spell: {listed(fitness.unknown)}")
    if fitness.too_long:
        complaints.append(
            f"{len(fitness.too_long)} lines longer than the model's {longest} tokens: "
            + _some([repr(line.text[:40]) for line in fitness.too_long])
        )
    if complaints and not skip:
        raise InputError("; ".join(complaints), "correct them, or leave them out with --skip-bad")
    for complaint in complaints:
        logger.warning("left out: %s", complaint)


def listed(characters: Counter[str]) -> str:
    """Return characters with code points and counts, the most frequent first."""
    shown = [f"{c!r} (U+{ord(c):04X}) x {n}" for c, n in characters.most_common(40)]
    more = len(characters) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _some(names: Sequence[Any]) -> str:
    more = len(names) - SHOWN
    return ", ".join(map(str, names[:SHOWN])) + (f" and {more} more" if more > 0 else "")
