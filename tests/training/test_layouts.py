"""Every layout that published TrOCR checkpoints have can be trained, saved and loaded again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pagereader.recognize.checkpoint import load_checkpoint
from pagereader.training import Material, TrainingSettings, train
from pagereader.training.tokens import Spelling
from tests.recognize.layouts import LAYOUTS, SQUARE, STRIP, Layout, build_model, save_checkpoint

SETTINGS = TrainingSettings(
    device="cpu",
    epochs=0.05,
    batch_size=4,
    evaluate_every=50,
    learning_rate=1e-3,
    split=0.03,
)


TRIED = [*LAYOUTS[:4], STRIP]


@pytest.mark.parametrize("layout", TRIED, ids=lambda layout: layout.name)
def test_layouts_are_trained_and_load_again(layout: Layout, digits: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    base = save_checkpoint(layout, tmp_path / "base")
    settings = replace(SETTINGS, base=str(base))
    train(Material([digits]), tmp_path / "out", settings)
    before, after = (load_checkpoint(str(folder)).model for folder in (base, tmp_path / "out"))
    moved = {
        name
        for (name, old), new in zip(before.named_parameters(), after.parameters(), strict=True)
        if not torch.equal(old, new)
    }
    assert {name.split(".")[0] for name in moved} >= {"encoder", "decoder"}
    assert not any("ctc" in name for name in after.state_dict())


def test_byte_pairs_spell_everything(digits: Path, tmp_path: Path) -> None:
    base = save_checkpoint(SQUARE, tmp_path / "base")
    size = save_byte_pairs(base)
    build_model(SQUARE, vocab_size=size).save_pretrained(base)
    checkpoint = load_checkpoint(str(base))
    spelling = Spelling(checkpoint.tokenizer, min(checkpoint.ends), checkpoint.pad)
    assert not spelling.by_character
    assert not spelling.lacking("stra\u00dfe \u4e2d \u20ac")
    text = "12 stra\u00dfe"
    assert spelling.text([*spelling.tokens(text), spelling.end]) == text
    assert checkpoint.tokenizer.bos_token_id not in spelling.tokens(text)
    train(Material([digits]), tmp_path / "out", replace(SETTINGS, base=str(base)))
    assert len(load_checkpoint(str(tmp_path / "out")).tokenizer) == size


def save_byte_pairs(folder: Path) -> int:
    """Give a checkpoint a tokenizer like RoBERTa's and return its size."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=280,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([str(n) for n in range(3000)], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    )
    fast.save_pretrained(folder)
    return len(fast)
