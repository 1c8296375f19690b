"""Pages with what was found drawn over them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.document import Page, PageImage, Points, Region, RegionType

Colour = tuple[int, int, int]

_REGION: dict[RegionType, Colour] = {
    RegionType.PARAGRAPH: (30, 110, 220),
    RegionType.HEADING: (200, 60, 160),
    RegionType.TABLE: (150, 90, 20),
    RegionType.IMAGE: (120, 120, 120),
    RegionType.SEPARATOR: (120, 120, 120),
    RegionType.MARGINALIA: (20, 150, 150),
}
_OTHER_REGION: Colour = (110, 60, 200)
_BASELINE: Colour = (210, 30, 30)
_POLYGONS: tuple[Colour, Colour] = ((30, 150, 60), (220, 140, 0))
_LARGEST = 4096  # pixels; a drawing is for the eye
_PALE = 0.45  # share of white mixed into the page, so that the drawing stands out


def draw_overlay(image: PageImage, page: Page) -> NDArray[np.uint8]:
    """Draw regions, line polygons, baselines and the reading order over a page.

    Regions are framed by type and numbered, lines are numbered through the page; neighbouring
    lines alternate in colour. Pages over 4096 pixels are drawn smaller.

    Returns:
        RGB values, uint8, shape (height, width, 3).
    """
    factor = min(1.0, _LARGEST / max(image.width, image.height))
    canvas = _pale_copy(image, factor)
    stroke = max(1, round(max(canvas.shape[:2]) / 1200))
    number = 0
    for order, region in enumerate(page.regions, start=1):
        number = _draw_region(canvas, region, factor, stroke, str(order), number)
    return canvas


def _pale_copy(image: PageImage, factor: float) -> NDArray[np.uint8]:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    pixels = image.pixels
    if factor < 1:
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return np.ascontiguousarray(pixels * (1 - _PALE) + 255 * _PALE, np.uint8)


def _draw_region(
    canvas: NDArray[np.uint8], region: Region, factor: float, stroke: int, name: str, number: int
) -> int:
    """Draw a region with its lines and cells; return the number of the last line drawn."""
    colour = _REGION.get(region.type, _OTHER_REGION)
    _polyline(canvas, region.polygon * factor, colour, 2 * stroke, closed=True)
    corner = region.polygon.min(axis=0) * factor
    label = name if region.type is RegionType.PARAGRAPH else f"{name} {region.type.value}"
    _write(canvas, label, corner, colour, 0.55 * stroke)
    for line in region.lines:
        number += 1
        _polyline(canvas, line.polygon * factor, _POLYGONS[number % 2], stroke, closed=True)
        _polyline(canvas, line.baseline * factor, _BASELINE, stroke, closed=False)
        _write(canvas, str(number), line.baseline[0] * factor, _BASELINE, 0.45 * stroke)
    for inner in region.regions:
        number = _draw_region(canvas, inner, factor, stroke, "", number)
    return number


def _polyline(
    canvas: NDArray[np.uint8], curve: Points, colour: Colour, stroke: int, *, closed: bool
) -> None:
    corners = np.clip(np.nan_to_num(curve), -1e6, 1e6).round().astype(np.int32)
    cv2.polylines(canvas, [corners], closed, colour, stroke, cv2.LINE_AA)


def _write(
    canvas: NDArray[np.uint8], text: str, at: NDArray[np.float64], colour: Colour, size: float
) -> None:
    x, y = (int(v) for v in np.clip(np.nan_to_num(at), -1e6, 1e6))
    font, weight = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(2 * size))
    cv2.putText(canvas, text, (x, y), font, size, (255, 255, 255), 3 * weight, cv2.LINE_AA)
    cv2.putText(canvas, text, (x, y), font, size, colour, weight, cv2.LINE_AA)
