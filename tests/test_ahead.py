"""Work done ahead: in order and bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from pagereader import ahead as module
from pagereader.ahead import ahead, usable_cores


@pytest.mark.parametrize(("jobs", "threads"), [(1, 1), (3, 3), (None, 5)])
def test_results_come_in_order_and_few_are_begun_ahead(
    monkeypatch: pytest.MonkeyPatch, jobs: int | None, threads: int
) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 5)
    begun: list[int] = []
    where: set[str] = set()

    def task(number: int) -> int:
        where.add(threading.current_thread().name)
        return number * 2

    def tasks() -> Iterator[Callable[[], int]]:
        for number in range(20):
            begun.append(number)
            yield lambda number=number: task(number)

    results = ahead(tasks(), jobs)
    assert next(results) == 0
    assert len(begun) == 1 + threads
    assert list(results) == list(range(2, 40, 2))
    assert threading.current_thread().name not in where


def test_stopping_early_leaves_the_rest_undone() -> None:
    done: list[int] = []
    results = ahead([lambda n=n: done.append(n) for n in range(50)], 2)
    next(results)
    results.close()
    assert len(done) < 10


def test_there_is_at_least_one_core() -> None:
    assert usable_cores() >= 1
