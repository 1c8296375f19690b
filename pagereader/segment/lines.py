"""Where the lines are: ridges of a second-derivative filter on the density map.

A Gaussian's second derivative across the lines, long along them, answers most strongly at the
centre of each line of text. Its maxima are traced, joined and thinned out to one ridge a line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pagereader.segment.arrays import Floats, Map, dilated, labelled, median, percentile
from pagereader.segment.parameters import Parameters
from pagereader.segment.scale import Scale, sheared

_SIGMA_ACROSS_H = (0.33, 0.45)
_SIGMA_ACROSS_PITCH = 0.2
_SIGMA_ALONG_U = 2.0
_LEAST_SIGMA = 3.0  # pixels along the lines; wider blurs are taken on fewer columns
_SAME_LINE_H = 0.6  # ridges nearer than this are one line
_NINE = np.linspace(0, 1, 9)  # where curves are compared
_MOST_RIDGES = 4000  # no page has so many words; texture and noise have
_DOUBLE_PER_PITCH = 1.25
_SAMPLE_H = 2.0  # how close the columns are in which distances are taken
_OVERLAP_U = 3.0  # ends of one line lie at most so far over one another,
_USUAL_OVERLAP_U = 1.5  # and mostly no further than this
_LONG_H = 4.0  # lines that tell of the pitch are longer,
_FEW = 4  # and at least so many


@dataclass(slots=True)
class Ridge:
    """The centre of a line on the map: x ascending, with gaps where ends were joined.

    Attributes:
        x: Map columns, shape (n,).
        y: Map rows, shape (n,).
        strength: Filter response, shape (n,).
    """

    x: Floats
    y: Floats
    strength: Floats

    @property
    def mass(self) -> float:
        """Response summed over the length."""
        return float(self.strength.sum())

    @property
    def length(self) -> float:
        """From end to end, in map pixels."""
        return float(self.x[-1] - self.x[0])


def find_ridges(density: Map, level: Map, scale: Scale, parameters: Parameters) -> list[Ridge]:
    """Return one ridge for each line of text, in no particular order; none on mere texture.

    Args:
        density: Map of the ink.
        level: The same, with its lines laid level.
        scale: Units of the map.
        parameters: Limits.
    """
    response = ridge_response(level, scale)
    strong = response[response > 0.02]
    if not strong.size:
        return []
    unit = scale.unit
    reach = dilated(
        (density > 0.15).astype(np.uint8),
        int(0.5 * unit) | 1,
        int(2 * parameters.reach_u * unit) | 1,
    )
    least = parameters.ridge * percentile(strong, 90)
    ridges = trace(np.asarray(cv2.copyTo(response, reach), np.float32), least, scale.height)
    if len(ridges) > _MOST_RIDGES:
        return []
    joined = join(ridges, unit, scale.slope, parameters.link_u)
    return drop_doubles(joined, scale, parameters.double)


def ridge_response(level: Map, scale: Scale) -> Map:
    """Return the filter's answer on a map that was laid level, sloping as the page does."""
    height = scale.height
    low, high = (sigma * height for sigma in _SIGMA_ACROSS_H)
    across = float(np.clip(_SIGMA_ACROSS_PITCH * scale.pitch, low, high))
    along = _SIGMA_ALONG_U * float(np.clip(scale.pitch / 2.2, height, 1.4 * height))
    reach = int(np.ceil(3.5 * across))
    y = np.arange(-reach, reach + 1)
    column = (1 - y**2 / across**2) * np.exp(-(y**2) / (2 * across**2))
    column -= column.mean()
    column /= np.abs(column).sum() / 2
    thin = max(1, int(along / _LEAST_SIGMA))
    row = cv2.getGaussianKernel(2 * int(np.ceil(2.5 * along / thin)) + 1, along / thin)
    narrow = _narrowed(level, thin)
    answer = cv2.sepFilter2D(narrow, cv2.CV_32F, row, column, borderType=cv2.BORDER_CONSTANT)
    answer = np.maximum(answer, 0, out=answer)
    if thin > 1:
        size = answer.shape[1] * thin, answer.shape[0]
        answer = cv2.resize(answer, size, interpolation=cv2.INTER_LINEAR)[:, : level.shape[1]]
    return sheared(np.asarray(answer, np.float32), scale.slope, back=True)


