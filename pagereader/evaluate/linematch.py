"""Which found line is which true line, by their baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagereader.document import Points

TOLERANCE = 0.45
"""Of the line pitch: some ground truth draws the centre of the text, not its foot."""
COVER = 0.7
"""Share of each baseline that must run along the other."""
SAMPLES = 24
"""Points at which two baselines are compared."""


@dataclass(frozen=True, slots=True)
class Track:
    """Where a line runs.

    Attributes:
        baseline: Polyline from left to right, shape (n, 2), n >= 2.
        height: Of the line's outline, in page pixels.
    """

    baseline: Points
    height: float

    @classmethod
    def of(cls, baseline: Points, polygon: Points) -> Track:
        """Return the track of a line with this baseline and outline."""
        if baseline[0, 0] > baseline[-1, 0]:
            baseline = baseline[::-1]
        return cls(baseline, outline_height(polygon))

    @property
    def middle(self) -> float:
        """Median y, in page pixels."""
        return float(np.median(self.baseline[:, 1]))

    @property
    def width(self) -> float:
        """Extent in x, in page pixels."""
        return float(np.ptp(self.baseline[:, 0]))


def outline_height(polygon: Points) -> float:
    """Return the median height of an outline over its columns, at least 4 pixels."""
    left, right = polygon[:, 0].min(), polygon[:, 0].max()
    count = max(3, int((right - left) / 25) + 1)
    xs = np.linspace(left, right, count)[1:-1] if right - left > 8 else [(left + right) / 2]
    heights = [_extent(polygon, float(x)) for x in xs]
    known = [height for height in heights if height is not None]
    whole = float(np.ptp(polygon[:, 1]))
    return max(4.0, float(np.median(known)) if known else whole)


def match_lines(truth: Sequence[Track], found: Sequence[Track]) -> list[tuple[int, int]]:
    """Pair lines one to one, best pairs first.

    Two lines may pair if each runs along at least 0.7 of the other within 0.45 of the true
    line's distance to its nearest neighbour.

    Returns:
        Indices into ``truth`` and ``found``, ordered by the former.
    """
    scored: list[tuple[float, int, int]] = []
    for (i, line), pitch in zip(enumerate(truth), pitches(truth), strict=True):
        reach = 3 * pitch + 0.06 * line.width
        for j, other in enumerate(found):
            off = abs(line.middle - other.middle)
            if off > reach:
                continue
            near = TOLERANCE * pitch
            cover = min(_covered(line, other, near), _covered(other, line, near))
            if cover >= COVER:
                scored.append((cover - 0.2 * min(off / pitch, 1.0), i, j))
    taken_truth: set[int] = set()
    taken_found: set[int] = set()
    pairs = []
    for _, i, j in sorted(scored, reverse=True):
        if i not in taken_truth and j not in taken_found:
            taken_truth.add(i)
            taken_found.add(j)
            pairs.append((i, j))
    return sorted(pairs)


def pitches(lines: Sequence[Track]) -> list[float]:
    """Return each line's distance to its nearest neighbour above or below, in pixels."""
    out = []
    for i, line in enumerate(lines):
        best = 2.0 * line.height
        for j, other in enumerate(lines):
            if i == j:
                continue
            lap = min(line.baseline[-1, 0], other.baseline[-1, 0]) - max(
                line.baseline[0, 0], other.baseline[0, 0]
            )
            if lap < 0.3 * min(line.width, other.width):
                continue
            apart = abs(float(np.mean(line.baseline[:, 1]) - np.mean(other.baseline[:, 1])))
            best = min(best, max(apart, 0.6 * line.height))
        out.append(best)
    return out


def _covered(line: Track, other: Track, tolerance: float) -> float:
    xs = np.linspace(line.baseline[0, 0], line.baseline[-1, 0], SAMPLES)
    own, others = (_height_at(track.baseline, xs) for track in (line, other))
    pad = 0.3 * line.height
    beside = (xs >= other.baseline[0, 0] - pad) & (xs <= other.baseline[-1, 0] + pad)
    return float(np.mean(beside & (np.abs(own - others) <= tolerance)))


def _height_at(baseline: Points, xs: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.interp(xs, baseline[:, 0], baseline[:, 1])


def _extent(polygon: Points, x: float) -> float | None:
    """Height of the outline at one column, or None if the column misses it."""
    starts, ends = polygon, np.roll(polygon, -1, axis=0)
    crosses = ((starts[:, 0] - x) * (ends[:, 0] - x) <= 0) & (starts[:, 0] != ends[:, 0])
    if not crosses.any():
        return None
    a, b = starts[crosses], ends[crosses]
    ys = a[:, 1] + (x - a[:, 0]) / (b[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    return float(np.ptp(ys))
