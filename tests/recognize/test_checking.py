"""Checked drafts: whatever they say, what comes out is what the decoder writes step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pagereader.recognize.checking import check
from pagereader.recognize.decoder import GreedyDecoder
from pagereader.recognize.decoding import DecodedLine
from pagereader.recognize.drafts import Draft
from pagereader.recognize.windows import WIDTH, Windows
from tests.recognize.layouts import LAYOUTS, STRIP, Layout, build_model
from tests.recognize.test_decoder import LINES, NEVER, STEPS, encode, ended_runs, pixels_for


def draft_of(tokens: list[int], sureness: float = 0.99) -> Draft:
    """Return a draft that spreads tokens evenly over columns."""
    return Draft(tokens, [0.5 + n for n in range(len(tokens))], np.full(len(tokens), sureness))


def spoilt(tokens: list[int], random: np.random.Generator) -> list[int]:
    """Return tokens with some changed, left out and put in."""
    out: list[int] = []
    for token in tokens:
        kind = random.random()
        if kind < 0.1:
            out.append(int(random.integers(3, 71)))
        elif kind < 0.2:
            out += [token, int(random.integers(3, 71))]
        elif kind > 0.1:
            out.append(token)
    return out


# Random models are sharp: one layout turns differences of 1e-6 in the logits into 3e-4.
def assert_same(ours: list[DecodedLine], plain: list[DecodedLine]) -> None:
    assert len(ours) == len(plain)
    for line, expected in zip(ours, plain, strict=True):
        assert line.tokens == expected.tokens
        assert line.ended == expected.ended
        assert line.log_probs == pytest.approx(expected.log_probs, abs=1e-3)
        assert line.attention == pytest.approx(expected.attention, abs=1e-4)


def count_walks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many tokens each walk of a decoder looks at."""
    seen: list[int] = []
    walk = GreedyDecoder.walk

    def counted(self: GreedyDecoder, windows: Windows, caches: Any) -> Any:
        seen.append(len(windows.rows))
        return walk(self, windows, caches)

    monkeypatch.setattr(GreedyDecoder, "walk", counted)
    return seen


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@pytest.mark.parametrize("seed", range(3))
def test_spoilt_drafts_give_what_step_by_step_does(layout: Layout, seed: int) -> None:
    model, pixels, end, plain = ended_runs(layout)
    random = np.random.default_rng(seed)
    drafts = [draft_of(spoilt(line.tokens, random)) for line in plain]
    decoder = GreedyDecoder(model, 2, frozenset({end}))
    states = encode(model, pixels)
    assert_same(check(decoder, [states[:2], states[2:]], drafts, STEPS), plain)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    drafts=st.lists(
        st.lists(st.tuples(st.integers(0, 70), st.floats(0, 1)), max_size=30),
        min_size=LINES,
        max_size=LINES,
    )
)
def test_drafts_may_say_anything(
    strip: tuple[GreedyDecoder, torch.Tensor, list[DecodedLine]],
    drafts: list[list[tuple[int, float]]],
) -> None:
    decoder, states, plain = strip
    said = [
        Draft(
            [token for token, _ in line],
            [float(n) for n in range(len(line))],
            np.array([s for _, s in line]),
        )
        for line in drafts
    ]
    assert_same(check(decoder, [states], said, STEPS), plain)


@pytest.fixture(scope="module")
def strip() -> tuple[GreedyDecoder, torch.Tensor, list[DecodedLine]]:
    model, pixels, end, plain = ended_runs(STRIP)
    decoder = GreedyDecoder(model, 2, frozenset({end}))
    return decoder, encode(model, pixels), plain


