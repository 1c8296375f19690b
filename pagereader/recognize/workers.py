"""Use all cores without the number of cores showing in the results.

torch parts one product among threads, and where it cuts decides the last digits: the same line
would read a little differently on another machine. So on the CPU the lines are parted instead,
and every worker computes with one thread. (Small models gain more from that, too: their
products are too short to be parted.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


class Workers:
    """Threads that each compute with one of torch's threads.

    There are as many as torch has threads in the thread that first asks for work; with a single
    one the caller's thread does it all.

    Args:
        device: Where the model runs; work for a GPU stays in the caller's thread.
    """

    def __init__(self, device: torch.device) -> None:
        self._parts_work = device.type == "cpu"
        self._pool: ThreadPoolExecutor | None = None
        self._starting = threading.Lock()

    @property
    def count(self) -> int:
        """How many parts are computed at once."""
        return torch.get_num_threads() if self._parts_work else 1

    def map(self, work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """Return the results of ``work`` over all parts, in their order.

        Raises:
            Exception: what ``work`` raises for the first part that fails, once none is running.
        """
        if self.count == 1:
            return [work(part) for part in parts]
        pool = self._started()
        futures = [pool.submit(work, part) for part in parts]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
            wait(futures)

    def _started(self) -> ThreadPoolExecutor:
        with self._starting:
            if self._pool is None:
                count = self.count
                ready = threading.Barrier(count + 1)
                pool = ThreadPoolExecutor(count, "read", _compute_alone, (ready,))
                for _ in range(count):  # starts all threads: none is idle before all are
                    pool.submit(int)
                ready.wait()
                # Set in one thread, the number also holds for threads that are yet to come.
                torch.set_num_threads(count)
                self._pool = pool
            return self._pool


def _compute_alone(ready: threading.Barrier) -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # takes effect with the first question
    ready.wait()
