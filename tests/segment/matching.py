"""How well a segmentation found the lines of a drawn page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pagereader.document import Line
from pagereader.stages import Segmentation


@dataclass
class Match:
    """What a segmentation found of a page's lines.

    Attributes:
        found: Share of the true lines that one line runs along.
        merged: True lines that share their line with another.
        extra: Lines that run along no true line.
        order: Positions of the true lines as the segmentation reads them.
    """

    found: float
    merged: int
    extra: int
    order: list[int]


def match(truth: list[NDArray[np.float64]], result: Segmentation, tolerance: float = 9.0) -> Match:
    lines = [line for region in result.regions for line in region.all_lines()]
    ends = np.array(truth).reshape(-1, 2, 2)
    order: list[int] = []
    merged = extra = 0
    for line in lines:
        near = _near(ends, line, tolerance)
        along = {i: _along(truth[i], line, tolerance) for i in near}
        hits = [i for i in near if along[i] > 0.5]
        merged += max(0, len(hits) - 1)
        extra += not hits
        order += [i for i in hits if i not in order and along[i] > 0.9]
    return Match(len(order) / len(truth), merged, extra, order)


def _near(ends: NDArray[np.float64], line: Line, tolerance: float) -> list[int]:
    """The true lines, by their ends, shape (n, 2, 2), that a line may run along."""
    low, high = line.baseline.min(axis=0) - tolerance, line.baseline.max(axis=0) + tolerance
    meet = (ends.min(axis=1) <= high) & (ends.max(axis=1) >= low)
    return [int(i) for i in np.flatnonzero(meet.all(axis=1))]


def _along(true: NDArray[np.float64], line: Line, tolerance: float) -> float:
    """Share of a true baseline that a found one runs along."""
    at = true[0] + (true[1] - true[0]) * np.linspace(0, 1, 21)[:, None]
    start, end = line.baseline[:-1, None], line.baseline[1:, None]
    step = end - start
    share = ((at - start) * step).sum(2) / np.maximum((step * step).sum(2), 1e-9)
    away = np.hypot(*np.moveaxis(at - start - np.clip(share, 0, 1)[..., None] * step, 2, 0))
    return float((away.min(axis=0) < tolerance).mean())
