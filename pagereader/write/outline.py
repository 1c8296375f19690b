"""Whole-number outlines that lie inside the page and inside one another.

Schemas cannot see a line that sticks out of its region, yet readers of PAGE-XML refuse it. So
outlines are made right here: rounded, clamped, simple, and exactly inside their parents.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPoint, Polygon, box
from shapely.geometry.base import BaseGeometry

from pagereader.document import Points

IntPoints = NDArray[np.int64]
"""Corners or vertices in whole page pixels, shape (n, 2)."""

_GRID = 1.0
_POLYGON = 3  # as shapely numbers the kinds of geometry
_ENOUGH = 0.25  # share of a word that must lie in its line for the line's outline to be believed
_FAR = 1e9  # beyond any page: keeps the geometry engine away from overflowing numbers


def page_box(width: int, height: int) -> Polygon:
    """Return the rectangle that every point of a page must lie in: its pixels, 0 to size - 1."""
    return box(0, 0, max(1, width - 1), max(1, height - 1))


def outline(values: Points, page: Polygon) -> Polygon | None:
    """Return ``values`` as a simple polygon of whole numbers on the page.

    Points that are no numbers are dropped; None if nothing is left. A self-crossing outline keeps
    its largest part; one without area becomes its box, at least one pixel wide and high.
    """
    corners = _on_page(values, page)
    if len(corners) >= 3:
        polygon = Polygon(corners)
        if polygon.is_valid and polygon.area > 0:
            return polygon
        part = _largest(polygon)
        if part is not None:
            return part
    return _boxed(corners, page) if len(corners) else None


def outlines(values: Sequence[Points], page: Polygon) -> list[Polygon | None]:
    """Return what :func:`outline` makes of each of ``values``; of many plain ones far sooner."""
    one_by_one = [len(corners) < 3 or not np.isfinite(corners).all() for corners in values]
    if not values or any(one_by_one):
        return [outline(corners, page) for corners in values]
    corners = _rounded(np.concatenate(values), page)
    ring = np.repeat(np.arange(len(values)), [len(each) for each in values])
    kept = np.append(True, np.diff(corners, axis=0).any(axis=1) | (np.diff(ring) > 0))
    corners, ring = corners[kept], ring[kept]
    if np.bincount(ring).min() < 3:
        return [outline(corners, page) for corners in values]
    polygons = shapely.polygons(shapely.linearrings(corners, indices=ring))
    fine = shapely.is_valid(polygons) & (shapely.area(polygons) > 0)
    return [
        polygon if good else outline(corners, page)
        for polygon, good, corners in zip(polygons, fine.tolist(), values, strict=True)
    ]


def polyline(values: Points, page: Polygon) -> LineString | None:
    """Return ``values`` as a polyline of whole numbers on the page; None if it has no length."""
    vertices = _on_page(values, page)
    return LineString(vertices) if len(vertices) >= 2 else None


def inside(children: Sequence[Polygon], parent: Polygon) -> list[Polygon | None]:
    """Return the part of each child in ``parent``, or None if that is but a small part of it.

    A part may still stick out by a corner, where rounding will not have it otherwise.
    """
    if not children:
        return []
    wanted = np.array(children, object)
    parts = wanted.copy()
    shapely.prepare(parent)
    fits = shapely.covers(parent, wanted)
    if not fits.all():
        parts[~fits] = shapely.intersection(wanted[~fits], parent, grid_size=_GRID)
        fits = shapely.covers(parent, parts)
    if not fits.all():
        smaller = parent.buffer(-_GRID, join_style="mitre")
        parts[~fits] = shapely.intersection(wanted[~fits], smaller, grid_size=_GRID)
    enough = shapely.area(parts) >= shapely.area(wanted) * _ENOUGH
    plain = (shapely.get_type_id(parts) == _POLYGON) & (shapely.get_num_interior_rings(parts) == 0)
    return [
        None if not much else part if simple else _largest(part)
        for part, much, simple in zip(parts, enough.tolist(), plain.tolist(), strict=True)
    ]


def around(parent: Polygon, children: Sequence[BaseGeometry], page: Polygon) -> Polygon:
    """Return ``parent``, grown no more than needed to hold all ``children``."""
    if not children:
        return parent
    shapely.prepare(parent)
    held = shapely.covers(parent, np.array(children, object))
    if held.all():
        return parent
    outside = [child for child, holds in zip(children, held.tolist(), strict=True) if not holds]
    for margin in (0.0, 1.0, 2.0):
        grown = [_widened(child, max(margin, 0.0 if child.area else 1.0)) for child in outside]
        union = shapely.union_all([_widened(parent, margin), *grown])
        candidate = _largest(shapely.intersection(union, page))
        if candidate is not None and all(candidate.covers(g) for g in (parent, *outside)):
            return candidate
    # The hull of whole-number points has whole-number corners: it holds all of them exactly.
    corners = np.concatenate([shapely.get_coordinates(g) for g in (parent, *outside)])
    hull = MultiPoint(corners).convex_hull
    return hull if isinstance(hull, Polygon) else _boxed(corners, page)


def corners_of(geometry: Polygon | LineString) -> IntPoints:
    """Return a polygon's corners, the first not repeated, or a polyline's vertices; no holes."""
    places = np.rint(shapely.get_coordinates(geometry)).astype(np.int64)
    return places[:-1] if isinstance(geometry, Polygon) else places


def _on_page(values: Points, page: Polygon) -> Points:
    array = np.asarray(values, np.float64).reshape(-1, 2)
    return _without_repeats(_rounded(array[np.isfinite(array).all(axis=1)], page))


def _rounded(array: Points, page: Polygon) -> Points:
    left, top, right, bottom = page.bounds
    rounded = np.rint(np.clip(array, -_FAR, _FAR))
    clamped: Points = np.clip(rounded, [left, top], [right, bottom])
    return clamped


def _without_repeats(array: Points) -> Points:
    if len(array) < 2:
        return array
    moved = np.any(np.diff(array, axis=0) != 0, axis=1)
    kept: Points = array[np.concatenate([[True], moved])]
    return kept


def _widened(geometry: BaseGeometry, margin: float) -> BaseGeometry:
    return geometry.buffer(margin, join_style="mitre", cap_style="square") if margin else geometry


def _largest(geometry: BaseGeometry) -> Polygon | None:
    """The largest simple polygon of whole numbers in ``geometry``, holes filled."""
    valid = geometry if geometry.is_valid else shapely.make_valid(geometry)
    parts = [part for part in _polygons(shapely.set_precision(valid, _GRID)) if part.area > 0]
    if not parts:
        return None
    best = Polygon(max(parts, key=lambda part: part.area).exterior)
    return best if best.is_valid and best.area > 0 else None


def _polygons(geometry: BaseGeometry) -> list[Polygon]:
    flat: list[Polygon] = []
    for part in shapely.get_parts(geometry):
        if isinstance(part, Polygon):
            flat.append(part)
        elif hasattr(part, "geoms"):
            flat.extend(_polygons(part))
    return flat


def _boxed(corners: Points, page: Polygon) -> Polygon:
    _, _, right, bottom = page.bounds
    x0, y0 = corners.min(axis=0)
    x1, y1 = corners.max(axis=0)
    x0, y0 = min(x0, right - 1), min(y0, bottom - 1)
    return box(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))
