"""Lines that were read with doubt are read again, in other renderings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.words import whole_crop
from pagereader.document import Flag
from pagereader.errors import UsageError
from pagereader.options import Options
from pagereader.recognize import TrOCRRecognizer
from pagereader.recognize.engine import Job
from pagereader.recognize.ink import Pixels
from pagereader.recognize.second_look import (
    MUCH_SURER,
    View,
    look_again,
    together,
    unsure_parts,
    widened,
)
from pagereader.stages import LineReading, WordSpan
from tests.recognize.layouts import SQUARE, STRIP, Layout, scribbles
from tests.recognize.test_recognizer import assert_sound

Folder = Callable[[Layout], Path]


class WidthReader:
    """Is surer the wider a crop is, and says how wide it was."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, crops: Sequence[Pixels]) -> list[LineReading]:
        self.seen += [crop.shape[1] for crop in crops]
        return [self._read(crop.shape[1]) for crop in crops]

    @staticmethod
    def _read(width: int) -> LineReading:
        span = WordSpan(str(width), 0.5 * width, float(width), width / 1000)
        return LineReading(str(width), width / 1000, [span])


def grey(width: int) -> Pixels:
    return np.full((40, width), 200, np.uint8)


def line(*words: tuple[str, float], flags: frozenset[Flag] = frozenset()) -> LineReading:
    """A reading whose words stand ten apart."""
    spans = [
        WordSpan(text, 10.0 * n, 10.0 * n + 8, sure, (sure,) * len(text))
        for n, (text, sure) in enumerate(words)
    ]
    mean = float(np.mean([sure for _, sure in words])) if words else None
    return LineReading(" ".join(text for text, _ in words), mean, spans, flags)


def test_the_surer_reading_stays_with_its_words_in_place() -> None:
    (reading,) = look_again(WidthReader(), [grey(400)], sure=0.9)
    assert reading.text == "500"
    assert (reading.words[0].start, reading.words[0].end) == (200.0, 400.0)


def test_the_second_time_another_reader_may_look() -> None:
    careful = WidthReader()
    look_again(WidthReader(), [grey(950), grey(400)], sure=0.9, again=careful)
    assert careful.seen == [500]


def test_the_second_look_follows_several_readings(checkpoint_folder: Folder) -> None:
    options = Options(model=str(checkpoint_folder(STRIP)), device="cpu", second_look=1.0)
    reader = TrOCRRecognizer.from_options(options)
    searched: list[bool] = []
    read = reader._engine._read_batch

    def noting(jobs: Sequence[Job], search: bool) -> list[LineReading]:
        searched.append(search)
        return read(jobs, search)

    reader._engine._read_batch = noting  # type: ignore[method-assign]
    crops = scribbles(12, seed=3)
    for crop, reading in zip(crops, reader.read([whole_crop(c) for c in crops]), strict=True):
        assert_sound(reading, crop.shape[1])
    assert searched[0] is False
    assert searched[-1] is True


def test_sure_lines_are_read_once() -> None:
    reader = WidthReader()
    readings = look_again(reader, [grey(950), grey(400), grey(980)], sure=0.9)
    assert [reading.text for reading in readings] == ["950", "500", "980"]
    assert reader.seen == [950, 400, 980, 500]


def test_only_unsure_words_and_their_neighbours_are_shown_again() -> None:
    words = [(f"w{n}", 0.5 if n in (1, 6) else 0.95) for n in range(9)]
    first = line(*words)
    shown: list[int] = []

    def read(crops: Sequence[Pixels]) -> list[LineReading]:
        shown.extend(crop.shape[1] for crop in crops)
        if len(shown) == 1:
            return [replace(first, words=list(first.words))]
        return [line(*[(text, 0.99) for text in texts]) for texts in ("abc", "def")]

    (reading,) = look_again(read, [grey(90)], sure=0.9)
    assert reading.text == "a b c w3 w4 d e f w8"
    assert shown[1:] == [2 * 29, 2 * 30], "twice as wide, since the letters are narrow"
    starts = [word.start for word in reading.words]
    assert starts == sorted(starts)
    assert [starts[n] for n in (3, 4, 8)] == [30, 40, 80]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), st.integers(1, 9)), max_size=12),
    st.floats(0, 1),
)
def test_parts_hold_all_unsure_words_once_and_in_order(
    measures: list[tuple[float, int, int]], sure: float
) -> None:
    spans, x = [], 0.0
    for confidence, gap, long in measures:
        spans.append(WordSpan("w", x + gap, x + gap + long, confidence))
        x += gap + long
    reading = LineReading(" ".join("w" for _ in spans), 0.5, spans)
    parts = unsure_parts(0, reading, int(x) + 5, sure)
    seen = [n for part in parts for n in range(part.first, part.end)]
    assert seen == sorted(set(seen))
    assert {n for n, span in enumerate(spans) if span.confidence < sure} <= set(seen)
    for part in parts:
        assert 0 <= part.left < part.right <= int(x) + 5
        assert all(
            part.left - 1 <= span.start and span.end <= part.right + 1
            for span in spans[part.first : part.end]
        )


@pytest.mark.parametrize(
    ("text", "width", "trimmed"),
    [
        ("print, w", 1.25, False),
        ("a small hand", 1.5, False),
        ("the smallest hand that is", 2.0, True),
        ("", 1.25, False),
    ],
)
def test_the_narrower_the_letters_the_larger_they_are_shown(
    text: str, width: float, trimmed: bool
) -> None:
    view = widened(grey(160), LineReading(text, 0.5))
    assert view == replace(View(width, contrast=True), trim=view.trim)
    assert (view.trim > 0) == trimmed


