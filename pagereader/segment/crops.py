"""Line crops: cut from the original image, straightened along the baseline, neighbours erased."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.document import Flag, Line, PageImage, Points
from pagereader.geometry import LineWarp, bounds, rectangle
from pagereader.segment.arrays import (
    Floats,
    Grey,
    Mask,
    components,
    dilated,
    kernel,
    long_runs,
    opened,
)
from pagereader.segment.prepare import to_grey
from pagereader.stages import LineCrop

_TALLEST = 192  # crop pixels; no recogniser looks at more
_LONGEST = 16384  # crop pixels; OpenCV cannot sample past 32767
_CORE_H = 0.35  # what is so near to a centre is in the middle of its line
_CENTRE_H = 0.42  # a line's centre lies this far over its baseline
_LEAST_ASCENT_H = 1.0  # the crop reaches so far over the baseline even without ascenders
_LEAST_DESCENT_H = 0.3
_MARGIN_H = 0.25
_RULE_H = 4.0  # a straight stroke this long under the letters is a ruling or an underline
_RULE_IN_LETTERS_H = 16.0  # the same through the letters, where serifs run together in small print
_UNDER_LETTERS_H = 0.2  # under the baseline
_RULE_THICKNESS_H = 0.25


@dataclass(slots=True)
class _Frame:
    """How a line will be cut.

    Attributes:
        warp: Its crop, before it is fitted to the ink.
        height: Letter height in crop pixels.
    """

    warp: LineWarp
    height: float


def cut_lines(image: PageImage, lines: Sequence[Line]) -> list[LineCrop]:
    """Return one crop a line, in the same order.

    A line whose outline cannot be followed is cut as a plain box and flagged ``Flag.BOXED``;
    none is left out.
    """
    grey = to_grey(image.pixels)  # once: the boxes around lines overlap
    frames = [_frame(line) for line in lines]
    boxes = np.array([bounds(line.polygon) for line in lines]).reshape(-1, 4)
    crops = []
    for i, (line, frame) in enumerate(zip(lines, frames, strict=True)):
        crop = None
        if frame is not None:
            around = [lines[k] for k in _beside(boxes, i)]
            crop = _cut(grey, frame, around)
        if crop is None:
            line.flags |= {Flag.BOXED}
            crop = _boxed(grey, line)
        crops.append(crop)
    return crops


def _beside(boxes: Floats, i: int) -> NDArray[np.intp]:
    """Lines whose outlines' boxes touch that of line i."""
    left, top, right, bottom = boxes[i]
    touching = (boxes[:, 0] < right) & (boxes[:, 2] > left)
    touching &= (boxes[:, 1] < bottom) & (boxes[:, 3] > top)
    touching[i] = False
    return np.flatnonzero(touching)


def _frame(line: Line) -> _Frame | None:
    """Return the crop that holds the line's outline, or None if that makes no sense."""
    baseline, polygon = line.baseline, line.polygon
    if len(baseline) < 2 or len(polygon) < 3:
        return None
    if not (np.isfinite(baseline).all() and np.isfinite(polygon).all()):
        return None
    moved = np.concatenate([[True], np.hypot(*np.diff(baseline, axis=0).T) > 1e-6])
    baseline = baseline[moved]
    if len(baseline) < 2:
        return None
    plain = LineWarp(baseline, 0.0, 0.0)
    along, across = plain.to_crop(polygon).T
    length = plain.size[0]
    ascent, descent = max(0.0, -float(across.min())), max(0.0, float(across.max()))
    if ascent < 2 or ascent + descent > 4 * (length + ascent):
        return None
    height = line.height if line.height > 0 else 0.45 * (ascent + descent)
    lead, tail = max(0.0, -float(along.min())), max(0.0, float(along.max()) - length)
    scale = min(1.0, _TALLEST / (ascent + descent), _LONGEST / (length + lead + tail))
    warp = LineWarp(baseline, ascent, max(descent, 0.2 * height), scale, lead, tail)
    return _Frame(warp, height * scale)


def _cut(page: Grey, frame: _Frame, around: Sequence[Line]) -> LineCrop | None:
    pixels = _sample(page, frame.warp)
    if pixels is None:
        return None
    paper = _paper(pixels, frame.height)
    ink = _ink(pixels, paper)
    foreign = _foreign(ink, frame, around)
    own: Mask = ink if foreign is None else ink ^ foreign
    rules = _rules(own, frame)
    if rules is not None:
        foreign = rules if foreign is None else foreign | rules
        own = own ^ rules
    if foreign is not None and foreign.any():
        rim = np.asarray(cv2.subtract(dilated(foreign, 3, 3), dilated(own, 3, 3)), np.uint8)
        cv2.copyTo(paper, foreign | rim, pixels)
    return _fitted(pixels, own, frame)


