"""The default segmenter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

import pagereader
from pagereader.document import PageImage, ProcessingStep, Region
from pagereader.options import Options
from pagereader.segment.arrays import Grey
from pagereader.segment.crops import cut_lines
from pagereader.segment.orientation import View, is_sideways, turned, uprightness
from pagereader.segment.page import Draft, FoundPage, draft, find_lines
from pagereader.segment.parameters import Parameters
from pagereader.segment.prepare import working_copy
from pagereader.segment.regions import page_regions
from pagereader.segment.spread import fold
from pagereader.stages import LineCrop, Segmentation

_ON_ITS_HEAD = -0.25  # uprightness under which a page is turned round


@dataclass(frozen=True, slots=True)
class LineSegmenter:
    """Finds lines with OpenCV alone: no weights, no GPU.

    Safe to call from several threads: it holds no state, and leaves OpenCV's own threads, which
    are one setting for the whole process, as they are.

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
        scale = np.diag([image.width / grey.shape[1], image.height / grey.shape[0]])
        view = View(np.column_stack([scale, np.zeros(2)]))
        if self.orientation == "auto":
            degrees, page, split = self._by_looks(grey, view)
        else:
            degrees = int(self.orientation)
            page, split = self._find(grey, view, degrees)
        if not page.lines:
            return Segmentation(orientation=degrees)
        regions = page_regions(page, self.parameters, split)
        slope = math.atan(page.tilt) + math.atan(page.slope)
        return Segmentation(regions, degrees, math.degrees(slope))

    def cut(self, image: PageImage, regions: Sequence[Region]) -> list[LineCrop]:
        """Return one crop for each line of ``regions``, in the order of ``all_lines()``.

        Lines whose outline cannot be followed are cut as plain boxes and get ``Flag.BOXED``.
        """
        return cut_lines(image, [line for region in regions for line in region.all_lines()])

    def describe(self) -> ProcessingStep:
        """Return the step's provenance."""
        settings = (("orientation", self.orientation), ("spread", str(self.spread)))
        return ProcessingStep(
            "segmentation",
            f"pagereader.segment {pagereader.__version__}, OpenCV {cv2.__version__}",
            settings + self.parameters.settings(),
        )

    def _by_looks(self, grey: Grey, view: View) -> tuple[int, FoundPage, float | None]:
        """Decide how the page must be turned, and find its lines.

        Lines that run up or down the page tell quarter turns; feet that stand more evenly than
        tops tell which way is up. Where that is no clear answer (cursive, capitals), the page
        is left as it is: only reading could tell.
        """
        start = draft(grey, view, self.parameters)
        if start is None:
            return 0, FoundPage(view), None
        degrees = 0
        page, split = self._find(grey, view, degrees, start)
        if is_sideways(start.density, start.height * start.factor):
            turned_page, turned_split = self._find(grey, view, 90)
            if turned_page.running_length > page.running_length:  # and not columns of figures
                degrees, page, split = 90, turned_page, turned_split
        limit = 0.0 if degrees else _ON_ITS_HEAD
        if page.lines and uprightness(page.lines, page.height) < limit:
            other, other_split = self._find(grey, view, degrees + 180)
            if len(other.lines) >= 0.8 * len(page.lines):
                return degrees + 180, other, other_split
        return degrees, page, split

    def _find(
        self, grey: Grey, view: View, degrees: int, start: Draft | None = None
    ) -> tuple[FoundPage, float | None]:
        """Turn the page and find its lines, and the middle of its fold if it is a spread.

        ``start`` is the turned page's ink, if that is known already.
        """
        if start is None:
            grey, view = turned(grey, view, degrees)
            start = draft(grey, view, self.parameters)
        if start is None:
            return FoundPage(view), None
        if not self.spread:
            return find_lines(start, self.parameters), None
        between = fold(start.letters.ink, start.height)
        page = find_lines(start, self.parameters, between)
        return page, (between.start + between.stop) / 2
