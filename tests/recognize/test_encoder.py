"""Our run over the encoder's weights against the stock modules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, BeitConfig

from pagereader.errors import ModelError
from pagereader.recognize.encoder import Encoder
from pagereader.recognize.preprocess import ImageRules
from tests.recognize.layouts import LAYOUTS, STRIP, Layout, build_model

TOLERANCE = 2e-5


def rules_for(layout: Layout, **changes: Any) -> ImageRules:
    strip = layout.image[0] != layout.image[1]
    return replace(ImageRules(*layout.image, *layout.patch, strip=strip), **changes)


def lines(layout: Layout, count: int = 3, width: int | None = None) -> torch.Tensor:
    shape = (count, layout.image[0], width or layout.image[1])
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8))


def stock_states(model: Any, values: torch.Tensor) -> torch.Tensor:
    """Run the stock modules one by one, with the positions of as many patches as there are."""
    encoder = model.encoder
    with torch.inference_mode():
        tokens = encoder.embeddings.patch_embeddings.projection(values).flatten(2).transpose(1, 2)
        first = [encoder.embeddings.cls_token]
        if hasattr(encoder.embeddings, "distillation_token"):
            first.append(encoder.embeddings.distillation_token)
        tokens = torch.cat([*(t.expand(len(values), -1, -1) for t in first), tokens], dim=1)
        states = tokens + encoder.embeddings.position_embeddings[:, : tokens.shape[1]]
        for layer in encoder.layers:
            states = layer(states, None)
        return encoder.layernorm(states)


def worst(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max() / theirs.std())


UNDIVIDED = replace(LAYOUTS[0], name="undivided", image=(36, 36))
"""Of its image, the pixels that fill no patch are not seen."""


@pytest.mark.parametrize("layout", [*LAYOUTS, UNDIVIDED], ids=lambda layout: layout.name)
def test_states_equal_those_of_the_stock_encoder(layout: Layout) -> None:
    model = build_model(layout)
    encoder = Encoder(model, rules_for(layout))
    pixels = lines(layout)
    with torch.inference_mode():
        theirs = model.encoder(encoder.normalise(pixels)).last_hidden_state
    assert worst(encoder(pixels), theirs) < TOLERANCE
    assert worst(stock_states(model, encoder.normalise(pixels)), theirs) < TOLERANCE


def test_narrow_strips_take_the_first_positions() -> None:
    model = build_model(STRIP)
    encoder = Encoder(model, rules_for(STRIP))
    for width in (16, 48, 120):
        pixels = lines(STRIP, width=width)
        theirs = stock_states(model, encoder.normalise(pixels))
        assert worst(encoder(pixels), theirs) < TOLERANCE


def test_channels_may_be_normalised_differently() -> None:
    model = build_model(LAYOUTS[0])
    colours = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    encoder = Encoder(model, rules_for(LAYOUTS[0], **colours))
    pixels = lines(LAYOUTS[0])
    with torch.inference_mode():
        theirs = model.encoder(encoder.normalise(pixels)).last_hidden_state
    assert worst(encoder(pixels), theirs) < TOLERANCE
    assert worst(Encoder(model, rules_for(LAYOUTS[0]))(pixels), theirs) > 100 * TOLERANCE


def swap_norms(encoder: Any) -> None:
    first = encoder.layers[0]
    encoder.layers[0] = replace(first, first_norm=first.second_norm, second_norm=first.first_norm)


def shift_positions(encoder: Any) -> None:
    encoder.positions = encoder.positions.roll(1, dims=0)


def swap_activation(encoder: Any) -> None:
    encoder.activation = torch.relu


def lose_a_layer(encoder: Any) -> None:
    encoder.layers.pop()


@pytest.mark.parametrize("fault", [swap_norms, shift_positions, swap_activation, lose_a_layer])
def test_the_comparison_notices_every_fault(fault: Any) -> None:
    model = build_model(STRIP)
    encoder = Encoder(model, rules_for(STRIP))
    right = encoder(lines(STRIP))
    fault(encoder.vit)
    assert worst(encoder(lines(STRIP)), right) > 100 * TOLERANCE


def test_other_encoders_run_as_they_are() -> None:
    layout = replace(LAYOUTS[0], encoder_size=48)
    model = build_model(layout)
    config = BeitConfig(
        image_size=32,
        patch_size=8,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
    )
    model.encoder = AutoModel.from_config(config).eval()
    encoder = Encoder(model, rules_for(layout))
    assert encoder.vit is None
    pixels = lines(layout)
    with torch.inference_mode():
        theirs = model.encoder(encoder.normalise(pixels)).last_hidden_state
    assert torch.equal(encoder(pixels), theirs)
    assert encoder.prefix == 1
    with pytest.raises(ModelError, match="reads no lines of different widths"):
        Encoder(model, rules_for(STRIP))


@pytest.mark.parametrize("scores", [1, 2 * 4 * 9 * 9, 10**6])
def test_attention_in_bf16_is_that_of_torch(monkeypatch: pytest.MonkeyPatch, scores: int) -> None:
    from pagereader.recognize import encoder as encoders

    monkeypatch.setattr(encoders, "SCORES", scores)
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn((3, 5, 4, 9, 16), generator=generator)
    exact = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    found = encoders.attend_in_bf16(q.bfloat16(), k.bfloat16(), v.bfloat16())
    assert found.dtype == torch.bfloat16
    assert (found - exact).norm() / exact.norm() < 0.01
    assert (encoders.attend_in_bf16(q, k, v) - exact).norm() / exact.norm() < 1e-5


def test_states_in_bf16_are_close_to_those_in_fp32() -> None:
    model, pixels = build_model(LAYOUTS[0]), lines(LAYOUTS[0])
    rules = rules_for(LAYOUTS[0])
    exact = Encoder(model, rules)(pixels)
    coarse = Encoder(model, rules, dtype=torch.bfloat16)(pixels)
    assert 1e-6 < (coarse - exact).norm() / exact.norm() < 0.1
