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
from pagereader.segment.arrays import Grey, resized
from pagereader.segment.crops import cut_lines
from pagereader.segment.look import Look, first_look
from pagereader.segment.negatives import as_positive
from pagereader.segment.orientation import View, levelled, turned, uprightness
from pagereader.segment.page import Draft, FoundPage, draft, find_lines
from pagereader.segment.parameters import Parameters
from pagereader.segment.prepare import working_copy
from pagereader.segment.regions import page_regions
from pagereader.segment.spread import fold
from pagereader.stages import LineCrop, Segmentation

_ON_ITS_HEAD = -0.25  # uprightness under which a page is turned round
_UNCERTAIN = 0.3  # less than this, either way, does not tell for certain
_SAME_SIZE = 0.7  # letters on a smaller copy must be this share of what they should be


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
        grey, factor = working_copy(as_positive(image), self.parameters.megapixels)
        view = View(np.eye(2, 3)).shrunk(factor)
        uncertain = False
        if self.orientation == "auto":
            degrees, page, split, uncertain = self._by_looks(grey, view)
        else:
            degrees = int(self.orientation)
            page, split = self._find_turned(grey, view, degrees)
        if not page.lines:
            return Segmentation(orientation=degrees)
        regions = page_regions(page, self.parameters, split)
        slope = math.atan(page.tilt) + math.atan(page.slope)
        return Segmentation(regions, degrees, math.degrees(slope), uncertain)

    def cut(self, image: PageImage, regions: Sequence[Region]) -> list[LineCrop]:
        """Return one crop for each line of ``regions``, in the order of ``all_lines()``.

        Lines whose outline cannot be followed are cut as plain boxes and get ``Flag.BOXED``.
        """
        return cut_lines(
            as_positive(image), [line for region in regions for line in region.all_lines()]
        )

    def describe(self) -> ProcessingStep:
        """Return the step's provenance."""
        settings = (("orientation", self.orientation), ("spread", str(self.spread)))
        return ProcessingStep(
            "segmentation",
            f"pagereader.segment {pagereader.__version__}, OpenCV {cv2.__version__}",
            settings + self.parameters.settings(),
        )

    def _by_looks(self, grey: Grey, view: View) -> tuple[int, FoundPage, float | None, bool]:
        """Decide how the page must be turned, and find its lines.

        Lines that run up or down the page tell quarter turns; feet that stand more evenly than
        tops tell which way is up. Where that is no clear answer (cursive, capitals), the page
        is left as it is: only reading can tell.

        Returns:
            Degrees clockwise, the page, the middle of its fold, and whether up may be down.
        """
        look = first_look(grey, self.parameters)
        degrees = 0
        page, split = self._find(grey, view, look)
        if look is not None and look.is_sideways:
            turned_page, turned_split = self._find_turned(grey, view, 90)
            if turned_page.runs_better_than(page):  # and not columns of figures
                degrees, page, split = 90, turned_page, turned_split
        limit = 0.0 if degrees else _ON_ITS_HEAD
        up = uprightness(page.lines, page.height)
        uncertain = abs(up) < _UNCERTAIN
        if page.lines and up < limit:
            other, other_split = self._find_turned(grey, view, degrees + 180)
            if len(other.lines) >= 0.8 * len(page.lines):
                return degrees + 180, other, other_split, uncertain
        return degrees, page, split, uncertain

    def _find_turned(self, grey: Grey, view: View, degrees: int) -> tuple[FoundPage, float | None]:
        """Turn the page and find its lines."""
        grey, view = turned(grey, view, degrees)
        return self._find(grey, view, first_look(grey, self.parameters))

    def _find(self, grey: Grey, view: View, look: Look | None) -> tuple[FoundPage, float | None]:
        """Find the lines of an upright page, and the middle of its fold if it is a spread."""
        tilt = look.tilt if look is not None and not self.spread else 0.0
        start, factor = None, 1.0 if look is None else look.fitting(grey.size)
        if look is not None and factor < 1:
            start = self._draft(resized(grey, factor), view.shrunk(factor), tilt)
            if start is not None and start.height < _SAME_SIZE * factor * look.height:
                start = None  # grain, which looks alike at any size
        if start is None:
            start = self._draft(grey, view, tilt)
        if start is None:
            return FoundPage(view), None
        if self.spread:
            between = fold(start.letters.ink, start.height)
            page = find_lines(start, self.parameters, between)
            return page, (between.start + between.stop) / 2
        page = find_lines(start, self.parameters)
        page.tilt = tilt
        return page, None

    def _draft(self, grey: Grey, view: View, tilt: float) -> Draft | None:
        """Lay a page of sloping lines level, and find its ink."""
        if not tilt:
            return draft(grey, view, self.parameters)
        grey, view, canvas = levelled(grey, view, tilt)
        return draft(grey, view, self.parameters, canvas)
