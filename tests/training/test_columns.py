"""The layer that learns to spell columns is the one that reading spells with."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pagereader.recognize.spelling import LAYER_FILE, Speller
from pagereader.training.columns import PARTS, ColumnSpeller, columns_loss
from tests.recognize.test_prefixes import BLANK, columns, spelled

HIDDEN, TOKENS = 6, 4


def keep(folder: Path, **layer: torch.Tensor) -> Path:
    """Write a layer as training leaves it in a model's folder."""
    (folder / LAYER_FILE).parent.mkdir(parents=True)
    save_file(layer, folder / LAYER_FILE)
    return folder


def test_what_was_learned_is_what_reads(tmp_path: Path) -> None:
    learned = ColumnSpeller(HIDDEN, TOKENS)
    keep(tmp_path, **{name: value.detach() for name, value in learned.state_dict().items()})
    reader = Speller.load(tmp_path, (TOKENS, HIDDEN), BLANK, prefix=1)
    assert reader is not None
    assert reader.parts == PARTS
    states = torch.randn(3, 5, HIDDEN)
    scores = reader.scores([states])
    found = torch.stack([scores[here] for here in reader.columns([states])])
    assert found.detach() == pytest.approx(learned(states[:, 1:]).detach(), abs=1e-6)


def test_a_run_goes_on_from_an_earlier_layer(tmp_path: Path) -> None:
    old = torch.randn(TOKENS, HIDDEN), torch.randn(TOKENS)
    early = keep(tmp_path / "early", weight=old[0], bias=old[1])
    new = ColumnSpeller(HIDDEN, TOKENS + 2)  # the alphabet has grown
    before = new.weight.detach().clone()
    new.take_up(early)
    for part in range(PARTS):
        assert torch.equal(new.weight[part, :TOKENS], old[0])
        assert torch.equal(new.bias[part, :TOKENS], old[1])
    assert torch.equal(new.weight[:, TOKENS:], before[:, TOKENS:])

    parts = torch.randn(PARTS, TOKENS, HIDDEN), torch.randn(PARTS, TOKENS)
    new.take_up(keep(tmp_path / "late", weight=parts[0], bias=parts[1]))
    assert torch.equal(new.weight[:, :TOKENS], parts[0])


def test_layers_that_do_not_fit_are_no_start(tmp_path: Path) -> None:
    new = ColumnSpeller(HIDDEN, TOKENS)
    before = new.weight.detach().clone()
    new.take_up(tmp_path)
    wide = torch.randn(PARTS, TOKENS, HIDDEN + 1)
    new.take_up(keep(tmp_path / "wide", weight=wide, bias=torch.zeros(PARTS, TOKENS)))
    fine = torch.randn(PARTS + 1, TOKENS, HIDDEN)
    new.take_up(keep(tmp_path / "fine", weight=fine, bias=torch.zeros(PARTS + 1, TOKENS)))
    assert torch.equal(new.weight, before)


def test_the_loss_is_of_all_ways_to_spell_a_text() -> None:
    states = torch.cat([columns(6, seed)[:, 1:] for seed in range(2)])
    texts = torch.tensor([[2, 2, 3], [3, 1, BLANK]])
    loss = columns_loss(torch.nn.Identity(), states, texts, BLANK)
    chances = [spelled(columns(6, seed)) for seed in range(2)]
    expected = [-math.log(chances[0][2, 2, 3]) / 3, -math.log(chances[1][3, 1]) / 2]
    assert float(loss) == pytest.approx(sum(expected) / 2, rel=1e-5)
