"""Batches that fill the machine and shrink when memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut a sequence into parts of ``size``, the last one shorter."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception means that memory, of the device or the host, ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    )


class HalvingBatch:
    """Runs batches, and halves them for good whenever memory runs out.

    Args:
        size: Items a batch to begin with.
        release: Called after running out, to free what a device still holds.
    """

    def __init__(self, size: int, release: Callable[[], object] = gc.collect) -> None:
        self.size = size
        self._release = release

    def run(
        self, work: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]
    ) -> list[Result]:
        """Return the results of ``work`` over all items, in their order.

        Batches are of like size: a few items left over cost nearly as much as many.

        Raises:
            Exception: whatever ``work`` raises, also for lack of memory for a single item.
        """
        results: list[Result] = []
        while len(results) < len(items):
            left = len(items) - len(results)
            batches = -(-left // self.size)
            batch = items[len(results) : len(results) + -(-left // batches)]
            try:
                results.extend(work(batch))
            except Exception as error:
                if not is_out_of_memory(error) or len(batch) == 1:
                    raise
                self.size = max(1, len(batch) // 2)
            else:
                continue
            self._release()  # outside the handler: the traceback held the batch's tensors
        return results
