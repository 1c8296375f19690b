"""From what the decoder put out for a line to its reading: text, confidence, words and flags."""

from __future__ import annotations

import numpy as np

from pagereader.document import Alternative, Flag
from pagereader.recognize.confidence import geometric_mean, probability
from pagereader.recognize.decoding import DecodedLine
from pagereader.recognize.ink import Pixels
from pagereader.recognize.preprocess import FittedLine, ImageRules
from pagereader.recognize.repeats import cut_loop
from pagereader.recognize.vocabulary import Vocabulary
from pagereader.recognize.words import centres, word_spans
from pagereader.stages import LineReading


class Readings:
    """Makes readings.

    Args:
        vocabulary: Spells tokens.
        rules: How the model wants its images.
        prefix: Encoder tokens before those of the patches; negative if none belongs to one.
    """

    def __init__(self, vocabulary: Vocabulary, rules: ImageRules, prefix: int) -> None:
        self.vocabulary, self.rules, self.prefix = vocabulary, rules, prefix

    def reading(self, pixels: Pixels, fitted: FittedLine, line: DecodedLine) -> LineReading:
        """Make the reading of a line.

        Args:
            pixels: Its crop, grey, shape (height, width).
            fitted: The same as the model saw it.
            line: What the decoder put out.
        """
        if np.isnan(line.log_probs).any():
            return failed("the model's output is not a number")
        flags = set()
        kept = cut_loop(line.tokens)
        if kept < len(line.tokens):
            flags.add(Flag.REPEATED)
        elif not line.ended:
            flags.add(Flag.TRUNCATED)
        tokens, log_probs = line.tokens[:kept], line.log_probs[:kept]
        characters = self.vocabulary.characters(tokens)
        spans = word_spans(pixels, characters, log_probs, self._places(fitted, line, kept))
        is_special = self.vocabulary.is_special
        spoken = [
            value
            for token, value in zip(tokens, log_probs.tolist(), strict=True)
            if not is_special(token)
        ]
        text = "".join(character.text for character in characters)
        confidence = geometric_mean(spoken) if text else None
        others = self._alternatives(text, line)
        return LineReading(text, confidence, spans, frozenset(flags), others)

    def _alternatives(self, text: str, line: DecodedLine) -> list[Alternative]:
        """Return the other readings whose texts differ."""
        seen, others = {text}, []
        for tokens, score in line.others:
            other = self.vocabulary.text(tokens)
            if other not in seen:
                seen.add(other)
                others.append(Alternative(other, probability(score)))
        return others

    def _places(self, fitted: FittedLine, line: DecodedLine, kept: int) -> np.ndarray | None:
        """Return where each token was read; None if the encoder's tokens belong to no columns."""
        if self.prefix < 0:
            return None
        columns = fitted.pixels.shape[1] // self.rules.patch_width
        rows = self.rules.height // self.rules.patch_height
        attention = line.attention[:kept, self.prefix : self.prefix + rows * columns]
        shown = fitted.crop_width * fitted.pixels.shape[1] / fitted.used
        return centres(attention, columns, shown)


def failed(error: BaseException | str) -> LineReading:
    """Return the reading of a line that could not be read."""
    text = str(error).strip().split("\n")[0] or type(error).__name__
    return LineReading(flags=frozenset({Flag.FAILED}), error=text)
