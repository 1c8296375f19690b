"""Small archives, and ways to run them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pagereader.archive import Summary, run_archive
from pagereader.archive.progress import Count, PageReport
from pagereader.options import Options
from pagereader.outputs import OutputPlan
from pagereader.sources import find_inputs
from tests.archive import fakes

FORMATS = ("page", "hocr", "txt", "json")
"""Not "pdf", whose writer has tests of its own and takes its time."""


def page(seed: int, lines: int = 3) -> Image.Image:
    """A small page with some marks, different for each seed."""
    dice = np.random.default_rng(seed)
    pixels = np.full((lines * 40 + 20, 100 + seed % 50), 255, np.uint8)
    for line in range(lines):
        row = pixels[line * 40 + 22 : line * 40 + 36]
        row[:, 5:-5] = np.where(dice.random((14, row.shape[1] - 10)) < 0.4, 0, 255)
    return Image.fromarray(pixels)


def write_pages(path: Path, *seeds: int) -> Path:
    """Write a PNG, or a TIFF of several pages."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = [page(seed) for seed in seeds]
    if others:
        first.save(path, save_all=True, append_images=others)
    else:
        first.save(path)
    return path


class Notes:
    """Remembers what a run said."""

    def __init__(self) -> None:
        self.pages: list[PageReport] = []
        self.remarks: list[str] = []
        self.count = Count()

    def page(self, report: PageReport, count: Count) -> None:
        self.pages.append(report)
        self.count = count

    def say(self, remark: str) -> None:
        self.remarks.append(remark)

    def end(self, summary: Summary) -> None: ...

    def close(self) -> None: ...


Run = Callable[..., tuple[Summary, Notes]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the archive in ``tmp_path/in`` into ``tmp_path/out``."""

    def go(
        source: Path | Sequence[Path] | None = None,
        *,
        out: Path | None = None,
        formats: Sequence[str] = FORMATS,
        workers: Callable[..., object] = fakes.Inline,
        overwrite: bool = False,
        resume: bool = True,
        pages_a_task: int | None = None,
        **settings: object,
    ) -> tuple[Summary, Notes]:
        named = [tmp_path / "in"] if source is None else source
        files = list(find_inputs([named] if isinstance(named, Path) else named, recursive=True))
        notes = Notes()
        summary = run_archive(
            files,
            OutputPlan(f"{out or tmp_path / 'out'}/", formats, files),
            Options.of(**{"recognizer": "null", "jobs": 2, **settings}),
            workers=workers,
            overwrite=overwrite,
            resume=resume,
            pages_a_task=pages_a_task,
            progress=notes,
        )
        return summary, notes

    return go


def tree(folder: Path) -> dict[str, bytes]:
    """All files below ``folder`` but the ledger's own."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".pagereader" not in path.parts
    }


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Six pages in three files and two folders."""
    write_pages(tmp_path / "in/a.png", 1)
    write_pages(tmp_path / "in/deep/er/b.png", 2)
    write_pages(tmp_path / "in/deep/many.tif", 3, 4, 5, 6)
    return tmp_path / "in"
