"""How well word boxes fit on generated lines whose words' places are known to the pixel.

python benchmarks/words.py [--model FOLDER] [--lines N]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pagereader.geometry import LineWarp, points
from pagereader.options import Options
from pagereader.recognize import TrOCRRecognizer
from pagereader.stages import LineCrop, LineReading

TEXT = (
    "It was the best of times and the worst of times, so far as anyone in the village could "
    "remember; the letters of 1848 were kept in a box under the stairs, and nobody opened it "
    "until the spring. Mr. Alder paid 27 shillings for the clock (a bargain, he said) and wrote "
    "to his sister in Bath on Tuesday. We found, among other papers, a map of the old harbour"
)


@dataclass(frozen=True)
class TrueLine:
    """A generated line: its crop, its words, and the columns of their ink."""

    pixels: np.ndarray
    words: list[str]
    spans: list[tuple[int, int]]


def generate(seed: int, count: int | None = None) -> TrueLine:
    """Draw a line of ``count`` words (3 to 11), spaced and smudged by chance."""
    random = np.random.default_rng(seed)
    text = TEXT.split()
    start = int(random.integers(0, len(text) - 12))
    words = text[start : start + (count or int(random.integers(3, 12)))]
    size = int(random.integers(22, 44))
    font = ImageFont.load_default(size=size)
    space = font.getlength(" ") * random.uniform(0.9, 1.8)
    x, places = float(random.uniform(2, 20)), []
    for word in words:
        places.append(round(x))
        x += font.getlength(word) + space
    canvas = np.full((round(1.5 * size), round(x + random.uniform(0, 12))), 0.0)
    spans = []
    for word, place in zip(words, places, strict=True):
        layer = Image.new("L", canvas.shape[::-1], 0)
        ImageDraw.Draw(layer).text((place, 0.12 * size), word, fill=255, font=font)
        ink = np.asarray(layer, np.float32)
        columns = np.flatnonzero(ink.max(axis=0) > 64)
        spans.append((int(columns[0]), int(columns[-1]) + 1))
        canvas = np.maximum(canvas, ink)
    paper = random.uniform(200, 250)
    grey = paper - canvas / 255 * random.uniform(90, 190)
    grey += random.normal(0, random.uniform(1, 6), grey.shape)
    return TrueLine(grey.clip(0, 255).astype(np.uint8), words, spans)


def overlap(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return intersection over union of two spans."""
    shared = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return shared / (max(a[1], b[1]) - min(a[0], b[0]))


def fits(line: TrueLine, reading: LineReading) -> list[float]:
    """Return each true word's overlap with the word that was read in its place.

    Words are paired by their order where their number is right; otherwise each true word with
    the read word that overlaps it most, so that reading errors do not hide box errors.
    """
    found = [(word.start, word.end) for word in reading.words]
    if len(found) == len(line.spans):
        return [overlap(a, b) for a, b in zip(line.spans, found, strict=True)]
    return [max((overlap(span, other) for other in found), default=0.0) for span in line.spans]


def whole_crop(pixels: np.ndarray) -> LineCrop:
    """Wrap pixels whose page is the crop itself."""
    height, width = pixels.shape
    baseline = points([[0, 0.75 * height], [width, 0.75 * height]])
    return LineCrop(pixels, LineWarp(baseline, 0.75 * height, 0.25 * height))


def main() -> None:
    """Print the distribution of overlaps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=Options().model)
    parser.add_argument("--lines", type=int, default=100)
    arguments = parser.parse_args()
    lines = [generate(seed) for seed in range(arguments.lines)]
    reader = TrOCRRecognizer.from_options(Options(model=arguments.model))
    readings = reader.read([whole_crop(line.pixels) for line in lines])
    values = np.array([v for line, r in zip(lines, readings, strict=True) for v in fits(line, r)])
    right = np.mean([r.text == " ".join(t.words) for t, r in zip(lines, readings, strict=True)])
    print(f"{len(lines)} lines ({right:.0%} read without an error), {len(values)} words")
    print(f"overlap: median {np.median(values):.3f}, mean {values.mean():.3f}")
    for share in (5, 10, 25):
        print(f"  {share} % of the words are below {np.percentile(values, share):.3f}")


if __name__ == "__main__":
    main()
