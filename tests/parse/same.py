"""Are two pages the same, as far as a format can tell?"""

from __future__ import annotations

import numpy as np
from shapely.geometry import Polygon

from pagereader.document import Line, Page, Region


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two outlines."""
    a, b = Polygon(first), Polygon(second)
    return a.intersection(b).area / a.union(b).area


def assert_same_regions(got: Page, wanted: Page, *, boxes: bool = False) -> None:
    """Raise unless regions, lines and words agree in order, kind, text and place."""
    assert len(got.regions) == len(wanted.regions)
    for mine, theirs in zip(got.regions, wanted.regions, strict=True):
        _assert_same_region(mine, theirs, boxes)


def _assert_same_region(got: Region, wanted: Region, boxes: bool) -> None:
    assert got.type == wanted.type
    assert (got.row, got.column) == (wanted.row, wanted.column)
    assert overlap(got.polygon, wanted.polygon) > 0.95
    assert [line.text for line in got.lines] == [line.text for line in wanted.lines]
    for mine, theirs in zip(got.lines, wanted.lines, strict=True):
        _assert_same_line(mine, theirs, boxes)
    assert len(got.regions) == len(wanted.regions)
    for mine, theirs in zip(got.regions, wanted.regions, strict=True):
        _assert_same_region(mine, theirs, boxes)


def _assert_same_line(got: Line, wanted: Line, boxes: bool) -> None:
    assert overlap(got.polygon, wanted.polygon) > (0.7 if boxes else 0.95)
    assert got.flags == wanted.flags
    for end in (0, -1):
        reach = 25 if boxes else 1.5  # a box's baseline runs from side to side
        assert np.abs(got.baseline[end] - wanted.baseline[end]).max() <= reach
    assert [w.text for w in got.words] == [w.text for w in wanted.words]
    for mine, theirs in zip(got.words, wanted.words, strict=True):
        assert overlap(mine.polygon, theirs.polygon) > 0.95
        assert abs((mine.confidence or 0) - (theirs.confidence or 0)) < 0.01
