"""Made-up pictures for drawn pages: maps, engravings, halftones, ornaments and initials."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.segment.drawn import DrawnPage

Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""
Grey = NDArray[np.float64]

NAMES = ("AYAS", "MARASH", "Tarsus", "BITLIS", "Kara", "SIVAS", "Alep", "VAN", "Bulburt", "ANTAR")


def drawn_map(page: DrawnPage, box: Box, *, frame: bool = True, labels: bool = True) -> None:
    """Coasts, rivers, hatched hills and, at all angles, names."""
    left, top, right, bottom = box
    if frame:
        page.draw.rectangle(box, outline=25, width=3)
    rng = np.random.default_rng(page.seed)
    tile = Image.new("L", (right - left - 8, bottom - top - 8), 245)
    pen = ImageDraw.Draw(tile)
    for i in range((right - left) // 24):
        _walk(pen, rng, tile.size, width=3 if i % 2 else 2, dashed=i % 5 == 4)
    for _ in range(3):
        _hills(pen, rng, tile.size)
    if labels:
        for i in range(14):
            _name(tile, rng, NAMES[i % len(NAMES)], int(page.size * rng.uniform(0.7, 1.3)))
    page.image.paste(tile, (left + 4, top + 4))


def _walk(
    pen: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    size: tuple[int, int],
    width: int,
    dashed: bool,
) -> None:
    """A line that wanders across, as a coast or a border does."""
    at, way = rng.uniform(0, 1, 2) * size, rng.uniform(0, 2 * math.pi)
    points = [tuple(at)]
    for _ in range(int(rng.integers(25, 90))):
        way += rng.normal(0, 0.5)
        at = at + 9 * np.array([math.cos(way), math.sin(way)])
        points.append(tuple(at))
    if not dashed:
        pen.line(points, fill=30, width=width)
        return
    for start, end in zip(points[::2], points[1::2], strict=False):
        pen.line([start, end], fill=30, width=width)


def _hills(pen: ImageDraw.ImageDraw, rng: np.random.Generator, size: tuple[int, int]) -> None:
    """Short strokes side by side along a ridge."""
    at, way = rng.uniform(0.1, 0.9, 2) * size, rng.uniform(-0.5, 0.5)
    for _ in range(50):
        at = at + 6 * np.array([math.cos(way), math.sin(way)])
        way += rng.normal(0, 0.06)
        length = rng.uniform(8, 22)
        end = at + length * np.array([-math.sin(way) + 0.3, math.cos(way)])
        pen.line([tuple(at), tuple(end)], fill=30, width=2)


def _name(tile: Image.Image, rng: np.random.Generator, name: str, size: int) -> None:
    font = ImageFont.load_default(size)
    label = Image.new("L", (int(font.getlength(name)) + 4, int(1.4 * size)), 0)
    ImageDraw.Draw(label).text((2, size), name, font=font, fill=255, anchor="ls")
    label = label.rotate(float(rng.choice([0, 0, 0, 25, -40, 60])), expand=True)
    place = [int(rng.uniform(0, max(1, tile.size[k] - label.size[k]))) for k in (0, 1)]
    tile.paste(30, (place[0], place[1]), label)


def scene(width: int, height: int, seed: int) -> Grey:
    """A made-up view from 0 (black) to 1: sky, hills, a round thing, posts and grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / float(min(width, height))
    grey = 0.85 - 0.3 * y / y.max()
    for k in range(4):
        ridge = (0.3 + 0.15 * k) * y.max() + 0.06 * np.sin(x * rng.uniform(3, 9) + 7 * k)
        grey[y > ridge] = rng.uniform(0.15, 0.75)
    middle, radius = rng.uniform(0.3, 0.6, 2), rng.uniform(0.12, 0.25)
    away = np.hypot(x - middle[0] * x.max(), y - middle[1] * y.max()) / radius
    grey = np.where(away < 1, 0.9 - 0.7 * away**2, grey)
    for at in rng.uniform(0, x.max(), 5):
        post = (np.abs(x - at) < 0.02) & (y > 0.4 * y.max())
        grey[post] = rng.uniform(0, 0.9)
    rough = cv2.GaussianBlur(rng.normal(0, 1, grey.shape), (0, 0), 4)
    return np.clip(grey + 0.6 * rough + rng.normal(0, 0.03, grey.shape), 0, 1)


