"""Where the words of a line are: from the decoder's attention, snapped to the crop's white gaps.

The centre of a token's cross-attention over the image's columns tells about where the token
was read; the white gaps tell exactly where words end. The two are brought together by dynamic
programming over the borders between words, so the words stay in order and apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pagereader.recognize.confidence import geometric_mean, probability
from pagereader.recognize.ink import Pixels, gaps
from pagereader.recognize.vocabulary import Character
from pagereader.stages import WordSpan

GAP_GAIN = 1.0
"""How much a gap as wide as the line's usual character pitch is worth, in pitches of distance."""
CUT_COST = 2.5
"""Cost of a border without any gap, in pitches of distance."""
LEAST_WIDTH = 1.0
"""Crop pixels that a word is wide at the least, where there is room."""


@dataclass(frozen=True, slots=True)
class Spelled:
    """One word and the positions of its characters in the line's list of characters."""

    text: str
    first: int
    last: int


def split_words(characters: Sequence[Character]) -> list[Spelled]:
    """Part a line's characters at the blanks."""
    words, first = [], 0
    for number in range(len(characters) + 1):
        if number == len(characters) or characters[number].text == " ":
            if number > first:
                text = "".join(c.text for c in characters[first:number])
                words.append(Spelled(text, first, number - 1))
            first = number + 1
    return words


