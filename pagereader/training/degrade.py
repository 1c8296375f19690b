"""What printing, time and scanners do to a line, step by step.

Ink is uint8, shape (height, width), 0 for none to 255 for full; once scaled to scan size it is
cover, float32, 0 to 1. An image is float32 grey, 0 black to 255 white. Every step takes a
generator, so that one seed gives one result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.training.slant import upright

Ink = NDArray[np.uint8]
Cover = NDArray[np.float32]
Move = NDArray[np.float32]
Image = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Rng = np.random.Generator

SCAN_HEIGHTS: tuple[int, ...] = (20, 24, 28, 32, 40, 48, 56)
"""Pixels that a crop is high in the scan."""
LARGE_HEIGHTS: tuple[int, ...] = (28, 32, 40, 48, 56)
"""The same where letters are narrow."""
SMALL_HEIGHTS: tuple[int, ...] = (12, 13, 14, 15, 16, 18)
"""The same in scans of 100 to 200 dpi and of small print."""
SMALL_CAPITALS: tuple[int, ...] = (10, 11, 12, 13, 14, 16)
"""The same where there are no small letters to be lost."""

WIDEST_STRETCH = 2.0
"""Letters are drawn out to at most so many times their width."""

TYPED_PAD = 3
"""Pixels that a typed letter may spread or lean out of its box."""
SWAY = (0.08, 0.03)
"""Spread of the ways that parts of a line go aside and up or down, in its heights."""
SWAY_LENGTH = 0.7
"""From one such part to the next, in heights."""
UPRIGHT = 0.5
"""Share of the varied lines whose slant is undone first: another hand, as it were."""
HIDDEN_WIDTH = (0.08, 0.45)
"""Least and greatest width of a hidden part of a line, in its heights."""
HIDDEN_SHARE = 0.15
"""Share of a line that is hidden at most."""


def chance(rng: Rng, share: float) -> bool:
    """Return True in ``share`` of the calls."""
    return bool(rng.random() < share)


def slant(shape: tuple[int, ...], rng: Rng, spread: float = 0.12) -> Move:
    """Return a shear of the letters and a turn of the line by up to about a degree."""
    height, width = shape[:2]
    shear, turn = rng.normal(0, spread), np.tan(np.deg2rad(rng.normal(0, 0.5)))
    return np.array([[1, shear, -shear * height / 2], [turn, 1, -turn * width / 2]], np.float32)


def moved(ink: Ink, move: Move) -> Ink:
    """Move ink within its picture."""
    return _ink(cv2.warpAffine(ink, move, ink.shape[::-1], flags=cv2.INTER_LINEAR))


def bend(ink: Ink, rng: Rng) -> Ink:
    """Let the line wave a little, as paper does."""
    height, width = ink.shape
    size, start, length = rng.uniform(0.5, 2.5), rng.uniform(0, 6.3), rng.uniform(0.5, 2) * width
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = ys + (size * np.sin(xs / length * 2 * np.pi + start)).astype(np.float32)
    return _ink(cv2.remap(ink, xs, moved, cv2.INTER_LINEAR))


def sway(pixels: Pixels, rng: Rng) -> Pixels:
    """Draw letters wider here and narrower there, higher and lower, as a hand does.

    Random displacements that pass smoothly into each other (elastic distortion, Simard 2003).
    """
    height, width = pixels.shape
    knots = (max(2, round(width / (SWAY_LENGTH * height))), 2)
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    aside, down = (
        cv2.resize(
            (rng.standard_normal(knots[::-1], dtype=np.float32) * np.float32(spread * height)),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        for spread in SWAY
    )
    where = xs + aside, ys + down
    out = cv2.remap(pixels, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


def hide(pixels: Pixels, rng: Rng, ground: int) -> Pixels:
    """Cover some parts of a line with paper, of about a stroke to a letter in width.

    What is gone must be told from what stands around it: hands cannot be learned by heart then
    (masked spans, HTR-VT, Li 2025).
    """
    height, width = pixels.shape
    out, left = pixels.copy(), HIDDEN_SHARE * width * rng.random()
    while left > 0:
        wide = round(rng.uniform(*HIDDEN_WIDTH) * height)
        start = int(rng.integers(max(1, width - wide)))
        out[:, start : start + wide] = ground
        left -= max(1, wide)
    return out


def thicken_or_thin(ink: Ink, rng: Rng) -> Ink:
    """Spread the ink or let it shrink, by two or three pixels."""
    if chance(rng, 0.55):
        size = 2 if chance(rng, 0.7) else 3
        return _ink(cv2.dilate(ink, np.ones((size, size), np.uint8)))
    return _ink(cv2.erode(ink, np.ones((2, 2), np.uint8)))


def patch(cover: Cover, rng: Rng) -> Cover:
    """Let the ink fail in patches."""
    height, width = cover.shape
    grain = int(rng.integers(2, 9))
    coarse = rng.random((max(2, height // grain), max(2, width // grain)), dtype=np.float32)
    noise = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return _image(cover * np.clip(1.25 - np.float32(rng.uniform(0.2, 1.0)) * noise, 0, 1))


def draw_stretch(rng: Rng) -> float:
    """Return how much wider than the font's letters are those of a line."""
    lot = rng.random()
    if lot < 0.6:
        return 1.0
    return float(rng.uniform(0.75, 1.3) if lot < 0.8 else rng.uniform(1.0, 1.7))


