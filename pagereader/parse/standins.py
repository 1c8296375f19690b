"""What stands in for outlines and baselines that a file does not give."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon

from pagereader.document import Flag, Line, Page, Points, Region, Word
from pagereader.geometry import bounds, rectangle

_FOOT = 0.22  # of a line's height lies under the baseline: descenders and some white
_FAR = 1e9  # beyond any page; the geometry engine overflows far beyond
NOTHING: Points = np.empty((0, 2))
"""No points at all."""


def complete_page(page: Page) -> None:
    """Give regions, lines and words the outlines and baselines that they lack, in place.

    A region's outline is a box around its lines, else the page. A line's is drawn around its
    words, else along its baseline, else it is the region's; such a line is flagged as boxed. A
    word's is its line's.
    """
    frame = rectangle(0, 0, max(1, page.width), max(1, page.height))
    for region in page.regions:
        _complete_region(region, frame)


def _complete_region(region: Region, page: Points) -> None:
    for nested in region.regions:
        _complete_region(nested, region.polygon if len(region.polygon) >= 3 else page)
    for line in region.lines:
        _complete_line(line, region.polygon if len(region.polygon) >= 3 else page)
    if len(region.polygon) < 3:
        inner = [line.polygon for line in region.lines] + [r.polygon for r in region.regions]
        region.polygon = rectangle(*bounds(np.concatenate(inner))) if inner else page


def _complete_line(line: Line, region: Points) -> None:
    if len(line.polygon) < 3:
        line.polygon = _outline(line, region)
        line.flags |= {Flag.BOXED}
    if len(line.baseline) < 2:
        turn = _turn_of(line.words)
        line.baseline = (
            turned_baseline(line.polygon, turn) if turn else baseline_under(line.polygon)
        )
    for word in line.words:
        if len(word.polygon) < 3:
            word.polygon = line.polygon


def _turn_of(words: list[Word]) -> int:
    """90 if the words follow each other upwards, 270 if downwards, 0 if along the page."""
    placed = [word.polygon for word in words if len(word.polygon) >= 3]
    if len(placed) < 2:
        return 0
    right, down = placed[-1].mean(axis=0) - placed[0].mean(axis=0)
    if abs(down) <= 2 * abs(right):
        return 0
    return 270 if down > 0 else 90


def _outline(line: Line, region: Points) -> Points:
    words = [word.polygon for word in line.words if len(word.polygon) >= 3]
    if words:
        return rectangle(*bounds(np.concatenate(words)))
    if len(line.baseline) >= 2:
        rise = line.height or 30.0
        up, down = np.array([0, 1.4 * rise]), np.array([0, 0.5 * rise])
        return np.concatenate([line.baseline - up, (line.baseline + down)[::-1]])
    return region


def baseline_under(polygon: Points) -> Points:
    """Return a baseline for a line whose outline alone is known.

    It follows the outline's lower edge, a fifth of the line's height above it, in steps of two
    heights: enough for slanted and bent lines.
    """
    left, top, right, bottom = bounds(polygon)
    level = np.array([[left, bottom - _FOOT * (bottom - top)], [right, 0.0]])
    level[1, 1] = level[0, 1]
    if np.abs(polygon).max() > _FAR:
        return level
    shape = Polygon(polygon)
    if not shape.is_valid or shape.area <= 0 or right - left < 2:
        return level
    height = shape.area / (right - left)
    count = int(np.clip(round((right - left) / (2 * height)), 2, 50))
    edge = (right - left) / (4 * count)
    columns = np.linspace(left + edge, right - edge, count)
    feet = []
    for x in columns:
        cut = shapely.intersection(shape, LineString([(x, top - 1), (x, bottom + 1)]))
        if not cut.is_empty:
            feet.append((x, cut.bounds[3] - _FOOT * (cut.bounds[3] - cut.bounds[1])))
    if len(feet) < 2:
        return level
    path = np.array(feet, np.float64)
    ends = [_beyond(path[0], path[1], left), _beyond(path[-1], path[-2], right)]
    return np.concatenate([[ends[0]], path, [ends[1]]])


def turned_baseline(box: Points, turn: int) -> Points:
    """Return a baseline for a line in a box whose text is turned by quarters.

    Args:
        box: Outline of the line.
        turn: Degrees counter-clockwise: at 90 the text runs upwards.
    """
    left, top, right, bottom = bounds(box)
    x, y = _FOOT * (right - left), _FOOT * (bottom - top)
    paths = {
        90: [[right - x, bottom], [right - x, top]],
        180: [[right, top + y], [left, top + y]],
        270: [[left + x, top], [left + x, bottom]],
    }
    return np.array(paths.get(turn, [[left, bottom - y], [right, bottom - y]]), np.float64)


def _beyond(end: Points, inner: Points, x: float) -> Points:
    slope = (end[1] - inner[1]) / (end[0] - inner[0])
    reached: Points = np.array([x, end[1] + slope * (x - end[0])])
    return reached
