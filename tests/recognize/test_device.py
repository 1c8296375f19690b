"""The loop for accelerators, with its steps recorded and run again as CUDA graphs are."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pagereader.recognize import engine as engines
from pagereader.recognize import graphs
from pagereader.recognize.checkpoint import load_checkpoint
from pagereader.recognize.decoder import GreedyDecoder
from pagereader.recognize.decoding import DecodedLine
from pagereader.recognize.device import ROOM_STEP, DeviceDecoder
from pagereader.recognize.engine import Engine
from pagereader.recognize.graphs import Eager, Recorder
from pagereader.recognize.precision import FP32
from tests.recognize import tape
from tests.recognize.layouts import LAYOUTS, SQUARE, STRIP, Layout, build_model, scribbles

STEPS = 40
THREE = [LAYOUTS[0], LAYOUTS[1], LAYOUTS[-1]]


def encode(model: Any, layout: Layout, lines: int) -> torch.Tensor:
    torch.manual_seed(3)
    with torch.inference_mode():
        return model.encoder(torch.randn(lines, 3, *layout.image)).last_hidden_state


def ending(layout: Layout) -> tuple[GreedyDecoder, torch.Tensor]:
    """Return a decoder whose lines end at many lengths, and 45 lines."""
    model = build_model(layout)
    states = encode(model, layout, 45)
    free = GreedyDecoder(model, 2, frozenset({10**6})).decode([states], STEPS)
    spread = {
        end: len({[*line.tokens, end].index(end) for line in free})
        for end in {token for line in free for token in line.tokens}
    }
    end = max(spread, key=lambda token: (spread[token], -token))
    assert spread[end] >= 5
    return GreedyDecoder(model, 2, frozenset({end})), states


def assert_same(found: list[DecodedLine], expected: list[DecodedLine]) -> None:
    for after, before in zip(found, expected, strict=True):
        assert after.tokens == before.tokens
        assert after.ended == before.ended
        assert after.log_probs == pytest.approx(before.log_probs, abs=5e-4)
        sources = before.attention.shape[1]
        assert after.attention[:, :sources] == pytest.approx(before.attention, abs=1e-4)
        assert (after.attention[:, sources:] == 0).all()


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setattr(graphs, "RECORD_AFTER", 1)
    return Recorder(tape.record)


@pytest.mark.parametrize("layout", THREE, ids=lambda layout: layout.name)
def test_recorded_steps_decode_the_same(layout: Layout, recorder: Recorder) -> None:
    decoder, states = ending(layout)
    expected = decoder.decode([states[:20], states[20:]], STEPS)
    loop = DeviceDecoder(decoder, states.shape[1], recorder)
    assert_same(loop.decode([states[:20], states[20:]], STEPS), expected)
    shapes = set(recorder._recorded)
    assert (64, ROOM_STEP) in shapes, "the batch was to begin with 64 rows"
    assert len({rows for rows, _ in shapes}) >= 2, "it was to shrink"
    assert len({room for _, room in shapes}) == 2, "and to pass the first 32 tokens"


def test_recordings_serve_the_batches_that_follow(recorder: Recorder) -> None:
    decoder, states = ending(LAYOUTS[0])
    loop = DeviceDecoder(decoder, states.shape[1], recorder)
    loop.decode([states], STEPS)
    before = dict(recorder._recorded)
    for lines in (45, 7, 30):
        other = states[:lines].flip(0)
        assert_same(loop.decode([other], STEPS), decoder.decode([other], STEPS))
    assert all(recorder._recorded[shape] is play for shape, play in before.items())


def test_a_larger_batch_gets_new_memory_and_new_recordings(recorder: Recorder) -> None:
    decoder, states = ending(LAYOUTS[0])
    loop = DeviceDecoder(decoder, states.shape[1], recorder)
    for lines in (10, 40):
        found = loop.decode([states[:lines]], STEPS)
        assert_same(found, decoder.decode([states[:lines]], STEPS))


def test_lines_of_different_lengths_share_a_recorded_batch(recorder: Recorder) -> None:
    torch.manual_seed(2)
    short, long = torch.randn(2, 7, 48), torch.randn(3, 17, 48)
    decoder = GreedyDecoder(build_model(LAYOUTS[0]), 2, frozenset({10**6}), uneven=True)
    loop = DeviceDecoder(decoder, 30, recorder)
    assert_same(loop.decode([short, long], 12), decoder.decode([short, long], 12))
    assert_same(loop.decode([long], 12), decoder.decode([long], 12))


@pytest.mark.parametrize("lines", [45, 5])
def test_a_number_from_the_host_would_be_noticed(recorder: Recorder, lines: int) -> None:
    decoder, states = ending(LAYOUTS[0])
    loop = DeviceDecoder(decoder, states.shape[1], recorder)
    count = iter(range(10**6))
    step = decoder.step
    decoder.step = lambda tokens, t, caches: step(  # type: ignore[method-assign]
        tokens, t * 0 + next(count) % STEPS, caches
    )
    found = loop.decode([states[:lines]], STEPS)
    decoder.step = step  # type: ignore[method-assign]
    expected = decoder.decode([states[:lines]], STEPS)
    assert [line.tokens for line in found] != [line.tokens for line in expected]


def asks(tensor: torch.Tensor) -> None:
    tensor.sum().item()


def brings(tensor: torch.Tensor) -> None:
    tensor.add(torch.tensor([1.0]))


def brings_a_number(tensor: torch.Tensor) -> None:
    torch.where(tensor > 0, tensor, 1.0)


def finds(tensor: torch.Tensor) -> None:
    tensor[tensor > 0].sum()


@pytest.mark.parametrize("fault", [asks, brings, brings_a_number, finds])
def test_what_cannot_be_recorded_runs_as_it_is_with_a_warning(
    fault: Callable[[torch.Tensor], None], recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    decoder, states = ending(LAYOUTS[0])
    step = decoder.step

    def faulty(tokens: torch.Tensor, t: Any, caches: Any) -> Any:
        logits, attention = step(tokens, t, caches)
        fault(logits)
        return logits, attention

    expected = decoder.decode([states], STEPS)
    decoder.step = faulty  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING, "pagereader"):
        found = DeviceDecoder(decoder, states.shape[1], recorder).decode([states], STEPS)
    assert_same(found, expected)
    assert not recorder._recorded
    assert [record.message for record in caplog.records if "recorded" in record.message] == [
        caplog.records[0].message
    ]


def test_running_out_of_memory_gives_the_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "RECORD_AFTER", 1)

    def full(step: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("CUDA out of memory")

    decoder, states = ending(LAYOUTS[0])
    loop = DeviceDecoder(decoder, states.shape[1], Recorder(full))
    with pytest.raises(RuntimeError, match="out of memory"):
        loop.decode([states], STEPS)
    assert loop._batch is None
    loop.recorder = Eager()
    assert_same(loop.decode([states[:4]], STEPS), decoder.decode([states[:4]], STEPS))


def test_short_work_is_not_recorded() -> None:
    decoder, states = ending(LAYOUTS[0])
    recorder = Recorder(tape.record)
    DeviceDecoder(decoder, states.shape[1], recorder).decode([states], 16)
    assert not recorder._recorded


@pytest.mark.parametrize("layout", [SQUARE, STRIP], ids=["square", "strip"])
def test_the_engine_reads_the_same_through_recorded_steps(
    layout: Layout,
    checkpoint_folder: Callable[[Layout], Path],
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "packing_pays", lambda dtype: False)  # as on a GPU
    engine = Engine(load_checkpoint(str(checkpoint_folder(layout))), torch.device("cpu"), FP32)
    crops = [*scribbles(20, seed=3), np.full((20, 60), 255, np.uint8)]
    expected = engine.read(crops)
    engine.on_device = DeviceDecoder(engine.decoder, engine._encoder_tokens(), recorder)
    for found, before in zip(engine.read(crops), expected, strict=True):
        assert (found.text, found.flags) == (before.text, before.flags)
        assert found.confidence == pytest.approx(before.confidence, abs=1e-3)
        for word, was in zip(found.words, before.words, strict=True):
            assert (word.start, word.end) == pytest.approx((was.start, was.end), abs=0.1)
    assert recorder._recorded


def test_a_line_that_is_no_number_leaves_none_behind(recorder: Recorder) -> None:
    decoder, states = ending(LAYOUTS[0])
    loop = DeviceDecoder(decoder, states.shape[1], recorder)
    loop.decode([torch.full_like(states, torch.nan)], STEPS)
    assert_same(loop.decode([states], STEPS), decoder.decode([states], STEPS))


def test_the_stop_rule_is_asked() -> None:
    model = build_model(LAYOUTS[0])
    states = encode(model, LAYOUTS[0], 5)
    decoder = GreedyDecoder(model, 2, frozenset({10**6}))
    loop = DeviceDecoder(decoder, states.shape[1])
    lines = loop.decode([states], 30, stop=lambda line, tokens: line < 2)
    assert [len(line.tokens) for line in lines] == [8, 8, 30, 30, 30]
    assert [line.ended for line in lines] == [True, True, False, False, False]
