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
"""Lines that are read both ways."""
WIDE = 12.0
"""Width in heights up to which a longer line tells more."""
SURER = 0.1
"""How much surer the lines must be upside down, as a difference of mean logarithms."""
_LEAST = 1e-3


def stands_on_head(recognizer: Recognizer, crops: Sequence[LineCrop]) -> bool:
    """Whether the lines of a page read better upside down.

    Args:
        recognizer: Reads them; one that gives no confidence leaves all as it is.
        crops: Of the page; its longest lines are read.

    Raises:
        ModelError: if the recogniser does not run.
    """
    telling = sorted(crops, key=_length, reverse=True)[:LINES]
    if not telling:
        return False
    turned = [
        replace(crop, pixels=np.ascontiguousarray(crop.pixels[::-1, ::-1])) for crop in telling
    ]
    readings = recognizer.read([*telling, *turned])
    return _sureness(readings[len(telling) :]) > _sureness(readings[: len(telling)]) + SURER


def _length(crop: LineCrop) -> float:
    height, width = crop.pixels.shape
    return min(WIDE, float(width / max(1, height)))


def _sureness(readings: Sequence[LineReading]) -> float:
    """Mean logarithm of the lines' confidence."""
    return float(np.mean([math.log(max(_LEAST, r.confidence or 0.0)) for r in readings]))
