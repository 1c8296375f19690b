"""Our decoder against stock generate: per-step logits, tokens, probabilities, attention."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pagereader.recognize.decoder import GreedyDecoder
from pagereader.recognize.decoding import DecodedLine
from tests.recognize.layouts import LAYOUTS, SIDE, Layout, build_model

LINES, STEPS = 5, 20
NEVER = frozenset({10**6})
TOLERANCE = 2e-5


def stock(model: Any, pixels: torch.Tensor, end: int | None = None) -> Any:
    from transformers import GenerationConfig

    settings = GenerationConfig(
        max_new_tokens=STEPS,
        num_beams=1,
        do_sample=False,
        use_cache=True,
        eos_token_id=end,
        pad_token_id=1,
        decoder_start_token_id=2,
        output_logits=True,
        output_attentions=True,
        return_dict_in_generate=True,
    )
    model.generation_config = settings
    model.decoder.config._attn_implementation = "eager"
    with torch.inference_mode():
        return model.generate(pixels, generation_config=settings)


def pixels_for(layout: Layout) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(LINES, 3, *layout.image)


def encode(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return model.encoder(pixels).last_hidden_state


def logits_of(decoder: GreedyDecoder, states: torch.Tensor) -> torch.Tensor:
    seen: list[torch.Tensor] = []
    decoder.decode([states], STEPS, watch=lambda logits: seen.append(logits.clone()))
    return torch.stack(seen)


def worst(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Largest difference, in units of the logits' spread."""
    return float((ours - theirs).abs().max() / theirs.std())


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_logits_equal_those_of_stock_generate(layout: Layout) -> None:
    model = build_model(layout)
    pixels = pixels_for(layout)
    theirs = torch.stack(stock(model, pixels).logits)
    ours = logits_of(GreedyDecoder(model, 2, NEVER), encode(model, pixels))
    assert ours.shape == theirs.shape == (STEPS, LINES, 71)
    assert worst(ours, theirs) < TOLERANCE
    assert len(set(ours.argmax(-1).flatten().tolist())) > 8, "the model says too little to compare"


def shift_positions(decoder: GreedyDecoder) -> None:
    decoder.positions = decoder.positions.roll(1, dims=0)


def scale_attention(decoder: GreedyDecoder) -> None:
    decoder.scale *= 1.05


def forget_embedding_scale(decoder: GreedyDecoder) -> None:
    decoder.embed_scale = 1.0 if decoder.embed_scale != 1.0 else 2.0


def swap_activation(decoder: GreedyDecoder) -> None:
    gelu, relu = torch.nn.functional.gelu, torch.relu
    probe = torch.linspace(-2, 2, 9)
    is_relu = torch.equal(decoder.activation(probe), relu(probe))
    decoder.activation = gelu if is_relu else relu


def swap_embedding_norm(decoder: GreedyDecoder) -> None:
    norm = decoder.layers[0].final_norm
    decoder.embedding_norm = norm if decoder.embedding_norm is None else None


def lose_a_layer(decoder: GreedyDecoder) -> None:
    decoder.layers.pop()
    decoder.attention_layer = 0


