"""The default segmenter: all the steps, in order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

import pagereader
from pagereader.document import Line, PageImage, ProcessingStep, Region
from pagereader.geometry import bounds, rectangle
from pagereader.options import Options
from pagereader.segment.arrays import Floats, Grey, shrunk
from pagereader.segment.clean import keep_letters
from pagereader.segment.crops import cut_lines
from pagereader.segment.cuts import cut_rows, one_a_line, row_of
from pagereader.segment.found import FoundLine, lines_with_letters
from pagereader.segment.layout import regions_of
from pagereader.segment.lines import find_ridges
from pagereader.segment.order import reading_order
from pagereader.segment.outlines import outlines
from pagereader.segment.parameters import Parameters
from pagereader.segment.prepare import find_ink, working_copy
from pagereader.segment.scale import density_map, letter_height, measure
from pagereader.stages import LineCrop, Segmentation

_RULED = 0.25  # share of a map pixel that a vertical ruling must fill
_DEFAULT_HEIGHT = 16.0  # where too few letters tell


@dataclass(frozen=True, slots=True)
class LineSegmenter:
    """Finds lines with OpenCV alone: no weights, no GPU.

    Attributes:
        orientation: "auto", or the degrees by which pages must be turned clockwise.
        spread: Whether pages are two-page spreads, read left page first.
        parameters: Limits.
    """

    orientation: str = "auto"
    spread: bool = False
    parameters: Parameters = field(default_factory=Parameters)

    @classmethod
    def from_options(cls, options: Options) -> LineSegmenter:
        """Return the segmenter that ``options`` ask for."""
        return cls(options.orientation, options.spread)

    def segment(self, image: PageImage) -> Segmentation:
        """Return regions and lines in reading order; empty for a page without text."""
        grey = working_copy(image, self.parameters.megapixels)
        scale = image.width / grey.shape[1], image.height / grey.shape[0]
        page = _find_lines(grey, self.parameters)
        height, lines = page.height, page.lines
        if not lines:
            return Segmentation()
        slope = page.slope
        boxes, sizes = _level_boxes(lines, slope), np.array([line.height for line in lines])
        rows = reading_order(boxes, height)
        polygons = outlines(lines, height, self.parameters)
        regions = []
        for block in regions_of(rows, boxes, sizes, height):
            members = [
                Line(
                    polygon=polygons[i] * scale,
                    baseline=lines[i].baseline * scale,
                    height=lines[i].height * scale[1],
                )
                for row in block
                for i in row
            ]
            corners = np.vstack([line.polygon for line in members])
            regions.append(Region(rectangle(*bounds(corners)), lines=members))
        return Segmentation(regions, skew=math.degrees(math.atan(slope)))

    def cut(self, image: PageImage, regions: Sequence[Region]) -> list[LineCrop]:
        """Return one crop for each line of ``regions``, in the order of ``all_lines()``."""
        return cut_lines(image, [line for region in regions for line in region.all_lines()])

    def describe(self) -> ProcessingStep:
        """Return the step's provenance."""
        settings = (("orientation", self.orientation), ("spread", str(self.spread)))
        return ProcessingStep(
            "segmentation",
            f"pagereader.segment {pagereader.__version__}, OpenCV {cv2.__version__}",
            settings + self.parameters.settings(),
        )


@dataclass(slots=True)
class _Found:
    """What was found on the working copy of a page, in its pixels.

    Attributes:
        height: Letter height.
        slope: dy/dx of the lines.
        lines: In no particular order.
    """

    height: float
    slope: float = 0.0
    lines: list[FoundLine] = field(default_factory=list)


def _find_lines(grey: Grey, parameters: Parameters) -> _Found:
    ink = find_ink(grey, parameters)
    height = letter_height(ink.text) or _DEFAULT_HEIGHT
    letters = keep_letters(ink, height)
    if not len(letters.boxes):
        return _Found(height)
    density, factor = density_map(letters.ink, height, parameters)
    ruled = (shrunk(letters.vertical, factor) > _RULED).astype(np.float32)
    scale = measure(density, height * factor)
    ridges = find_ridges(density, scale, parameters)
    rows = [row_of(ridge, density, scale, ruled) for ridge in ridges]
    pieces = one_a_line(cut_rows(rows, density, scale, parameters), scale.height)
    lines = lines_with_letters(pieces, letters, height, factor, parameters)
    return _Found(height, scale.slope, lines)


def _level_boxes(lines: list[FoundLine], slope: float) -> Floats:
    """Left, centre y, right, half height of each line, the page laid level."""
    result = np.zeros((len(lines), 4))
    for i, line in enumerate(lines):
        x, y = line.centre.T
        result[i] = x[0], float(np.mean(y - slope * x)), x[-1], line.height / 2
    return result
