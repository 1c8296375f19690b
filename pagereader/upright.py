"""Which way up a page stands, where only reading can tell.

Joined hands and capitals look much the same upside down, to a segmenter; to a recogniser they
are something else: upside down it is unsure of every word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pagereader.stages import LineCrop, LineReading, Recognizer

LINES = 6
"""Lines that are read upside down as well."""
SURE = 0.95
"""Confidence from which on a page stands upright; upside down, capitals still come to 0.9."""
WIDE = 12.0
"""Width in heights up to which a longer line tells more."""
SURER = 0.05
"""How much surer the lines must be upside down, as a difference of mean logarithms."""
_LEAST = 1e-3


def stands_on_head(
    recognizer: Recognizer, crops: Sequence[LineCrop], readings: Sequence[LineReading]
) -> bool:
    """Whether the lines of a page read better upside down.

    Args:
        recognizer: Reads them; one that gives no confidence leaves all as it is.
        crops: Of the page; its longest lines tell.
        readings: Of the crops as they are.

    Raises:
        ModelError: if the recogniser does not run.
    """
    lines = sorted(zip(crops, readings, strict=True), key=lambda line: _length(line[0]))
    telling = lines[-LINES:]
    upright = _sureness([reading for _, reading in telling])
    if not telling or upright > math.log(SURE):
        return False
    turned = [
        replace(crop, pixels=np.ascontiguousarray(crop.pixels[::-1, ::-1])) for crop, _ in telling
    ]
    return _sureness(recognizer.read(turned)) > upright + SURER


def _length(crop: LineCrop) -> float:
    height, width = crop.pixels.shape
    return min(WIDE, float(width / max(1, height)))


def _sureness(readings: Sequence[LineReading]) -> float:
    """Mean logarithm of the lines' confidence."""
    logarithms = [math.log(max(_LEAST, reading.confidence or 0.0)) for reading in readings]
    return float(np.mean(logarithms)) if logarithms else 0.0
