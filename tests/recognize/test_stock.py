"""Checkpoints as users have them, read by us and by stock transformers: the same text.

The layouts of encoder and decoder are compared elsewhere, number by number; here it is what stands
in the files beside the weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.words import whole_crop
from pagereader.document import Flag
from pagereader.errors import ModelError
from pagereader.options import Options
from pagereader.recognize import TrOCRRecognizer
from pagereader.recognize.checkpoint import load_checkpoint, quiet_transformers
from pagereader.recognize.preprocess import fit
from pagereader.recognize.tokenizer import PlainTokenizer
from pagereader.recognize.vocabulary import Vocabulary
from tests.recognize.layouts import OLD_PROCESSOR, SQUARE, Layout, build_model, say, scribbles

Folder = Callable[[Layout], Path]
TEXTS = [f'he said , " no ! " and we don \'t {n} ? ( yes é € ) .' for n in range(99)]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


DEIT = OLD_PROCESSOR | {"feature_extractor_type": "DeiTFeatureExtractor", "resample": 3}


def prepare(folder: Path, settings: dict[str, Any]) -> None:
    """Write an image processor as transformers 4 had it."""
    (folder / "processor_config.json").unlink()
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))


@pytest.mark.parametrize(
    "settings",
    [
        OLD_PROCESSOR,
        *({**OLD_PROCESSOR, "resample": how} for how in (0, 1, 3)),
        OLD_PROCESSOR | {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]},
        OLD_PROCESSOR | {"image_mean": 0.4, "image_std": 0.3},
        OLD_PROCESSOR | {"do_normalize": False, "do_rescale": True, "rescale_factor": 1 / 127.5},
        OLD_PROCESSOR | {"do_rescale": False, "image_mean": 127.5, "image_std": 127.5},
        OLD_PROCESSOR
        | {"size": {"height": 32, "width": 32}, "do_center_crop": None, "crop_size": None},
        DEIT | {"do_center_crop": True, "size": 36, "crop_size": 32},
        DEIT | {"do_center_crop": True, "size": 37, "crop_size": {"height": 32, "width": 32}},
        DEIT | {"do_center_crop": True, "size": 32, "crop_size": 32},
        DEIT | {"do_center_crop": False, "size": 32, "crop_size": 24},
    ],
    ids=str,
)
def test_lines_look_to_the_model_as_in_stock(copy: Path, settings: dict[str, Any]) -> None:
    from transformers import TrOCRProcessor

    prepare(copy, settings)
    rules = load_checkpoint(str(copy), stock=False).image
    with quiet_transformers():
        stock = TrOCRProcessor.from_pretrained(str(copy))
    for crop in scribbles(4, seed=2):
        image = Image.fromarray(crop).convert("RGB")
        theirs = stock(images=image, return_tensors="np").pixel_values[0]
        ours = np.stack([values[fit(crop, rules).pixels] for values in rules.lookup()])
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    "settings",
    [
        {"size": None},
        {"size": []},
        {"size": 0},
        {"size": "large"},
        {"resample": None},
        {"resample": 9},
        {"do_rescale": True, "rescale_factor": None},
        {"image_mean": None},
        {"image_mean": "grey"},
        {"image_std": 0},
        {"image_std": [0.5, 0.5, 0]},
        {"do_center_crop": True, "size": 28, "crop_size": 32},
        {"do_center_crop": True, "size": 36, "crop_size": None},
    ],
    ids=str,
)
def test_processors_that_make_no_sense_are_named(copy: Path, settings: dict[str, Any]) -> None:
    prepare(copy, OLD_PROCESSOR | settings)
    with pytest.raises(ModelError) as caught:
        load_checkpoint(str(copy), stock=False)
    assert caught.value.advice


def bpe(folder: Path) -> int:
    """Write the files of trocr-base's tokenizer, with another vocabulary."""
    from tokenizers import ByteLevelBPETokenizer

    made = ByteLevelBPETokenizer()
    made.train_from_iterator(TEXTS, 300, special_tokens=[*SPECIAL, "<mask>"], show_progress=False)
    made.save_model(str(folder))
    say(folder / "tokenizer_config.json", tokenizer_class="RobertaTokenizer")
    return int(made.get_vocab_size())


