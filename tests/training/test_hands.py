from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagereader.training.degrade import LARGE_HEIGHTS, Ink, Rng
from pagereader.training.fonts import HANDS, Face, find_faces
from pagereader.training.generator import LineGenerator
from pagereader.training.hands import Hand, draw_hand, written
from pagereader.training.text import TextSource
from pagereader.training.typeset import PAD, draw
from tests.training.conftest import PROSE

COPYBOOK = Hand(
    lean=0, core=1, above=1, below=1, pitch=2, aside=0, down=0, drift=0, slope=0
)  # as the font has it
BASELINE, X_HEIGHT = 60, 18.0


@pytest.fixture
def letters(faces: list[Face]) -> Ink:
    """Ten times the same letter, as a font of one width draws it."""
    face = next(face for face in faces if face.fixed_width)
    return draw("llllllllll", face, np.random.default_rng(5)).ink


def box() -> Ink:
    """A bar from the baseline to the height of small letters, with one twice as tall behind it."""
    ink = np.zeros((100, 200), np.uint8)
    ink[BASELINE - 18 : BASELINE, 40:60] = 255
    ink[BASELINE - 36 : BASELINE, 140:160] = 255
    return ink


def top(ink: Ink, columns: slice) -> int:
    """Return the highest row with ink among the columns."""
    return int(np.flatnonzero(ink[:, columns].max(axis=1) > 127)[0])


def left(ink: Ink, row: int) -> int:
    return int(np.flatnonzero(ink[row] > 127)[0])


def test_a_copybook_hand_leaves_what_the_font_drew(letters: Ink) -> None:
    same = written(letters, BASELINE, X_HEIGHT, COPYBOOK, np.random.default_rng(0))
    assert np.array_equal(same, letters)


def test_small_letters_shrink_and_tall_ones_keep_their_stems() -> None:
    ink = box()
    half = replace(COPYBOOK, core=0.5)
    low = written(ink, BASELINE, X_HEIGHT, half, np.random.default_rng(0))
    assert abs(top(low, slice(40, 60)) - (BASELINE - 9)) <= 1
    assert abs(top(low, slice(140, 160)) - (BASELINE - 9 - 18)) <= 1
    tall = written(ink, BASELINE, X_HEIGHT, replace(COPYBOOK, above=1.5), np.random.default_rng(0))
    assert abs(top(tall, slice(140, 160)) - (BASELINE - 18 - 27)) <= 1


def test_what_leans_leans_to_the_right_above_the_line() -> None:
    ink = box()
    leaning = written(
        ink, BASELINE, X_HEIGHT, replace(COPYBOOK, lean=0.5), np.random.default_rng(0)
    )
    low, high = (left(leaning[:, 100:], BASELINE - up) for up in (2, 34))
    assert 13 <= high - low <= 19


def test_no_letter_is_like_another(letters: Ink, faces: list[Face]) -> None:
    face = next(face for face in faces if face.fixed_width)
    hasty = replace(COPYBOOK, aside=0.15, down=0.1, drift=0.1)
    ink = written(letters, PAD + face.metrics[0], X_HEIGHT, hasty, np.random.default_rng(1))
    edges = [round(PAD + n * face.glyph("l").advance) for n in range(11)]
    weights = [int(ink[:, a:b].sum()) for a, b in pairwise(edges)]
    assert len(set(weights)) == 10
    assert min(weights) > 0.4 * max(weights), "all are still there"


@given(st.integers(0, 2**32), st.integers(8, 120), st.integers(8, 300), st.floats(1, 40))
@settings(max_examples=40, deadline=None)
def test_hands_keep_the_shape(seed: int, height: int, width: int, x_height: float) -> None:
    rng = np.random.default_rng(seed)
    ink = np.full((height, width), 255, np.uint8)
    out = written(ink, height // 2, x_height, draw_hand(rng), rng)
    assert out.dtype == np.uint8
    assert out.shape == ink.shape


@pytest.fixture
def with_hands(fonts: Path, tmp_path: Path) -> LineGenerator:
    for name, folder in (("tiro", HANDS), ("helv", "others")):
        (tmp_path / folder).mkdir()
        shutil.copy(fonts / f"{name}.cff", tmp_path / folder)
    return LineGenerator(find_faces([tmp_path], PROSE), TextSource(PROSE), seed=3)


@pytest.mark.parametrize(("share", "kinds"), [(0.0, {"others"}), (1.0, {HANDS})])
def test_hands_write_their_share_and_nothing_else(
    with_hands: LineGenerator, monkeypatch: pytest.MonkeyPatch, share: float, kinds: set[str]
) -> None:
    drawn: set[str] = set()
    hands: list[Hand] = []

    def noted(ink: Ink, baseline: int, x_height: float, hand: Hand, rng: Rng) -> Ink:
        hands.append(hand)
        return written(ink, baseline, x_height, hand, rng)

    monkeypatch.setattr("pagereader.training.generator.written", noted)
    glyph = Face.glyph
    monkeypatch.setattr(Face, "glyph", lambda f, c: (drawn.add(f.kind), glyph(f, c))[1])
    with_hands.text.mix = replace(with_hands.text.mix, hands=share, fraktur=0.0)
    lines = [with_hands.line(number) for number in range(30)]
    assert drawn == kinds
    assert (len(hands) >= 30) if share else not hands
    assert len(set(hands)) <= 30, "neighbouring lines are of one hand"
    if share:
        assert {line.pixels.shape[0] for line in lines} <= set(LARGE_HEIGHTS)


def test_letters_are_not_in_capitals_and_shorten_and() -> None:
    text = TextSource("You and I, and all that went and came; " * 20)
    lines = [text.written(np.random.default_rng(seed), 40) for seed in range(200)]
    longer = [line for line in lines if len(line) > 20]
    assert sum("&" in line for line in longer) > 20
    assert sum(" and " in line for line in longer) > 20
    assert not any(line.isupper() for line in longer if " you " in line.lower())
