"""The layer that spells columns, as training leaves it in a model's folder."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from pagereader.recognize.spelling import LAYER_FILE, Speller

BLANK = 0


def test_a_layer_that_does_not_fit_is_left_out(tmp_path: Path) -> None:
    def load() -> Speller | None:
        return Speller.load(tmp_path, (4, 6), BLANK, 1)

    assert load() is None
    file = tmp_path / LAYER_FILE
    file.parent.mkdir()
    file.write_bytes(b"no weights")
    assert load() is None
    save_file({"weight": torch.zeros(5, 6), "bias": torch.zeros(5)}, file)
    assert load() is None
    save_file({"weight": torch.zeros(4, 6)}, file)
    assert load() is None
    save_file({"weight": torch.zeros(4, 6), "bias": torch.zeros(4)}, file)
    assert load() is not None


def test_columns_are_those_of_the_lines_and_nothing_else() -> None:
    states = [torch.ones(2, 7, 6), 2 * torch.ones(1, 9, 6)]
    weight = torch.eye(4, 6)
    speller = Speller(lambda rows: rows @ weight.T, BLANK, prefix=1)
    scores = speller.scores(states)
    found = [scores[here] for here in speller.columns(states)]
    assert [tuple(line.shape) for line in found] == [(6, 4), (6, 4), (8, 4)]
    assert [float(line.min()) for line in found] == [1, 1, 2]


def test_a_column_is_spelled_in_parts(tmp_path: Path) -> None:
    weight, bias = torch.zeros(2, 4, 6), torch.arange(8.0).view(2, 4)
    (tmp_path / LAYER_FILE).parent.mkdir()
    save_file({"weight": weight, "bias": bias}, tmp_path / LAYER_FILE)
    speller = Speller.load(tmp_path, (4, 6), BLANK, 1)
    assert speller is not None
    states = [torch.ones(2, 3, 6), torch.ones(1, 5, 6)]
    scores = speller.scores(states)
    found = [scores[here] for here in speller.columns(states)]
    assert [len(line) for line in found] == [4, 4, 8]
    assert all(torch.equal(line, bias.repeat(len(line) // 2, 1)) for line in found)
