"""Work done ahead: in order, bounded, on threads only where there are cores for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from pagereader import ahead as module
from pagereader.ahead import ahead, usable_cores


@pytest.mark.parametrize(("cores", "threads"), [(1, 0), (4, 3)])
def test_results_come_in_order_and_few_are_begun_ahead(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: int
) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: cores)
    begun: list[int] = []
    where: set[str] = set()

    def task(number: int) -> int:
        where.add(threading.current_thread().name)
        return number * 2

    def tasks() -> Iterator[Callable[[], int]]:
        for number in range(20):
            begun.append(number)
            yield lambda number=number: task(number)

    results = ahead(tasks(), 3)
    assert next(results) == 0
    assert len(begun) == 1 + threads
    assert list(results) == list(range(2, 40, 2))
    assert (threading.current_thread().name in where) is (cores == 1)


def test_stopping_early_leaves_the_rest_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 2)
    done: list[int] = []
    results = ahead([lambda n=n: done.append(n) for n in range(50)], 2)
    next(results)
    results.close()
    assert len(done) < 10


def test_there_is_at_least_one_core() -> None:
    assert usable_cores() >= 1
