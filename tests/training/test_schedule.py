"""The clock that rules the learning rate, and the batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pagereader.training import schedule
from pagereader.training.averaging import WeightMean
from pagereader.training.batches import MOST, Order, WidthBatches, cut
from pagereader.training.schedule import FLOOR, TimedCosine, rate_share


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(schedule, "time", clock)
    return clock


def timed(hours: float, warmup: float = 0.0) -> TimedCosine:
    return TimedCosine(torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.5), hours, warmup)


def test_the_rate_falls_with_the_hours(clock: Clock) -> None:
    run = timed(2.0)
    rates = []
    for _ in range(3):
        rates.append(run.get_lr()[0])
        clock.now += 3600
    assert rates == pytest.approx([0.5, 0.5 * (1 + FLOOR) / 2, 0.5 * FLOOR])
    assert run.done == 1.0


def test_hours_before_an_interruption_count_and_those_between_do_not(clock: Clock) -> None:
    first = timed(2.0)
    clock.now += 3600
    kept = first.state_dict()
    clock.now += 50_000
    second = timed(2.0)
    second.load_state_dict(kept)
    assert second.done == pytest.approx(0.5)
    clock.now += 1800
    assert second.done == pytest.approx(0.75)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_rate_stays_between_nothing_and_its_highest(done: float, warmup: float) -> None:
    assert 0 <= rate_share(done, warmup) <= 1
    assert rate_share(1.0, warmup) == pytest.approx(FLOOR)


class Widths:
    """Lines of the given widths."""

    def __init__(self, widths: list[int]) -> None:
        self.widths = widths

    def plan(self, rng: np.random.Generator) -> list[Order]:
        lots = rng.integers(1000, size=len(self.widths))
        return [
            Order(n, int(lot), 0.0, w)
            for n, (w, lot) in enumerate(zip(self.widths, lots, strict=True))
        ]


widths = st.lists(st.sampled_from([64, 128, 320, 640]), min_size=1, max_size=200)


@given(widths, st.integers(1, 9), st.integers(0, 3), st.integers(1, 3))
def test_every_line_comes_once_in_batches_that_fit(
    widths: list[int], size: int, epoch: int, processes: int
) -> None:
    batches = WidthBatches(Widths(widths), size, 640, seed=5, processes=processes)
    batches.set_epoch(epoch)
    given = list(batches)
    assert len(given) == len(batches)
    assert len(given) % processes == 0
    own = given[: len(batches._batches(epoch))]
    assert sorted(order.number for batch in own for order in batch) == list(range(len(widths)))
    for batch in given:
        assert len(batch) <= MOST * size
        assert len(batch) == 1 or max(order.width for order in batch) * len(batch) <= 640 * size


def test_batches_hang_on_seed_and_epoch_alone() -> None:
    def batches(seed: int, epoch: int) -> list[list[Order]]:
        made = WidthBatches(Widths([64, 640, 320] * 30), 4, 640, seed)
        made.set_epoch(epoch)
        return list(made)

    assert batches(1, 2) == batches(1, 2)
    assert batches(1, 2) != batches(1, 3)
    assert batches(1, 2) != batches(2, 2)


def test_lines_are_cut_where_one_more_would_be_too_many() -> None:
    assert cut([0, 1, 2, 3], np.array([3, 3, 3, 1])) == [[0, 1, 2], [3]]


def test_the_mean_follows_the_weights() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    mean = WeightMean(model, steps=10)
    for value in range(200):
        with torch.no_grad():
            model.weight.fill_(value)
        mean.on_step_end(None, None, None)
    looks_back = 199 - float(mean.model.weight.detach())
    assert 5 < looks_back < 30
