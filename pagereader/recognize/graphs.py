"""CUDA graphs: a step's kernels recorded once and started again with a single call.

A step of trocr-base is some 200 kernels, and to start them one by one takes the host longer than
a GPU needs to compute them for a few hundred lines. Not measured: no GPU was at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import torch

from pagereader.log import logger
from pagereader.recognize.batching import is_out_of_memory

RECORD_AFTER = 24
"""Steps of one shape that are computed as they are: short work is done before recording pays,
and a library's first call may do what cannot be recorded."""


class Eager:
    """Runs every step as it is, where there are no graphs."""

    def run(self, shape: Hashable, step: Callable[[], None]) -> None:
        """Run a step."""
        del shape
        step()

    def clear(self) -> None:
        """Nothing is kept."""


class Recorder:
    """Runs steps, and those of a shape that keeps coming from a recording.

    Args:
        record: Records a step without running it, and returns what runs it.
    """

    def __init__(self, record: Callable[[Callable[[], None]], Callable[[], None]]) -> None:
        self._record = record
        self._recorded: dict[Hashable, Callable[[], None]] = {}
        self._seen: dict[Hashable, int] = {}
        self._works = True

    def run(self, shape: Hashable, step: Callable[[], None]) -> None:
        """Run a step; all steps of one shape must compute on the same memory.

        Raises:
            Exception: what the step raises; a step that cannot be recorded is run as it is.
        """
        self._seen[shape] = self._seen.get(shape, 0) + 1
        if self._works and shape not in self._recorded and self._seen[shape] > RECORD_AFTER:
            self._try(shape, step)
        self._recorded.get(shape, step)()

    def clear(self) -> None:
        """Forget all recordings, since their memory goes."""
        self._recorded.clear()
        self._seen.clear()

    def _try(self, shape: Hashable, step: Callable[[], None]) -> None:
        try:
            self._recorded[shape] = self._record(step)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            self._works = False
            reason = str(error).strip().split("\n")[0]
            logger.warning("the GPU's steps cannot be recorded, so it is slower: %s", reason)


class CudaGraphs:
    """Records with CUDA; all recordings share one pool of memory, for one runs at a time."""

    def __init__(self) -> None:
        self._pool: Any = None

    def __call__(self, step: Callable[[], None]) -> Callable[[], None]:
        """Record a step without running it.

        Raises:
            RuntimeError: if it does what cannot be recorded.
        """
        graph = torch.cuda.CUDAGraph()
        # Other threads may copy to the GPU meanwhile.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            step()
        self._pool = graph.pool()
        return graph.replay
