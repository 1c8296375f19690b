"""The layer that drafts lines, and how a draft is gone on with after an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pagereader.options import Options
from pagereader.recognize.decoding import filled_up, flattened
from pagereader.recognize.drafts import LAYER_FILE, Draft, Drafter, looked_at
from pagereader.recognize.engine import Engine
from tests.recognize.test_recognizer import generate

BLANK, A, B, C = 0, 1, 2, 3


def drafter() -> Drafter:
    """Return one whose states are the scores themselves."""
    return Drafter(lambda states: states, BLANK, prefix=1)


def test_columns_are_spelled() -> None:
    spoken = [BLANK, A, A, BLANK, A, B, BLANK, BLANK, C]
    states = torch.zeros(1, 1 + len(spoken), 4)
    states[0, 1 + np.arange(len(spoken)), spoken] = 8.0
    states[0, 3, A] = 9.0
    (draft,) = drafter()([states])
    assert draft.tokens == [A, A, B, C]
    assert draft.columns == [2.0, 4.5, 5.5, 8.5]
    assert draft.sureness[0] > draft.sureness[1] > 0.99


def test_blank_lines_have_an_empty_draft() -> None:
    states = torch.zeros(2, 7, 4)
    states[..., BLANK] = 5.0
    assert [draft.tokens for draft in drafter()([states])] == [[], []]


def test_runs_end_where_they_become_unlikely() -> None:
    draft = Draft([A, B, C, A, B], [1, 2, 3, 4, 5], [0.9, 0.2, 0.99, 0.99, 0.99])
    assert draft.run(0, 7) == [A, B]
    assert draft.run(2, 7) == [C, A, B]
    assert draft.run(2, 1) == [C]
    assert draft.run(5, 7) == draft.run(9, 7) == draft.run(0, 0) == []


@pytest.mark.parametrize(
    ("wrong", "token", "column", "following"),
    [
        (1, C, 9.0, 3),  # the draft has one too many: C is what it says next
        (1, A, 9.0, 1),  # it has one too few: two of the same
        (1, BLANK, 1.5, 2),  # another letter in the same place
        (1, BLANK, 0.5, 1),  # it lacks a letter before this one
        (1, BLANK, 3.2, 3),  # it has several too many
        (4, A, 9.0, 5),  # the line is longer than the draft
    ],
)
def test_going_on_after_an_error(wrong: int, token: int, column: float, following: int) -> None:
    draft = Draft([A, B, C, B], [0.5, 1.5, 2.5, 3.5], [0.9] * 4)
    assert draft.resume(wrong, token, lambda: column) == following


def test_where_the_decoder_looked() -> None:
    attention = np.zeros(12, np.float32)
    attention[[4, 5, 6]] = [0.2, 0.5, 0.3]
    attention[11] = 0.4  # far away
    assert looked_at(attention) == pytest.approx(5.6)
    assert looked_at(np.zeros(3, np.float32)) == 0.5
    assert looked_at(np.full(3, np.nan, np.float32)) >= 0


def test_a_layer_that_does_not_fit_is_left_out(tmp_path: Path) -> None:
    def load() -> Drafter | None:
        return Drafter.load(tmp_path, (4, 6), BLANK, 1)

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


@pytest.mark.parametrize("precision", ["exact", "bf16"])
def test_the_bundled_model_reads_the_same_with_and_without_drafts(precision: str) -> None:
    crops = [generate(seed).pixels for seed in range(9)]
    engine = Engine.from_options(Options(precision=precision))
    assert engine.drafter is not None
    assert ("drafts", "ctc") in engine.describe().settings
    drafted = engine.read(crops)
    alone = [engine.read([crop])[0] for crop in crops]
    engine.drafter = None
    plain = engine.read(crops)
    assert [reading.text for reading in drafted] == [reading.text for reading in plain]
    assert sum(map(len, (reading.text for reading in plain))) > 100
    assert drafted == alone, "a line's reading hangs on its neighbours"


def test_states_are_laid_one_after_another_in_few_numbers_of_rows() -> None:
    parts = [torch.ones(2, 7, 3), 2 * torch.ones(1, 9, 3)]
    rows = flattened(parts)
    assert rows.shape == (32, 3)
    assert rows[:, 0].tolist() == [1] * 14 + [2] * 9 + [0] * 9
    assert [filled_up(count) for count in (1, 16, 17, 64, 65, 500)] == [16, 16, 32, 64, 128, 512]
    assert flattened([torch.ones(4, 16, 3)]).shape == (64, 3)
