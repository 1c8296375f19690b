"""Polygons, baselines and the map between a line's crop and its page: pure functions on arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pagereader.document import Points

Along = NDArray[np.float64]
"""A value for each of some places along a line, shape (n,)."""


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
class _Segments:
    """The segments of a baseline: starts, directions, lengths, and arc lengths of the vertices."""

    x: Along
    y: Along
    dx: Along
    dy: Along
    sizes: Along
    lengths: Along


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
        x, y, right, down = self._frame(uv[:, 0] - self.lead)
        across = uv[:, 1] - self.ascent
        return np.column_stack([x + right * across, y + down * across])

    def to_crop(self, page_points: ArrayLike) -> Points:
        """Map page pixels to crop pixels: the foot of the perpendicular on the nearest segment."""
        p = points(page_points)
        at = self._segments()
        x, y = p[:, :1] - at.x, p[:, 1:] - at.y
        along = x * at.dx + y * at.dy
        np.maximum(along[:, 1:], 0, out=along[:, 1:])  # but the ends go on straight
        np.minimum(along[:, :-1], at.sizes[:-1], out=along[:, :-1])
        x -= along * at.dx
        y -= along * at.dy
        nearest = (x * x + y * y).argmin(axis=1)
        u = at.lengths[nearest] + along[np.arange(len(p)), nearest]
        origin_x, origin_y, right, down = self._frame(u, at)
        v = (p[:, 0] - origin_x) * right + (p[:, 1] - origin_y) * down
        return np.column_stack([u + self.lead, v + self.ascent]) * self.scale

    def sampling_maps(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Page x and y of every crop pixel's centre, each (height, width), for cv2.remap."""
        width, height = self.size
        u = (np.arange(width) + 0.5) / self.scale - self.lead
        v = (np.arange(height) + 0.5) / self.scale - self.ascent
        x, y, right, down = (part.astype(np.float32) for part in self._frame(u))
        across = v.astype(np.float32)[:, None]
        half = np.float32(0.5)
        columns, rows = right * across, down * across
        columns += x - half  # in place: crops are large
        rows += y - half
        return columns, rows

    def _segments(self) -> _Segments:
        x, y = self.baseline.T
        dx, dy = x[1:] - x[:-1], y[1:] - y[:-1]
        sizes = np.sqrt(dx * dx + dy * dy)
        lengths = np.zeros(len(x))
        np.cumsum(sizes, out=lengths[1:])
        sizes = np.maximum(sizes, 1e-9)
        return _Segments(x[:-1], y[:-1], dx / sizes, dy / sizes, sizes, lengths)

    def _frame(
        self, along: NDArray[np.floating], segments: _Segments | None = None
    ) -> tuple[Along, Along, Along, Along]:
        """Point on the baseline and unit normal (pointing down the page) at each arc length.

        Returns:
            x and y of the points, x and y of the normals, each of shape (n,).
        """
        own = segments or self._segments()
        at = own.lengths[1:-1].searchsorted(along, side="right")
        rest = along - own.lengths[at]
        x, y = own.x[at] + own.dx[at] * rest, own.y[at] + own.dy[at] * rest
        # Blend the tangents between the middles of the segments, so that neighbouring columns
        # of a bent line neither overlap nor gape.
        middles = (own.lengths[:-1] + own.lengths[1:]) / 2
        dx, dy = np.interp(along, middles, own.dx), np.interp(along, middles, own.dy)
        size = np.maximum(np.sqrt(dx * dx + dy * dy), 1e-9)
        return x, y, -dy / size, dx / size
