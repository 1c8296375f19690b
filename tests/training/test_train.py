"""Training for real, on models so small that it takes seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from pagereader.errors import InputError, UsageError
from pagereader.evaluate import TextRules
from pagereader.evaluate.reading import evaluate_recognizer
from pagereader.evaluate.truthlines import find_truth, read_truth
from pagereader.options import Options
from pagereader.recognize import TrOCRRecognizer
from pagereader.training import Material, TrainingSettings, train
from pagereader.training.fonts import find_faces
from pagereader.training.generator import LineGenerator
from pagereader.training.learn import plain
from pagereader.training.text import TextSource
from tests.training.conftest import DIGITS


def quick(base: Path, **changes: object) -> TrainingSettings:
    settings = {
        "base": str(base),
        "device": "cpu",
        "batch_size": 4,
        "evaluate_every": 30,
        "learning_rate": 5e-3,
        "ctc_weight": 0.5,
        "augment": 0.0,
        "patience": 50,
    }
    return TrainingSettings(**(settings | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def taught(
    digits: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[float]]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("taught") / "model"
    result = train(Material([digits]), folder, quick(tiny_model, epochs=17))
    return folder, [cer for _, cer in result.curve]


def test_the_error_rate_falls(taught: tuple[Path, list[float]]) -> None:
    _, curve = taught
    assert curve[0] > 0.6, "an untrained model reads nothing"
    assert min(curve) < 0.4


def test_pagereader_reads_with_the_model(taught: tuple[Path, list[float]], digits: Path) -> None:
    folder, curve = taught
    options = Options(model=str(folder), device="cpu", second_look=0)  # which it did not learn
    recognizer = TrOCRRecognizer.from_options(options)
    lines = [line for file in find_truth([digits]) for line in read_truth(file)][:60]
    evaluation = evaluate_recognizer(lines, recognizer, TextRules())
    assert evaluation.scores.characters.value < min(curve) + 0.15


def test_stock_transformers_loads_the_model(taught: tuple[Path, list[float]]) -> None:
    from PIL import Image
    from transformers import TrOCRProcessor, VisionEncoderDecoderModel

    folder, _ = taught
    processor = TrOCRProcessor.from_pretrained(folder)
    model, report = VisionEncoderDecoderModel.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    image = Image.new("RGB", (128, 16), "white")
    pixels = processor(images=image, return_tensors="pt").pixel_values
    text = processor.batch_decode(model.generate(pixels), skip_special_tokens=True)[0]
    assert set(text) <= set(DIGITS + " ")


def test_the_card_tells_data_command_and_figures(taught: tuple[Path, list[float]]) -> None:
    folder, curve = taught
    card = (folder / "README.md").read_text()
    assert "lines.tsv: 280 lines" in card
    assert f"CER {min(curve):.4f} on 40 lines" in card
    assert "pagereader.training.train" in card
    assert "| learning_rate | 0.005 |" in card


def test_nothing_is_left_behind(taught: tuple[Path, list[float]]) -> None:
    folder, _ = taught
    assert sorted(path.name for path in (folder / "training").iterdir()) == ["ctc.safetensors"]


def test_a_finished_model_is_not_replaced_unasked(
    taught: tuple[Path, list[float]], digits: Path, tiny_model: Path
) -> None:
    with pytest.raises(UsageError, match="finished model"):
        train(Material([digits]), taught[0], quick(tiny_model))


def test_one_seed_gives_one_result(
    digits: Path, fonts: Path, tiny_model: Path, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    text = TextSource(DIGITS * 20, DIGITS)
    generator = LineGenerator(find_faces([fonts], DIGITS), text, seed=3)
    weights = []
    for name in ("one", "two"):
        settings = quick(tiny_model, epochs=0.4, augment=0.5, evaluate_every=4)
        train(Material([digits], generator=generator, generated=32), tmp_path / name, settings)
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a POSIX signal")
def test_a_killed_run_goes_on(digits: Path, tiny_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "model"
    command = [
        *(sys.executable, "-m", "pagereader", "train", str(digits), "-o", str(output)),
        *("--from", str(tiny_model), "--device", "cpu", "--epochs", "1", "-B", "16"),
        *("--evaluate-every", "4", "--patience", "99"),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for_checkpoint(output / "training" / "checkpoints", first)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert not (output / "config.json").exists()
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert second.returncode == 0, second.stderr
    assert "going on from checkpoint-" in second.stderr
    assert (output / "config.json").exists()


def wait_for_checkpoint(folder: Path, run: subprocess.Popen[bytes], seconds: float = 150) -> None:
    until = time.monotonic() + seconds
    while not list(folder.glob("checkpoint-*/trainer_state.json")):
        assert run.poll() is None, "the run ended before it was killed"
        assert time.monotonic() < until, "no checkpoint in time"
        time.sleep(0.05)


def test_another_run_in_the_same_folder_is_refused(
    digits: Path, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "training" / "checkpoints").mkdir(parents=True)
    (tmp_path / "training" / "run.json").write_text("{}")
    with pytest.raises(UsageError, match="begun with other settings"):
        train(Material([digits]), tmp_path, quick(tiny_model))


class _Gone(Dataset[int]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, number: int) -> int:
        raise InputError("'crop.png' is gone", "start the training anew")


def test_what_a_loader_says_is_one_line() -> None:
    with pytest.raises(InputError) as caught:
        list(DataLoader(_Gone(), num_workers=1))
    assert "Traceback" in str(caught.value)
    assert str(plain(caught.value)) == "'crop.png' is gone (start the training anew)"
