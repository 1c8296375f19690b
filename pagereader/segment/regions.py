"""From found lines to the regions of a page, in reading order and in image pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pagereader.document import Line, Points, Region, RegionType
from pagereader.geometry import bounds, rectangle
from pagereader.segment.arrays import Floats
from pagereader.segment.found import FoundLine
from pagereader.segment.initials import first_beside
from pagereader.segment.layout import Block, blocks_of, type_blocks
from pagereader.segment.order import reading_order
from pagereader.segment.outlines import outlines
from pagereader.segment.page import FoundPage
from pagereader.segment.parameters import Parameters


def page_regions(page: FoundPage, parameters: Parameters, split: float | None) -> list[Region]:
    """Return the regions of a page, or of a spread, left page first.

    Args:
        page: Its lines.
        parameters: Limits.
        split: Middle of a spread's fold, in the pixels of ``page.view``; None for one page.
    """
    letters = np.zeros((0, 5), np.int32) if page.letters is None else page.letters.boxes
    polygons = outlines(page.lines, letters, page.height, parameters)
    boxes = page.level_boxes()
    middles = (boxes[:, 0] + boxes[:, 2]) / 2
    halves = [np.ones(len(boxes), bool)]
    if split is not None:
        halves = [middles < split, middles >= split]
    regions: list[Region] = []
    for half in halves:
        for block, kind in _blocks(page, boxes, half):
            regions.append(_region(block, kind, page, polygons))
    return regions + _pictures(page)


def _blocks(
    page: FoundPage, boxes: Floats, half: NDArray[np.bool_]
) -> Iterator[tuple[Block, RegionType]]:
    """Yield the blocks of a page, or of half a spread, in reading order."""
    sizes = np.array([line.height for line in page.lines])
    after = {
        first_beside(i, boxes, page.height): i for i, line in enumerate(page.lines) if line.initial
    }
    chosen = [int(i) for i in np.flatnonzero(half) if i not in after.values()]
    rows = [
        [chosen[i] for i in row] for row in reading_order(boxes[chosen], page.height, page.pitch)
    ]
    blocks = blocks_of(rows, boxes, sizes, page.height, page.pitch, set(after))
    for block, kind in type_blocks(blocks, boxes, sizes, page.height, _level(page)):
        for line in block[0]:
            if line in after:
                yield [[after[line]]], RegionType.DROP_CAPITAL
        yield block, kind


def _region(block: Block, kind: RegionType, page: FoundPage, polygons: list[Points]) -> Region:
    members = [i for row in block for i in row]
    corners = np.vstack([polygons[i] for i in members])
    outline = page.view.to_image(rectangle(*bounds(corners)))
    return Region(outline, kind, [_line(page, page.lines[i], polygons[i]) for i in members])


def _line(page: FoundPage, line: FoundLine, polygon: Points) -> Line:
    return Line(
        polygon=page.view.to_image(polygon),
        baseline=page.view.to_image(line.baseline),
        height=line.height * page.view.magnification,
    )


def _level(page: FoundPage) -> Floats:
    """Left, top, right, bottom of each picture, laid level as the lines are; shape (n, 4)."""
    left, top, width, height = page.pictures.astype(np.float64).T
    down = page.slope * (left + width / 2)
    return np.stack([left, top - down, left + width, top + height - down], axis=1)


def _pictures(page: FoundPage) -> list[Region]:
    corners = [rectangle(x, y, x + w, y + h) for x, y, w, h in page.pictures]
    return [Region(page.view.to_image(corner), RegionType.IMAGE) for corner in corners]
