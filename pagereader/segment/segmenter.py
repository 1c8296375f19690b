"""The default segmenter: all the steps, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

import pagereader
from pagereader.document import Line, PageImage, ProcessingStep, Region
from pagereader.geometry import bounds, rectangle
from pagereader.options import Options
from pagereader.segment.arrays import Grey, shrunk
from pagereader.segment.clean import keep_letters
from pagereader.segment.crops import cut_lines
from pagereader.segment.cuts import cut_rows, one_a_line, row_of
from pagereader.segment.found import FoundLine, lines_with_letters
from pagereader.segment.layout import blocks_of
from pagereader.segment.lines import find_ridges
from pagereader.segment.order import reading_order
from pagereader.segment.outlines import outlines
from pagereader.segment.parameters import Parameters
from pagereader.segment.prepare import find_ink, working_copy
from pagereader.segment.scale import density_map, letter_height, measure
from pagereader.stages import LineCrop, Segmentation

_RULED = 0.25  # share of a map pixel that a vertical ruling must fill


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
        height, lines = _find_lines(grey, self.parameters)
        if not lines:
            return Segmentation()
        polygons = outlines(lines, height, self.parameters)
        blocks = blocks_of(lines, height)
        boxes = np.array(
            [
                np.concatenate(
                    [
                        np.min([lines[i].box[:2] for i in block], axis=0),
                        np.max([lines[i].box[2:] for i in block], axis=0),
                    ]
                )
                for block in blocks
            ]
        )
        regions = []
        for b in reading_order(boxes):
            members = [
                Line(
                    polygon=polygons[i] * scale,
                    baseline=lines[i].baseline * scale,
                    height=lines[i].height * scale[1],
                )
                for i in blocks[b]
            ]
            corners = np.vstack([line.polygon for line in members])
            regions.append(Region(rectangle(*bounds(corners)), lines=members))
        return Segmentation(regions)

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


def _find_lines(grey: Grey, parameters: Parameters) -> tuple[float, list[FoundLine]]:
    """Letter height and lines, in the pixels of ``grey``."""
    ink = find_ink(grey, parameters)
    height = letter_height(ink.text)
    if height is None:
        height = 16.0
    letters = keep_letters(ink, height)
    if not len(letters.boxes):
        return height, []
    density, factor = density_map(letters.ink, height, parameters)
    ruled = (shrunk(letters.vertical, factor) > _RULED).astype(np.float32)
    scale = measure(density, height * factor)
    ridges = find_ridges(density, scale, parameters)
    rows = [row_of(ridge, density, scale, ruled) for ridge in ridges]
    pieces = one_a_line(cut_rows(rows, density, scale, parameters), scale.height)
    return height, lines_with_letters(pieces, letters, height, factor, parameters)
