"""Set the letters of a line side by side, as type, a typewriter or a pen leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pagereader.training import degrade
from pagereader.training.degrade import TYPED_PAD, Ink, Rng, chance
from pagereader.training.fonts import Face, Glyph

PAD = 20
"""Pixels around the text while it is drawn."""
FAINT = 38
"""Ink, of 255, below this does not count as the line's extent."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Ink of a line with its font's measures, in pixels from the drawing's upper edge."""

    ink: Ink
    ascent: int
    descent: int


@dataclass(frozen=True, slots=True)
class _Setting:
    """How regularly a line is set: letter spacing, factor of word gaps, wobble (pixels)."""

    spacing: float = 0.0
    gap: float = 1.0
    wobble: float = 0.0


def draw(text: str, face: Face, rng: Rng, typed: bool = False, tabbed: bool = False) -> Drawing:
    """Draw a line: as it is, or with uneven word gaps, wobble and letter spacing.

    Args:
        text: What it says.
        face: To draw with.
        rng: Decides.
        typed: Strike each letter as a typewriter does.
        tabbed: Leave a wide gap before the last word or after a label.
    """
    ascent, descent = face.metrics
    setting = _setting(text, rng)
    tab, leap = _tab(text, rng) if tabbed else (-1, 0.0)
    pens, pen = [], float(PAD)
    wobble = 0.0
    for place, character in enumerate(face.joined(text)):
        glyph = face.glyph(character)
        if character == " ":
            wobble = rng.normal(0, setting.wobble) if setting.wobble else 0.0
            pen += (
                glyph.advance * setting.gap * (rng.uniform(0.85, 1.15) if setting.wobble else 1.0)
            )
            pen += leap * glyph.advance if place == tab else 0.0
            continue
        pens.append((glyph, round(pen) + glyph.left, PAD + ascent + glyph.top + round(wobble)))
        pen += glyph.advance + setting.spacing
    ink = np.zeros((ascent + descent + 2 * PAD, int(pen) + PAD + ascent), np.uint8)
    if typed:
        type_letters(ink, pens, rng)
    else:
        for glyph, left, top in pens:
            strike(ink, glyph.ink, left, top)
    return Drawing(ink, ascent, descent)


def type_letters(ink: Ink, pens: Sequence[tuple[Glyph, int, int]], rng: Rng) -> None:
    """Strike letters one by one, none quite on the baseline nor as hard as the last.

    Args:
        ink: Of the line, drawn into.
        pens: Letters with the left and upper edge of their ink.
        rng: Decides how well kept the machine is, then about each letter.
    """
    uneven, filled = float(rng.uniform(0, 0.35)), float(rng.uniform(-0.3, 0.8))
    slip, turn = float(rng.uniform(0, 1.6)), float(rng.uniform(0, 2.0))
    for glyph, left, top in pens:
        if not glyph.ink.size:
            continue
        letter = degrade.typed(glyph.ink, rng, uneven, filled, turn)
        aside, down = (round(off) for off in rng.normal(0, slip, 2))
        strike(ink, letter, left - TYPED_PAD + aside // 2, top - TYPED_PAD + down)


def strike(ink: Ink, letter: Ink, left: int, top: int) -> None:
    """Draw a letter into a line; what lies outside is lost."""
    from_left, from_top = max(0, -left), max(0, -top)
    part = letter[from_top:, from_left:]
    place = ink[top + from_top :, left + from_left :][: part.shape[0], : part.shape[1]]
    np.maximum(place, part[: place.shape[0], : place.shape[1]], out=place)


def add_neighbour(ink: Ink, drawing: Drawing, other: Ink, rng: Rng) -> Ink:
    """Let the line above or below reach into the picture, one line pitch away."""
    pitch = int((drawing.ascent + drawing.descent) * rng.uniform(0.9, 1.2))
    out = ink.copy()
    strike(out, other, 0, pitch if chance(rng, 0.5) else -pitch)
    return out


def crop_window(own: Ink, drawing: Drawing, rng: Rng) -> tuple[slice, slice]:
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


def _tab(text: str, rng: Rng) -> tuple[int, float]:
    """Return which blank is a wide gap, and how many blanks wider than others it is."""
    after_label = text.find(": ") + 1
    place = after_label if after_label > 0 and chance(rng, 0.5) else text.rfind(" ")
    return place, float(rng.uniform(1, max(2.0, 0.5 * min(24, len(text)))))


def _setting(text: str, rng: Rng) -> _Setting:
    spacing = 0.0
    if text.isupper() and chance(rng, 0.3):  # titles are often spaced
        spacing = float(rng.uniform(2, 14))
    elif chance(rng, 0.1):
        spacing = float(rng.uniform(0, 3) if chance(rng, 0.5) else rng.uniform(0, 8))
    if spacing == 0 and chance(rng, 0.7):
        return _Setting()
    return _Setting(spacing, float(rng.uniform(0.7, 2.0)), float(rng.uniform(0.01, 0.8)))
