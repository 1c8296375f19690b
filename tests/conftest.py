"""Fakes that stand in for the slow stages, built as a third party would build them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

# One thread, as archive workers have: with more, products are parted by the number of threads
# and rows, and equal to the bit no longer. Set before torch is imported, and inherited.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
import pytest
from PIL import Image

from pagereader.cli import main
from pagereader.document import PageImage, ProcessingStep, Region
from pagereader.geometry import LineWarp, bounds, points, rectangle
from pagereader.stages import LineCrop, LineReading, Segmentation, WordSpan
from tests.command import Result, Run

SHARED = Path(__file__).parents[2] / "shared"


class BandSegmenter:
    """Finds black bands; fails on a page whose first pixel is ``poison``."""

    def __init__(self, poison: int | None = None) -> None:
        self.poison = poison
        self.seen: list[str] = []

    def segment(self, image: PageImage) -> Segmentation:
        self.seen.append(str(image.source))
        grey = image.grey
        if self.poison is not None and grey[0, 0] == self.poison:
            raise RuntimeError("the segmenter broke")
        dark = np.flatnonzero((grey < 128).mean(axis=1) > 0.1)
        bands = np.split(dark, np.flatnonzero(np.diff(dark) > 1) + 1) if len(dark) else []
        lines = [self._line(grey, band) for band in bands]
        regions = [Region(rectangle(0, 0, image.width, image.height), lines=lines)] if lines else []
        return Segmentation(regions)

    def cut(self, image: PageImage, regions: Sequence[Region]) -> list[LineCrop]:
        crops = []
        for region in regions:
            for line in region.all_lines():
                left, top, right, bottom = (round(v) for v in bounds(line.polygon))
                warp = LineWarp(
                    line.baseline, line.baseline[0, 1] - top, bottom - line.baseline[0, 1]
                )
                crops.append(LineCrop(image.grey[top:bottom, left:right], warp))
        return crops

    def describe(self) -> ProcessingStep:
        return ProcessingStep("segmentation", "bands 1")

    def _line(self, grey: np.ndarray, band: np.ndarray):
        from pagereader.document import Line

        top, bottom = int(band[0]), int(band[-1]) + 1
        columns = np.flatnonzero((grey[top:bottom] < 128).any(axis=0))
        left, right = int(columns[0]), int(columns[-1]) + 1
        return Line(
            rectangle(left, top, right, bottom), points([[left, bottom - 2], [right, bottom - 2]])
        )


class WidthRecognizer:
    """Reads each crop as its width; fails on crops ``broken_width`` wide."""

    def __init__(self, broken_width: int | None = None) -> None:
        self.broken_width = broken_width
        self.batches: list[int] = []

    def read(self, crops: Sequence[LineCrop]) -> list[LineReading]:
        self.batches.append(len(crops))
        return [self._read(crop) for crop in crops]

    def describe(self) -> ProcessingStep:
        return ProcessingStep("recognition", "width 1")

    def _read(self, crop: LineCrop) -> LineReading:
        width = crop.pixels.shape[1]
        if width == self.broken_width:
            raise RuntimeError("the recogniser broke")
        half = width / 2
        words = [WordSpan("wide", 0, half, 0.9), WordSpan(str(width), half, width, 0.8)]
        return LineReading(f"wide {width}", 0.85, words)


@pytest.fixture
def band_page() -> Callable[..., np.ndarray]:
    """Make a white page with black bands of the given widths."""

    def make(*widths: int, first_pixel: int = 255) -> np.ndarray:
        page = np.full((40 * len(widths) + 40, 400), 255, np.uint8)
        for i, width in enumerate(widths):
            page[40 * i + 20 : 40 * i + 40, 20 : 20 + width] = 0
        page[0, 0] = first_pixel
        return page

    return make


@pytest.fixture
def scan(tmp_path: Path, band_page: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """Write a TIFF whose pages have bands of the given widths."""

    def make(name: str, *pages: tuple[int, ...] | np.ndarray) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        images = [Image.fromarray(p if isinstance(p, np.ndarray) else band_page(*p)) for p in pages]
        images[0].save(path, save_all=len(images) > 1, append_images=images[1:]) if len(
            images
        ) > 1 else images[0].save(path)
        return path

    return make


@pytest.fixture
def shared() -> Path:
    """The folder of real pages beside the repository; skips the test where there is none."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside the repository")
    return SHARED


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Run:
    """Call the command line; no error may show a traceback."""

    def call(*args: object) -> Result:
        with pytest.raises(SystemExit) as stop:
            main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Result(int(stop.value.code or 0), out, err)

    return call


@pytest.fixture
def run(command: Run) -> Run:
    """The same; a short name where nothing else runs."""
    return command
