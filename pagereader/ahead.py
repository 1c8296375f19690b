"""Work that is done some steps ahead of who needs it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def ahead(
    tasks: Iterable[Callable[[], Result]], jobs: int | None = None
) -> Generator[Result, None, None]:
    """Run tasks on threads and yield their results in order; close it to stop early.

    Args:
        tasks: They are taken as they are begun, at most one more than there are threads ahead.
        jobs: Threads; None for one a core.
    """
    jobs = jobs or usable_cores()
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="prepare")
    try:
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) > jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
