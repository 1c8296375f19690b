"""The learning rate over a run that has so many hours."""

from __future__ import annotations

import math
import time
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

FLOOR = 0.03
"""The rate falls to this share of its highest."""


class TimedCosine(LRScheduler):
    """A rise and then half a cosine, over hours instead of steps.

    Nobody knows how many steps a machine takes in an hour, least of all one that does other work
    beside; but most of the gain comes while the rate falls, so it must have fallen when the time
    is up. The hours of a run that goes on after an interruption are counted together.

    Args:
        optimizer: Whose rate is set.
        hours: That the whole run has.
        warmup: Share of them in which the rate rises.
    """

    def __init__(self, optimizer: Optimizer, hours: float, warmup: float) -> None:
        self.hours = hours
        self.warmup = warmup
        self._spent_before = 0.0
        self._since = time.monotonic()
        super().__init__(optimizer)

    @property
    def seconds(self) -> float:
        """Seconds that the run has taken so far, over all its parts."""
        return self._spent_before + time.monotonic() - self._since

    @property
    def done(self) -> float:
        """Share of the hours that are over, at most 1."""
        return min(1.0, self.seconds / (self.hours * 3600))

    def get_lr(self) -> list[float | Any]:
        """Return the rate of each group of weights, now."""
        return [base * rate_share(self.done, self.warmup) for base in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"seconds": self.seconds, "last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint: its hours count, those since do not."""
        self._spent_before = float(state_dict["seconds"])
        self._since = time.monotonic()
        self.last_epoch = int(state_dict["last_epoch"])


def rate_share(done: float, warmup: float) -> float:
    """Return the share of the highest rate when ``done`` of the run is over."""
    rise = min(1.0, done / warmup) if warmup else 1.0
    return rise * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done)))
