"""What was read on a crop, put into its line: text, flags, and words with their outlines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagereader.document import Flag, Line, Points, Word
from pagereader.geometry import LineWarp
from pagereader.stages import LineReading, WordSpan

_WITHIN = 1.0
"""Page pixels that words stay within their line's outline, to be there in whole numbers too."""


def apply_reading(line: Line, warp: LineWarp, reading: LineReading) -> None:
    """Put a reading into its line, its words mapped back to the page."""
    line.text = reading.text
    line.confidence = reading.confidence
    line.flags = line.flags - {Flag.BLANK, Flag.FAILED} | reading.flags
    line.alternatives = reading.alternatives
    line.error = reading.error
    outlines = _word_outlines(line, warp, reading.words)
    line.words = [
        Word(span.text, outline, span.confidence, span.char_confidences)
        for span, outline in zip(reading.words, outlines, strict=True)
    ]


def _word_outlines(line: Line, warp: LineWarp, spans: Sequence[WordSpan]) -> list[Points]:
    """The parts of a line's outline that its words take, in pixels of the page."""
    if not spans:
        return []
    width, height = warp.size
    starts = np.maximum(0.0, [span.start for span in spans])
    ends = np.minimum(float(width), [span.end for span in spans])
    columns = np.linspace(starts, ends, 3, axis=1)  # of each word, shape (n, 3)
    tops, bottoms = _edges_at(warp.to_crop(line.polygon), columns.ravel(), height)
    margin = np.minimum(_WITHIN * warp.scale, (bottoms - tops) / 4)
    tops, bottoms = tops + margin, bottoms - margin
    upper = np.stack([columns, tops.reshape(-1, 3)], axis=2)
    lower = np.stack([columns, bottoms.reshape(-1, 3)], axis=2)
    corners = np.concatenate([upper, lower[:, ::-1]], axis=1)
    return list(warp.to_page(corners.reshape(-1, 2)).reshape(-1, 6, 2))


def _edges_at(
    outline: Points, columns: NDArray[np.float64], height: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Upper and lower edges of a closed outline at columns; the crop's where it is not met."""
    x, y = outline.T
    next_x, next_y = np.roll(outline, -1, axis=0).T
    at = columns[:, None]
    met = (np.minimum(x, next_x) <= at) & (at <= np.maximum(x, next_x)) & (x != next_x)
    run = np.where(x == next_x, 1.0, next_x - x)
    crossings = y + (at - x) / run * (next_y - y)
    tops = np.where(met, crossings, np.inf).min(axis=1, initial=np.inf)
    bottoms = np.where(met, crossings, -np.inf).max(axis=1, initial=-np.inf)
    thin = ~(bottoms - tops >= 1)
    return np.where(thin, 0.0, tops), np.where(thin, float(height), bottoms)
