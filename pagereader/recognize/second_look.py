"""A second look at words that are unsure.

They are shown again, wider, pale ink clearer and small hands larger, with a neighbour on each
side, and several readings of them are followed at once. That reading counts, but for words of
which the first was much surer. Known as test-time augmentation, and as voting word by word (ROVER,
Fiscus 1997); here it costs time only where a line needs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from pagereader.document import Flag
from pagereader.recognize.confidence import geometric_mean
from pagereader.recognize.ink import Pixels, histogram, percentile
from pagereader.stages import LineReading, WordSpan

_DARK, _LIGHT = 1.0, 80.0
"""Percentiles of a crop's grey that stand for its ink and its paper."""
_INK, _PAPER = 15, 235
"""Grey that these become."""
_FLAT, _CLEAR = 20, 90
"""Contrasts between which stretching it helps: below nothing can be told apart, and above a line
is better shown as it is, for what is clear enough to learn from was learned from as it is."""


@dataclass(frozen=True, slots=True)
class View:
    """A way to show a crop.

    Attributes:
        width: Its width in shares of the crop's own.
        contrast: Whether pale ink and dull paper are brought to the usual greys.
        trim: Share of its height that is left away above, and likewise below; the rest is drawn
            out to the crop's own height.
    """

    width: float = 1.0
    contrast: bool = False
    trim: float = 0.0

    def show(self, pixels: Pixels) -> Pixels:
        """Return the crop, uint8 grey of shape (height, width), seen in this way."""
        height, width = pixels.shape
        cut = round(height * self.trim)
        shown = pixels[cut : height - cut]
        if self.width != 1.0 or cut:
            size = (max(4, round(width * self.width)), height)
            how = cv2.INTER_LINEAR if self.width > 1 else cv2.INTER_AREA
            shown = np.asarray(cv2.resize(shown, size, interpolation=how), np.uint8)
        return _clearer(shown) if self.contrast else np.ascontiguousarray(shown)

    def place(self, reading: LineReading, pixels: Pixels) -> LineReading:
        """Return a reading of the view with its words where they are on the crop itself."""
        width = pixels.shape[1]
        scale = width / max(4, round(width * self.width)) if self.width != 1.0 else 1.0
        return replace(reading, words=[_scaled(word, scale, width) for word in reading.words])


UNSURE = 0.9
"""Confidence of a word under which a strip model looks again, if nothing else is asked for."""
MUCH_SURER = 0.1
"""By how much a word or a line must be surer to be taken instead."""
_SAME_PLACE = 0.6
"""Share of their common extent in which two words must overlap to be the same."""
_LEAST = 1e-12
_UNFINISHED = frozenset({Flag.FAILED, Flag.TRUNCATED, Flag.REPEATED})

