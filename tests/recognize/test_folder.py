"""Folders as users have them: of a training, an adapter, the hub's cache, a clone by halves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pagereader.errors import ModelError
from pagereader.recognize.checkpoint import load_checkpoint
from pagereader.recognize.vocabulary import Vocabulary
from tests.recognize.layouts import SQUARE, Layout, say

Folder = Callable[[Layout], Path]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1335747032\n"


def refusal(name: object) -> ModelError:
    """Return what is said of a model that is none; the same however it is to be loaded."""
    said = []
    for stock in (True, False):
        with pytest.raises(ModelError) as caught:
            load_checkpoint(str(name), stock=stock)
        said.append(caught.value)
    assert said[0].args == said[1].args
    assert said[0].advice
    assert "\n" not in str(said[0])
    return said[0]


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_pointers_of_git_lfs_are_told_from_files(copy: Path, name: str) -> None:
    (copy / "pytorch_model.bin").write_text(POINTER)
    (copy / "sentencepiece.bpe.model").write_text(POINTER)
    load_checkpoint(str(copy), stock=False)  # neither is wanted
    (copy / name).write_text(POINTER)
    error = refusal(copy)
    assert error.message.startswith(f"{name} of ")
    assert "git lfs pull" in error.advice


def test_an_adapter_is_no_model(copy: Path) -> None:
    say(copy / "adapter_config.json", peft_type="LORA", base_model_name_or_path="some/trocr")
    load_checkpoint(str(copy), stock=False)  # weights and all: the adapter is beside the point
    (copy / "model.safetensors").rename(copy / "adapter_model.safetensors")
    error = refusal(copy)
    assert "an adapter (LoRA) of 'some/trocr'" in error.message
    assert "merge" in error.advice
    (copy / "config.json").unlink()  # as peft saves it
    assert refusal(copy).args == error.args


def test_a_trainings_folder_is_advised_against_for_its_last_checkpoint(
    copy: Path, tmp_path: Path
) -> None:
    training = tmp_path / "training"
    for step in (500, 1000):
        shutil.copytree(copy, training / f"checkpoint-{step}")
    error = refusal(training)
    assert "no config.json" in error.message
    assert repr(str(training / "checkpoint-1000")) in error.advice


def test_a_folder_of_the_hubs_cache_leads_to_its_snapshot(copy: Path, tmp_path: Path) -> None:
    cached = tmp_path / "models--some--trocr"
    shutil.copytree(copy, cached / "snapshots" / "0123abcd")
    assert repr(str(cached / "snapshots" / "0123abcd")) in refusal(cached).advice


def test_a_tokenizer_alone_is_no_model(copy: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (copy / name).unlink()
    assert "the folder that has the weights" in refusal(copy).advice


@pytest.mark.parametrize(
    ("lost", "wanted"),
    [("tokenizer.json", "AutoTokenizer"), ("processor_config.json", "AutoImageProcessor")],
)
def test_a_checkpoint_without_its_processor_says_where_to_get_it(
    copy: Path, lost: str, wanted: str
) -> None:
    (copy / lost).unlink()
    assert "from_pretrained('NAME-OF-THE-BASE-MODEL')" in refusal(copy).advice
    say(copy / "config.json", _name_or_path="some/trocr")
    error = refusal(copy)
    assert f"{wanted}.from_pretrained('some/trocr').save_pretrained(" in error.advice
    assert repr(str(copy)) in error.advice


def test_the_advised_commands_mend_a_trainings_checkpoint(
    checkpoint_folder: Folder, copy: Path
) -> None:
    from transformers import AutoImageProcessor, AutoTokenizer

    whole = checkpoint_folder(SQUARE)
    for name in ("tokenizer.json", "tokenizer_config.json", "processor_config.json"):
        (copy / name).unlink()
    say(copy / "config.json", _name_or_path=str(whole))
    for part in (AutoTokenizer, AutoImageProcessor):
        command = refusal(copy).advice.partition("in Python: ")[2]
        eval(command, {part.__name__: part})
    mended, other = (load_checkpoint(str(folder), stock=False) for folder in (copy, whole))
    assert mended.image == other.image
    assert Vocabulary(mended.tokenizer).text(range(73)) == (
        Vocabulary(other.tokenizer).text(range(73))
    )


def test_vocabularies_that_nobody_says_how_to_read(copy: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    (copy / "vocab.json").write_text(json.dumps({f"t{n}": n for n in range(73)}))
    (copy / "merges.txt").write_text("#version: 0.2\n")
    error = refusal(copy)
    assert error.message.endswith("has no tokenizer_config.json")
    assert "AutoTokenizer" in error.advice


def test_a_part_of_the_weights_that_is_missing_is_named(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "model-00001-of-00002.safetensors")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    say(copy / "model.safetensors.index.json", metadata={}, weight_map=parts)
    assert "has no model-00002-of-00002.safetensors" in refusal(copy).message


@pytest.mark.parametrize("name", ["~nobody-of-that-name/model", "x" * 300, "nul\0", "", " "])
def test_names_that_no_folder_can_have(name: str) -> None:
    assert refusal(name).message.startswith("there is no model folder")


@pytest.mark.parametrize("name", ["a b'\"é;&\n%s{}[x]", "mo\udcffdel 😀", "-m"])
def test_folders_of_any_name_are_read_or_refused_for_it(
    copy: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy.parent)
    copy.rename(name)
    if "\udcff" in name:
        assert refusal(name).advice == "rename the folder"
    else:
        assert load_checkpoint(name, stock=False).name == name
        assert load_checkpoint(name).model


@pytest.mark.parametrize("file", ["config.json", "processor_config.json"])
def test_configurations_too_deep_to_be_read(copy: Path, file: str) -> None:
    (copy / file).write_text("[" * 100_000)
    assert "cannot be read" in refusal(copy).message


def test_only_the_models_own_files_are_downloaded(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub.utils import filter_repo_objects

    own = ["config.json", "merges.txt", "model.safetensors", "sentencepiece.bpe.model"]
    there = [*own, "checkpoint-500/model.safetensors", "onnx/config.json", "optimizer.pt"]
    fetched: list[list[str]] = []

    def snapshot_download(name: str, **patterns: list[str]) -> str:
        fetched.append(list(filter_repo_objects(there, **patterns)))
        return str(copy)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    load_checkpoint("some/trocr", stock=False)
    assert fetched == [own]
    (copy / "model.safetensors").unlink()
    there.extend(["pytorch_model.bin", "checkpoint-500/pytorch_model.bin"])
    with pytest.raises(ModelError, match="no weights"):
        load_checkpoint("some/trocr", stock=False)
    assert fetched[2] == [*own, "pytorch_model.bin"]