def to_scan_size(
    ink: Ink,
    rng: Rng,
    aspect: float = 0.0,
    heights: Sequence[int] = SCAN_HEIGHTS,
    widest: float = WIDEST_STRETCH,
) -> Cover:
    """Scale to one of ``heights``, and to ``aspect`` if ``widest`` times the width allows that."""
    height = heights[int(rng.integers(len(heights)))]
    scale = height / ink.shape[0]
    width = max(4, int(ink.shape[1] * scale))
    if aspect:
        width = max(4, min(int(aspect * height), round(widest * width)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return _image(cv2.resize(ink, (width, height), interpolation=how)) * np.float32(1 / 255)


def typed(letter: Ink, rng: Rng, uneven: float, filled: float, turn: float) -> Ink:
    """Strike a letter as a typewriter does: turned, clogged, stronger on one side than the other.

    Args:
        letter: Its ink.
        rng: Decides.
        uneven: How much the strength of strikes varies, 0 to 1.
        filled: Share of the letters whose counters are clogged with ink.
        turn: Standard deviation of the letters' turn, in degrees.

    Returns:
        Ink with :data:`TYPED_PAD` pixels more on each side.
    """
    height, width = letter.shape
    size = (width + 2 * TYPED_PAD, height + 2 * TYPED_PAD)
    slope = float(np.tan(np.deg2rad(rng.normal(0, turn))))
    matrix = np.array(
        [
            [1, -slope, TYPED_PAD + slope * height / 2],
            [slope, 1, TYPED_PAD - slope * width / 2],
        ],
        np.float32,
    )
    ink = cv2.warpAffine(letter, matrix, size, flags=cv2.INTER_LINEAR)
    if chance(rng, filled):
        kernel = np.ones((int(rng.integers(3, 7)), int(rng.integers(3, 5))), np.uint8)
        closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, kernel)
        ink = cv2.addWeighted(ink, 0.25, closed, 0.75, 0)
    strength = 1 - min(0.5, abs(rng.normal(0, uneven)))
    if chance(rng, 0.6 * uneven):  # the type met the paper with one side first
        far = max(0.3, strength - rng.uniform(0.2, 0.7))
        side = np.linspace(strength, far, size[int(rng.integers(2))], dtype=np.float32)
        side = side[::-1] if chance(rng, 0.5) else side
        ramp = side[None, :] if len(side) == size[0] else side[:, None]
        return _ink(ink * ramp)
    return _ink(cv2.convertScaleAbs(ink, alpha=strength))


def ribbon(ink: Ink, rng: Rng) -> Ink:
    """Let ink run as out of a heavy ribbon: corners round off, narrow gaps close."""
    soft = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.9, 1.8))
    curve = (np.arange(256) - rng.uniform(20, 70)) * rng.uniform(1.5, 3.5)
    return _ink(cv2.LUT(soft, np.clip(curve, 0, 255).astype(np.uint8)))


