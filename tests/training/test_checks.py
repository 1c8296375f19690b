from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pagereader.errors import InputError, UsageError
from pagereader.evaluate.truthlines import TruthLine, find_truth, read_truth
from pagereader.recognize.checkpoint import load_checkpoint
from pagereader.training import Material, TrainingSettings, train
from pagereader.training.checks import check_count, check_files, check_texts, insist, listed
from pagereader.training.store import clean_text, split_lines, store_lines, stored_lines
from pagereader.training.tokens import Spelling, extend


def crop(text: str, page: str = "p", height: int = 30) -> TruthLine:
    return TruthLine(page, "l", text, np.full((height, 80), 200, np.uint8))


def line_list(folder: Path, rows: Sequence[tuple[str, str]], images: bool = True) -> Path:
    path = folder / "lines.tsv"
    path.write_text("image\ttext\n" + "".join(f"{image}\t{text}\n" for image, text in rows))
    for image, _ in rows if images else ():
        Image.new("L", (60, 20), 255).save(folder / image)
    return path


def test_missing_images_are_counted_and_named(tmp_path: Path) -> None:
    path = line_list(tmp_path, [("1.png", "one"), ("2.png", "two")], images=False)
    Image.new("L", (60, 20)).save(tmp_path / "2.png")
    with pytest.raises(InputError, match=r"1 images .* are missing: 1\.png"):
        check_files(list(find_truth([path])))


def test_no_text_is_said(tmp_path: Path) -> None:
    path = line_list(tmp_path, [("1.png", ""), ("2.png", " ")])
    with pytest.raises(InputError, match="has no text"):
        check_files(list(find_truth([path])))


def test_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no transcriptions"):
        check_files(list(find_truth([tmp_path])))


def test_too_little_is_said_before_the_model_is_loaded(tmp_path: Path) -> None:
    path = line_list(tmp_path, [(f"{i}.png", "text") for i in range(8)])
    with pytest.raises(InputError, match="only 8 lines"):
        train(Material([path]), tmp_path / "out", TrainingSettings(base="/no/such/model"))


def test_few_lines_are_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    check_count(range(50))
    assert "expect little" in caplog.text


def test_images_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "img").mkdir()
    (tmp_path / "gt").mkdir()
    path = line_list(tmp_path / "gt", [("1.png", "one")], images=False)
    Image.new("L", (60, 20)).save(tmp_path / "img" / "1.png")
    (file,) = find_truth([path], tmp_path / "img")
    assert not file.missing
    (line,) = read_truth(file)
    assert line.pixels.shape == (20, 60)


def test_unknown_characters_and_long_lines_are_found(tiny_model: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(str(tiny_model))
    spelling = Spelling(checkpoint.tokenizer, min(checkpoint.ends), checkpoint.pad)
    lines = store_lines(map(crop, ("12", "1a2\u017f", "3" * 16, "a", "3" * 15)), tmp_path)
    fitness = check_texts(lines, spelling, 16)
    assert [line.text for line in fitness.good] == ["12", "3" * 15]
    assert fitness.unknown == Counter({"a": 2, "\u017f": 1})
    assert [line.text for line in fitness.too_long] == ["3" * 16]
    with pytest.raises(InputError, match=r"'a' \(U\+0061\) x 2.*longer than the model's 16"):
        insist(fitness, skip=False, longest=16)
    insist(fitness, skip=True, longest=16)


def test_long_lists_of_characters_are_cut_short() -> None:
    assert listed(Counter(map(chr, range(100, 160)))).endswith(" and 20 more")


def test_character_models_learn_new_characters(tiny_model: Path) -> None:
    checkpoint = load_checkpoint(str(tiny_model))
    spelling = Spelling(checkpoint.tokenizer, min(checkpoint.ends), checkpoint.pad)
    assert spelling.by_character
    before = len(spelling)
    tokenizer = extend(checkpoint.tokenizer, checkpoint.model, "\u00df\u00fc1")
    grown = Spelling(tokenizer, spelling.end, spelling.pad)
    assert len(grown) == before + 2
    assert grown.text([*grown.tokens("1\u00df\u00fc 2"), grown.end, 5]) == "1\u00df\u00fc 2"
    assert spelling.tokens("12") == grown.tokens("12")
    decoder = checkpoint.model.decoder
    assert decoder.get_input_embeddings().weight.shape[0] == before + 2
    assert decoder.get_output_embeddings().weight.shape[0] == before + 2


def test_new_letters_start_as_those_without_accents(tiny_model: Path) -> None:
    checkpoint = load_checkpoint(str(tiny_model))
    before = len(checkpoint.tokenizer)
    tokenizer = extend(checkpoint.tokenizer, checkpoint.model, "a\u00e1\u00df")
    tokenizer = extend(tokenizer, checkpoint.model, "\u00e0")
    token = tokenizer.get_vocab()
    decoder = checkpoint.model.decoder
    for layer in (decoder.get_input_embeddings(), decoder.get_output_embeddings()):
        known = layer.weight[:before].mean(dim=0)
        assert torch.equal(layer.weight[token["\u00e0"]], layer.weight[token["a"]])
        assert torch.allclose(layer.weight[token["\u00df"]], known, atol=1e-6)


def test_stored_lines_come_back(tmp_path: Path) -> None:
    tall = crop("tall", "page\t1", height=400)
    kept = store_lines([crop('e\u0301  "x"\n'), tall], tmp_path)
    assert [line.text for line in kept] == ['\u00e9 "x"', "tall"]
    assert kept[1].pixels().shape == (160, 32)
    again = stored_lines(tmp_path)
    assert [(a.text, a.width, a.height) for a in again] == [
        (k.text, k.width, k.height) for k in kept
    ]


def test_clean_text_drops_what_cannot_be_seen() -> None:
    assert clean_text(" a\u0000b\u00a0 c\u2028") == "ab c"


def test_pages_are_held_back_whole(tmp_path: Path) -> None:
    lines = store_lines((crop(f"{i}", f"page {i // 5}") for i in range(100)), tmp_path)
    learn, hold = split_lines(lines, 0.1, seed=4)
    assert len(learn) + len(hold) == 100
    assert len(hold) == 10
    assert {line.page for line in learn}.isdisjoint(line.page for line in hold)
    assert split_lines(lines, 0.1, seed=4) == (learn, hold)
    assert split_lines(lines, 0.1, seed=5) != (learn, hold)


def test_a_single_page_is_split_by_lines(tmp_path: Path) -> None:
    lines = store_lines((crop(f"{i}") for i in range(30)), tmp_path)
    learn, hold = split_lines(lines, 0.1, seed=0)
    assert (len(learn), len(hold)) == (27, 3)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"split": 1.5}, {"precision": "fp8"}, {"device": "tpu"}]
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        TrainingSettings(**wrong)  # type: ignore[arg-type]


def test_nothing_to_learn_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to learn"):
        train(Material(), tmp_path / "out")