def halftone(page: DrawnPage, box: Box, cell: float = 6.0) -> None:
    """A photograph printed in dots, in rows at 45 degrees."""
    grey = _scene_of(page, box)
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]]
    u, v = (x + y) * math.pi / cell / math.sqrt(2), (x - y) * math.pi / cell / math.sqrt(2)
    screen = 0.5 + 0.25 * (np.cos(2 * u) + np.cos(2 * v))
    _paste(page, box, np.where(grey < screen, 30.0, 245.0))


def bilevel(page: DrawnPage, box: Box) -> None:
    """A photograph that a fax made black and white."""
    _paste(page, box, np.where(_scene_of(page, box) < 0.5, 20.0, 245.0))


def photograph(page: DrawnPage, box: Box) -> None:
    """A photograph in all greys."""
    _paste(page, box, 20 + 225 * _scene_of(page, box))


def engraving(page: DrawnPage, box: Box, step: float = 7.0) -> None:
    """A view cut in lines that follow its forms and swell where it is dark."""
    grey = cv2.GaussianBlur(_scene_of(page, box), (0, 0), 3)
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]]
    waves = y + 12 * np.sin(x / 60) + 30 * grey
    ink = 0.5 + 0.5 * np.cos(2 * math.pi * waves / step) > 1.1 * grey
    crossed = (0.5 + 0.5 * np.cos(2 * math.pi * (x + 0.4 * y) / step) > 0.5 + grey) & (grey < 0.4)
    _paste(page, box, np.where(ink & (grey < 0.85) | crossed, 30.0, 245.0))


def ornament(page: DrawnPage, middle: float, y: float, width: float) -> None:
    """Scrolls to both sides of a lozenge, as printers set between chapters."""
    t = np.linspace(0, 1, 200)
    for side in (-1, 1):
        for k in range(3):
            turn = 4.5 * math.pi * (1 - t)
            radius = (0.11 - 0.02 * k) * width * (1 - t)
            x = middle + side * (0.16 * width * (k + 0.6) + radius * np.cos(turn))
            points = np.column_stack([x, y + radius * np.sin(turn)])
            page.draw.line([tuple(p) for p in points], fill=30, width=3)
    half = 0.05 * width
    page.draw.polygon(
        [(middle - half, y), (middle, y - half), (middle + half, y), (middle, y + half)], fill=30
    )


def initial(page: DrawnPage, x: float, y: float, side: int, letter: str = "T") -> None:
    """A letter in a square of leaves; x, y is the square's upper left corner."""
    rng = np.random.default_rng(page.seed)
    page.draw.rectangle((x, y, x + side, y + side), outline=30, width=3)
    for _ in range(40):
        cx, cy = rng.uniform(x + 8, x + side - 8), rng.uniform(y + 8, y + side - 8)
        r = rng.uniform(4, 10)
        page.draw.arc(
            (cx - r, cy - r, cx + r, cy + r), rng.uniform(0, 360), rng.uniform(0, 360), 30, 2
        )
    font = ImageFont.load_default(int(0.8 * side))
    page.draw.text((x + side / 2, y + side / 2), letter, font=font, fill=30, anchor="mm")


def _scene_of(page: DrawnPage, box: Box) -> Grey:
    return scene(box[2] - box[0], box[3] - box[1], page.seed)


def _paste(page: DrawnPage, box: Box, values: Grey) -> None:
    page.image.paste(Image.fromarray(values.astype(np.uint8)), box[:2])