def test_right_drafts_are_checked_a_window_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model, pixels = build_model(STRIP), pixels_for(STRIP)
    decoder, states = GreedyDecoder(model, 2, NEVER), encode(model, pixels)
    plain = decoder.decode([states], STEPS)
    walks = count_walks(monkeypatch)
    checked = check(decoder, [states], [draft_of(line.tokens) for line in plain], STEPS)
    assert_same(checked, plain)
    assert len(walks) == -(-STEPS // WIDTH)
    assert sum(walks) == LINES * STEPS


def test_unsure_drafts_are_not_followed_far(monkeypatch: pytest.MonkeyPatch) -> None:
    model, pixels = build_model(STRIP), pixels_for(STRIP)
    decoder, states = GreedyDecoder(model, 2, NEVER), encode(model, pixels)
    plain = decoder.decode([states], STEPS)
    walks = count_walks(monkeypatch)
    doubtful = [draft_of(line.tokens, sureness=0.5) for line in plain]
    assert_same(check(decoder, [states], doubtful, STEPS), plain)
    assert max(walks) == 3 * LINES  # the last token, and two that are right with 1 in 2 each


def test_the_comparison_notices_windows_that_see_what_is_to_come() -> None:
    model, pixels, end, plain = ended_runs(STRIP)
    decoder, states = GreedyDecoder(model, 2, frozenset({end})), encode(model, pixels)
    drafts = [draft_of(line.tokens) for line in plain]
    of = Windows.of

    def all_seeing(*shown: Any) -> Windows:
        windows = of(*shown)
        windows.bias.zero_()
        return windows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Windows, "of", all_seeing)
        seen = check(decoder, [states], drafts, STEPS)
    worst = max(
        float(np.abs(a.log_probs[:8] - b.log_probs[:8]).max())
        for a, b in zip(seen, plain, strict=True)
        if len(a.log_probs) > 7 < len(b.log_probs)
    )
    assert worst > 1e-2


def test_a_stop_rule_and_the_limit_end_lines() -> None:
    model, pixels = build_model(STRIP), pixels_for(STRIP)
    decoder, states = GreedyDecoder(model, 2, NEVER), encode(model, pixels)
    plain = decoder.decode([states], STEPS)
    drafts = [draft_of(line.tokens + line.tokens) for line in plain]
    assert_same(check(decoder, [states], drafts, STEPS), plain)
    lines = check(decoder, [states], drafts, 10, stop=lambda line, tokens: len(tokens) == line + 6)
    assert [len(line.tokens) for line in lines] == [6, 7, 8, 9, 10]
    assert all(line.ended for line in lines)
    assert [line.ended for line in check(decoder, [states], drafts, 10)] == [False] * LINES


def test_a_line_is_computed_to_the_bit_as_alone() -> None:
    torch.manual_seed(4)
    short, long = torch.randn(4, 5, 48), torch.randn(2, 61, 48)
    decoder = GreedyDecoder(build_model(STRIP), 2, NEVER, uneven=True)
    plain = decoder.decode([short, long], 12)
    random = np.random.default_rng(0)
    drafts = [draft_of(spoilt(line.tokens, random)) for line in plain]
    together = check(decoder, [short, long], drafts, 12)[:4]
    for beside, alone in zip(together, check(decoder, [short], drafts[:4], 12), strict=True):
        assert beside.tokens == alone.tokens
        assert (beside.log_probs == alone.log_probs).all()
        assert (beside.attention[:, :5] == alone.attention[:, :5]).all()


def test_memory_that_was_not_set_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    model, pixels, end, plain = ended_runs(STRIP)
    decoder, states = GreedyDecoder(model, 2, frozenset({end})), encode(model, pixels)
    new_empty = torch.Tensor.new_empty

    def poisoned(self: torch.Tensor, *args: Any, **named: Any) -> torch.Tensor:
        out = new_empty(self, *args, **named)
        return out.fill_(torch.nan) if out.is_floating_point() else out

    monkeypatch.setattr(torch.Tensor, "new_empty", poisoned)
    right = [draft_of(line.tokens) for line in plain]
    for drafts in (right, [draft_of([])] * LINES):  # with these the caches must grow
        assert_same(check(decoder, [states], drafts, STEPS), plain)
