"""What is drafted of a line, and how a draft is gone on with after an error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from pagereader.evaluate.rates import ErrorRate, character_errors
from pagereader.options import Options
from pagereader.recognize.decoding import DecodedLine, filled_up, flattened
from pagereader.recognize.drafts import TRUSTED, Draft, draft, looked_at
from pagereader.recognize.engine import Engine
from pagereader.recognize.spelling import Speller
from pagereader.recognize.words import centres
from tests.recognize.test_recognizer import generate

BLANK, A, B, C = 0, 1, 2, 3


SPELLER = Speller(lambda states: states, BLANK, prefix=1)
"""One whose states are the scores themselves."""


def test_columns_are_spelled() -> None:
    spoken = [BLANK, A, A, BLANK, A, B, BLANK, BLANK, C]
    states = torch.zeros(1, 1 + len(spoken), 4)
    states[0, 1 + np.arange(len(spoken)), spoken] = 8.0
    states[0, 3, A] = 9.0
    (found,) = draft(SPELLER, [states])
    assert found.tokens == [A, A, B, C]
    assert found.columns == [2.0, 4.5, 5.5, 8.5]
    assert found.sureness[0] > found.sureness[1] > 0.99


def test_parts_of_columns_are_spelled_and_told_in_columns() -> None:
    spoken = torch.tensor([BLANK, BLANK, A, B, B, BLANK])  # after a state that is no column
    states = torch.nn.functional.one_hot(spoken, 4).float().view(1, 3, 8)
    (found,) = draft(Speller(lambda rows: 8 * rows, BLANK, prefix=1, parts=2), [states])
    assert found.tokens == [A, B]
    assert found.columns == [0.25, 1.0]


def test_blank_lines_have_an_empty_draft() -> None:
    states = torch.zeros(2, 7, 4)
    states[..., BLANK] = 5.0
    assert [found.tokens for found in draft(SPELLER, [states])] == [[], []]


def test_runs_end_where_they_become_unlikely() -> None:
    drafted = Draft([A, B, C, A, B], [1, 2, 3, 4, 5], np.array([0.9, 0.2, 0.99, 0.99, 0.99]))
    assert drafted.run(0, 7) == [A, B]
    assert drafted.run(2, 7) == [C, A, B]
    assert drafted.run(2, 1) == [C]
    assert drafted.run(5, 7) == drafted.run(9, 7) == drafted.run(0, 0) == []


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
    drafted = Draft([A, B, C, B], [0.5, 1.5, 2.5, 3.5], np.full(4, 0.9))
    assert drafted.resume(wrong, token, lambda: column) == following


def test_where_the_decoder_looked() -> None:
    attention = np.zeros(12, np.float32)
    attention[[4, 5, 6]] = [0.2, 0.5, 0.3]
    attention[11] = 0.4  # far away
    assert looked_at(attention) == pytest.approx(5.6)
    assert looked_at(np.zeros(3, np.float32)) == 0.5
    assert looked_at(np.full(3, np.nan, np.float32)) >= 0


@pytest.mark.parametrize("precision", ["exact", "bf16"])
def test_the_bundled_model_reads_the_same_with_and_without_drafts(precision: str) -> None:
    crops = [generate(seed).pixels for seed in range(9)]
    engine = Engine.from_options(Options(precision=precision))
    engine.trusting = False  # what columns alone say may differ
    assert engine.speller is not None
    assert ("columns", "ctc") in engine.describe().settings
    drafted = engine.read(crops)
    alone = [engine.read([crop])[0] for crop in crops]
    engine.speller = None
    plain = engine.read(crops)
    assert [reading.text for reading in drafted] == [reading.text for reading in plain]
    assert sum(map(len, (reading.text for reading in plain))) > 100
    assert drafted == alone, "a line's reading hangs on its neighbours"


def test_certain_lines_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    crops = [generate(seed).pixels for seed in range(9)]
    checking, trusting = (Engine.from_options(Options(precision=p)) for p in ("exact", "fp32"))
    assert ("columns-trusted-from", "none") in checking.describe().settings
    assert ("columns-trusted-from", f"{TRUSTED:g}") in trusting.describe().settings
    checked: list[int] = []
    whole = trusting._check

    def check(pairs: Sequence[tuple[torch.Tensor, Draft]]) -> list[DecodedLine]:
        assert not any(draft.certain for _, draft in pairs)
        checked.append(len(pairs))
        return whole(pairs)

    monkeypatch.setattr(trusting, "_check", check)
    expected, found = checking.read(crops), trusting.read(crops)
    assert 0 < sum(checked) < len(crops)
    texts = [[reading.text for reading in readings] for readings in (expected, found)]
    rate = sum((character_errors(*pair) for pair in zip(*texts, strict=True)), ErrorRate())
    assert rate.value < 0.01, "the decoder reads more than one letter of a hundred otherwise"
    for one, other in zip(found, expected, strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=0.1)
        for word, same in zip(one.words, other.words, strict=True):
            assert word.start == pytest.approx(same.start, abs=3)
            assert word.end == pytest.approx(same.end, abs=3)
    assert found == [trusting.read([crop])[0] for crop in crops], "a line hangs on its neighbours"


def test_a_draft_is_read_where_its_columns_are() -> None:
    places = [0.25, 0.5, 3.0, 5.75]
    line = Draft([A, B, C, A], places, np.array([0.5, 1, 1, 0.9])).line(sources=8, prefix=2)
    assert line.tokens == [A, B, C, A]
    assert line.ended
    assert np.exp(line.log_probs) == pytest.approx([0.5, 1, 1, 0.9])
    assert line.attention.sum(axis=1) == pytest.approx([1] * 4)
    assert centres(line.attention[:, 2:], 6, 6.0) == pytest.approx([0.5, 0.5, 3.0, 5.5])
    assert Draft([], [], np.zeros(0)).line(sources=8, prefix=2).tokens == []


def test_lines_are_certain_from_a_limit_on_and_never_of_nothing() -> None:
    assert Draft([A], [1.0], np.ones(1), TRUSTED).certain
    assert not Draft([A], [1.0], np.ones(1), TRUSTED - 0.01).certain
    assert not Draft([A], [1.0], np.ones(1), float("nan")).certain
    assert not Draft([], [], np.zeros(0), 1.0).certain


def test_states_are_laid_one_after_another_in_few_numbers_of_rows() -> None:
    parts = [torch.ones(2, 7, 3), 2 * torch.ones(1, 9, 3)]
    rows = flattened(parts)
    assert rows.shape == (32, 3)
    assert rows[:, 0].tolist() == [1] * 14 + [2] * 9 + [0] * 9
    assert [filled_up(count) for count in (1, 16, 17, 64, 65, 500)] == [16, 16, 32, 64, 128, 512]
    assert flattened([torch.ones(4, 16, 3)]).shape == (64, 3)


def test_the_engine_has_its_searches_heed_the_columns() -> None:
    crops = [generate(seed).pixels for seed in range(3)]
    engine = Engine.from_options(Options(precision="exact"))
    assert all(reading.text for reading in engine.read(crops, search=True))
    assert engine.speller is not None
    empty = torch.zeros(engine.speller.parts, int(engine.decoder.embedding.shape[0]))
    empty[:, engine.speller.blank] = 500.0
    engine.speller.layer = lambda states: empty.flatten().repeat(len(states), 1)
    assert [reading.text for reading in engine.read(crops, search=True)] == [""] * 3
