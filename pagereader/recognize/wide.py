"""Lines too wide for the model: cut into overlapping pieces, read, and merged again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pagereader.document import Flag
from pagereader.recognize.confidence import geometric_mean
from pagereader.recognize.ink import Pixels, gaps, is_blank
from pagereader.stages import LineReading, WordSpan

OVERLAP_H = 4.0
"""How far pieces reach into each other, in crop heights: a word or two."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a crop, over its whole height.

    Attributes:
        pixels: Grey, shape (height, width of the piece).
        left: Where it starts on the crop, in pixels.
        seam: Where the words of the piece before it end and its own begin, in crop pixels.
    """

    pixels: Pixels
    left: int = 0
    seam: float = 0.0


def split(pixels: Pixels, widest_aspect: float) -> list[Piece]:
    """Cut a crop whose width is more than ``widest_aspect`` heights; else return it whole.

    Pieces are cut so that a seam lies in the widest white gap of each overlap.
    """
    height, width = pixels.shape
    longest = max(2, int(widest_aspect * height))
    if width <= longest:
        return [Piece(pixels)]
    overlap = min(max(1, round(OVERLAP_H * height)), longest // 2)
    count = -(-(width - overlap) // (longest - overlap))
    step = (width - overlap) / count
    found = gaps(pixels)
    pieces = []
    for number in range(count):
        left = round(number * step)
        right = min(width, round(number * step + step) + overlap)
        seam = _seam(found, left, left + overlap) if number else 0.0
        part = pixels[:, left:right]
        if not is_blank(part):
            pieces.append(Piece(part, left, seam))
    return pieces or [Piece(pixels[:, :longest])]


def merge(parts: Sequence[tuple[Piece, LineReading]]) -> LineReading:
    """Put a line's pieces together.

    Words of an overlap are taken from the piece on whose side of the seam they lie; one that
    neither side claims is kept, one that both claim is kept once.
    """
    ordered = sorted(parts, key=lambda part: part[0].left)
    if len(ordered) == 1 and ordered[0][0].left == 0:
        return ordered[0][1]
    words: list[WordSpan] = []
    flags = {Flag.SPLIT}
    errors = []
    for number, (piece, reading) in enumerate(ordered):
        flags |= reading.flags
        errors += [reading.error] * bool(reading.error)
        until = ordered[number + 1][0].seam if number + 1 < len(ordered) else np.inf
        for word in reading.words:
            moved = replace(word, start=word.start + piece.left, end=word.end + piece.left)
            middle = (moved.start + moved.end) / 2
            if piece.seam <= middle < until:
                words.append(moved)
    words = _once(words)
    if Flag.FAILED in flags and words:
        flags -= {Flag.FAILED}
        flags |= {Flag.TRUNCATED}
    values = [np.log(max(c, 1e-9)) for word in words for c in word.char_confidences]
    return LineReading(
        " ".join(word.text for word in words),
        geometric_mean(values),
        words,
        frozenset(flags),  # alternatives of pieces do not add up to alternatives of the line
        error="; ".join(errors),
    )


def _seam(found: np.ndarray, left: float, right: float) -> float:
    """Return the middle of the widest gap between two places, or the middle between them."""
    clipped = np.clip(found, left, right)
    widths = clipped[:, 1] - clipped[:, 0]
    if not len(widths) or widths.max() <= 0:
        return (left + right) / 2
    return float(clipped[int(np.argmax(widths))].mean())


def _once(words: Sequence[WordSpan]) -> list[WordSpan]:
    """Drop words that overlap an equal one, and keep the others apart."""
    kept: list[WordSpan] = []
    for word in sorted(words, key=lambda w: w.start):
        if kept and word.start < kept[-1].end:
            shared = min(word.end, kept[-1].end) - word.start
            if word.text == kept[-1].text and shared > 0.5 * (word.end - word.start):
                continue
            border = min(kept[-1].end, word.end - 1e-3)
            word = replace(word, start=max(border, kept[-1].start + 1e-3))
            kept[-1] = replace(kept[-1], end=word.start)
        kept.append(word)
    return kept
