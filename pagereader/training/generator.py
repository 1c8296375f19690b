"""Draw lines of text and degrade them as real scans are: training data from fonts and text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.training import degrade
from pagereader.training.degrade import Ink, Rng, Scanner, chance
from pagereader.training.fonts import EM, FRAKTUR, HANDS, NARROW, Face
from pagereader.training.hands import draw_hand, written
from pagereader.training.text import TextSource
from pagereader.training.typeset import FAINT, PAD, Drawing, add_neighbour, crop_window, draw

CROP_EMS = 1.1
"""Height of a crop, as drawn on average, in ems."""
MARGIN_EMS = 0.5
"""Left and right margin of a crop together, on average, in ems."""
GENUINE = {True: 4, False: 1}
"""How often a Fraktur font is taken, with the joined letters of German print and without."""
NARROW_FORMS, NARROW_PROSE = 0.4, 0.02
"""Shares of forms and of other lines that are drawn with the faces of receipts."""
CAPITALS = 0.75
"""Letters of prose for one letter in capitals, by width, where widths differ."""
LEAST_PIXELS = 4.5
"""Width of a letter in small print, on average, below which nobody could read it."""
LEAST_X_HEIGHT = 0.37
"""In ems; faces with smaller letters are not scanned at few pixels."""
DULL = Scanner(blur=0.7, noise=6, black_and_white=0)
BOOK = Scanner(blur=0.9, noise=6, black_and_white=0.5, generous=0.1)
SMALL = Scanner(blur=0.9, noise=5, black_and_white=0.4, generous=0.2)
PEN = Scanner(noise=7, black_and_white=0.05)
FAINT_INK = Scanner(blur=0.8, black_and_white=0.04)
"""Scans of what would be lost in a worse one."""
SQUEEZED = 0.7
"""Letters of receipts that keep less of their width are so narrow that none are to spare."""
NARROW_EMS = 0.27
"""Letters narrower than that, on average, are drawn only at many pixels."""
LEAST_EMS, LEAST_SMALL_EMS = 0.2, 0.42
"""Narrowest letters of receipts, on average, at many and at few pixels."""
HAND_EMS = 0.3
"""Narrowest letters of hands, on average."""
TABBED = 0.8
"""What a wide gap leaves for letters."""


@dataclass(frozen=True, slots=True)
class GeneratedLine:
    """A line image with its text.

    Attributes:
        pixels: uint8 grey, shape (10 to 56, width), proportions kept.
        text: What it says.
    """

    pixels: NDArray[np.uint8]
    text: str


@dataclass(frozen=True, slots=True)
class _Look:
    """What kind of print a line is.

    Attributes:
        stretch: How much wider than the font's its letters are.
        receipt: Whether it comes out of a cash register.
        small: Whether it is scanned at few pixels.
        typed: Whether it was written on a typewriter.
        tabbed: Whether there is a wide gap in it.
        fraktur: Whether its letters are broken.
        hand: Whether it is handwriting.
    """

    stretch: float
    receipt: bool
    small: bool
    typed: bool
    tabbed: bool
    fraktur: bool = False
    hand: bool = False


class LineGenerator:
    """Makes line images, each from the seed and its own number.

    Args:
        faces: To draw with; one is drawn by lot for each line. Those of Fraktur, of receipts and
            of hands (:attr:`Face.kind`) draw only the lines of their kind.
        text: Where the texts come from.
        seed: Same seed and number, same line.
    """

    def __init__(self, faces: Sequence[Face], text: TextSource, seed: int = 0) -> None:
        self.faces = list(faces)
        self._fraktur = [f for f in faces if f.kind == FRAKTUR for _ in range(GENUINE[f.joins])]
        self._narrow = [face for face in faces if face.kind == NARROW]
        self._hands = [face for face in faces if face.kind == HANDS]
        special = (FRAKTUR, NARROW, HANDS)
        self._common = [f for f in faces if f.kind not in special] or self.faces
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
            fraktur = bool(self._fraktur) and chance(rng, self.text.mix.fraktur)
            hand = not fraktur and bool(self._hands) and chance(rng, self.text.mix.hands)
            form = not (fraktur or hand) and chance(rng, self.text.mix.forms)
            own = self._fraktur if fraktur else self._hands if hand else []
            face = _any(own, rng) if own else self._face(rng, form)
            look = draw_look(face, form, rng)
            count = letters(face, aspect / look.stretch)
            squeezed = look.receipt and look.stretch < SQUEEZED
            if (
                form and not face.fixed_width and not squeezed
            ):  # mostly capitals, wider than those of prose
                count = max(1, int(CAPITALS * count))
            if look.tabbed:
                count = max(1, int(TABBED * count))
            text = face.only(self._text(look, form)(rng, count))
            if not text:
                continue
            pixels = self._image(text, face, rng, aspect, look)
            if pixels is not None:
                return GeneratedLine(pixels, text)

    def _text(self, look: _Look, form: bool) -> Callable[[Rng, int], str]:
        """Return what draws a line's text."""
        if look.fraktur:
            return self.text.fraktur
        if look.hand:
            return self.text.written
        return self.text.form if form else self.text.draw

    def _face(self, rng: Rng, form: bool) -> Face:
        """Draw a face; forms have those of receipts, or some times as likely fixed widths."""
        if self._narrow and chance(rng, NARROW_FORMS if form else NARROW_PROSE):
            return _any(self._narrow, rng)
        face = _any(self._common, rng)
        for _ in range(3 if form else 0):
            if face.fixed_width:
                break
            face = _any(self._common, rng)
        return face

    def _image(
        self, text: str, face: Face, rng: Rng, aspect: float, look: _Look
    ) -> NDArray[np.uint8] | None:
        ink = self._print(text, face, rng, look)
        if ink is None:
            return None
        heights = degrade.SCAN_HEIGHTS
        if look.small and len(text) * LEAST_PIXELS < aspect * degrade.SMALL_CAPITALS[0]:
            capitals = text.upper() == text
            heights = degrade.SMALL_CAPITALS if capitals else degrade.SMALL_HEIGHTS
        elif look.hand or look.stretch * face.letter_width < NARROW_EMS:
            heights = degrade.LARGE_HEIGHTS
        widest = max(1.0, look.stretch) if look.receipt else degrade.WIDEST_STRETCH
        cover = degrade.to_scan_size(ink, rng, aspect, heights, widest)
        faded = look.receipt and chance(rng, 0.4)
        if faded:
            cover = degrade.fade(cover, rng)
        elif chance(rng, 0.15 if look.small else 0.3):
            cover = degrade.patch(cover, rng)
        sheet = degrade.paper((cover.shape[0], cover.shape[1]), rng)
        if chance(rng, 0.0 if look.small else 0.15):
            behind = draw(face.only(self.text.draw(rng, len(text))) or "x", face, rng)
            sheet = degrade.show_through(sheet, behind.ink, rng)
        image = degrade.put_on_paper(cover, sheet, rng, 0.02 if look.small else 0.1)
        if not faded and chance(rng, 0.5 if look.receipt else 0.02):
            return degrade.scan(degrade.dull(image, rng), rng, DULL)
        if look.small:
            return degrade.scan(image, rng, DULL if faded else SMALL)
        if look.fraktur:
            return degrade.scan(image, rng, BOOK)
        if look.hand:
            return degrade.scan(image, rng, PEN)
        return degrade.scan(image, rng, FAINT_INK if look.typed or look.receipt else Scanner())

    def _print(self, text: str, face: Face, rng: Rng, look: _Look) -> Ink | None:
        """Return the ink of a crop at drawing size, or None if there is none to be seen."""
        drawing = draw(text, face, rng, look.typed, look.tabbed)
        laid = _laid_by_hand(face, rng) if look.hand else _laid(drawing, rng)
        own = ink = laid(drawing)
        if chance(rng, 0.6 if look.hand else 0.35):
            other = draw(face.only(self.text.draw(rng, len(text))) or "x", face, rng)
            ink = add_neighbour(ink, drawing, laid(other), rng)
        if own.max() < FAINT:
            return None
        ink = np.ascontiguousarray(ink[crop_window(own, drawing, rng)])
        if chance(rng, 0.2):
            ink = degrade.bend(ink, rng)
        if look.typed and chance(rng, 0.5):
            return degrade.ribbon(ink, rng)
        if look.receipt and not look.small and chance(rng, 0.35):
            return degrade.dots(ink, rng)
        if look.fraktur and chance(rng, 0.3):
            return degrade.ribbon(ink, rng)
        return degrade.thicken_or_thin(ink, rng) if chance(rng, 0.33) else ink