def dots(ink: Ink, rng: Rng) -> Ink:
    """Print with needles: the ink comes in dots."""
    pitch = int(rng.integers(3, 5))
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * np.arange(pitch) / pitch)
    dot = np.maximum.outer(wave, wave) if chance(rng, 0.4) else np.sqrt(np.outer(wave, wave))
    weakest = rng.uniform(0.2, 0.6)
    tile = (weakest + (1 - weakest) * dot).astype(np.float32)
    spread = cv2.dilate(ink, np.ones((2, 2), np.uint8))
    rows, columns = (-(-length // pitch) for length in ink.shape)
    return _ink(spread * np.tile(tile, (rows, columns))[: ink.shape[0], : ink.shape[1]])


def fade(cover: Cover, rng: Rng) -> Cover:
    """Let ink be fainter in some upright or level bands, as print heads leave it."""
    upright = chance(rng, 0.7)
    length = cover.shape[1] if upright else cover.shape[0]
    at = np.arange(length, dtype=np.float32) / length
    kept = np.ones(length, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        far = (at - rng.random()) / rng.uniform(0.02, 0.2)
        kept *= 1 - np.float32(rng.uniform(0.2, 0.5)) * np.exp(-far * far)
    kept = np.maximum(kept, np.float32(0.4))
    return _image(cover * (kept[None, :] if upright else kept[:, None]))


def dull(image: Image, rng: Rng) -> Image:
    """Photograph in poor light: dark grey on mid grey."""
    light, dark = float(np.percentile(image[:, ::4], 85)), float(image.min())
    contrast = rng.uniform(55, 95) / max(50.0, light - dark)
    return _image((image - light) * contrast + rng.uniform(95, 165))


def bilevel(pixels: Pixels, generous: float = 0.0) -> Pixels:
    """Return black and white only.

    Args:
        pixels: Grey.
        generous: 0 to part them by Otsu's method, towards 1 to leave ever less to the paper, as
            fax machines do: hairlines stay, but letters run together.
    """
    middle, parted = cv2.threshold(pixels, 0, 255, cv2.THRESH_OTSU)
    if generous:
        light = float(np.percentile(pixels, 85))
        middle += generous * max(0.0, light - middle)
        parted = cv2.threshold(pixels, middle, 255, cv2.THRESH_BINARY)[1]
    return np.asarray(parted, np.uint8)


def paper(shape: tuple[int, int], rng: Rng) -> Image:
    """Return paper of some grey, uneven as light and stains make it."""
    height, width = shape
    sheet = np.full(shape, rng.uniform(150, 255), np.float32)
    if chance(rng, 0.6):
        grid = rng.normal(0, 1, (int(rng.integers(2, 5)), int(rng.integers(2, 10))))
        cloud = cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        sheet += cloud * np.float32(rng.uniform(0, 14))
    return sheet


def show_through(sheet: Image, other: Ink, rng: Rng) -> Image:
    """Let the ink of the other side shine through, mirrored."""
    height, width = sheet.shape
    behind = cv2.resize(np.ascontiguousarray(other[:, ::-1]), (width, height))
    return _image(sheet - behind * np.float32(rng.uniform(5, 35) / 255))


def put_on_paper(cover: Cover, sheet: Image, rng: Rng, ruled: float = 0.1) -> Image:
    """Draw ink of some darkness on paper, now and then with a ruled line."""
    ground = float(sheet[::4, ::16].mean())
    dark = rng.uniform(0, min(110.0, max(1.0, ground - 70)))
    image = sheet + (np.float32(dark) - sheet) * cover
    if chance(rng, ruled):
        height, width = image.shape
        y = int(rng.integers(height))
        end = (width, y + int(rng.integers(-2, 3)))
        cv2.line(image, (0, y), end, dark + rng.uniform(0, 60), 1)
    return image


@dataclass(frozen=True, slots=True)
class Scanner:
    """How a line is scanned.

    Attributes:
        blur: Standard deviation at most, in pixels of a crop that is 32 high.
        noise: Standard deviation at most, of 255.
        black_and_white: Share of the scans without grey.
        generous: See :func:`bilevel`; at most.
    """

    blur: float = 1.1
    noise: float = 9.0
    black_and_white: float = 0.12
    generous: float = 0.0


def scan(image: Image, rng: Rng, scanner: Scanner) -> Pixels:
    """Blur, noise, specks, JPEG, and now and then black and white only or a negative."""
    if chance(rng, 0.55):
        blur = rng.uniform(0.3, scanner.blur) * len(image) / 32
        image = _image(cv2.GaussianBlur(image, (0, 0), blur))
    image = image + rng.standard_normal(image.shape, dtype=np.float32) * np.float32(
        rng.uniform(0, scanner.noise)
    )
    if chance(rng, 0.05):
        image = image - 90 * (rng.random(image.shape, dtype=np.float32) < 0.01)
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    if chance(rng, 0.3):
        pixels = jpeg(pixels, int(rng.integers(25, 86)))
    if chance(rng, scanner.black_and_white):
        return bilevel(pixels, rng.uniform(0.4, 1) * scanner.generous)
    if chance(rng, 0.03):
        return 255 - pixels
    return pixels


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Return what is left after compression."""
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def vary_crop(pixels: Pixels, rng: Rng) -> Pixels:
    """Vary a real crop: margins, slant or none, sway, gaps, weight, contrast, blur, noise."""
    height = len(pixels)
    ground = int(np.percentile(pixels, 85))
    top, bottom = (int(rng.uniform(-0.06, 0.12) * height) for _ in range(2))
    left, right = (int(rng.uniform(0, 0.4) * height) for _ in range(2))
    kept: Pixels = pixels[max(0, -top) : height - max(0, -bottom)]
    out = cv2.copyMakeBorder(
        kept, max(0, top), max(0, bottom), left, right, cv2.BORDER_CONSTANT, value=[ground]
    )
    if chance(rng, UPRIGHT):
        out = upright(np.asarray(out, np.uint8))
    if chance(rng, 0.4):
        shear, turn = rng.normal(0, 0.08), rng.normal(0, 0.004)
        matrix = np.array([[1, shear, -shear * height / 2], [turn, 1, 0]], np.float32)
        out = cv2.warpAffine(out, matrix, out.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    if chance(rng, 0.35):
        out = sway(np.asarray(out, np.uint8), rng)
    if chance(rng, 0.4):
        out = hide(np.asarray(out, np.uint8), rng, ground)
    if chance(rng, 0.25):
        change = cv2.erode if chance(rng, 0.5) else cv2.dilate
        out = change(out, np.ones((2, 2), np.uint8))
    image = _image(out)
    if chance(rng, 0.5):
        image = _image((image - ground) * rng.uniform(0.55, 1.1) + ground + rng.uniform(-30, 15))
    if chance(rng, 0.3):
        image = _image(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3) * height / 40))
    if chance(rng, 0.4):
        image = image + rng.standard_normal(image.shape, dtype=np.float32) * rng.uniform(1, 9)
    return np.clip(image, 0, 255).astype(np.uint8)


def _ink(array: NDArray[np.generic]) -> Ink:
    return np.asarray(array, np.uint8)


def _image(array: NDArray[np.generic]) -> Image:
    return np.asarray(array, np.float32)
