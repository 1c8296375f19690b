"""Prefix scores of the columns, against all ways in which columns can spell."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pagereader.recognize.prefixes import Prefixes
from pagereader.recognize.spelling import Speller

BLANK, END, TOKENS = 0, 1, 4
SPELLER = Speller(lambda states: states, BLANK, prefix=1)
"""One whose states are the scores themselves."""


def columns(count: int, seed: int) -> Tensor:
    """Return random scores of one line's columns, after one state that is none."""
    torch.manual_seed(seed)
    return 2 * torch.randn(1, 1 + count, TOKENS)


def spelled(states: Tensor) -> dict[tuple[int, ...], float]:
    """Return the probability of every text, summed over all ways to spell it."""
    shares = torch.softmax(states[0, 1:].double(), dim=1).numpy()
    texts: dict[tuple[int, ...], float] = {}
    for path in product(range(TOKENS), repeat=len(shares)):
        text = tuple(token for token, _ in groupby(path) if token != BLANK)
        chance = float(np.prod(shares[np.arange(len(path)), path]))
        texts[text] = texts.get(text, 0.0) + chance
    return texts


def walked(prefixes: Prefixes, text: list[int]) -> Tensor:
    """Follow a text with the only beam there is; return the scores of what comes next."""
    for token in text:
        prefixes.follow(np.array([[0]]), np.array([[token]]))
    return prefixes.scores([END])[0, 0].exp()


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 6),
    seed=st.integers(0, 10**6),
    text=st.lists(st.integers(2, TOKENS - 1), max_size=4),
)
def test_prefixes_are_as_likely_as_all_ways_to_spell_them(
    count: int, seed: int, text: list[int]
) -> None:
    states = columns(count, seed)
    chances = spelled(states)
    found = walked(Prefixes(SPELLER, [states], beams=1), text)
    for token in range(2, TOKENS):
        start = (*text, token)
        expected = sum(share for said, share in chances.items() if said[: len(start)] == start)
        assert float(found[token]) == pytest.approx(expected, rel=1e-5, abs=1e-12)
    assert float(found[END]) == pytest.approx(chances.get(tuple(text), 0.0), rel=1e-5, abs=1e-12)
    assert found[BLANK] == 0


def test_beams_follow_others() -> None:
    states = columns(5, seed=3)
    prefixes = Prefixes(SPELLER, [states], beams=2)
    prefixes.follow(np.array([[0, 0]]), np.array([[2, 3]]))
    prefixes.follow(np.array([[1, 1]]), np.array([[3, 2]]))
    found = prefixes.scores([END])[0].exp()
    for beam, text in enumerate(([3, 3], [3, 2])):
        alone = walked(Prefixes(SPELLER, [states], beams=1), text)
        assert found[beam].numpy() == pytest.approx(alone.numpy())


def test_lines_leave_and_do_not_hang_on_longer_ones() -> None:
    lines = [columns(count, seed) for seed, count in enumerate((3, 6, 4))]
    prefixes = Prefixes(SPELLER, lines, beams=1)
    first, second = np.zeros((3, 1), np.int64), np.zeros((2, 1), np.int64)
    prefixes.follow(first, np.array([[2], [3], [3]]))
    prefixes.leave(0)
    prefixes.follow(second, np.array([[2], [3]]))
    found = prefixes.scores([END])[:, 0].exp()
    for row, (line, text) in enumerate(((2, [3, 2]), (1, [3, 3]))):
        alone = walked(Prefixes(SPELLER, [lines[line]], beams=1), text)
        assert found[row].numpy() == pytest.approx(alone.numpy(), rel=1e-12)
