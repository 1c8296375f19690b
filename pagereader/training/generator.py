"""Draw lines of text and degrade them as real scans are: training data from fonts and text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pagereader.training import degrade
from pagereader.training.degrade import Ink, Rng, chance
from pagereader.training.fonts import SIZES, Face
from pagereader.training.text import TextSource

PAD = 20
"""Pixels around the text while it is drawn."""
FAINT = 0.15
"""Ink below this does not count as the line's extent."""


CROP_EMS = 1.1
"""Height of a crop, as drawn on average, in ems."""
MARGIN_EMS = 0.5
"""Left and right margin of a crop together, on average, in ems."""
SAMPLE = "each of the Letters, as often as in 1850 "


@dataclass(frozen=True, slots=True)
class GeneratedLine:
    """A line image with its text.

    Attributes:
        pixels: uint8 grey, shape (20 to 56, width), proportions kept.
        text: What it says.
    """

    pixels: NDArray[np.uint8]
    text: str


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Ink of a line with its font's measures, in pixels from the drawing's upper edge."""

    ink: Ink
    ascent: int
    descent: int


class LineGenerator:
    """Makes line images, each from the seed and its own number.

    Args:
        faces: To draw with; one is drawn by lot for each line.
        text: Where the texts come from.
        seed: Same seed and number, same line.
    """

    def __init__(self, faces: Sequence[Face], text: TextSource, seed: int = 0) -> None:
        self.faces = list(faces)
        self.text = text
        self.seed = seed

    def lines(self, start: int = 0) -> Iterator[GeneratedLine]:
        """Yield lines without end."""
        while True:
            yield self.line(start)
            start += 1

    def line(self, number: int, aspect: float = 0.0) -> GeneratedLine:
        """Return line ``number``, counted from 0.

        Args:
            number: Of the line.
            aspect: Width over height that it has at most, and mostly about; 0 to leave that to
                the lot.
        """
        rng = np.random.default_rng((self.seed, number))
        aspect = aspect or draw_aspect(rng)
        while True:
            face = self.faces[int(rng.integers(len(self.faces)))]
            font = face.at(SIZES[int(rng.integers(len(SIZES)))])
            stretch = degrade.draw_stretch(rng)
            text = face.only(self.text.draw(rng, letters(font, aspect / stretch)))
            if not text:
                continue
            pixels = self._image(text, face, font, rng, aspect)
            if pixels is not None:
                return GeneratedLine(pixels, text)

    def _image(
        self, text: str, face: Face, font: ImageFont.FreeTypeFont, rng: Rng, aspect: float
    ) -> NDArray[np.uint8] | None:
        drawing = draw(text, font, rng)
        own, ink = drawing.ink, drawing.ink
        if chance(rng, 0.35):
            other = draw(face.only(self.text.draw(rng)) or "x", font, rng)
            ink = add_neighbour(ink, other, rng)
        together = degrade.slant(np.dstack([own, ink]), rng)
        own, ink = together[..., 0], np.ascontiguousarray(together[..., 1])
        if own.max() < FAINT:
            return None
        window = crop_window(own, drawing, rng)
        if chance(rng, 0.2):
            ink = degrade.bend(ink, rng)
        ink = ink[window]
        if chance(rng, 0.33):
            ink = degrade.thicken_or_thin(ink, rng)
        if chance(rng, 0.3):
            ink = degrade.patch(ink, rng)
        ink = degrade.to_scan_size(ink, rng, aspect)
        sheet = degrade.paper((ink.shape[0], ink.shape[1]), rng)
        if chance(rng, 0.15):
            behind = draw(face.only(self.text.draw(rng)) or "x", font, rng)
            sheet = degrade.show_through(sheet, behind.ink, rng)
        return degrade.scan(degrade.put_on_paper(ink, sheet, rng), rng)


def draw_aspect(rng: Rng, widest: float = 20.0) -> float:
    """Return the width over height of a line: mostly long ones, some of them too long."""
    if chance(rng, 0.2):
        return float(rng.uniform(0.06, 0.4) * widest)
    return float(rng.triangular(0.06, 0.75, 1.45) * widest)


def letters(font: ImageFont.FreeTypeFont, aspect: float) -> int:
    """Return about how many letters fill a crop of such an aspect, margins not counted."""
    return max(
        1,
        round((CROP_EMS * aspect - MARGIN_EMS) * font.size * len(SAMPLE) / font.getlength(SAMPLE)),
    )


def draw(text: str, font: ImageFont.FreeTypeFont, rng: Rng) -> _Drawing:
    """Draw a line: as it is, or with uneven word gaps, wobble and letter spacing."""
    ascent, descent = font.getmetrics()
    spacing = _letter_spacing(text, rng)
    width = int(font.getlength(text) * 1.2 + spacing * len(text)) + 2 * PAD + 40
    canvas = Image.new("L", (width, ascent + descent + 2 * PAD), 0)
    pen = ImageDraw.Draw(canvas)
    if spacing == 0 and chance(rng, 0.7):
        pen.text((PAD, PAD), text, font=font, fill=255)
    else:
        _draw_loosely(pen, text, font, spacing, rng)
    ink = np.asarray(canvas, np.float32) * np.float32(1 / 255)
    return _Drawing(ink, ascent, descent)


def add_neighbour(ink: Ink, other: _Drawing, rng: Rng) -> Ink:
    """Let the line above or below reach into the picture, one line pitch away."""
    pitch = int((other.ascent + other.descent) * rng.uniform(0.9, 1.2))
    shift = pitch if chance(rng, 0.5) else -pitch
    height = min(len(ink), len(other.ink))
    rows = height - abs(shift)
    if rows <= 0:
        return ink
    width = min(ink.shape[1], other.ink.shape[1])
    here, there = (shift, 0) if shift > 0 else (0, -shift)
    out = ink.copy()
    target = out[here : here + rows, :width]
    np.maximum(target, other.ink[there : there + rows, :width], out=target)
    return out


def crop_window(own: Ink, drawing: _Drawing, rng: Rng) -> tuple[slice, slice]:
    """Return where a segmenter might cut: tight or loose around the line's own ink."""
    rows = np.flatnonzero(own.max(axis=1) > FAINT)
    columns = np.flatnonzero(own.max(axis=0) > FAINT)
    top, bottom, left, right = rows[0], rows[-1], columns[0], columns[-1]
    size = max(bottom - top, (drawing.ascent + drawing.descent) // 2)
    if chance(rng, 0.5):  # cut by the font's measures rather than by this line's letters
        top = min(top, PAD + int(drawing.ascent * 0.15))
        bottom = max(bottom, PAD + drawing.ascent + int(drawing.descent * 0.7))
    top = max(0, int(top - rng.uniform(-0.03, 0.22) * size))
    bottom = max(top + 8, int(bottom + rng.uniform(-0.03, 0.22) * size) + 1)
    left = max(0, int(left - rng.uniform(-0.02, 0.6) * size))
    right = max(left + 8, int(right + rng.uniform(-0.02, 0.6) * size) + 1)
    return slice(top, bottom), slice(left, right)


def sheet(lines: Sequence[GeneratedLine], width: int = 900) -> NDArray[np.uint8]:
    """Return a picture of lines under each other, cut off at ``width``, to look at."""
    rows = []
    for line in lines:
        row = np.full((line.pixels.shape[0] + 6, width), 255, np.uint8)
        shown = line.pixels[:, : width - 6]
        row[3 : 3 + shown.shape[0], 3 : 3 + shown.shape[1]] = shown
        rows.append(row)
    return np.vstack(rows)


def save_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return the picture as PNG."""
    return bytes(cv2.imencode(".png", pixels)[1])


def _letter_spacing(text: str, rng: Rng) -> float:
    if text.isupper() and chance(rng, 0.3):  # titles are often spaced
        return float(rng.uniform(2, 14))
    if chance(rng, 0.1):
        return float(rng.uniform(0, 3) if chance(rng, 0.5) else rng.uniform(0, 8))
    return 0.0


def _draw_loosely(
    pen: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, spacing: float, rng: Rng
) -> None:
    x, wobble, gap = float(PAD), rng.uniform(0, 0.8), rng.uniform(0.7, 2.0)
    blank = font.getlength(" ")
    for piece in re.split("( )", text):
        if piece == " ":
            x += min(blank * gap * rng.uniform(0.85, 1.15), blank * 1.2 + spacing)
            continue
        letters = piece if spacing else [piece]
        for letter in letters:
            pen.text((x, PAD + rng.normal(0, wobble)), letter, font=font, fill=255)
            x += font.getlength(letter) + spacing
