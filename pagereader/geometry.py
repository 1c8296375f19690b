"""Polygons, baselines and the map between a line's crop and its page: pure functions on arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pagereader.document import Points


def points(values: ArrayLike) -> Points:
    """Return ``values`` as a float array of shape (n, 2).

    Raises:
        ValueError: if the shape does not fit.
    """
    array = np.asarray(values, np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"expected points of shape (n, 2), got {array.shape}")
    return array


def bounds(polygon: Points) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom."""
    left, top = polygon.min(axis=0)
    right, bottom = polygon.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    """Return the four corners, clockwise from the top left."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def arc_lengths(baseline: Points) -> NDArray[np.float64]:
    """Return the distance along the polyline from its start to each vertex, shape (n,)."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(baseline, axis=0).T))])


@dataclass(frozen=True, slots=True)
class LineWarp:
    """How the straightened crop of a line lies on its page.

    Crop x runs along the baseline, crop y across it; the baseline lies ``ascent`` page pixels
    under the crop's upper edge. Beyond its ends the baseline goes on straight.

    Attributes:
        baseline: Polyline in page pixels, in reading direction, shape (n, 2), n >= 2.
        ascent: Page pixels from the crop's upper edge down to the baseline.
        descent: Page pixels from the baseline down to the crop's lower edge.
        scale: Crop pixels per page pixel.
        lead: Page pixels that the crop starts before the baseline's first vertex.
        tail: Page pixels that the crop goes on after the baseline's last vertex.
    """

    baseline: Points
    ascent: float
    descent: float
    scale: float = 1.0
    lead: float = 0.0
    tail: float = 0.0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the crop in crop pixels, at least 1 x 1."""
        width = (float(arc_lengths(self.baseline)[-1]) + self.lead + self.tail) * self.scale
        height = (self.ascent + self.descent) * self.scale
        return max(1, round(width)), max(1, round(height))

    def to_page(self, crop_points: ArrayLike) -> Points:
        """Map crop pixels, shape (n, 2), to page pixels, shape (n, 2)."""
        uv = points(crop_points) / self.scale
        origin, normal = self._frame(uv[:, 0] - self.lead)
        return origin + normal * (uv[:, 1] - self.ascent)[:, None]

    def to_crop(self, page_points: ArrayLike) -> Points:
        """Map page pixels to crop pixels: the foot of the perpendicular on the nearest segment."""
        p = points(page_points)
        starts, steps = self.baseline[:-1], np.diff(self.baseline, axis=0)
        lengths = np.maximum(np.hypot(*steps.T), 1e-9)
        along = np.einsum("pni,ni->pn", p[:, None] - starts, steps / lengths[:, None])
        low, high = np.zeros(len(lengths)), lengths.copy()
        low[0], high[-1] = -np.inf, np.inf  # the ends go on straight
        held = np.clip(along, low, high)
        feet = starts + held[:, :, None] * (steps / lengths[:, None])
        nearest = np.argmin(np.hypot(*np.moveaxis(p[:, None] - feet, -1, 0)), axis=1)
        rows = np.arange(len(p))
        u = arc_lengths(self.baseline)[nearest] + held[rows, nearest]
        origin, normal = self._frame(u)
        v = np.einsum("pi,pi->p", p - origin, normal)
        return np.column_stack([u + self.lead, v + self.ascent]) * self.scale

    def sampling_maps(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Page x and y of every crop pixel's centre, each (height, width), for cv2.remap."""
        width, height = self.size
        u = (np.arange(width) + 0.5) / self.scale - self.lead
        v = (np.arange(height) + 0.5) / self.scale - self.ascent
        origin, normal = self._frame(u)
        page = origin[None] + normal[None] * v[:, None, None] - 0.5
        return page[..., 0].astype(np.float32), page[..., 1].astype(np.float32)

    def _frame(self, along: NDArray[np.floating]) -> tuple[Points, Points]:
        """Point on the baseline and unit normal (pointing down the page) at each arc length."""
        lengths = arc_lengths(self.baseline)
        steps = np.diff(self.baseline, axis=0)
        sizes = np.maximum(np.hypot(*steps.T), 1e-9)
        tangents = steps / sizes[:, None]
        at = np.clip(np.searchsorted(lengths, along, side="right") - 1, 0, len(steps) - 1)
        origin = self.baseline[at] + tangents[at] * (along - lengths[at])[:, None]
        # Blend the tangents between the middles of the segments, so that neighbouring columns
        # of a bent line neither overlap nor gape.
        middles = (lengths[:-1] + lengths[1:]) / 2
        blended = np.column_stack([np.interp(along, middles, tangents[:, i]) for i in (0, 1)])
        blended /= np.maximum(np.hypot(*blended.T), 1e-9)[:, None]
        return origin, np.column_stack([-blended[:, 1], blended[:, 0]])