def _laid(first: Drawing, rng: Rng) -> Callable[[Drawing], Ink]:
    """Return what lays printed lines on a page, all as the first one."""
    move = degrade.slant(first.ink.shape, rng)
    return lambda line: degrade.moved(line.ink, move)


def _laid_by_hand(face: Face, rng: Rng) -> Callable[[Drawing], Ink]:
    """Return what writes lines in one hand."""
    hand, x_height = draw_hand(rng), max(1, face.x_height * EM)
    return lambda line: written(line.ink, PAD + line.ascent, x_height, hand, rng)


def draw_look(face: Face, form: bool, rng: Rng) -> _Look:
    """Draw what kind of print a line is: forms are often receipts, fixed widths mostly typed."""
    if face.kind == FRAKTUR:
        stretch = float(rng.uniform(0.85, 1.25))
        return _Look(stretch, False, False, False, False, fraktur=True)
    if face.kind == HANDS:
        stretch = max(float(rng.uniform(0.9, 1.8)), HAND_EMS / face.letter_width)
        return _Look(stretch, False, False, False, False, hand=True)
    receipt = chance(rng, 0.6 if form else 0.02)
    small = chance(rng, 0.33 if receipt else 0.12) and face.x_height > LEAST_X_HEIGHT
    stretch = degrade.draw_stretch(rng)
    if receipt and chance(rng, 0.8):
        stretch = float(rng.uniform(0.28, 0.55) if chance(rng, 0.65) else rng.uniform(0.55, 0.85))
    narrowest = LEAST_SMALL_EMS if small else LEAST_EMS if receipt else 0.3
    typed = not receipt and chance(rng, 0.75 if face.fixed_width else 0.04)
    tabbed = chance(rng, 0.4 if form else 0.01)
    return _Look(
        max(stretch, min(1.0, narrowest / face.letter_width)), receipt, small, typed, tabbed
    )


def draw_aspect(rng: Rng, widest: float = 20.0) -> float:
    """Return the width over height of a line: mostly long ones, some of them too long."""
    if chance(rng, 0.2):
        return float(rng.uniform(0.06, 0.4) * widest)
    return float(rng.triangular(0.06, 0.75, 1.45) * widest)


def letters(face: Face, aspect: float) -> int:
    """Return about how many letters fill a crop of such an aspect."""
    return max(1, round((CROP_EMS * aspect - MARGIN_EMS) / face.letter_width))


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


def _any(faces: Sequence[Face], rng: Rng) -> Face:
    return faces[int(rng.integers(len(faces)))]
