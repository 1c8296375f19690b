"""How certain columns are of a text, against all ways in which columns can spell."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagereader.recognize.certainty import certainties
from tests.recognize.test_prefixes import BLANK, TOKENS, columns, spelled

Lines = list[tuple[int, int, list[int]]]

lines = st.tuples(
    st.integers(1, 6), st.integers(0, 10**6), st.lists(st.integers(1, TOKENS - 1), max_size=4)
)


def certain(lines: Lines) -> tuple[list[np.ndarray], np.ndarray]:
    """Return what is found of lines that are given by number of columns, seed and text."""
    shares = [
        np.exp(columns(count, seed)[0, 1:].double().log_softmax(1).numpy())
        for count, seed, _ in lines
    ]
    texts = [text for _, _, text in lines]
    return certainties(
        [share[:, BLANK] for share in shares],
        [share[:, text] for share, text in zip(shares, texts, strict=True)],
        texts,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(lines, min_size=1, max_size=3))
def test_texts_are_as_likely_as_all_ways_to_spell_them(lines: Lines) -> None:
    logs, wholes = certain(lines)
    for (count, seed, text), own, whole in zip(lines, logs, wholes, strict=True):
        chances = spelled(columns(count, seed))
        assert whole == pytest.approx(chances.get(tuple(text), 0.0), rel=1e-5, abs=1e-12)
        begun = [
            sum(share for said, share in chances.items() if said[:end] == tuple(text[:end]))
            for end in range(len(text) + 1)
        ]
        assert len(own) == len(text)
        for log, (before, after) in zip(own, pairwise(begun), strict=True):
            if before > 0:
                assert np.exp(log) == pytest.approx(after / before, rel=1e-5, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.lists(lines, min_size=2, max_size=4))
def test_lines_do_not_hang_on_their_neighbours(lines: Lines) -> None:
    logs, wholes = certain(lines)
    for line, own, whole in zip(lines, logs, wholes, strict=True):
        alone, chance = certain([line])
        assert np.array_equal(alone[0], own)
        assert chance[0] == whole


def test_nothing_at_all() -> None:
    logs, wholes = certainties([], [], [])
    assert logs == []
    assert len(wholes) == 0
