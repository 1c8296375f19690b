"""Pages into regions, lines and crops: OpenCV and numpy only."""

from __future__ import annotations

from pagereader.segment.parameters import Parameters
from pagereader.segment.segmenter import LineSegmenter

__all__ = ["LineSegmenter", "Parameters"]