def _sample(page: Grey, warp: LineWarp) -> Grey | None:
    """Read the crop's pixels; None if it lies off the page."""
    x, y = warp.sampling_maps()
    edge_x, edge_y = x[[0, -1]], y[[0, -1]]
    left, top = max(0, int(edge_x.min()) - 1), max(0, int(edge_y.min()) - 1)
    right = min(page.shape[1], int(edge_x.max()) + 3)
    bottom = min(page.shape[0], int(edge_y.max()) + 3)
    if right - left < 1 or bottom - top < 1 or max(right - left, bottom - top) > 32000:
        return None
    part = page[top:bottom, left:right]
    if warp.scale < 1:  # sampling alone would alias
        sigma = 0.5 / warp.scale - 0.4
        if sigma > 0.2:
            part = np.asarray(cv2.GaussianBlur(part, (0, 0), sigma), np.uint8)
    x -= left
    y -= top
    crop = cv2.remap(part, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def _paper(pixels: Grey, height: float) -> Grey:
    """Local paper colour under and between the letters."""
    size = int(max(3, 1.2 * height)) | 1
    light = cv2.morphologyEx(pixels, cv2.MORPH_CLOSE, kernel(size, size))
    return np.asarray(cv2.blur(light, (size, size)), np.uint8)


def _ink(pixels: Grey, paper: Grey) -> Mask:
    contrast = cv2.subtract(paper, pixels)
    level, _ = cv2.threshold(contrast, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    _, ink = cv2.threshold(contrast, max(10.0, 0.8 * level), 1, cv2.THRESH_BINARY)
    return np.asarray(ink, np.uint8)


def _foreign(ink: Mask, frame: _Frame, around: Sequence[Line]) -> Mask | None:
    """Ink that belongs to other lines; None if there can be none.

    Each pixel lies nearest to one line's centre; a component belongs to the line that most of
    it is nearest to, whole with its descenders. One that runs through the middles of two lines
    is cut between them.
    """
    height, rows = frame.height, len(ink)
    centre = frame.warp.ascent * frame.warp.scale - _CENTRE_H * height
    theirs, core = _territory(ink.shape, frame, centre, around)
    places = _places(theirs & ink)  # what follows asks of ink alone
    if not (len(places) or ink[0].any() or ink[-1].any()):
        return None
    labels, stats = components(ink)
    count, label = len(stats), labels.ravel()
    theirs_of = label[places]
    nearer = np.bincount(theirs_of, minlength=count)
    edge = (stats[:, 1] <= 0) | (stats[:, 1] + stats[:, 3] >= rows)
    edge &= np.abs(_middle(stats) - centre) > 0.8 * height
    first, last = (centre + share * height for share in (-_CORE_H, _CORE_H))
    middle = slice(max(0, int(first) + 1), max(0, math.ceil(last)))
    in_core, both = np.zeros(count, bool), np.zeros(count, bool)
    in_core[labels[middle].ravel()[_places(ink[middle])]] = True
    both[label[_places(core & ink)]] = True
    both &= in_core
    gone = (nearer > 0.5 * stats[:, 4]) | (edge & ~in_core)
    gone &= ~both
    gone[0] = False
    erased = np.zeros_like(ink)
    erased.ravel()[places] = both[theirs_of]
    for k in np.flatnonzero(gone).tolist():
        x, y, w, h, _ = stats[k].tolist()
        box = slice(y, y + h), slice(x, x + w)
        erased[box] |= labels[box] == k
    return erased


def _places(mask: Mask) -> NDArray[np.intp]:
    """Where a mask is set, in the flattened mask."""
    return np.flatnonzero(mask.view(np.bool_))


def _territory(
    shape: tuple[int, ...], frame: _Frame, centre: float, around: Sequence[Line]
) -> tuple[Mask, Mask]:
    """What of a crop lies no farther from another line's centre than from its own.

    Returns:
        That, and what lies in the middle of another line.
    """
    theirs, core = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    near, own = _CORE_H * frame.height, np.float32(centre)
    for curve in _centres_in(frame, around):
        first, last = max(0, int(curve[0, 0])), min(shape[1], int(curve[-1, 0]) + 1)
        if first >= last:
            continue
        at = np.interp(np.arange(first, last), *curve.T).astype(np.float32)
        top, bottom = float(at.min()), float(at.max())
        rows = slice(None)
        if bottom < centre - 1 or top > centre + 1:  # then few rows between them are in doubt
            rows = _rows((top + centre) / 2, (bottom + centre) / 2)
            theirs[slice(rows.start) if bottom < centre else slice(rows.stop, None), first:last] = 1
        theirs[rows, first:last] |= np.abs(y[rows] - at) <= np.abs(y[rows] - own)
        rows = _rows(top - near, bottom + near)
        core[rows, first:last] |= np.abs(y[rows] - at) < near
    return theirs, core


def _rows(first: float, last: float) -> slice:
    """The rows of a crop between two heights, and one more on either side."""
    return slice(max(0, int(first) - 1), max(0, int(last) + 2))


def _middle(stats: NDArray[np.int32]) -> Floats:
    return np.asarray(stats[:, 1] + stats[:, 3] / 2, np.float64)


def _centres_in(frame: _Frame, others: Sequence[Line]) -> Iterator[Points]:
    """Yield the centre curves of other lines in a crop, left to right; none that runs athwart."""
    if not others:
        return
    curves = frame.warp.to_crop(np.concatenate([other.baseline for other in others]))
    ends = np.cumsum([len(other.baseline) for other in others])
    for other, curve in zip(others, np.split(curves, ends[:-1]), strict=True):
        (first_x, first_y), (last_x, last_y) = curve[[0, -1]].tolist()
        if abs(last_x - first_x) >= abs(last_y - first_y):
            curve = curve[curve[:, 0].argsort()]
            curve[:, 1] -= _CENTRE_H * (other.height * frame.warp.scale or frame.height)
            yield curve


def _rules(ink: Mask, frame: _Frame) -> Mask | None:
    """Rulings and underlines, except where strokes of letters cross them; None without any."""
    height = frame.height
    foot = round(frame.warp.ascent * frame.warp.scale + _UNDER_LETTERS_H * height)
    least = np.full(len(ink), int(_RULE_H * height))
    least[: max(0, foot)] = int(_RULE_IN_LETTERS_H * height)
    long = long_runs(dilated(ink, 3, 1), least)
    if not long.any():
        return None
    thickness = max(2, int(_RULE_THICKNESS_H * height))
    long &= 1 - opened(long, thickness + 3, 1)
    crossing = dilated(ink & (1 - long), 3, 1)
    return ink & long & (1 - crossing)


def _fitted(pixels: Grey, ink: Mask, frame: _Frame) -> LineCrop:
    """Take the rows between the line's own highest and lowest ink, with a margin."""
    warp, height = frame.warp, frame.height
    foot = warp.ascent * warp.scale
    per_row = cv2.reduce(ink, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
    written = np.flatnonzero(per_row >= max(1.0, 0.08 * height))
    top, bottom = foot - _LEAST_ASCENT_H * height, foot + _LEAST_DESCENT_H * height
    if len(written):
        top, bottom = min(top, written[0]), max(bottom, written[-1] + 1)
    first = int(min(max(top - _MARGIN_H * height, 0), len(pixels) - 1))
    last = int(min(max(math.ceil(bottom + _MARGIN_H * height), first + 1), len(pixels)))
    fitted = LineWarp(
        warp.baseline,
        warp.ascent - first / warp.scale,
        last / warp.scale - warp.ascent,
        warp.scale,
        warp.lead,
        warp.tail,
    )
    return LineCrop(np.ascontiguousarray(pixels[first:last]), fitted)


def _boxed(page: Grey, line: Line) -> LineCrop:
    """Cut the box around a line's outline, or around its baseline, held to the page."""
    corners = [p for p in (line.polygon, line.baseline) if len(p) and np.isfinite(p).all()]
    outline = np.vstack(corners) if corners else rectangle(0, 0, 1, 1)
    left, top, right, bottom = bounds(outline)
    height, width = page.shape
    left, right = (float(np.clip(v, 0, width)) for v in (np.floor(left), np.ceil(right)))
    top, bottom = (float(np.clip(v, 0, height)) for v in (np.floor(top), np.ceil(bottom)))
    left, top = min(left, width - 1), min(top, height - 1)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    foot = bottom - 0.25 * (bottom - top)
    scale = min(1.0, _TALLEST / (bottom - top), _LONGEST / (right - left))
    baseline = np.array([[left, foot], [right, foot]])
    warp = LineWarp(baseline, foot - top, bottom - foot, scale)
    part = page[int(top) : int(bottom), int(left) : int(right)]
    crop = cv2.resize(part, warp.size, interpolation=cv2.INTER_AREA)
    return LineCrop(np.asarray(crop, np.uint8).reshape(warp.size[::-1]), warp)
