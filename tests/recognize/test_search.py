"""Our beam search against stock generate's, and against greedy reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pagereader.recognize.checkpoint import quiet_transformers
from pagereader.recognize.decoder import GreedyDecoder
from pagereader.recognize.search import LENGTH, search
from pagereader.recognize.spelling import Speller
from tests.recognize.layouts import LAYOUTS, Layout, build_model

STEPS, BEAMS = 24, 4


def encode(model: Any, layout: Layout, lines: int) -> torch.Tensor:
    torch.manual_seed(1)
    with torch.inference_mode():
        return model.encoder(torch.randn(lines, 3, *layout.image)).last_hidden_state


def stock(model: Any, states: torch.Tensor, end: int, beams: int) -> list[list[int]]:
    from transformers import GenerationConfig
    from transformers.modeling_outputs import BaseModelOutput

    settings = GenerationConfig(
        max_new_tokens=STEPS,
        num_beams=beams,
        do_sample=False,
        early_stopping=True,
        length_penalty=LENGTH,
        use_cache=True,
        eos_token_id=end,
        pad_token_id=1,
        decoder_start_token_id=2,
    )
    model.generation_config = settings
    with torch.inference_mode(), quiet_transformers():
        out = model.generate(
            encoder_outputs=BaseModelOutput(last_hidden_state=states), generation_config=settings
        )
    return [row[: row.index(end)] if end in row else row for row in out[:, 1:].tolist()]


def often_said(model: Any, states: torch.Tensor) -> int:
    """Return the token that ends greedy lines at the most different lengths."""
    free = GreedyDecoder(model, 2, frozenset({10**6})).decode([states], STEPS)
    said = {token for line in free for token in line.tokens}
    return max(said, key=lambda t: (len({[*li.tokens, t].index(t) for li in free}), -t))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_the_search_finds_what_stock_generate_does(layout: Layout) -> None:
    model = build_model(layout)
    states = encode(model, layout, 14)
    end = often_said(model, states)
    decoder = GreedyDecoder(model, 2, frozenset({end}))
    found = search(decoder, [states[:5], states[5:]], STEPS, BEAMS)
    expected = stock(model, states, end, BEAMS)
    assert [line.tokens for line in found] == expected
    assert len({len(tokens) for tokens in expected}) >= 4, "the lines end too much alike"
    greedy = decoder.decode([states], STEPS)
    assert any(a.tokens != b.tokens for a, b in zip(found, greedy, strict=True))


def test_probabilities_and_attention_are_those_of_the_reading_itself() -> None:
    model = build_model(LAYOUTS[0])
    states = encode(model, LAYOUTS[0], 14)
    decoder = GreedyDecoder(model, 2, frozenset({often_said(model, states)}))
    found = search(decoder, [states], STEPS, BEAMS)
    walked = decoder.score([states], [line.tokens for line in found])
    for line, again in zip(found, walked, strict=True):
        assert line.log_probs == pytest.approx(again.log_probs, abs=1e-4)
        assert line.attention == pytest.approx(again.attention, abs=1e-5)


def test_one_beam_reads_greedily() -> None:
    model = build_model(LAYOUTS[0])
    states = encode(model, LAYOUTS[0], 9)
    decoder = GreedyDecoder(model, 2, frozenset({often_said(model, states)}))
    found, greedy = search(decoder, [states], STEPS, 1), decoder.decode([states], STEPS)
    for line, expected in zip(found, greedy, strict=True):
        assert (line.tokens, line.ended) == (expected.tokens, expected.ended)
        assert line.log_probs == pytest.approx(expected.log_probs, abs=1e-5)


def test_a_line_does_not_hang_on_its_neighbours() -> None:
    torch.manual_seed(2)
    short, long = torch.randn(3, 7, 48), torch.randn(4, 61, 48)
    decoder = GreedyDecoder(build_model(LAYOUTS[0]), 2, frozenset({10**6}), uneven=True)
    together = search(decoder, [short, long], 12)
    for number, line in enumerate(together):
        own = short[number : number + 1] if number < len(short) else long[number - len(short) :][:1]
        alone = search(decoder, [own], 12)[0]
        assert line.tokens == alone.tokens
        assert (line.log_probs == alone.log_probs).all()


def random_speller(tokens: int, hidden: int, sharpness: float) -> Speller:
    """Return a layer that spells columns at random, but always the same."""
    torch.manual_seed(3)
    weight = sharpness * torch.randn(tokens, hidden)
    return Speller(lambda rows: rows @ weight.T, blank=1, prefix=1)


def test_what_columns_say_counts() -> None:
    model = build_model(LAYOUTS[0])
    states = encode(model, LAYOUTS[0], 14)
    decoder = GreedyDecoder(model, 2, frozenset({often_said(model, states)}))
    alone = search(decoder, [states], STEPS, BEAMS)
    tokens, hidden = int(decoder.embedding.shape[0]), states.shape[2]
    both = search(decoder, [states], STEPS, BEAMS, random_speller(tokens, hidden, 3.0))
    assert sum(a.tokens != b.tokens for a, b in zip(alone, both, strict=True)) >= 5
    walked = decoder.score([states], [line.tokens for line in both])
    for line, again in zip(both, walked, strict=True):  # confidence stays the decoder's
        assert line.log_probs == pytest.approx(again.log_probs, abs=1e-4)


def test_columns_that_spell_clearly_are_followed() -> None:
    """A decoder that knows nothing writes what the columns say."""
    model = build_model(LAYOUTS[0])
    for weights in model.decoder.parameters():
        weights.data.zero_()
    decoder = GreedyDecoder(model, 2, frozenset({3}))
    spoken, size = [1, 9, 9, 1, 9, 12, 1, 1, 30, 1], int(decoder.embedding.shape[0])
    states = torch.zeros(2, 1 + len(spoken), 48)
    states[:, 1:] = torch.eye(len(spoken), 48)
    weight = torch.zeros(size, 48)
    weight[spoken, torch.arange(len(spoken))] = 40.0
    speller = Speller(lambda rows: rows @ weight.T, blank=1, prefix=1)
    lines = search(decoder, [states], 12, BEAMS, speller)
    assert [(line.tokens, line.ended) for line in lines] == [([9, 9, 12, 30], True)] * 2


def test_a_line_does_not_hang_on_its_neighbours_columns() -> None:
    torch.manual_seed(2)
    short, long = torch.randn(3, 7, 48), torch.randn(4, 61, 48)
    decoder = GreedyDecoder(build_model(LAYOUTS[0]), 2, frozenset({10, 11, 12}), uneven=True)
    speller = random_speller(int(decoder.embedding.shape[0]), 48, 1.0)
    together = search(decoder, [short, long], 12, speller=speller)
    for number, line in enumerate(together):
        own = short[number : number + 1] if number < 3 else long[number - 3 : number - 2]
        alone = search(decoder, [own], 12, speller=speller)[0]
        assert line.tokens == alone.tokens
        assert (line.log_probs == alone.log_probs).all()


def test_lines_that_never_end_are_cut_at_the_limit() -> None:
    model = build_model(LAYOUTS[0])
    decoder = GreedyDecoder(model, 2, frozenset({10**6}))
    lines = search(decoder, [encode(model, LAYOUTS[0], 3)], 10)
    assert [(len(line.tokens), line.ended) for line in lines] == [(10, False)] * 3


def test_what_is_no_number_ends_and_is_told() -> None:
    model = build_model(LAYOUTS[0])
    states = encode(model, LAYOUTS[0], 3)
    states = states.clone()
    states[1] = torch.nan
    decoder = GreedyDecoder(model, 2, frozenset({5}))
    spellers = None, random_speller(int(decoder.embedding.shape[0]), states.shape[2], 1.0)
    for speller in spellers:
        lines = search(decoder, [states], 10, speller=speller)
        assert np.isnan(lines[1].log_probs).any()
        alone = search(decoder, [states[:1]], 10, speller=speller)[0]
        assert lines[0].tokens == alone.tokens
