"""Every layout loads from its files, and every trap is named before it springs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pagereader.errors import ModelError
from pagereader.recognize.checkpoint import LONGEST, check_vocabulary, fingerprint, load_checkpoint
from pagereader.recognize.engine import Engine
from pagereader.recognize.precision import FP32
from pagereader.recognize.vocabulary import Vocabulary
from tests.recognize.layouts import (
    LAYOUTS,
    OLD_PROCESSOR,
    SQUARE,
    STRIP,
    Layout,
    build_model,
    scribbles,
)

CPU = torch.device("cpu")
Folder = Callable[[Layout], Path]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_every_layout_loads_and_reads_as_the_model_it_was_saved_from(
    layout: Layout, checkpoint_folder: Folder
) -> None:
    checkpoint = load_checkpoint(str(checkpoint_folder(layout)))
    engine = Engine(checkpoint, CPU, FP32)
    original = build_model(layout, vocab_size=len(checkpoint.tokenizer))
    crops = scribbles(4)
    jobs = [job for number, crop in enumerate(crops) for job in engine._jobs(number, crop)]
    states = engine._encode(jobs)
    pixels = [engine.encoder.normalise(torch.from_numpy(j.fitted.pixels)[None]) for j in jobs]
    if not layout.image[1] > layout.image[0]:
        with torch.inference_mode():
            expected = original.encoder(torch.cat(pixels)).last_hidden_state
        assert torch.allclose(torch.stack(states), expected, atol=1e-5)
    readings = engine.read(crops)
    assert all(not reading.error for reading in readings)
    assert len(readings) == len(crops)


def test_the_hubs_old_roberta_layout_loads(copy: Path) -> None:
    from transformers import RobertaTokenizer

    for name in ("tokenizer.json", "tokenizer_config.json", "processor_config.json"):
        (copy / name).unlink()
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *(chr(c) for c in range(33, 98)), "Ġ"]
    (copy / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (copy / "merges.txt").write_text("#version: 0.2\n")
    (copy / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}')
    (copy / "preprocessor_config.json").write_text(json.dumps(OLD_PROCESSOR))
    checkpoint = load_checkpoint(str(copy))
    assert isinstance(checkpoint.tokenizer, RobertaTokenizer)
    assert Vocabulary(checkpoint.tokenizer).text([0, 40, 70, 41, 2]) == "D E"
    assert checkpoint.image.height == checkpoint.image.width == 32


def test_the_small_models_sentencepiece_layout_loads(copy: Path, tmp_path: Path) -> None:
    import sentencepiece

    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    text = tmp_path / "text.txt"
    text.write_text("\n".join(f"the quick brown fox {i} jumps over lazy dogs" for i in range(99)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(copy / "sentencepiece.bpe"),
        vocab_size=66,
        model_type="bpe",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (copy / "sentencepiece.bpe.vocab").unlink()
    (copy / "tokenizer_config.json").write_text('{"tokenizer_class": "XLMRobertaTokenizer"}')
    checkpoint = load_checkpoint(str(copy))
    tokens = checkpoint.tokenizer("the fox jumps").input_ids
    vocabulary = Vocabulary(checkpoint.tokenizer)
    assert vocabulary.text(tokens) == "the fox jumps"
    assert "".join(vocabulary.pieces(tokens)).strip() == "the fox jumps"
    assert len(vocabulary.pieces(tokens)) == len(tokens)


def test_pickled_weights_load_without_running_code(copy: Path) -> None:
    state = {k: v.clone() for k, v in load_checkpoint(str(copy)).model.state_dict().items()}
    (copy / "model.safetensors").unlink()
    torch.save(state, copy / "pytorch_model.bin")
    loaded = load_checkpoint(str(copy)).model
    weight = "encoder.embeddings.position_embeddings"
    assert torch.equal(loaded.state_dict()[weight], state[weight])


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("evil-ran"),))  # type: ignore[return-value]


def test_a_pickle_that_runs_code_is_refused(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (copy / "model.safetensors").unlink()
    torch.save({"weight": Evil()}, copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_checkpoint(str(copy))
    assert "weights_only" not in str(caught.value)  # torch tells how to run it all the same
    assert not (tmp_path / "evil-ran").exists()


def test_sinusoidal_positions_survive_loading_and_moving(checkpoint_folder: Folder) -> None:
    layout = next(layout for layout in LAYOUTS if not layout.learned)
    model = load_checkpoint(str(checkpoint_folder(layout))).model
    positions = model.decoder.model.decoder.embed_positions
    assert positions.weights.device.type == "cpu"
    assert positions.weights.abs().sum() > 0
    assert model.to(torch.float64).decoder.model.decoder.embed_positions.weights.dtype == (
        torch.float64
    )


def break_nothing(folder: Path) -> None:
    shutil.rmtree(folder)


def lose(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])


def garble_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def change_config(part: str | None, **values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (config[part] if part else config).update(values)
        (folder / "config.json").write_text(json.dumps(config))

    return change


def empty_vocabulary(folder: Path) -> None:
    """The trap: transformers makes a tokenizer of five tokens out of this."""
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}')


def poor_vocabulary(folder: Path) -> None:
    empty_vocabulary(folder)
    (folder / "vocab.json").write_text('{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}')
    (folder / "merges.txt").write_text("#version: 0.2\n")


def other_image_size(folder: Path) -> None:
    (folder / "processor_config.json").write_text('{"image_processor": {"size": 224}}')


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (break_nothing, "there is no model folder"),
        (lose("config.json"), "has no config.json"),
        (lose("model.safetensors"), "has no weights"),
        (lose("tokenizer.json"), "has no vocabulary"),
        (lose("processor_config.json"), "has no preprocessor_config.json"),
        (cut_weights, "cannot be loaded"),
        (garble_config, "cannot be read"),
        (change_config(None, model_type="vit"), "holds a 'vit' model"),
        (change_config("decoder", model_type="gpt2"), "has a 'gpt2' decoder"),
        (change_config("decoder", decoder_layers=3), "lack"),
        (change_config("decoder", vocab_size=50265), "73 tokens, its decoder 50265"),
        (empty_vocabulary, "has no vocabulary"),
        (poor_vocabulary, "5 tokens, its decoder 73"),
        (other_image_size, "its processor makes"),
        (change_config("decoder", vocab_size=75), "another decoder.model.decoder.embed_tokens"),
        (change_config("encoder", image_size=48), "another encoder.embeddings.position_emb"),
        (change_config(None, quantization_config={"quant_method": "bnb"}), "are quantised"),
    ],
)
@pytest.mark.parametrize("stock", [True, False])
def test_a_broken_folder_is_named(
    copy: Path, fault: Callable[[Path], None], said: str, stock: bool
) -> None:
    fault(copy)
    with pytest.raises(ModelError, match=said) as caught:
        load_checkpoint(str(copy), stock=stock)
    assert caught.value.advice
    assert "\n" not in str(caught.value)


def spoil(folder: Path, layer: str) -> None:
    """Leave weights behind as a training does that failed."""
    weights = folder / "model.safetensors"
    state = load_file(weights)
    state[f"{layer}.weight"].view(-1)[7] = torch.nan
    save_file(state, weights, {"format": "pt"})


@pytest.mark.parametrize("layer", ["decoder.model.decoder.layers.1.fc1", "encoder.layernorm"])
@pytest.mark.parametrize("stock", [True, False])
def test_weights_that_are_no_numbers_are_named(copy: Path, layer: str, stock: bool) -> None:
    spoil(copy, layer)
    with pytest.raises(ModelError, match=rf"are not numbers, as of {layer}\.weight") as caught:
        load_checkpoint(str(copy), stock=stock)
    assert "earlier checkpoint" in caught.value.advice


def test_what_the_weights_lack_is_counted(copy: Path) -> None:
    weights = copy / "model.safetensors"
    state = load_file(weights)
    for name, end in (("bias", "lack encoder.layernorm.bias"), ("weight", "bias and 1 more")):
        del state[f"encoder.layernorm.{name}"]
        save_file(state, weights, {"format": "pt"})
        with pytest.raises(ModelError) as caught:
            load_checkpoint(str(copy), stock=False)
        assert caught.value.message.endswith(end)


@pytest.mark.parametrize("start", [73, -1, "2", [2], 2.5])
@pytest.mark.parametrize("stock", [True, False])
def test_a_start_that_is_no_token_is_named(copy: Path, start: object, stock: bool) -> None:
    settings = {"decoder_start_token_id": start, "eos_token_id": 2}
    (copy / "generation_config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="how lines start and end"):
        load_checkpoint(str(copy), stock=stock)


@pytest.mark.parametrize("part", ["start", "end"])
@pytest.mark.parametrize("token", [{}, [{}], "x", [], None])
def test_ends_that_are_no_tokens_are_named(copy: Path, part: str, token: object) -> None:
    lost = {"decoder_start_token_id": token, "bos_token_id": None}
    for name in ("config.json", "generation_config.json"):
        config = json.loads((copy / name).read_text())
        for settings in (config, config.get("decoder", {})):
            settings.update(lost if part == "start" else {"eos_token_id": token})
        (copy / name).write_text(json.dumps(config))
    with pytest.raises(ModelError, match="how lines start and end"):
        load_checkpoint(str(copy), stock=False)


@pytest.mark.parametrize("value", ["x", [], {}, 1.5])
@pytest.mark.parametrize("name", ["pad_token_id", "max_length"])
def test_lengths_and_pads_that_make_no_sense_are_passed_over(
    copy: Path, name: str, value: object
) -> None:
    expected = load_checkpoint(str(copy), stock=False)
    settings = {"decoder_start_token_id": 2, "eos_token_id": [2, 5], "max_new_tokens": None}
    (copy / "generation_config.json").write_text(json.dumps(settings | {name: value}))
    found = load_checkpoint(str(copy), stock=False)
    assert found.max_new_tokens == expected.max_new_tokens
    assert found.pad in (expected.pad, 2)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("encoder", "num_attention_heads", -1),
        ("encoder", "num_channels", 10**6),
        ("decoder", "decoder_attention_heads", 0.5),
        ("decoder", "vocab_size", 10**9),
    ],
)
def test_sizes_that_no_model_has_are_named(copy: Path, part: str, name: str, value: float) -> None:
    change_config(part, **{name: value})(copy)
    with pytest.raises(ModelError, match=f"no sound {name} of its {part}"):
        load_checkpoint(str(copy), stock=False)


def test_a_decoder_may_be_padded_for_gpus(copy: Path) -> None:
    tokens = len(load_checkpoint(str(copy), stock=False).tokenizer)
    for outputs in (tokens, 80, 128):
        check_vocabulary(copy, tokens, outputs)
    for outputs in (50, 160, 50265):
        with pytest.raises(ModelError, match="its decoder"):
            check_vocabulary(copy, tokens, outputs)
    model = load_checkpoint(str(copy)).model
    model.decoder.resize_token_embeddings(128, mean_resizing=False)
    model.config.decoder.vocab_size = 128
    model.save_pretrained(copy)
    assert load_checkpoint(str(copy), stock=False).model.config.decoder.vocab_size == 128


def test_a_hub_name_without_network_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="nobody/nothing"):
        load_checkpoint("nobody/nothing")


def test_a_file_is_no_model_folder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match="is a file"):
        load_checkpoint(str(tmp_path / "model.safetensors"))


def test_the_length_limit_is_never_the_stock_default(copy: Path) -> None:
    assert load_checkpoint(str(copy)).max_new_tokens == 64  # as many as it has positions
    settings = {"max_length": 20}
    (copy / "generation_config.json").write_text(json.dumps(settings))
    assert load_checkpoint(str(copy)).max_new_tokens == 64
    (copy / "generation_config.json").write_text(json.dumps({"max_new_tokens": 33}))
    assert load_checkpoint(str(copy)).max_new_tokens == 33
    assert LONGEST > 64


def test_the_fingerprint_follows_weights_and_vocabulary(copy: Path) -> None:
    before = fingerprint(copy)
    (copy / "README.md").write_text("words")
    (copy / "pytorch_model.bin").write_text("the same in another format")
    (copy / "training_args.bin").write_text("of a training")
    assert fingerprint(copy) == before
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert fingerprint(copy) != before


def test_a_strip_model_is_told_by_its_shape(checkpoint_folder: Folder) -> None:
    strip = load_checkpoint(str(checkpoint_folder(STRIP))).image
    square = load_checkpoint(str(checkpoint_folder(SQUARE))).image
    assert strip.strip
    assert not square.strip
