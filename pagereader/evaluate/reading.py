"""Measure a recogniser on true lines: what it makes of lines whose place and text are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from pagereader.evaluate.compare import Evaluation, compare
from pagereader.evaluate.normalise import TextRules
from pagereader.evaluate.transcripts import TextLine, Transcript
from pagereader.evaluate.truthlines import TruthLine
from pagereader.geometry import LineWarp, points
from pagereader.stages import LineCrop, Recognizer

AT_ONCE = 256
"""Lines given to the recogniser together."""


def evaluate_recognizer(
    lines: Iterable[TruthLine],
    recognizer: Recognizer,
    rules: TextRules,
    by: Callable[[TruthLine], str] = lambda line: line.page,
) -> Evaluation:
    """Read true lines and compare.

    Args:
        lines: With their pixels.
        recognizer: To be measured.
        rules: What does not count as an error.
        by: Under which heading a line is counted; by default its page.
    """
    truth: dict[str, list[TextLine]] = {}
    readings: dict[str, list[TextLine]] = {}
    for number, (line, text) in enumerate(_read(lines, recognizer)):
        heading, name = by(line), f"{number} {line.id}"
        truth.setdefault(heading, []).append(TextLine(name, line.text))
        readings.setdefault(heading, []).append(TextLine(name, text))
    pages = [
        compare(_transcript(name, truth[name]), _transcript(name, readings[name]), rules)
        for name in truth
    ]
    return Evaluation(pages, rules)


def _read(lines: Iterable[TruthLine], recognizer: Recognizer) -> Iterator[tuple[TruthLine, str]]:
    for batch in _batches(lines, AT_ONCE):
        crops = [LineCrop(line.pixels, _whole(line)) for line in batch]
        for line, reading in zip(batch, recognizer.read(crops), strict=True):
            yield line, reading.text


def _whole(line: TruthLine) -> LineWarp:
    height, width = line.pixels.shape
    return LineWarp(points([[0, height * 0.75], [width, height * 0.75]]), height * 0.75, height / 4)


def _batches(lines: Iterable[TruthLine], size: int) -> Iterator[Sequence[TruthLine]]:
    batch: list[TruthLine] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _transcript(name: str, lines: Sequence[TextLine]) -> Transcript:
    return Transcript(name, "\n".join(line.text for line in lines), tuple(lines))