def test_a_trimmed_line_is_drawn_out_to_its_height() -> None:
    crop = np.full((48, 200), 255, np.uint8)
    crop[:4] = crop[-4:] = 128
    crop[20:28, 40:160] = 0
    shown = View(trim=0.125).show(crop)
    assert shown.shape == crop.shape
    assert (shown != 128).all()
    inked = np.flatnonzero((shown < 128).any(axis=1))
    assert 10 <= len(inked) <= 11  # 8 rows of 48, of 36 now


def test_never() -> None:
    reader = WidthReader()
    look_again(reader, [grey(100)], sure=0.0)
    assert reader.seen == [100]


def test_blank_lines_stay_blank() -> None:
    blank = LineReading(flags=frozenset({Flag.BLANK}))
    assert look_again(lambda crops: [blank for _ in crops], [grey(100)], sure=0.9) == [blank]


def test_words_of_the_first_look_stay_if_they_are_much_surer() -> None:
    both = together(line(("tne", 0.5), ("quick", 0.9)), line(("the", 0.8), ("quiok", 0.4)))
    assert both.text == "the quick"
    assert [word.confidence for word in both.words] == [0.8, 0.9]
    assert both.confidence == pytest.approx((0.8**3 * 0.9**5) ** (1 / 8), abs=1e-4)
    assert [(word.start, word.end) for word in both.words] == [(0, 8), (10, 18)]


def test_of_words_about_as_sure_the_closer_look_counts() -> None:
    both = together(line(("tne", 0.85), ("quick", 0.6)), line(("the", 0.8), ("quiok", 0.55)))
    assert both.text == "the quiok"


@pytest.mark.parametrize(("sure", "text"), [(0.55, "ab"), (0.9, "a b")])
def test_words_that_stand_elsewhere_are_others(sure: float, text: str) -> None:
    first, second = line(("a", sure), ("b", sure)), line(("ab", 0.5))
    second.words[0] = WordSpan("ab", 0.0, 18.0, 0.5)
    assert together(first, second).text == text


@pytest.mark.parametrize("flag", [Flag.TRUNCATED, Flag.REPEATED, Flag.FAILED])
def test_a_reading_that_went_wrong_loses_however_sure_it_is(flag: Flag) -> None:
    good, bad = line(("good", 0.3)), line(("bad", 0.9), flags=frozenset({flag}))
    assert together(good, bad) == good
    assert together(bad, good) == good


@given(
    st.lists(st.tuples(st.sampled_from(["a", "bc"]), st.floats(0, 1)), max_size=4),
    st.lists(st.tuples(st.sampled_from(["d", "ef"]), st.floats(0, 1)), max_size=4),
)
def test_together_is_sound_and_nearly_as_sure_as_can_be(
    first: list[tuple[str, float]], second: list[tuple[str, float]]
) -> None:
    one, two = line(*first), line(*second)
    both = together(one, two)
    assert " ".join(word.text for word in both.words) == both.text
    for word in both.words:
        there = [w for w in (*one.words, *two.words) if w.start == word.start]
        assert word.confidence >= max(w.confidence for w in there) - MUCH_SURER - 1e-9
    assert together(one, one) == one


@given(
    st.integers(1, 60),
    st.integers(1, 300),
    st.sampled_from([View(width=1.25, contrast=True), View(width=0.1), View(trim=0.083)]),
)
def test_every_view_of_every_crop_is_a_crop(height: int, width: int, view: View) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
    shown = view.show(crop)
    assert shown.dtype == np.uint8
    assert shown.ndim == 2
    assert min(shown.shape) >= 1


def test_faint_ink_is_shown_dark() -> None:
    crop = np.full((40, 200), 120, np.uint8)
    crop[10:30, 20:180:10] = 80
    shown = View(contrast=True).show(crop)
    assert shown.min() < 30
    assert np.median(shown) > 220


def test_ink_that_is_clear_is_shown_as_it_is() -> None:
    crop = np.full((40, 200), 190, np.uint8)
    crop[10:30, 20:180:10] = 90
    assert np.array_equal(View(contrast=True).show(crop), crop)


def test_only_strips_look_again_by_themselves(
    checkpoint_folder: Callable[[Layout], Path],
) -> None:
    def settings(layout: Layout, **options: object) -> dict[str, str]:
        folder = checkpoint_folder(layout)
        made = TrOCRRecognizer.from_options(Options.of(model=str(folder), device="cpu", **options))
        return dict(made.describe().settings)

    assert settings(STRIP)["second-look"] == "0.9"
    assert settings(SQUARE)["second-look"] == "0"
    assert settings(SQUARE, second_look=0.5)["second-look"] == "0.5"
    with pytest.raises(UsageError):
        Options(second_look=1.5)


def test_words_lie_on_the_crop(checkpoint_folder: Callable[[Layout], Path]) -> None:
    folder = checkpoint_folder(STRIP)
    options = Options.of(model=str(folder), device="cpu", second_look=1.0)
    crops = scribbles(8, seed=9)
    readings = TrOCRRecognizer.from_options(options).read([whole_crop(crop) for crop in crops])
    for crop, reading in zip(crops, readings, strict=True):
        assert_sound(reading, crop.shape[1])
