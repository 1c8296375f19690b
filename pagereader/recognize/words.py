"""Where the words of a line are: from the decoder's attention, snapped to the crop's white gaps.

The centre of a token's cross-attention over the image's columns tells about where the token
was read; the white gaps tell exactly where words end. The two are brought together by dynamic
programming over the borders between words, so the words stay in order and apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pagereader.recognize.confidence import geometric_mean, probabilities
from pagereader.recognize.ink import Pixels, gaps
from pagereader.recognize.vocabulary import Character
from pagereader.stages import WordSpan

GAP_GAIN = 1.0
"""How much a gap as wide as the line's usual character pitch is worth, in pitches of distance."""
CUT_COST = 2.5
"""Cost of a border without any gap, in pitches of distance."""
LEAST_WIDTH = 1.0
"""Crop pixels that a word is wide at the least, where there is room."""
_WORD = re.compile("[^ ]+")


@dataclass(frozen=True, slots=True)
class Spelled:
    """One word and the positions of its characters in the line's list of characters."""

    text: str
    first: int
    last: int


def split_words(characters: Sequence[Character]) -> list[Spelled]:
    """Part a line's characters at the blanks."""
    text = "".join([character.text for character in characters])
    return [Spelled(m[0], m.start(), m.end() - 1) for m in _WORD.finditer(text)]


def centres(attention: NDArray[np.float32], columns: int, width: float) -> NDArray[np.float64]:
    """Return about where each token was read, in crop pixels, never going left.

    Args:
        attention: Over the image's patches, shape (tokens, rows * columns), row by row.
        columns: Of the patch grid.
        width: Of all columns together, in crop pixels.
    """
    if not len(attention):
        return np.zeros(0)
    weights = attention.astype(np.float64)
    if weights.shape[1] > columns:
        weights = weights.reshape(len(attention), -1, columns).sum(axis=1)
    if not np.isfinite(weights).all():
        weights = np.nan_to_num(weights)
    peak = np.argmax(weights, axis=1)
    near = np.abs(np.arange(columns)[None] - peak[:, None]) <= max(2, columns // 12)
    weights = np.where(near, weights, 0.0) + 1e-12 * near
    at = (weights @ (np.arange(columns) + 0.5)) / weights.sum(axis=1)
    return _rising(at * (width / columns))


def _rising(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nearest sequence that never falls (pool adjacent violators)."""
    if (values[1:] >= values[:-1]).all():
        return values
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
    spans = zip(borders[:-1, 1].tolist(), borders[1:, 0].tolist(), strict=True)
    own = log_probs[[character.token for character in characters]]
    logs, shares = own.tolist(), probabilities(own)
    return [
        WordSpan(
            word.text,
            start,
            end,
            geometric_mean(logs[word.first : word.last + 1]) or 0.0,
            tuple(shares[word.first : word.last + 1]),
        )
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
    tokens = [character.token for character in characters]
    places = at[tokens].astype(np.float64)
    if len(set(tokens)) < count:
        # A token of several characters has one centre: spread them around it.
        letter = (right - left) / count
        first, inverse, sizes = np.unique(
            tokens, return_index=True, return_inverse=True, return_counts=True
        )[1:]
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
    # Row n: what the borders up to the n-th cost if that one stands at each place.
    best = np.empty_like(costs)
    best[0] = costs[0]
    best[1:, 0] = np.inf
    for number in range(1, count):
        np.add(
            np.minimum.accumulate(best[number - 1, :-1]), costs[number, 1:], out=best[number, 1:]
        )
    chosen = np.empty(count, np.int64)
    end = best.shape[1]
    for number in range(count - 1, -1, -1):
        end = chosen[number] = int(best[number, :end].argmin())
    picked = order[chosen]
    borders = np.column_stack([expected, expected])
    is_gap = picked < gap_count
    borders[is_gap] = found[picked[is_gap]]
    return borders


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
