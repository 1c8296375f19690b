"""The recogniser's small parts: fitting, spelling, borders, loops, batches, products."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagereader.document import Flag
from pagereader.errors import ModelError
from pagereader.recognize.batching import HalvingBatch
from pagereader.recognize.confidence import geometric_mean, probabilities, probability
from pagereader.recognize.ink import gaps, histogram, is_blank, percentile
from pagereader.recognize.preprocess import ImageRules, fit
from pagereader.recognize.repeats import cut_loop, loop_at_end
from pagereader.recognize.vocabulary import Character, clean
from pagereader.recognize.wide import Piece, merge, split
from pagereader.recognize.words import centres, split_words, word_spans
from pagereader.stages import LineReading, WordSpan
from tests.recognize.layouts import scribbles

STRIP = ImageRules(32, 640, 32, 8, strip=True)


@pytest.mark.parametrize("resample", [2, 3])
@pytest.mark.parametrize("mean", [(0.5, 0.5, 0.5), (0.485, 0.456, 0.406)])
def test_square_models_get_the_stock_processors_pixels_to_the_bit(
    resample: int, mean: tuple[float, ...]
) -> None:
    from PIL import Image
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    rules = ImageRules(384, 384, 16, 16, mean=mean, std=(0.229, 0.224, 0.5), resample=resample)
    stock = ViTImageProcessorPil(
        size={"height": 384, "width": 384},
        image_mean=list(mean),
        image_std=[0.229, 0.224, 0.5],
        resample=resample,
    )
    for crop in scribbles(3, height=40):
        image = Image.fromarray(crop).convert("RGB")
        theirs = stock(image, return_tensors="pt").pixel_values[0].numpy()
        ours = rules.lookup()[:, fit(crop, rules).pixels]
        assert np.array_equal(ours, theirs)


def test_strips_keep_their_proportions_and_are_padded_with_paper() -> None:
    crop = np.full((64, 400), 200, np.uint8)
    crop[20:40, 30:370:9] = 10
    fitted = fit(crop, STRIP)
    assert fitted.pixels.shape == (32, 224)
    assert fitted.used == 200
    assert (fitted.pixels[:, 200:] == 200).all()


@given(st.integers(1, 300), st.integers(1, 5000))
@settings(max_examples=60, deadline=None)
def test_every_crop_fits_a_bucket(height: int, width: int) -> None:
    fitted = fit(np.zeros((height, width), np.uint8), STRIP)
    rows, columns = fitted.pixels.shape
    assert rows == 32
    assert columns % STRIP.bucket == 0
    assert fitted.used <= columns <= 640
    assert columns - fitted.used < STRIP.bucket


def test_rules_that_do_not_fit_are_named() -> None:
    class Config:
        image_size, patch_size, num_channels = 384, 16, 3

    with pytest.raises(ModelError, match="processor makes"):
        ImageRules.from_configs(Config, {"size": {"height": 224, "width": 224}})
    with pytest.raises(ModelError, match="3 channels, its processor 1"):
        ImageRules.from_configs(Config, {"size": 384, "image_mean": [0.5]})
    assert ImageRules.from_configs(Config, {"size": 384}).bucket == 384


@given(st.lists(st.integers(0, 255), min_size=1, max_size=60), st.floats(0, 100))
def test_percentiles_are_those_of_the_pixels(greys: list[int], share: float) -> None:
    pixels = np.array([greys], np.uint8)
    expected = float(np.percentile(pixels, share))
    assert percentile(histogram(pixels), share) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.floats(-30, 0.5) | st.sampled_from([-math.inf, math.nan]), max_size=9))
def test_many_probabilities_are_those_that_each_is_alone(logs: list[float]) -> None:
    expected = [probability(value) for value in logs]
    assert probabilities(np.array(logs, np.float64)) == pytest.approx(expected, abs=1.1e-4)


def test_what_is_blank() -> None:
    assert is_blank(np.zeros((1, 1), np.uint8))
    assert is_blank(np.full((30, 90), 77, np.uint8))
    speck = np.full((30, 90), 240, np.uint8)
    speck[4, 5] = 0
    assert is_blank(speck)
    speck[10:20, 30:34] = 0
    assert not is_blank(speck)


def test_gaps_are_the_white_columns() -> None:
    crop = np.full((30, 100), 250, np.uint8)
    crop[8:22, 10:40] = 0
    crop[8:22, 55:90] = 0
    assert gaps(crop).tolist() == [[0, 10], [40, 55], [90, 100]]
    assert gaps(np.full((5, 9), 3, np.uint8)).tolist() == [[0, 0], [9, 9]]


def characters(text: str) -> list[Character]:
    return [Character(c, n) for n, c in enumerate(text)]


@given(st.text(max_size=60))
def test_cleaned_text_is_fit_for_xml(text: str) -> None:
    from lxml import etree

    cleaned = "".join(c.text for c in clean(characters(text)))
    assert cleaned == " ".join(cleaned.split(" ")).strip()
    assert "  " not in cleaned
    etree.fromstring(etree.tostring(_element(cleaned)))


def _element(text: str):  # type: ignore[no-untyped-def]
    from lxml import etree

    element = etree.Element("line")
    element.text = text
    return element


def test_words_snap_to_the_gaps_though_attention_is_off() -> None:
    crop = np.full((30, 300), 250, np.uint8)
    truth = [(10, 60), (75, 130), (150, 160), (180, 280)]
    text = "alpha bravo I delta99"
    for start, end in truth:
        crop[8:22, start:end] = 0
        for x in range(start + 9, end - 4, 11):
            crop[8:22, x : x + 2] = 250  # between letters
    places: list[float] = []
    for (start, end), word in zip(truth, text.split(), strict=True):
        step = (end - start) / len(word)
        places += [start + (n + 0.5) * step for n in range(len(word))] + [end + 8.0]
    random = np.random.default_rng(0)
    at = np.sort(np.array(places[:-1]) + random.normal(0, 3, len(text)))
    spans = word_spans(crop, characters(text), np.log(np.full(len(text), 0.9)), at)
    assert [(span.start, span.end) for span in spans] == truth
    assert [span.text for span in spans] == text.split()
    assert all(span.confidence == 0.9 for span in spans)


def test_places_matter_more_than_gaps_alone() -> None:
    """Without attention the text is spread evenly; a long word then gets a wrong border."""
    crop = np.full((30, 300), 250, np.uint8)
    for start in range(10, 290, 20):  # gaps everywhere, all alike
        crop[8:22, start : start + 14] = 0
    text = "abcdefgh ij"
    at = np.array([17, 37, 57, 77, 97, 117, 137, 157, 167, 177, 197], np.float64)
    spans = word_spans(crop, characters(text), np.zeros(len(text)), at)
    assert spans[0].end == 164
    assert spans[1].start == 170


@given(
    st.lists(st.text("ab ", min_size=1, max_size=9), min_size=1, max_size=8),
    st.integers(1, 400),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150, deadline=None)
def test_words_are_always_apart_in_order_and_inside(
    parts: list[str], width: int, random: object
) -> None:
    text = " ".join(" ".join(parts).split())
    seed = int(random.random() * 1e9)  # type: ignore[attr-defined]
    generator = np.random.default_rng(seed)
    crop = generator.integers(0, 256, (12, width)).astype(np.uint8)
    at = np.sort(generator.uniform(-20, width + 20, len(text)))
    spans = word_spans(crop, characters(text), np.log(generator.uniform(0, 1, len(text))), at)
    assert [span.text for span in spans] == text.split()
    edge = 0.0
    for span in spans:
        assert edge <= span.start < span.end <= width + 1e-9
        edge = span.end


def test_attention_gives_rising_places() -> None:
    attention = np.zeros((3, 2 * 10), np.float32)
    attention[0, [1, 11]] = 0.5  # column 1 of both rows
    attention[1, 6] = 1
    attention[2, 4] = 1  # looks back
    assert centres(attention, 10, 100.0) == pytest.approx([15, 55, 55])
    assert centres(np.full((2, 20), np.nan, np.float32), 10, 50.0).shape == (2,)
    assert centres(np.zeros((0, 20), np.float32), 10, 50.0).shape == (0,)


def test_words_are_parted_at_blanks() -> None:
    assert [w.text for w in split_words(characters("ab c  d"))] == ["ab", "c", "d"]
    assert split_words([]) == []


@pytest.mark.parametrize(
    ("tokens", "kept"),
    [
        ([1, 2, 3], 3),
        ([7] * 12, 12),  # a ruling of dots is no loop
        ([1, 2] + [7] * 40, 3),
        ([9, 8] + [1, 2, 3] * 12, 5),
        ([9, 8] + [1, 2, 3] * 12 + [1], 5),
        (list(range(30)) * 2, 60),
        ([], 0),
    ],
)
def test_loops_are_cut_to_one_round(tokens: list[int], kept: int) -> None:
    assert cut_loop(tokens) == kept
    assert (loop_at_end(tokens) is None) == (kept == len(tokens))


def test_confidence_is_never_nan() -> None:
    assert geometric_mean([]) is None
    assert geometric_mean([math.log(0.5), math.log(0.5)]) == 0.5
    assert geometric_mean([0.0, math.nan]) == 0.0
    assert geometric_mean([-math.inf, 0.0]) == 0.0
    assert probability(math.nan) == 0.0
    assert probability(1e-9) == 1.0


def test_batches_halve_until_they_fit_and_stay_small() -> None:
    released: list[bool] = []
    batches = HalvingBatch(16, release=lambda: released.append(True))
    sizes: list[int] = []

    def work(items):  # type: ignore[no-untyped-def]
        sizes.append(len(items))
        if len(items) > 5:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return [item * 2 for item in items]

    assert batches.run(work, range(32)) == [item * 2 for item in range(32)]
    assert sizes == [16, 8, *[4] * 8]
    assert released == [True, True]
    sizes.clear()
    assert batches.run(work, range(9)) == [item * 2 for item in range(9)]
    assert sizes == [3, 3, 3], "few are left over"

    def always(items):  # type: ignore[no-untyped-def]
        raise MemoryError

    with pytest.raises(MemoryError):
        batches.run(always, range(3))

    def other(items):  # type: ignore[no-untyped-def]
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes"):
        batches.run(other, range(3))


def test_wide_lines_are_split_in_gaps() -> None:
    crop = np.full((20, 1000), 250, np.uint8)
    for start in range(5, 980, 60):
        crop[5:15, start : start + 45] = 0
    pieces = split(crop, 20.0)
    assert len(pieces) > 2
    assert all(piece.pixels.shape[1] <= 400 for piece in pieces)
    assert pieces[0].left == 0
    assert pieces[-1].left + pieces[-1].pixels.shape[1] == 1000
    for before, piece in pairwise(pieces):
        assert piece.left < piece.seam < before.left + before.pixels.shape[1]
        assert (crop[:, int(piece.seam)] == 250).all()
    assert len(split(crop, 50.0)) == 1


def test_pieces_are_merged_at_their_seams() -> None:
    def word(text: str, start: float, end: float) -> WordSpan:
        return WordSpan(text, start, end, 0.5, (0.5,) * len(text))

    pixels = np.zeros((10, 100), np.uint8)
    left = LineReading(
        "one two thr", 0.5, [word("one", 0, 30), word("two", 40, 70), word("thr", 80, 99)]
    )
    right = LineReading("wo three", 0.5, [word("wo", 0, 10), word("three", 20, 60)])
    parts = [(Piece(pixels, 60, 75.0), right), (Piece(pixels), left)]
    merged = merge(parts)
    assert merged.text == "one two three"
    assert [(w.start, w.end) for w in merged.words] == [(0, 30), (40, 70), (80, 120)]
    assert merged.flags == {Flag.SPLIT}
    assert merged.confidence == 0.5
    alone = merge([(Piece(pixels, 60, 62.0), right)])  # the rest of the line was blank
    assert [(w.start, w.end) for w in alone.words] == [(60, 70), (80, 120)]


def test_no_file_is_long() -> None:
    folder = Path(__file__).parents[2] / "pagereader" / "recognize"
    assert all(len(path.read_text().splitlines()) <= 450 for path in folder.glob("*.py"))
