"""Pages whose pixels are not square, as faxes of 204 x 98 dpi, stretched to be read.

Letters of half their height are not found, let alone read. Coordinates stay those of the page as
it is stored: what was found on the stretched page is brought back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from pagereader.document import Line, Page, PageImage, Points, Region

_UNEVEN, _ABSURD = 1.25, 2.5
"""Ratios of the resolutions: below the first letters look as usual, beyond the second the file is
wrong."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """How many times wider and higher a page became."""

    x: float = 1.0
    y: float = 1.0


def squared(image: PageImage) -> tuple[PageImage, Stretch]:
    """Return a page with square pixels, what is known of it included, and how it was stretched.

    Only the coarser direction is stretched, so that nothing is lost.
    """
    if image.dpi is None:
        return image, Stretch()
    ratio = image.dpi[0] / image.dpi[1]
    if not _UNEVEN <= max(ratio, 1 / ratio) <= _ABSURD:
        return image, Stretch()
    import cv2

    width, height = round(image.width * max(1, 1 / ratio)), round(image.height * max(1, ratio))
    pixels = cv2.resize(image.pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    stretch = Stretch(width / image.width, height / image.height)
    finer = max(image.dpi)
    if image.known is not None:
        scale_regions(image.known.regions, stretch.x, stretch.y)
    return replace(image, pixels=np.asarray(pixels, np.uint8), dpi=(finer, finer)), stretch


def bring_back(page: Page, stretch: Stretch) -> None:
    """Turn a page's coordinates into those of the page before it was stretched."""
    if stretch != Stretch():
        scale_regions(page.regions, 1 / stretch.x, 1 / stretch.y)


def scale_regions(regions: Iterable[Region], x: float, y: float) -> None:
    """Multiply the coordinates of regions and all they hold."""
    for region in regions:
        region.polygon = _scaled(region.polygon, x, y)
        scale_regions(region.regions, x, y)
        for line in region.lines:
            _scale_line(line, x, y)


def _scale_line(line: Line, x: float, y: float) -> None:
    along = np.abs(line.baseline[-1] - line.baseline[0])
    line.height *= y if along[0] >= along[1] else x  # letters stand across the baseline
    line.polygon = _scaled(line.polygon, x, y)
    line.baseline = _scaled(line.baseline, x, y)
    for word in line.words:
        word.polygon = _scaled(word.polygon, x, y)


def _scaled(points: Points, x: float, y: float) -> Points:
    return np.asarray(points * np.array([x, y]), np.float64)