def centres(attention: NDArray[np.float32], columns: int, width: float) -> NDArray[np.float64]:
    """Return about where each token was read, in crop pixels, never going left.

    Args:
        attention: Over the image's patches, shape (tokens, rows * columns), row by row.
        columns: Of the patch grid.
        width: Of all columns together, in crop pixels.
    """
    if not len(attention):
        return np.zeros(0)
    weights = attention.reshape(len(attention), -1, columns).sum(axis=1).astype(np.float64)
    weights = np.nan_to_num(weights)
    peak = np.argmax(weights, axis=1)
    near = np.abs(np.arange(columns)[None] - peak[:, None]) <= max(2, columns // 12)
    weights = np.where(near, weights, 0.0) + 1e-12 * near
    at = (weights @ (np.arange(columns) + 0.5)) / weights.sum(axis=1)
    return _rising(at * (width / columns))


def _rising(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nearest sequence that never falls (pool adjacent violators)."""
    blocks: list[list[float]] = []
    for value in values:
        blocks.append([float(value), 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, count = blocks.pop()
            total = blocks[-1][1] + count
            blocks[-1] = [(blocks[-1][0] * blocks[-1][1] + mean * count) / total, total]
    means, counts = np.array(blocks).T
    return np.repeat(means, counts.astype(np.int64))


def word_spans(
    pixels: Pixels,
    characters: Sequence[Character],
    log_probs: NDArray[np.float64],
    at: NDArray[np.float64] | None = None,
) -> list[WordSpan]:
    """Return the words of a line with place and confidence.

    Args:
        pixels: The crop, grey, shape (height, width).
        characters: The line's characters.
        log_probs: Of each token.
        at: Where each token was read in crop pixels, or None to spread the text evenly.

    Returns:
        Words in order, not overlapping, inside the crop.
    """
    words = split_words(characters)
    if not words:
        return []
    width = pixels.shape[1]
    found = gaps(pixels)
    places = character_places(characters, found, at)
    pitch = max(1.0, (places[-1] - places[0]) / max(1, len(characters) - 1))
    expected = [places[words[0].first] - pitch / 2]
    for left, right in pairwise(words):
        expected.append((places[left.last] + places[right.first]) / 2)
    expected.append(places[words[-1].last] + pitch / 2)
    borders = snap(np.clip(expected, 0, width), found, pitch)
    spans = zip(borders[:-1, 1], borders[1:, 0], strict=True)
    return [
        _span(word, start, end, characters, log_probs)
        for word, (start, end) in zip(words, _apart(list(spans), width), strict=True)
    ]


def character_places(
    characters: Sequence[Character],
    found: NDArray[np.float64],
    at: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Return about where each character's centre is, in crop pixels, never going left."""
    left, right = found[0, 1], found[-1, 0]
    count = len(characters)
    if at is None:
        even = np.arange(count, dtype=np.float64) + 0.5
        return np.asarray(left + even * (right - left) / count, np.float64)
    places = at[[character.token for character in characters]].astype(np.float64)
    # A token of several characters has one centre: spread them around it.
    letter = (right - left) / count
    tokens = np.array([character.token for character in characters])
    first, inverse, sizes = np.unique(
        tokens, return_index=True, return_inverse=True, return_counts=True
    )[1:]
    if len(first) < count:
        within = np.arange(count) - first[inverse]
        places += (within - (sizes[inverse] - 1) / 2) * letter
    rising: NDArray[np.float64] = np.maximum.accumulate(places)
    return rising


def snap(
    expected: NDArray[np.float64], found: NDArray[np.float64], pitch: float
) -> NDArray[np.float64]:
    """Move borders between words into white gaps.

    Args:
        expected: About where the borders are, rising, shape (n,).
        found: The gaps, shape (m, 2).
        pitch: Usual distance between characters, in crop pixels.

    Returns:
        For each border the gap that it is in: end of what comes before, start of what comes
        after, shape (n, 2); where no gap fits, both are the expected place.
    """
    middles, widths = found.mean(axis=1), found[:, 1] - found[:, 0]
    worth = GAP_GAIN * np.minimum(widths / pitch, 1.5)
    outside = np.maximum(found[:, 0] - expected[:, None], expected[:, None] - found[:, 1])
    cost = np.maximum(outside, 0.0) / pitch - worth[None]
    # Candidates in order of place: the gaps, and for each border its own expected place.
    places = np.concatenate([middles, expected])
    order = np.argsort(places, kind="stable")
    count, gap_count = len(expected), len(found)
    costs = np.full((count, gap_count + count), np.inf)
    costs[:, :gap_count] = cost
    costs[np.arange(count), gap_count + np.arange(count)] = CUT_COST
    costs = costs[:, order]
    best = costs[0].copy()
    steps = np.zeros((count, len(order)), np.int64)
    for number in range(1, count):
        running = np.minimum.accumulate(best)
        source = _argmin_accumulate(best)
        best = np.full(len(order), np.inf)
        best[1:] = running[:-1] + costs[number, 1:]
        steps[number, 1:] = source[:-1]
    chosen = np.empty(count, np.int64)
    chosen[-1] = int(np.argmin(best))
    for number in range(count - 1, 0, -1):
        chosen[number - 1] = steps[number, chosen[number]]
    picked = order[chosen]
    borders = np.column_stack([expected, expected])
    is_gap = picked < gap_count
    borders[is_gap] = found[picked[is_gap]]
    return borders


def _argmin_accumulate(values: NDArray[np.float64]) -> NDArray[np.int64]:
    running = np.minimum.accumulate(values)
    fresh = np.concatenate([[True], running[1:] < running[:-1]])
    return np.maximum.accumulate(np.where(fresh, np.arange(len(values)), 0))


def _apart(spans: list[tuple[float, float]], width: float) -> list[tuple[float, float]]:
    """Make spans positive, ordered and inside 0..width."""
    least = min(LEAST_WIDTH, width / max(1, len(spans)))
    result, edge = [], 0.0
    for number, (start, end) in enumerate(spans):
        room = width - least * (len(spans) - number)
        begin = min(max(start, edge), max(room, edge))
        stop = min(max(end, begin + least), width - least * (len(spans) - number - 1))
        stop = max(stop, begin + 1e-6)
        result.append((begin, stop))
        edge = stop
    return result


def _span(
    word: Spelled,
    start: float,
    end: float,
    characters: Sequence[Character],
    log_probs: NDArray[np.float64],
) -> WordSpan:
    values = [float(log_probs[c.token]) for c in characters[word.first : word.last + 1]]
    return WordSpan(
        word.text,
        float(start),
        float(end),
        geometric_mean(values) or 0.0,
        tuple(probability(value) for value in values),
    )
