"""Seconds a page, from the file to PAGE-XML, beside Tesseract on the same pages and one core.

    OMP_NUM_THREADS=1 python benchmarks/pages.py INPUT...

Both read the same images from disk. Ours reads them in one run, as over any folder, so that the
model is busy with lines of several pages; loading it is not counted (a run over an archive does
it once). Starting Tesseract is, since it starts anew for every page. The whole program is held
to one core where the system can do that.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from pagereader.options import Options
from pagereader.outputs import image_name
from pagereader.pipeline import Reader
from pagereader.sources import find_inputs
from pagereader.write import writer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inputs", nargs="+", help="images, PDFs or folders")
    parser.add_argument("--language", default="eng", help="Tesseract's name of the language")
    asked = parser.parse_args()
    hold_to_one_core()
    reader = Reader(Options(jobs=1))
    with tempfile.TemporaryDirectory() as folder:
        paths = as_png(reader, asked.inputs, Path(folder))
        read(reader, paths[:1])
        ours = seconds(lambda: read(reader, paths)) / len(paths)
        print(f"{len(paths)} pages: pagereader {ours:.2f} s a page", flush=True)
        if not shutil.which("tesseract"):
            print("Tesseract is not installed here (Debian: tesseract-ocr): no ratio")
            return
        theirs = seconds(lambda: tesseract(paths, asked.language)) / len(paths)
    print(f"Tesseract {theirs:.2f} s a page, {theirs / ours:.2f} times as long")


def hold_to_one_core() -> None:
    """Start anew on one core: libraries count the processors when they are loaded."""
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        os.execv(sys.executable, [sys.executable, *sys.argv])


def as_png(reader: Reader, inputs: Sequence[str], folder: Path) -> list[Path]:
    """Write every page of the inputs into a folder."""
    paths = []
    for file in find_inputs(inputs):
        for ref in file.pages(reader.options):
            paths.append(folder / f"{len(paths):04}.png")
            Image.fromarray(ref.load(reader.options).pixels).save(paths[-1])
    return paths


def read(reader: Reader, paths: Sequence[Path]) -> None:
    """Read pages and make PAGE-XML of them."""
    for page in reader.read(*paths):
        writer("page").render([page], [image_name(page, None)])


def tesseract(paths: Sequence[Path], language: str) -> None:
    """Read pages with Tesseract into text."""
    for path in paths:
        subprocess.run(
            ["tesseract", path, path.with_suffix(""), "-l", language],
            env=os.environ | {"OMP_THREAD_LIMIT": "1"},
            check=True,
            capture_output=True,
        )


def seconds(work: Callable[[], None]) -> float:
    """Return how long something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
