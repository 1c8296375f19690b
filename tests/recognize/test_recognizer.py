"""The recogniser as the pipeline uses it: batches, flags, failures, determinism."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.words import fits, generate, whole_crop
from pagereader.document import Flag
from pagereader.errors import ModelError, UsageError
from pagereader.options import Options
from pagereader.recognize import NullRecognizer, TrOCRRecognizer
from pagereader.recognize.checkpoint import load_checkpoint
from pagereader.recognize.engine import Engine
from pagereader.recognize.precision import (
    FP32,
    Precision,
    choose_device,
    choose_precision,
    has_bf16_units,
)
from pagereader.stages import LineReading, Recognizer
from tests.recognize.layouts import SQUARE, STRIP, Layout, scribbles

Folder = Callable[[Layout], Path]
CPU = torch.device("cpu")


@pytest.fixture(params=[STRIP, SQUARE], ids=["strip", "square"])
def folder(request: pytest.FixtureRequest, checkpoint_folder: Folder) -> Path:
    return checkpoint_folder(request.param)


def make(folder: Path, **options: object) -> TrOCRRecognizer:
    return TrOCRRecognizer.from_options(Options.of(model=str(folder), device="cpu", **options))


def trained(shared: Path) -> str:
    return str(shared / "models" / "line-v0")


def assert_sound(reading: LineReading, width: int) -> None:
    assert " ".join(word.text for word in reading.words) == reading.text
    edge = 0.0
    for word in reading.words:
        assert edge <= word.start < word.end <= width
        assert len(word.char_confidences) == len(word.text)
        assert all(0 <= value <= 1 for value in (word.confidence, *word.char_confidences))
        edge = word.end
    assert (reading.confidence is None) == (not reading.text)
    assert reading.confidence is None or 0 <= reading.confidence <= 1


def test_both_recognisers_keep_the_protocol(folder: Path) -> None:
    assert isinstance(make(folder), Recognizer)
    assert isinstance(NullRecognizer.from_options(Options()), Recognizer)


def test_readings_are_sound_and_in_order(folder: Path) -> None:
    crops = scribbles(20, seed=3)
    readings = make(folder).read([whole_crop(crop) for crop in crops])
    for crop, reading in zip(crops, readings, strict=True):
        assert_sound(reading, crop.shape[1])
    assert len({reading.text for reading in readings}) > 5


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_reading_does_not_hang_on_its_neighbours(folder: Path, precision: str) -> None:
    crops = scribbles(24, seed=5)
    chosen = Precision(precision, torch.float32, int8=precision == "int8")
    engine = Engine(load_checkpoint(str(folder)), CPU, chosen)
    together = engine.read(crops)
    order = random.Random(1).sample(range(len(crops)), len(crops))
    for part in (order, order[:7], order[7:10], [3]):
        for number, reading in zip(part, engine.read([crops[n] for n in part]), strict=True):
            assert reading == together[number]


def test_small_batches_read_the_same(folder: Path) -> None:
    crops = scribbles(9, seed=6)
    one = make(folder, batch_size=1).read([whole_crop(crop) for crop in crops])
    assert one == make(folder, batch_size=5).read([whole_crop(crop) for crop in crops])


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 500), (500, 1), (2, 2), (3, 20_000), (64, 20_000), (2000, 3)]
)
def test_any_crop_is_read(folder: Path, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    reader = make(folder)
    for pixels in (noise, np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)):
        (reading,) = reader.read([whole_crop(pixels)])
        assert Flag.FAILED not in reading.flags
        assert_sound(reading, shape[1])


def test_no_crops_give_no_readings(folder: Path) -> None:
    assert make(folder).read([]) == []


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_blank_crops_never_reach_the_model(
    folder: Path, grey: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make(folder)
    monkeypatch.setattr(reader._engine, "_read_batch", pytest.fail)
    grain = np.random.default_rng(0).normal(grey, 3, (40, 300)).clip(0, 255).astype(np.uint8)
    for pixels in (np.full((40, 300), grey, np.uint8), grain):
        (reading,) = reader.read([whole_crop(pixels)])
        assert reading == LineReading(flags=frozenset({Flag.BLANK}))


def test_faint_and_small_ink_is_not_blank(folder: Path) -> None:
    reader = make(folder)
    faint = np.full((40, 300), 230, np.uint8)
    faint[10:30, 40:260:6] = 205
    full_stop = np.full((40, 60), 240, np.uint8)
    full_stop[28:32, 30:34] = 40
    for pixels in (faint, full_stop, 255 - full_stop):
        (reading,) = reader.read([whole_crop(pixels)])
        assert Flag.BLANK not in reading.flags


def test_a_line_that_breaks_is_flagged_and_its_neighbours_are_read(folder: Path) -> None:
    crops = scribbles(6, seed=8)
    reader = make(folder, second_look=0)  # a second look shows another image
    expected = reader.read([whole_crop(crop) for crop in crops])
    crops.insert(2, np.zeros((0, 7), np.uint8))  # breaks before the model
    poisoned = scribbles(1, seed=99)[0]
    crops.insert(4, poisoned)
    engine = reader._engine
    whole = engine._read_batch

    def read_batch(jobs, search):  # type: ignore[no-untyped-def]
        if any(job.piece.pixels is poisoned for job in jobs):
            raise RuntimeError("this line breaks the model\nwith details")
        return whole(jobs, search)

    engine._read_batch = read_batch  # type: ignore[method-assign]
    readings = reader.read([whole_crop(crop) for crop in crops])
    assert readings[4].flags == {Flag.FAILED}
    assert readings[4].error == "this line breaks the model"
    assert readings[2].flags == {Flag.FAILED}
    assert [r for n, r in enumerate(readings) if n not in (2, 4)] == expected


def test_a_crop_without_pixels_costs_no_other_a_second_look(folder: Path) -> None:
    crops = [whole_crop(crop) for crop in [*scribbles(3), np.zeros((0, 7), np.uint8)]]
    readings = make(folder, second_look=1).read(crops)
    assert [Flag.FAILED in reading.flags for reading in readings] == [False, False, False, True]


def test_a_broken_model_is_an_error(folder: Path) -> None:
    reader = make(folder)

    def broken(pixels: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no kernel image is available")

    reader._engine.encoder = broken  # type: ignore[assignment]
    with pytest.raises(ModelError, match="does not run: no kernel image"):
        reader.read([whole_crop(crop) for crop in scribbles(3)])


def test_numbers_that_are_none_fail_the_line_and_not_the_run(folder: Path) -> None:
    reader = make(folder)
    reader._engine.decoder.head = lambda x: torch.full((len(x), 71), torch.nan)
    (reading,) = reader.read([whole_crop(scribbles(1)[0])])
    assert reading.flags == {Flag.FAILED}
    assert "not a number" in reading.error


def test_lack_of_memory_halves_the_batch(folder: Path) -> None:
    crops = scribbles(12, seed=9)
    reader = make(folder)
    expected = reader.read([whole_crop(crop) for crop in crops])
    engine = reader._engine
    sizes: list[int] = []
    whole = engine._read_batch

    def read_batch(jobs, search):  # type: ignore[no-untyped-def]
        sizes.append(len(jobs))
        if len(jobs) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(jobs, search)

    engine._read_batch = read_batch  # type: ignore[method-assign]
    assert reader.read([whole_crop(crop) for crop in crops]) == expected
    assert max(sizes[2:]) <= 6
    assert engine.decoding.size <= 4


def force(reader: TrOCRRecognizer, tokens: list[int], vocabulary: int = 73) -> None:
    """Make the model say these tokens, then the last one for ever."""
    engine = reader._engine
    step = engine.decoder.step

    def forced(last, t, caches):  # type: ignore[no-untyped-def]
        logits, attention = step(last, t, caches)
        logits = torch.zeros(len(last), vocabulary)
        logits[:, tokens[min(t, len(tokens) - 1)]] = 9.0
        return logits, attention

    engine.decoder.step = forced  # type: ignore[method-assign]


def test_a_loop_is_cut_and_flagged(folder: Path) -> None:
    reader = make(folder)
    force(reader, [4, 5, 6] * 20)
    (reading,) = reader.read([whole_crop(scribbles(1)[0])])
    assert reading.flags == {Flag.REPEATED}
    assert reading.text == "abc"
    assert_sound(reading, 10**6)


def test_a_line_that_hits_the_limit_is_flagged(folder: Path) -> None:
    reader = make(folder)
    force(reader, list(range(4, 68)))
    (reading,) = reader.read([whole_crop(scribbles(1)[0])])
    assert reading.flags == {Flag.TRUNCATED}
    assert len(reading.text) > 55


def test_beams_and_alternatives(folder: Path) -> None:
    crops = [whole_crop(crop) for crop in scribbles(3, seed=4)]
    readings = make(folder, alternatives=2).read(crops)
    for crop, reading in zip(crops, readings, strict=True):
        assert_sound(reading, crop.pixels.shape[1])
        texts = [reading.text, *(other.text for other in reading.alternatives)]
        assert len(set(texts)) == len(texts)
        assert all(0 <= (other.confidence or 0) <= 1 for other in reading.alternatives)
    assert any(reading.alternatives for reading in readings)
    assert make(folder, beams=3).read(crops)[0].alternatives == []


def test_the_provenance_names_model_and_precision(folder: Path) -> None:
    step = make(folder).describe()
    settings = dict(step.settings)
    assert step.name == "recognition"
    assert settings["model"] == str(folder)
    assert len(settings["fingerprint"]) == 64
    assert settings["precision"] == choose_precision("auto", CPU).name
    assert settings["torch"] == torch.__version__


def test_devices_and_precisions_that_are_not_there_are_named() -> None:
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="no device 'cuda'"):
            choose_device("cuda")
    with pytest.raises(UsageError, match="GPUs only"):
        choose_precision("fp16", CPU)
    assert choose_precision("auto", CPU).name == ("bf16" if has_bf16_units() else "fp32")
    assert choose_precision("fast", CPU).name in ("bf16", "int8", "fp32")
    assert choose_precision("exact", CPU) == Precision("fp32", torch.float32, reason="asked for")
    assert FP32.dtype == torch.float32


def test_nothing_heavy_is_imported_before_a_model_is() -> None:
    code = "import sys, pagereader.recognize; print({'torch', 'transformers'} & {*sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


def test_the_null_recogniser_depends_on_geometry_alone() -> None:
    crops = [whole_crop(crop) for crop in scribbles(5)]
    null = NullRecognizer.from_options(Options())
    readings = null.read(crops)
    assert readings == null.read(crops)
    for crop, reading in zip(crops, readings, strict=True):
        assert_sound(reading, crop.pixels.shape[1])
        assert reading.text
    assert null.read([whole_crop(np.full((9, 9), 255, np.uint8))])[0].flags == {Flag.BLANK}


def test_words_lie_where_they_were_printed(shared: Path) -> None:
    lines = [generate(seed) for seed in range(12)]
    reader = TrOCRRecognizer.from_options(Options(model=trained(shared), device="cpu"))
    readings = reader.read([whole_crop(line.pixels) for line in lines])
    overlaps = [v for line, r in zip(lines, readings, strict=True) for v in fits(line, r)]
    assert np.median(overlaps) >= 0.9
    right = [r.text == " ".join(line.words) for line, r in zip(lines, readings, strict=True)]
    assert np.mean(right) > 0.6


def test_an_over_wide_line_is_read_in_pieces(shared: Path) -> None:
    reader = TrOCRRecognizer.from_options(Options(model=trained(shared), device="cpu"))
    for seed in range(3):
        line = generate(seed, count=45)
        (reading,) = reader.read([whole_crop(line.pixels)])
        assert Flag.SPLIT in reading.flags
        assert_sound(reading, line.pixels.shape[1])
        found = reading.text.split()
        assert len(found) == pytest.approx(len(line.words), abs=2)
        alike = SequenceMatcher(None, line.words, found).ratio()
        assert alike > 0.85, reading.text
        assert np.median(fits(line, reading)) > 0.8
