"""A recogniser without a model, for tests and for segmenting without reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pagereader.document import Flag, ProcessingStep
from pagereader.options import Options
from pagereader.recognize.ink import is_blank
from pagereader.stages import LineCrop, LineReading, WordSpan

SYLLABLES = ("ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "tu")


@dataclass(frozen=True, slots=True)
class NullRecognizer:
    """Gives every crop a made-up text that depends on nothing but the crop's size.

    Attributes:
        confidence: Of every reading, 0 to 1.
    """

    confidence: float = 0.5

    @classmethod
    def from_options(cls, options: Options) -> NullRecognizer:
        """Return the recogniser; no option changes it."""
        del options
        return cls()

    def read(self, crops: Sequence[LineCrop]) -> list[LineReading]:
        """Return one made-up reading a crop; crops without ink come back blank."""
        return [self._read(crop) for crop in crops]

    def describe(self) -> ProcessingStep:
        """Return the step's provenance."""
        return ProcessingStep("recognition", "pagereader.null", (("model", "none"),))

    def _read(self, crop: LineCrop) -> LineReading:
        if is_blank(crop.pixels):
            return LineReading(flags=frozenset({Flag.BLANK}))
        height, width = crop.pixels.shape
        texts = made_up_words(width, height)
        step = width / len(texts)
        words = [
            WordSpan(
                text,
                start=number * step,
                end=(number + 0.9) * step,
                confidence=self.confidence,
                char_confidences=(self.confidence,) * len(text),
            )
            for number, text in enumerate(texts)
        ]
        return LineReading(" ".join(texts), self.confidence, words)


def made_up_words(width: int, height: int) -> list[str]:
    """Return words for a crop of that size in pixels: one for every two heights of width."""
    count = max(1, min(20, round(width / (2 * height))))
    seed = width * 31 + height
    words = []
    for number in range(count):
        digits = f"{(seed + number * 7) % 1000:03d}"
        words.append("".join(SYLLABLES[int(digit)] for digit in digits))
    return words