def _narrowed(values: Map, times: int) -> Map:
    """Average so many columns to one: what will be blurred along the lines needs no more."""
    if times == 1:
        return values
    columns = -values.shape[1] % times
    padded = cv2.copyMakeBorder(values, 0, 0, 0, columns, cv2.BORDER_CONSTANT)
    size = padded.shape[1] // times, padded.shape[0]
    return np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA), np.float32)


def trace(response: Map, level: float, height: float) -> list[Ridge]:
    """Return the connected chains of vertical maxima over ``level``, at least 1 H long."""
    peaks = np.zeros(response.shape, np.uint8)
    middle = response[1:-1]
    peaks[1:-1] = (middle > response[:-2]) & (middle >= response[2:]) & (middle > level)
    labels = labelled(dilated(peaks, 2, 1))
    flat = np.flatnonzero(cv2.transpose(peaks).view(np.bool_))  # column after column
    if not len(flat):
        return []
    xs, ys = np.divmod(flat, len(peaks))
    chain = labels[ys, xs]
    order = np.argsort(chain, kind="stable")
    chain, ys, xs = chain[order], ys[order], xs[order]
    first = np.append(True, (xs[1:] != xs[:-1]) | (chain[1:] != chain[:-1]))
    place = np.cumsum(first) - 1  # a chain's peaks in one column are one
    count = np.bincount(place)
    y = np.bincount(place, ys) / count
    strength = np.bincount(place, response[ys, xs]) / count
    x, chain = xs[first].astype(np.float64), chain[first]
    cuts = np.flatnonzero(chain[1:] != chain[:-1]) + 1
    starts, ends = np.append(0, cuts), np.append(cuts, len(x))
    long = x[ends - 1] - x[starts] >= height
    return [
        Ridge(x[start:end], y[start:end], strength[start:end])
        for start, end in zip(starts[long].tolist(), ends[long].tolist(), strict=True)
    ]


def end_slope(x: Floats, y: Floats, slope: float, height: float, limit: float = 0.12) -> float:
    """Return the slope of a least-squares line, drawn to the page's for short pieces."""
    if len(x) < 2 * height:
        return slope
    trust = min(1.0, len(x) / (6 * height))
    dx = x - x.sum() / len(x)
    own = float(dx @ y) / float(dx @ dx)
    return trust * min(max(own, slope - limit), slope + limit) + (1 - trust) * slope


def join(ridges: list[Ridge], unit: float, slope: float, link_u: float) -> list[Ridge]:
    """Join ridges whose ends foretell each other, the best pairs first."""
    if not ridges:
        return []
    tail = int(6 * unit)
    first_x = np.array([r.x[0] for r in ridges])
    first_y = np.array([r.y[0] for r in ridges])
    last_x = np.array([r.x[-1] for r in ridges])
    last_y = np.array([r.y[-1] for r in ridges])
    at_start = np.array([end_slope(r.x[:tail], r.y[:tail], slope, unit) for r in ridges])
    at_end = np.array([end_slope(r.x[-tail:], r.y[-tail:], slope, unit) for r in ridges])
    gap = first_x[None, :] - last_x[:, None]
    near = (gap >= -_OVERLAP_U * unit) & (gap <= link_u * unit)
    near &= (last_x[None, :] > last_x[:, None]) & (first_x[None, :] > first_x[:, None])
    before, after = np.nonzero(near)
    width = gap[before, after]
    forward = np.abs(last_y[before] + at_end[before] * width - first_y[after])
    backward = np.abs(first_y[after] - at_start[after] * width - last_y[before])
    error = (forward + backward) / 2
    fits = error < 0.45 * unit + 0.04 * np.maximum(width, 0)
    cost = (error + 0.15 * np.maximum(width, -width - _USUAL_OVERLAP_U * unit).clip(0))[fits]
    pairs = zip(before[fits][np.argsort(cost)], after[fits][np.argsort(cost)], strict=True)
    following: dict[int, int] = {}
    taken: set[int] = set()
    for a, b in pairs:
        if int(a) not in following and int(b) not in taken:
            following[int(a)] = int(b)
            taken.add(int(b))
    return [_chain(ridges, i, following) for i in range(len(ridges)) if i not in taken]


