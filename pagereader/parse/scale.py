"""A page in other units, or of another size, than its image's."""

from __future__ import annotations

import numpy as np

from pagereader.document import Page, Region


def fitted(page: Page, width: int, height: int) -> Page:
    """Change ``page``, in place, to the coordinates of an image of this size; return it.

    For transcriptions made on a larger or smaller copy of the image.
    """
    if page.width and page.height and (page.width, page.height) != (width, height):
        scale_page(page, width / page.width, height / page.height)
    page.width, page.height = width, height
    return page


def scale_page(page: Page, x: float, y: float) -> None:
    """Multiply every coordinate of ``page``, in place."""
    page.width, page.height = round(page.width * x), round(page.height * y)
    factors = np.array([x, y])
    for region in page.regions:
        _scale_region(region, factors)


def _scale_region(region: Region, factors: np.ndarray) -> None:
    region.polygon = region.polygon * factors
    for line in region.lines:
        line.polygon = line.polygon * factors
        line.baseline = line.baseline * factors
        line.height *= float(factors[1])
        for word in line.words:
            word.polygon = word.polygon * factors
    for nested in region.regions:
        _scale_region(nested, factors)