_CONTEXT = 1
"""Words shown on each side of unsure ones."""
_WHOLE = 0.7
"""Share of a line from which on the whole of it is shown."""
_LETTER = 0.5
"""Width in heights of a crop that a letter is widened to: what print has, and hands have not."""
_WIDENED = (1.25, 2.0)
"""How much wider a crop is shown at least and at most."""
_SMALL, _TRIM = 1.8, 0.083
"""Where letters should be so many times wider, they lie small between ascenders and descenders:
so much of the crop is trimmed on both sides then."""


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring words of a line.

    Attributes:
        line: Number of the crop.
        first: Number of the first word.
        end: Number after the last word.
        left: Columns of the crop from here,
        right: to here.
    """

    line: int
    first: int
    end: int
    left: int
    right: int


def look_again(
    read: Callable[[Sequence[Pixels]], list[LineReading]],
    crops: Sequence[Pixels],
    sure: float,
    again: Callable[[Sequence[Pixels]], list[LineReading]] | None = None,
) -> list[LineReading]:
    """Read crops, and the words that are less sure than ``sure`` once more, seen closer.

    What a crop says still does not depend on the crops beside it.

    Args:
        read: Reads crops in batches.
        crops: uint8 grey, shape (height, width).
        sure: 0 for never to look again.
        again: Reads them the second time, for instance with more care; ``read`` if None.

    Returns:
        One reading a crop; each of its words from the closer look, or from the first if that
        was much surer of it.
    """
    readings = read(crops)
    parts: list[Part] = []
    for number, (pixels, reading) in enumerate(zip(crops, readings, strict=True)):
        # A crop without pixels has failed already, and cannot be shown in any way.
        if pixels.size and _least(reading) < sure:
            parts += unsure_parts(number, reading, pixels.shape[1], sure)
    views = [widened(crops[part.line], readings[part.line]) for part in parts]
    cut = [crops[part.line][:, part.left : part.right] for part in parts]
    shown = [view.show(pixels) for view, pixels in zip(views, cut, strict=True)]
    others = (again or read)(shown) if shown else []
    for part, view, pixels, other in reversed(list(zip(parts, views, cut, others, strict=True))):
        other = _moved(view.place(other, pixels), part.left)
        readings[part.line] = _with_part(readings[part.line], part, other)
    return readings


def unsure_parts(number: int, reading: LineReading, width: int, sure: float) -> list[Part]:
    """Return which parts of a line to show again, in order; all of it if there is little else.

    Args:
        number: Of the line.
        reading: Of its crop.
        width: Of its crop.
        sure: Confidence of words that are left alone.
    """
    words = reading.words
    ranges: list[list[int]] = []
    for at, word in enumerate(words):
        if word.confidence >= sure:
            continue
        first, end = max(0, at - _CONTEXT), min(len(words), at + _CONTEXT + 1)
        if ranges and first <= ranges[-1][1]:
            ranges[-1][1] = end
        else:
            ranges.append([first, end])
    between = [(a.end + b.start) / 2 for a, b in pairwise(words)]
    edges = [0, *(round(edge) for edge in between), width]
    parts = [Part(number, first, end, edges[first], edges[end]) for first, end in ranges]
    shown = sum(part.right - part.left for part in parts)
    if _doubtful(reading) or not 0 < shown <= _WHOLE * width:
        return [Part(number, 0, len(words), 0, width)]
    return [part for part in parts if part.left < part.right]


def _with_part(reading: LineReading, part: Part, other: LineReading) -> LineReading:
    """Return a reading with the surer words of another one that saw a part of the line."""
    words = reading.words
    if part.end - part.first == len(words):
        return together(reading, other)
    seen = together(_of(reading, words[part.first : part.end]), other)
    return _of(reading, [*words[: part.first], *seen.words, *words[part.end :]])


def _of(reading: LineReading, words: list[WordSpan]) -> LineReading:
    """Return a reading with other words."""
    text = " ".join(word.text for word in words)
    return replace(reading, text=text, words=words, confidence=_of_words(words))


def widened(pixels: Pixels, reading: LineReading) -> View:
    """Return the view in which the letters of a reading are as wide as those of print.

    High ascenders make a hand small in its crop, and a model that sees columns needs some for
    each letter.
    """
    height, width = pixels.shape
    least, most = _WIDENED
    wanted = _LETTER * height * len(reading.text) / width
    trim = _TRIM if wanted >= _SMALL else 0.0
    return View(min(most, max(least, wanted)), contrast=True, trim=trim)


def together(first: LineReading, second: LineReading) -> LineReading:
    """Return the second reading of a line, with those words of the first that are much surer.

    The second one saw the line closer and weighed several readings, so the first must be much
    surer to be the one that words are put into. Words are the same if they stand at the same
    place.
    """
    if _doubtful(second):
        return first
    if _doubtful(first):
        return second
    kept, other = second, first
    if _confidence(first) > _confidence(second) + MUCH_SURER:
        kept, other = first, second
    words = [_surer(word, _there(word, other.words)) for word in kept.words]
    if words == kept.words:
        return kept
    words = [
        replace(new, start=old.start, end=old.end)
        for old, new in zip(kept.words, words, strict=True)
    ]
    return _of(kept, words)


def _surer(word: WordSpan, others: Sequence[WordSpan]) -> WordSpan:
    """Return the surest of the other words if it is much surer."""
    best = max(others, key=lambda other: other.confidence, default=word)
    return best if best.confidence > word.confidence + MUCH_SURER else word


def _there(word: WordSpan, others: Sequence[WordSpan]) -> list[WordSpan]:
    """Those of ``others`` that stand where ``word`` does."""
    found = []
    for other in others:
        shared = min(word.end, other.end) - max(word.start, other.start)
        if shared > _SAME_PLACE * (max(word.end, other.end) - min(word.start, other.start)):
            found.append(other)
    return found


def _of_words(words: Sequence[WordSpan]) -> float | None:
    shares = [share for word in words for share in word.char_confidences or (word.confidence,)]
    return geometric_mean(math.log(max(share, _LEAST)) for share in shares)


def _least(reading: LineReading) -> float:
    """Confidence of the least sure word; of a blank line 1, there is nothing to read."""
    if Flag.BLANK in reading.flags:
        return 1.0
    return min([_confidence(reading), *(word.confidence for word in reading.words)])


def _doubtful(reading: LineReading) -> bool:
    return not reading.text or not reading.flags.isdisjoint(_UNFINISHED)


def _confidence(reading: LineReading) -> float:
    return reading.confidence or 0.0


def _clearer(pixels: Pixels) -> Pixels:
    counts = histogram(pixels)
    dark, light = percentile(counts, _DARK), percentile(counts, _LIGHT)
    if not _FLAT <= light - dark < _CLEAR:
        return np.ascontiguousarray(pixels)
    grey = (np.arange(256) - dark) * ((_PAPER - _INK) / (light - dark)) + _INK
    table = np.clip(np.round(grey), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table), np.uint8)


def _scaled(word: WordSpan, scale: float, width: int) -> WordSpan:
    return replace(word, start=word.start * scale, end=min(width, word.end * scale))


def _moved(reading: LineReading, by: int) -> LineReading:
    words = [replace(w, start=w.start + by, end=w.end + by) for w in reading.words]
    return replace(reading, words=words)
