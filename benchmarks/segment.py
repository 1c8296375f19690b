"""Speed, memory and accuracy of the segmenter.

    python benchmarks/segment.py PAGES... [--tesseract]
    python benchmarks/segment.py --score ../shared/pages --judge ../shared/judge/judge.py

The first form takes images and folders and reports seconds a page on one core, the image already
decoded, the ratio to Tesseract's whole page in the same run if it is installed, and the most
memory used. The second compares the lines with a set of pages with ground truth, by kind, with
the matching of that set's judge: F1 of the lines, and the CER that the true text of the found
lines gives in our reading order.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
import resource
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from PIL import Image
from rapidfuzz.distance import Levenshtein

from pagereader.document import Line, PageImage, PageSource
from pagereader.segment import LineSegmenter

SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"}


def load(path: Path) -> PageImage:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    return PageImage(pixels, PageSource(str(path)))


def lines_of(image: PageImage) -> list[Line]:
    found = LineSegmenter().segment(image)
    return [line for region in found.regions for line in region.all_lines()]


def images_in(inputs: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in inputs:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found += [p for p in inside if p.suffix.lower() in SUFFIXES]
    return found


def tesseract_seconds(path: Path) -> float:
    """Processor seconds for a whole page, on one thread."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        ["tesseract", str(path), "-", "-l", "eng"],
        env=os.environ | {"OMP_THREAD_LIMIT": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure_speed(paths: list[Path], with_tesseract: bool) -> None:
    cv2.setNumThreads(1)
    ours, cut, lines = [], [], 0
    theirs: list[float] = []
    for path in paths:
        image = load(path)
        start = time.process_time()
        found = LineSegmenter().segment(image)
        middle = time.process_time()
        lines += len(LineSegmenter().cut(image, found.regions))
        ours.append(middle - start)
        cut.append(time.process_time() - middle)
    if with_tesseract:  # after ours, whose pages follow each other as they do in use
        theirs = [tesseract_seconds(path) for path in paths]
    print(f"{len(paths)} pages, {lines} lines, one core, processor seconds")
    print(f"lines found: mean {np.mean(ours):.3f} s, median {np.median(ours):.3f} s a page")
    print(f"             worst {max(ours):.3f} s ({paths[int(np.argmax(ours))].name})")
    print(f"crops cut:   mean {np.mean(cut):.3f} s a page")
    if theirs:
        ratio = np.sum(theirs) / np.sum(ours)
        print(f"tesseract:   mean {np.mean(theirs):.3f} s a page, {ratio:.1f} times as long")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory:      {peak:.0f} MB at most, Python and the page included")


def judge_at(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("judge", path)
    if spec is None or spec.loader is None:
        sys.exit(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules["judge"] = module
    spec.loader.exec_module(module)
    return module


def pairs(judge: Any, truth: list[Any], ours: list[Any]) -> dict[int, int]:
    """Which true line each of ours matches, by the judge's rule, in our order."""
    scored = []
    for i, (true, pitch) in enumerate(zip(truth, judge.pitch(truth), strict=True)):
        for j, line in enumerate(ours):
            away = abs(np.median(true.baseline[:, 1]) - np.median(line.baseline[:, 1]))
            if away > 3 * pitch + 0.06 * np.ptp(true.baseline[:, 0]):
                continue
            tolerance = 0.45 * pitch
            both = judge.covered(true, line, tolerance), judge.covered(line, true, tolerance)
            if min(both) >= 0.7:
                scored.append((min(both) - 0.2 * min(away / pitch, 1.0), i, j))
    matched: dict[int, int] = {}
    for _, i, j in sorted(scored, reverse=True):
        if i not in matched.values() and j not in matched:
            matched[j] = i
    return dict(sorted(matched.items()))


def score(folder: Path, judge: Any) -> None:
    totals: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(5))
    with (folder / "manifest.tsv").open(encoding="utf-8") as manifest:
        rows = list(csv.DictReader(manifest, delimiter="\t"))
    for row in rows:
        if not row["gt_kind"].startswith("PAGE"):
            continue
        truth, _ = judge.read(folder / row["gt"])
        ours = []
        for line in lines_of(load(folder / row["image"])):
            polygon, baseline = np.round(line.polygon), np.round(line.baseline)
            if baseline[0, 0] > baseline[-1, 0]:
                baseline = baseline[::-1]
            ours.append(judge.Line(baseline, judge.from_polygon(polygon)[1], ""))
        matched = pairs(judge, truth, ours)
        expected = judge.fold("\n".join(truth[i].text for i in sorted(matched.values())))
        in_our_order = judge.fold("\n".join(truth[i].text for i in matched.values()))
        errors = Levenshtein.distance(expected, in_our_order)
        values = np.array([len(matched), len(truth), len(ours), errors, len(expected)])
        found = 2 * values[0] / max(1, values[1] + values[2])
        print(f"{found:.3f}\t{errors / max(1, len(expected)):.3f}\t{row['id']}", flush=True)
        collection = f"of {row['source']}"
        for key in (f"{row['language']} {row['script_kind']}", collection, "ALL"):
            totals[key] += values
    print(f"{'kind':44s}lF1\torder CER")
    for key, (hits, true, found, errors, length) in sorted(totals.items()):
        print(f"{key:44s}{2 * hits / max(1, true + found):.3f}\t{errors / max(1, length):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inputs", nargs="*", type=Path, help="images or folders")
    parser.add_argument("--tesseract", action="store_true", help="time it on the same pages")
    parser.add_argument("--every", type=int, default=1, help="take every n-th page")
    parser.add_argument("--score", type=Path, help="folder with manifest.tsv, images and gt")
    parser.add_argument("--judge", type=Path, help="the set's judge.py")
    arguments = parser.parse_args()
    if arguments.score:
        score(
            arguments.score, judge_at(arguments.judge or arguments.score.parent / "judge/judge.py")
        )
        return
    there = shutil.which("tesseract") is not None
    if arguments.tesseract and not there:
        print("tesseract is not installed (apt-get install tesseract-ocr): left out")
    paths = images_in(arguments.inputs)[:: arguments.every]
    if not paths:
        parser.error("no images given")
    measure_speed(paths, arguments.tesseract and there)


if __name__ == "__main__":
    main()
