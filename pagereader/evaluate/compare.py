"""Compare transcripts: error rates for every line, every page and the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pagereader.evaluate.confusions import Confusion, confusions
from pagereader.evaluate.linematch import match_lines
from pagereader.evaluate.normalise import TextRules
from pagereader.evaluate.rates import (
    ErrorRate,
    Found,
    character_errors,
    word_errors,
    words_found,
)
from pagereader.evaluate.transcripts import Transcript, TranscriptSet


@dataclass(frozen=True, slots=True)
class Scores:
    """How well something was read. Sums over lines and pages.

    Attributes:
        characters: Character error rate.
        words: Word error rate.
        bag: Words found, whatever their order.
    """

    characters: ErrorRate = field(default_factory=ErrorRate)
    words: ErrorRate = field(default_factory=ErrorRate)
    bag: Found = field(default_factory=Found)

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            self.characters + other.characters, self.words + other.words, self.bag + other.bag
        )

    @classmethod
    def of(cls, truth: str, reading: str) -> Scores:
        """Compare two texts to which the rules were applied."""
        return cls(
            character_errors(truth, reading),
            word_errors(truth, reading),
            words_found(truth, reading),
        )


@dataclass(frozen=True, slots=True)
class LineComparison:
    """A true line beside its reading.

    Attributes:
        id: Of the true line, or of the found one where no true line is there.
        truth: Text after the rules; None where no true line is there.
        reading: Text after the rules; None if the line was not found.
        scores: Of this line.
    """

    id: str
    truth: str | None
    reading: str | None
    scores: Scores


@dataclass(frozen=True, slots=True)
class PageComparison:
    """A true page beside its reading.

    Attributes:
        name: Of the page.
        truth: Text after the rules.
        reading: Text after the rules.
        scores: Of the whole text, in the order in which it was read.
        lines: Line by line; empty where the truth or the reading has none.
        found: Lines found, where both know where their lines are; else None.
        note: What the reader of the figures must know: a missing or failed page.
    """

    name: str
    truth: str
    reading: str
    scores: Scores
    lines: tuple[LineComparison, ...] = ()
    found: Found | None = None
    note: str = ""


@dataclass(slots=True)
class Evaluation:
    """All pages.

    Attributes:
        pages: In the order of the truth.
        rules: What did not count as an error.
        unused: Pages that were read but are not in the truth.
        unreadable: Pages of the truth that could not be read, and why: no figure counts them.
    """

    pages: list[PageComparison]
    rules: TextRules
    unused: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def scores(self) -> Scores:
        """Of all pages together: long pages weigh more."""
        return sum((page.scores for page in self.pages), Scores())

    @property
    def line_scores(self) -> Scores | None:
        """Of all lines, each compared with its own reading; None if no lines are known."""
        lines = [line.scores for page in self.pages for line in page.lines]
        return sum(lines, Scores()) if lines else None

    @property
    def found(self) -> Found | None:
        """Lines found; None if no page tells."""
        known = [page.found for page in self.pages if page.found is not None]
        return sum(known, Found()) if known else None

    def confusions(self) -> list[Confusion]:
        """Return the mistakes that cost most, over lines where they are known, else pages."""
        return confusions(self._pairs())

    def _pairs(self) -> Iterable[tuple[str, str]]:
        for page in self.pages:
            if page.lines:
                for line in page.lines:
                    yield line.truth or "", line.reading or ""
            else:
                yield page.truth, page.reading


def evaluate(truth: TranscriptSet, readings: TranscriptSet, rules: TextRules) -> Evaluation:
    """Compare all pages of the truth; a page without a reading counts as an empty one.

    One true page and one reading belong together whatever they are called.
    """
    wanted, given = truth.pages, _as_named_in(truth.pages, readings.pages)
    if len(wanted) == len(given) == 1 and not truth.failed and not readings.failed:
        pairs = list(zip(wanted.values(), given.values(), strict=True))
        return Evaluation([compare(page, reading, rules) for page, reading in pairs], rules)
    pages = []
    for name, page in wanted.items():
        reading = given.get(name)
        if reading is None:
            reading = Transcript(name, "", note=readings.failed.get(name, "no reading"))
        pages.append(compare(page, reading, rules))
    unused = [name for name in given if name not in wanted]
    unreadable = {name: why for name, why in truth.failed.items() if name not in wanted}
    return Evaluation(pages, rules, unused, unreadable)


def _as_named_in(
    truth: Mapping[str, Transcript], given: Mapping[str, Transcript]
) -> dict[str, Transcript]:
    """Rename readings whose page is called ``name`` here and ``name#1`` there: both mean one.

    A document's pages are numbered where there are several, and a text does not say whether a
    blank page follows its last.
    """
    renamed = {}
    for name, page in given.items():
        base, _, number = name.rpartition("#")
        other = base if number == "1" else f"{name}#1"
        fits = name not in truth and other in truth and other not in given
        renamed[other if fits else name] = page
    return renamed


def compare(truth: Transcript, reading: Transcript, rules: TextRules) -> PageComparison:
    """Compare one page."""
    true_text, read_text = rules.apply(truth.text), rules.apply(reading.text)
    lines, found = _compare_lines(truth, reading, rules)
    return PageComparison(
        truth.name,
        true_text,
        read_text,
        Scores.of(true_text, read_text),
        lines,
        found,
        reading.note or truth.note,
    )


def _compare_lines(
    truth: Transcript, reading: Transcript, rules: TextRules
) -> tuple[tuple[LineComparison, ...], Found | None]:
    if not truth.lines or not (reading.lines or not reading.text.strip()):
        return (), None
    located = truth.is_located and (reading.is_located or not reading.lines)
    if located:
        pairs = match_lines(
            [line.track for line in truth.lines if line.track],
            [line.track for line in reading.lines if line.track],
        )
    else:
        places = {line.id: j for j, line in enumerate(reading.lines)}
        pairs = [(i, places[t.id]) for i, t in enumerate(truth.lines) if t.id in places]
    partner, used = dict(pairs), {j for _, j in pairs}
    out = []
    for i, line in enumerate(truth.lines):
        read = reading.lines[partner[i]].text if i in partner else None
        out.append(_line(line.id, line.text, read, rules))
    for j, line in enumerate(reading.lines):
        if j not in used:
            out.append(_line(line.id, None, line.text, rules))
    found = Found(len(pairs), len(truth.lines), len(reading.lines)) if located else None
    return tuple(out), found


def _line(name: str, truth: str | None, reading: str | None, rules: TextRules) -> LineComparison:
    true_text = None if truth is None else rules.apply(truth)
    read_text = None if reading is None else rules.apply(reading)
    return LineComparison(name, true_text, read_text, Scores.of(true_text or "", read_text or ""))