FAULTS = [
    shift_positions,
    scale_attention,
    forget_embedding_scale,
    swap_activation,
    swap_embedding_norm,
    lose_a_layer,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_the_comparison_notices_every_fault(layout: Layout, fault: Any) -> None:
    model = build_model(layout)
    pixels = pixels_for(layout)
    theirs = torch.stack(stock(model, pixels).logits)
    decoder = GreedyDecoder(model, 2, NEVER)
    fault(decoder)
    ours = logits_of(decoder, encode(model, pixels))
    # Later steps differ anyway once a token does: the second step alone must tell.
    assert worst(ours[:2], theirs[:2]) > 10 * TOLERANCE


def ended_runs(layout: Layout) -> tuple[Any, torch.Tensor, int, list[DecodedLine]]:
    """Choose an end token that ends the lines of a random model at different lengths."""
    model = build_model(layout)
    pixels = pixels_for(layout)
    free = stock(model, pixels).sequences[:, 1:].tolist()
    spread = {t: [line.index(t) if t in line else STEPS for line in free] for t in sum(free, [])}  # noqa: RUF017
    end = max(spread, key=lambda token: (len(set(spread[token])), -token))
    assert len(set(spread[end])) >= 3
    decoder = GreedyDecoder(model, 2, frozenset({end}))
    states = encode(model, pixels)
    return model, pixels, end, decoder.decode([states[:2], states[2:]], STEPS)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_lines_leave_the_batch_with_the_tokens_probabilities_and_attention_of_stock(
    layout: Layout,
) -> None:
    model, pixels, end, ours = ended_runs(layout)
    theirs = stock(model, pixels, end)
    for number, line in enumerate(ours):
        expected = theirs.sequences[number, 1:].tolist()
        stop = expected.index(end) if end in expected else STEPS
        assert line.tokens == expected[:stop]
        assert line.ended == (end in expected)
        for t, token in enumerate(line.tokens):
            log_probs = torch.log_softmax(theirs.logits[t][number], -1)
            assert line.log_probs[t] == pytest.approx(float(log_probs[token]), abs=1e-4)
            stock_attention = theirs.cross_attentions[t][-1][number, :, 0].mean(0)
            assert line.attention[t] == pytest.approx(stock_attention.numpy(), abs=1e-5)


def test_scoring_given_tokens_repeats_what_decoding_saw() -> None:
    model, pixels, end, decoded = ended_runs(LAYOUTS[0])
    decoder = GreedyDecoder(model, 2, frozenset({end}))
    scored = decoder.score([encode(model, pixels)], [line.tokens for line in decoded])
    for before, after in zip(decoded, scored, strict=True):
        assert after.tokens == before.tokens
        assert after.log_probs == pytest.approx(before.log_probs, abs=1e-5)
        assert after.attention == pytest.approx(before.attention, abs=1e-5)


def test_lines_of_different_lengths_share_a_batch() -> None:
    model = build_model(LAYOUTS[0])
    torch.manual_seed(2)
    short, long = torch.randn(2, 7, 48), torch.randn(3, 17, 48)
    decoder = GreedyDecoder(model, 2, NEVER, uneven=True)
    together = decoder.decode([short, long], 12)
    apart = decoder.decode([short], 12) + decoder.decode([long], 12)
    even = GreedyDecoder(model, 2, NEVER)
    exact = even.decode([short], 12) + even.decode([long], 12)
    for a, b, c in zip(together, apart, exact, strict=True):
        assert a.tokens == b.tokens == c.tokens
        assert a.log_probs == pytest.approx(c.log_probs, abs=1e-5)
    assert (together[0].attention[:, 7:] == 0).all()


def test_a_short_line_beside_a_long_one_is_computed_to_the_bit_as_alone() -> None:
    torch.manual_seed(4)
    short, long = torch.randn(4, 5, 48), torch.randn(2, 61, 48)
    decoder = GreedyDecoder(build_model(LAYOUTS[0]), 2, NEVER, uneven=True)
    together = decoder.decode([short, long], 12)[:4]
    for beside, alone in zip(together, decoder.decode([short], 12), strict=True):
        assert beside.tokens == alone.tokens
        assert (beside.log_probs == alone.log_probs).all()
        assert (beside.attention[:, :5] == alone.attention[:, :5]).all()


def test_a_stop_rule_ends_a_line() -> None:
    model = build_model(LAYOUTS[0])
    states = encode(model, pixels_for(LAYOUTS[0]))
    decoder = GreedyDecoder(model, 2, NEVER)
    lines = decoder.decode([states], 10, stop=lambda line, tokens: len(tokens) == line + 1)
    assert [len(line.tokens) for line in lines] == [1, 2, 3, 4, 5]
    assert all(line.ended for line in lines)
    assert [line.ended for line in decoder.decode([states], 10)] == [False] * LINES


def test_the_sinusoidal_layout_has_no_place_for_pads() -> None:
    layout = next(layout for layout in LAYOUTS if not layout.learned)
    model = build_model(layout)
    decoder = GreedyDecoder(model, 1, NEVER)  # starts with the pad token
    embedded = decoder._embed(torch.tensor([1, 5]), 3)
    with torch.inference_mode():
        module = model.decoder.model.decoder
        place = module.embed_positions(torch.tensor([[1], [5]]), past_key_values_length=3)
        expected = module.embed_tokens(torch.tensor([[1], [5]])) + place
    if module.layernorm_embedding is not None:
        expected = module.layernorm_embedding(expected)
    assert torch.allclose(embedded, expected[:, 0], atol=1e-6)


def test_side_is_that_of_the_square_layouts() -> None:
    assert all(layout.image in ((SIDE, SIDE), (16, 128)) for layout in LAYOUTS)
