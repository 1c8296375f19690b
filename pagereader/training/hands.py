"""Make the letters of a script font look written: no two alike, leaning, tall next to flat."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.training.degrade import Ink, Rng

Map = NDArray[np.float32]

DRIFT = 6.0
"""Small letters' heights from one place where the writing grows or shrinks to the next."""


@dataclass(frozen=True, slots=True)
class Hand:
    """How somebody writes.

    Attributes:
        lean: Pixels aside for each pixel up, beyond the font's own.
        core: Factor of the height of small letters.
        above: Factor of what reaches above them.
        below: Factor of what hangs below the line.
        pitch: From one displacement of the pen to the next, in heights of small letters.
        aside: Its standard deviation along the line, in the same.
        down: And across it.
        drift: Standard deviation of the size along the line, as a logarithm.
        slope: Pixels down for each pixel along.
    """

    lean: float
    core: float
    above: float
    below: float
    pitch: float
    aside: float
    down: float
    drift: float
    slope: float


def draw_hand(rng: Rng) -> Hand:
    """Draw somebody's way to write, from copybook to haste."""
    haste = rng.random()
    return Hand(
        lean=float(rng.normal(0.12, 0.2)),
        core=float(rng.uniform(0.5, 1.05)),
        above=float(rng.uniform(0.75, 1.1)),
        below=float(rng.uniform(0.75, 1.2)),
        pitch=float(rng.uniform(0.9, 2.5)),
        aside=float(rng.uniform(0.03, 0.08 + 0.2 * haste)),
        down=float(rng.uniform(0.03, 0.06 + 0.1 * haste)),
        drift=float(rng.uniform(0.0, 0.05 + 0.13 * haste)),
        slope=float(rng.normal(0, 0.012)),
    )


def written(ink: Ink, baseline: int, x_height: float, hand: Hand, rng: Rng) -> Ink:
    """Write what a font has drawn.

    Displacements that pass smoothly into each other (elastic distortion, Simard 2003), after
    letters were stretched by zones, as hands differ in them.

    Args:
        ink: Of a line, shape (height, width).
        baseline: Its row.
        x_height: Of the font's small letters, in pixels; at least 1.
        hand: How it is written.
        rng: Decides about each letter.

    Returns:
        Ink of the same shape.
    """
    height, width = ink.shape
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    size = np.exp(hand.drift * _wave((1, width), DRIFT * x_height, 1, rng))
    up = (baseline - ys + hand.slope * (xs - width / 2)) / size
    core = hand.core * x_height
    source = np.where(
        up > core,
        x_height + (up - core) / np.float32(hand.above),
        up / np.float32(hand.core),
    )
    source = np.where(up < 0, up / np.float32(hand.below), source)
    aside, down = (
        np.float32(spread * x_height) * _wave(ink.shape, hand.pitch * x_height, 3, rng)
        for spread in (hand.aside, hand.down)
    )
    columns = (xs - np.float32(hand.lean) * up + aside).astype(np.float32)
    rows = (baseline - source + down).astype(np.float32)
    return np.asarray(cv2.remap(ink, columns, rows, cv2.INTER_LINEAR), np.uint8)


def _wave(shape: tuple[int, ...], pitch: float, rows: int, rng: Rng) -> Map:
    """Return smooth noise of about unit variance that changes every ``pitch`` columns."""
    height, width = shape
    knots = rng.standard_normal((rows, max(2, round(width / pitch))), dtype=np.float32)
    return np.asarray(cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
