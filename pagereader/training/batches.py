"""Which lines go into one step: those of like width, as many as fill it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from torch.utils.data import Sampler

MOST = 8
"""Narrow lines are put together up to this many times the lines of full width."""


class Order(NamedTuple):
    """A line that is wanted from the dataset. Nothing else decides how it comes out.

    Attributes:
        number: Of the line.
        lot: Seed of its variation.
        aspect: Width over height that it is to have; 0 for as it is.
        width: Columns of the model's image that it is padded to.
    """

    number: int
    lot: int
    aspect: float
    width: int


class Plans(Protocol):
    """Something that can say which lines one pass has."""

    def plan(self, rng: np.random.Generator) -> list[Order]:
        """Return the lines of one pass, in any order."""


class WidthBatches(Sampler[list[Order]]):
    """Batches of about constant area, in random order, anew in every epoch.

    A step costs what its widest line costs times its lines; so lines of like width share one,
    and narrow lines come in bigger batches. Depends on seed and epoch alone: workers and
    interruptions change nothing.

    Args:
        lines: Say what there is.
        size: Lines of full width in a batch.
        full: Width of the model's image.
        seed: Decides order and variation.
        processes: That share the batches; their number becomes a multiple of this.
    """

    def __init__(
        self, lines: Plans, size: int, full: int, seed: int = 0, processes: int = 1
    ) -> None:
        self.lines = lines
        self.size = size
        self.full = full
        self.seed = seed
        self.processes = processes
        self.epoch = 0
        self._length = -(-len(self._batches(0)) // processes) * processes

    def set_epoch(self, epoch: int) -> None:
        """Choose the pass."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[list[Order]]:
        """Yield as many batches as in every other epoch."""
        batches = self._batches(self.epoch)
        for number in range(self._length):
            yield batches[number % len(batches)]

    def _batches(self, epoch: int) -> list[list[Order]]:
        rng = np.random.default_rng((self.seed, epoch))
        orders = self.lines.plan(rng)
        widths = np.array([order.width for order in orders])
        sizes = np.minimum(MOST * self.size, self.size * self.full // widths)
        batches = cut(np.lexsort((rng.random(len(orders)), widths)), sizes)
        return [[orders[i] for i in batches[b]] for b in rng.permutation(len(batches))]


def cut(order: Sequence[int] | np.ndarray, sizes: np.ndarray) -> list[list[int]]:
    """Cut lines sorted by width where one more would be too many.

    Args:
        order: Numbers of the lines, the narrowest first.
        sizes: For each line, how many of its width make a batch.
    """
    batches: list[list[int]] = [[]]
    for number in order:
        if len(batches[-1]) >= sizes[number]:
            batches.append([])
        batches[-1].append(int(number))
    return batches