def sentencepiece(folder: Path) -> int:
    """Write the files of trocr-small's tokenizer, with another vocabulary."""
    from sentencepiece import SentencePieceTrainer

    name = folder / "sentencepiece.bpe"
    (folder / "texts").write_text("\n".join(TEXTS))
    SentencePieceTrainer.train(
        input=str(folder / "texts"),
        model_prefix=str(name),
        vocab_size=60,
        model_type="unigram",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    say(folder / "tokenizer_config.json", tokenizer_class="XLMRobertaTokenizer")
    return len(load_tokenizer(folder))


def load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    with quiet_transformers():
        return AutoTokenizer.from_pretrained(str(folder))


def characters(folder: Path) -> int:
    """Write a tokenizer of characters, as transformers 4 saved it."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [*SPECIAL, *sorted(set("".join(TEXTS)))]
    made = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    made.decoder = decoders.Fuse()
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token"), SPECIAL, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=made, **names).save_pretrained(folder)
    return len(words)


def utf8(folder: Path) -> int:
    """Write a tokenizer of bytes, which has no vocabulary."""
    from transformers import ByT5Tokenizer

    ByT5Tokenizer().save_pretrained(folder)
    return len(ByT5Tokenizer())


@pytest.mark.parametrize("tidied", [None, False, True])
@pytest.mark.parametrize("make", [bpe, sentencepiece, characters, utf8])
def test_texts_are_spelled_as_in_stock(
    copy: Path,
    make: Callable[[Path], int],
    tidied: bool | None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Blanks before punctuation, too: transformers takes them out if the tokenizer says so."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    size = make(copy)
    if tidied is not None:
        say(copy / "tokenizer_config.json", clean_up_tokenization_spaces=tidied)
    build_model(SQUARE, vocab_size=size).save_pretrained(copy)
    stock = load_tokenizer(copy)
    with quiet_transformers():
        lines = [stock(text).input_ids for text in TEXTS[:20]]
        theirs = [stock.decode(line, skip_special_tokens=True) for line in lines]
    assert any("said ," in text for text in theirs) == (not tidied or make is bpe)
    capfd.readouterr()
    for light in (True, False):
        tokenizer = load_checkpoint(str(copy), stock=not light).tokenizer
        vocabulary = Vocabulary(tokenizer)
        for line, text in zip(lines, theirs, strict=True):
            assert vocabulary.text(line) == " ".join(text.split())
            assert "".join(vocabulary.pieces(line)) == text
    assert capfd.readouterr() == ("", "")


def test_blanks_belong_to_the_words_that_they_precede(copy: Path) -> None:
    """And a sentencepiece line is not spelled by decoding each of its beginnings."""
    (copy / "tokenizer.json").unlink()
    size = sentencepiece(copy)
    build_model(SQUARE, vocab_size=size).save_pretrained(copy)
    tokenizer = load_checkpoint(str(copy), stock=False).tokenizer
    vocabulary = Vocabulary(tokenizer)
    vocabulary._grown = pytest.fail  # type: ignore[assignment, method-assign]
    for text in TEXTS[:20]:
        tokens = tokenizer(text).input_ids
        names = tokenizer.convert_ids_to_tokens(tokens)
        pieces = vocabulary.pieces(tokens)
        assert "".join(pieces) == tokenizer.decode(tokens, skip_special_tokens=True)
        known = [(n, p) for n, p in zip(names, pieces, strict=True) if n not in SPECIAL]
        assert known[0][1] == known[0][0].removeprefix("▁")
        assert all(piece == name.replace("▁", " ") for name, piece in known[1:])


def test_a_vocabulary_saved_again_needs_no_transformers(copy: Path) -> None:
    """As training saves it: transformers notes how it was loaded."""
    stock = load_checkpoint(str(copy)).tokenizer
    stock.save_pretrained(copy)
    assert "local_files_only" in (copy / "tokenizer_config.json").read_text()
    light = load_checkpoint(str(copy), stock=False).tokenizer
    assert isinstance(light, PlainTokenizer)
    for token in range(len(stock)):
        assert light.decode([token], skip_special_tokens=True) == stock.decode(
            [token], skip_special_tokens=True
        )


NOTEBOOK = {
    "num_beams": 4,
    "early_stopping": True,
    "no_repeat_ngram_size": 3,
    "length_penalty": 2.0,
    "max_length": 64,
}
"""What the best-known notebook on training TrOCR sets, and thousands of checkpoints say."""


def make(folder: Path, **options: object) -> TrOCRRecognizer:
    return TrOCRRecognizer.from_options(
        Options.of(model=str(folder), device="cpu", precision="exact", **options)
    )


@pytest.mark.parametrize("new", [True, False])
def test_how_a_checkpoint_wants_to_be_searched_is_noted(
    copy: Path, new: bool, caplog: pytest.LogCaptureFixture
) -> None:
    assert "not-followed" not in dict(make(copy).describe().settings)
    before = make(copy).read([whole_crop(crop) for crop in scribbles(3)])
    if new:
        say(copy / "generation_config.json", **NOTEBOOK)
    else:
        (copy / "generation_config.json").unlink()
        say(copy / "config.json", **NOTEBOOK)
    with caplog.at_level("INFO", logger="pagereader"):
        reader = make(copy)
    noted = dict(reader.describe().settings)["not-followed"]
    assert noted == "num_beams=4 length_penalty=2.0 no_repeat_ngram_size=3"
    assert "num_beams=4" in caplog.text
    assert reader.read([whole_crop(crop) for crop in scribbles(3)]) == before


def test_settings_that_change_no_text_are_not_noted(copy: Path) -> None:
    say(
        copy / "generation_config.json",
        num_beams=1,
        length_penalty=2.0,
        no_repeat_ngram_size=0,
        bad_words_ids=[],
        use_cache=False,
        early_stopping=True,
    )
    assert load_checkpoint(str(copy), stock=False).unheeded == ()


def test_greedy_lines_are_those_of_stock_generate(copy: Path) -> None:
    from transformers import TrOCRProcessor, VisionEncoderDecoderModel

    prepare(copy, DEIT | {"do_center_crop": True, "size": 36, "crop_size": 32})
    crops = scribbles(8, seed=3)
    ours = make(copy).read([whole_crop(crop) for crop in crops])
    with quiet_transformers(), torch.inference_mode():
        stock = VisionEncoderDecoderModel.from_pretrained(str(copy)).eval()
        processor = TrOCRProcessor.from_pretrained(str(copy))
        images = [Image.fromarray(crop).convert("RGB") for crop in crops]
        pixels = processor(images=images, return_tensors="pt").pixel_values
        tokens = stock.generate(pixels, num_beams=1, max_new_tokens=64)
        theirs = processor.batch_decode(tokens, skip_special_tokens=True)
    whole = [n for n, reading in enumerate(ours) if Flag.REPEATED not in reading.flags]
    assert len(whole) > 3
    assert len({ours[n].text for n in whole}) > 3
    for number in whole:
        assert ours[number].text == " ".join(theirs[number].split())


@pytest.mark.parametrize(
    ("kind", "prefix"), [("swin", 4 * 4 - 16 * 16), ("siglip_vision_model", 0)]
)
def test_encoders_whose_tokens_are_no_patches_are_read(copy: Path, kind: str, prefix: int) -> None:
    """Swin merges patches, SigLIP puts nothing before them; words are placed all the same."""
    from transformers import AutoConfig, AutoModel

    merged = {"patch_size": 2, "embed_dim": 12, "depths": [2, 2, 2], "num_heads": [2, 2, 4]}
    plain = {"patch_size": 8, "num_hidden_layers": 2, "num_attention_heads": 4}
    sizes = merged | {"window_size": 4} if kind == "swin" else plain | {"intermediate_size": 64}
    model = build_model(SQUARE, vocab_size=len(load_tokenizer(copy)))
    config = AutoConfig.for_model(kind, image_size=32, hidden_size=48, **sizes)
    model.encoder = AutoModel.from_config(config).eval()
    model.config.encoder = model.encoder.config
    model.save_pretrained(copy)
    reader = make(copy)
    assert reader._engine.encoder.prefix == prefix
    for crop in scribbles(3):
        (reading,) = reader.read([whole_crop(crop)])
        assert reading.text
        assert not reading.error
        assert [word.text for word in reading.words] == reading.text.split()
        if prefix < 0:  # nothing tells where its tokens were read: the words are spread out
            assert reading.words[-1].end > crop.shape[1] / 2