def _chain(ridges: list[Ridge], start: int, following: dict[int, int]) -> Ridge:
    parts = [ridges[start]]
    while start in following:
        start = following[start]
        piece, end = ridges[start], parts[-1].x[-1]
        fresh = piece.x > end
        parts.append(Ridge(piece.x[fresh], piece.y[fresh], piece.strength[fresh]))
    return Ridge(
        np.concatenate([p.x for p in parts]),
        np.concatenate([p.y for p in parts]),
        np.concatenate([p.strength for p in parts]),
    )


def distances(ridges: list[Ridge], scale: Scale) -> Floats:
    """Return how far the nearest line over or under each one lies, shape (n,).

    The median over the columns it runs through; infinite where most have no other line.
    """
    if not ridges:
        return np.zeros(0)
    first, last = min(r.x[0] for r in ridges), max(r.x[-1] for r in ridges)
    columns = np.arange(first, last + 1, _SAMPLE_H * scale.height)
    rows = np.array([np.interp(columns, r.x, r.y, np.nan, np.nan) for r in ridges])
    order = np.argsort(rows, axis=0)
    steps = np.diff(np.take_along_axis(rows, order, axis=0), axis=0)
    beyond = np.full((1, len(columns)), np.inf)
    steps = np.vstack([beyond, np.where(np.isnan(steps), np.inf, steps), beyond])
    nearest = np.empty_like(rows)
    np.put_along_axis(nearest, order, np.minimum(steps[:-1], steps[1:]), axis=0)
    runs_there = ~np.isnan(rows)
    return np.array(
        [
            median(own[there]) if there.any() else np.inf
            for own, there in zip(nearest, runs_there, strict=True)
        ]
    )


def measured_again(scale: Scale, ridges: list[Ridge], away: Floats) -> Scale:
    """Return the scale with the usual distance of the lines as found, if that is less.

    Autocorrelation likes twice the pitch, and finds none where lines are few or uneven.

    Args:
        scale: As measured before lines were found.
        ridges: The lines.
        away: Their distances, shape (n,).
    """
    long = np.array([ridge.length > _LONG_H * scale.height for ridge in ridges], bool)
    told = away[long & np.isfinite(away)]
    if len(told) < _FEW:
        return scale
    return replace(scale, pitch=min(scale.pitch, median(told)))


def curve_distance(ax: Floats, ay: Floats, bx: Floats, by: Floats, overhang: float) -> float | None:
    """Return the median |dy| of two curves where both run, or None.

    None if they share, with ``overhang`` at b's ends, less than half of a.
    """
    low, high = max(ax[0], bx[0] - overhang), min(ax[-1], bx[-1] + overhang)
    if high - low < 0.5 * (ax[-1] - ax[0]):
        return None
    x = low + (high - low) * _NINE
    away = np.abs(np.interp(x, ax, ay) - np.interp(x, bx, by))
    away.sort()
    return float(away[4])


def drop_doubles(ridges: list[Ridge], scale: Scale, double: float) -> list[Ridge]:
    """Drop the ridges that ascenders, descenders and accents make beside those of their line.

    A real line is about as strong as its neighbours; a double is weak, the more so the nearer.
    """
    order = sorted(range(len(ridges)), key=lambda i: -ridges[i].mass)
    left = np.array([r.x[0] for r in ridges])
    right = np.array([r.x[-1] for r in ridges])
    top = np.array([r.y.min() for r in ridges])
    bottom = np.array([r.y.max() for r in ridges])
    mean = np.array([float(r.strength.mean()) for r in ridges])
    kept = np.zeros(len(ridges), bool)
    for i in order:
        ridge = ridges[i]
        near = kept & (left <= right[i] + scale.height) & (right >= left[i] - scale.height)
        near &= (top <= bottom[i] + scale.pitch) & (bottom >= top[i] - scale.pitch)
        for k in np.flatnonzero(near):
            other = ridges[k]
            away = curve_distance(ridge.x, ridge.y, other.x, other.y, scale.height)
            if away is None:
                continue
            least = double - _DOUBLE_PER_PITCH * away / scale.pitch
            if away < _SAME_LINE_H * scale.height or mean[i] / mean[k] < least:
                break
        else:
            kept[i] = True
    return [ridge for ridge, keep in zip(ridges, kept, strict=True) if keep]
