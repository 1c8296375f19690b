"""Seconds a page, from the file to PAGE-XML, beside Tesseract on the same pages and one core.

    OMP_NUM_THREADS=1 python benchmarks/pages.py INPUT...

Both read the same images, taken in turn so that a slow moment of the machine hits both. Loading
our model is not counted (a run over an archive does it once); starting Tesseract is, since it
starts anew for every page.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
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
    reader = Reader(Options(jobs=1))
    images = [
        ref.load(reader.options)
        for file in find_inputs(asked.inputs)
        for ref in file.pages(reader.options)
    ]
    reader.read_image(images[0])
    tesseract = shutil.which("tesseract")
    ours = theirs = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number, image in enumerate(images):
            path = Path(folder, f"{number}.png")
            Image.fromarray(image.pixels).save(path)
            start = time.perf_counter()
            page = reader.read_image(image)
            writer("page").render([page], [image_name(page, None)])
            middle = time.perf_counter()
            if tesseract:
                subprocess.run(
                    [tesseract, path, path.with_suffix(""), "-l", asked.language],
                    env=os.environ | {"OMP_THREAD_LIMIT": "1"},
                    check=True,
                    capture_output=True,
                )
            ours += middle - start
            theirs += time.perf_counter() - middle
    print(f"{len(images)} pages: pagereader {ours / len(images):.2f} s a page")
    if tesseract:
        print(f"Tesseract {theirs / len(images):.2f} s a page, {theirs / ours:.1f} times as long")
    else:
        print("Tesseract is not installed here (Debian: tesseract-ocr): no ratio")


if __name__ == "__main__":
    main()
