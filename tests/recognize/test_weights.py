"""Checkpoints loaded without transformers' modelling code read as those loaded through it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pagereader.errors import ModelError
from pagereader.options import bundled_model
from pagereader.recognize.checkpoint import Checkpoint, load_checkpoint
from pagereader.recognize.engine import Engine
from pagereader.recognize.precision import FP32
from pagereader.recognize.tokenizer import PlainTokenizer
from pagereader.recognize.vocabulary import Vocabulary
from pagereader.recognize.weights import EMBEDDING, PROJECTION, Weights, load_weights
from tests.recognize.layouts import LAYOUTS, SQUARE, STRIP, Layout, build_model, scribbles
from tests.recognize.layouts import save_checkpoint as save

DEIT = next(layout for layout in LAYOUTS if layout.encoder == "deit")
MORE = [
    replace(DEIT, name="deit-sinusoidal-projected", project=True, learned=False, encoder_size=40),
    replace(STRIP, name="strip-deit", encoder="deit"),
    replace(STRIP, name="strip-untied-sinusoidal", tied=False, learned=False),
]
Folder = Callable[[Layout], Path]


@pytest.fixture
def own(checkpoint_folder: Folder, tmp_path: Path) -> Path:
    """A checkpoint of one's own to change."""
    return Path(shutil.copytree(checkpoint_folder(SQUARE), tmp_path / "model"))


def pair(folder: Path) -> tuple[Checkpoint, Checkpoint]:
    return load_checkpoint(str(folder), stock=False), load_checkpoint(str(folder))


def assert_alike(folder: Path) -> None:
    """The weights are ours, and what is read with them is the same to the last bit."""
    light, stock = pair(folder)
    assert isinstance(light.model, Weights)
    assert isinstance(light.tokenizer, PlainTokenizer)
    for field in fields(Checkpoint):
        if field.name not in ("model", "tokenizer"):
            assert getattr(light, field.name) == getattr(stock, field.name)
    torch.manual_seed(0)
    ours, theirs = (Engine(checkpoint, torch.device("cpu"), FP32) for checkpoint in (light, stock))
    pixels = torch.randint(0, 256, (3, ours.rules.height, ours.rules.width), dtype=torch.uint8)
    assert torch.equal(ours.encoder(pixels), theirs.encoder(pixels))
    crops = scribbles(6, seed=8)
    readings = ours.read(crops)
    assert readings == theirs.read(crops)
    assert any(reading.text for reading in readings)
    tokens = [[token] for token in range(len(stock.tokenizer))]
    states = [ours.encoder(pixels[:1]).expand(len(tokens), -1, -1)]
    for mine, other in zip(
        ours.decoder.score(states, tokens), theirs.decoder.score(states, tokens), strict=True
    ):
        assert (mine.log_probs == other.log_probs).all()
        assert (mine.attention == other.attention).all()


def change(folder: Path, part: str | None = None, **to: object) -> None:
    change_file(folder / "config.json", part, **to)


def change_file(path: Path, part: str | None = None, **to: object) -> None:
    config = json.loads(path.read_text()) if path.exists() else {}
    (config[part] if part else config).update(to)
    path.write_text(json.dumps(config))


def rewrite(folder: Path, how: Callable[[dict[str, torch.Tensor]], object]) -> None:
    path = folder / "model.safetensors"
    state = load_file(path)
    how(state)
    save_file(state, path, {"format": "pt"})


@pytest.mark.parametrize("layout", [*LAYOUTS, *MORE], ids=lambda layout: layout.name)
def test_every_layout_reads_the_same(layout: Layout, checkpoint_folder: Folder) -> None:
    assert_alike(checkpoint_folder(layout))


def test_the_bundled_model_reads_the_same() -> None:
    assert_alike(bundled_model())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_other_number_formats_become_fp32(own: Path, dtype: torch.dtype) -> None:
    rewrite(own, lambda state: state.update({k: v.to(dtype) for k, v in state.items()}))
    assert_alike(own)


def test_weights_in_several_files(tmp_path: Path) -> None:
    folder = save(STRIP, tmp_path)
    build_model(STRIP, vocab_size=73).save_pretrained(folder, max_shard_size="50KB")
    (folder / "model.safetensors").unlink(missing_ok=True)
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    assert_alike(folder)


def test_weights_outside_the_folder_are_not_read(own: Path) -> None:
    (own / "model.safetensors").rename(own.parent / "other.safetensors")
    index = {"weight_map": {EMBEDDING: "../other.safetensors"}}
    (own / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(Exception, match=r"No such file"):
        load_weights(own, json.loads((own / "config.json").read_text()))


def test_weights_may_have_their_newer_names(own: Path) -> None:
    stock = load_checkpoint(str(own)).model
    state = {name: tensor.clone() for name, tensor in stock.state_dict().items()}
    assert "encoder.layers.0.attention.q_proj.weight" in state
    before = load_checkpoint(str(own), stock=False)
    save_file(state, own / "model.safetensors", {"format": "pt"})
    after = load_checkpoint(str(own), stock=False)
    assert isinstance(after.model, Weights)
    engines = [Engine(c, torch.device("cpu"), FP32) for c in (before, after)]
    assert engines[0].read(scribbles(3)) == engines[1].read(scribbles(3))


def both_alike(state: dict[str, torch.Tensor]) -> None:
    state[PROJECTION] = state[EMBEDDING].clone()


def both_unlike(state: dict[str, torch.Tensor]) -> None:
    state[PROJECTION] = state[EMBEDDING].flip(0).contiguous()


def projection_only(state: dict[str, torch.Tensor]) -> None:
    state[PROJECTION] = state.pop(EMBEDDING)


@pytest.mark.parametrize("how", [both_alike, both_unlike, projection_only])
@pytest.mark.parametrize("tied", [True, False])
def test_what_is_tied_is_tied_as_in_transformers(
    own: Path, how: Callable[[dict[str, torch.Tensor]], None], tied: bool
) -> None:
    rewrite(own, how)
    change(own, part="decoder", tie_word_embeddings=tied)
    if how is projection_only and not tied:
        with pytest.raises(ModelError, match=r"lack decoder\.model"):
            load_checkpoint(str(own), stock=False)
    else:
        assert_alike(own)


def test_every_tensor_is_asked_for_in_its_shape(tmp_path: Path) -> None:
    folder = save(replace(DEIT, project=True, encoder_size=40), tmp_path)
    config = json.loads((folder / "config.json").read_text())
    whole = load_file(folder / "model.safetensors")
    load_weights(folder, config)
    wanted = [name for name in whole if "pooler" not in name]
    for name in wanted:
        rest = {other: tensor for other, tensor in whole.items() if other != name}
        save_file(rest, folder / "model.safetensors")
        with pytest.raises(ValueError, match="missing"):
            load_weights(folder, config)
        taller = torch.cat([whole[name], whole[name][:1]])
        save_file(whole | {name: taller}, folder / "model.safetensors")
        with pytest.raises(ValueError, match="another shape"):
            load_weights(folder, config)
    assert len(wanted) > 80


@pytest.mark.parametrize("generation", [None, {}, {"eos_token_id": [2, 5]}, {"max_new_tokens": 7}])
@pytest.mark.parametrize("top", [{"max_length": None}, {"eos_token_id": 3, "max_length": 21}])
@pytest.mark.parametrize("decoder", [{}, {"decoder_start_token_id": 0, "max_length": 9}])
def test_settings_take_precedence_as_in_transformers(
    own: Path, generation: dict[str, Any] | None, top: dict[str, Any], decoder: dict[str, Any]
) -> None:
    (own / "generation_config.json").unlink()
    if generation is not None:
        change_file(own / "generation_config.json", **generation)
    change(own, **top)
    change(own, part="decoder", **decoder)
    light, stock = pair(own)
    assert isinstance(light.model, Weights)
    for name in ("start", "ends", "pad", "max_new_tokens"):
        assert getattr(light, name) == getattr(stock, name)


def missing(part: str, name: str) -> Callable[[Path], None]:
    def lose(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        del config[part][name]
        (folder / "config.json").write_text(json.dumps(config))

    return lose


def setting(part: str | None, **values: object) -> Callable[[Path], None]:
    return lambda folder: change(folder, part=part, **values)


@pytest.mark.parametrize(
    "unusual",
    [
        missing("encoder", "hidden_act"),
        missing("decoder", "scale_embedding"),
        setting("decoder", hidden_size=48),
        setting("encoder", hidden_act="gelu_new"),
        setting("decoder", activation_function="silu"),
        lambda folder: (folder / "generation_config.json").write_text("{"),
    ],
)
def test_the_unusual_is_loaded_by_transformers(
    own: Path, unusual: Callable[[Path], object]
) -> None:
    unusual(own)
    light, stock = pair(own)
    assert not isinstance(light.model, Weights)
    engines = [Engine(c, torch.device("cpu"), FP32) for c in (light, stock)]
    assert engines[0].read(scribbles(3)) == engines[1].read(scribbles(3))


def see_wider_states(folder: Path) -> None:
    """Make a decoder, in itself sound, that expects wider states than its encoder gives."""

    def widen(state: dict[str, torch.Tensor]) -> None:
        for name in state:
            if name.endswith(("encoder_attn.k_proj.weight", "encoder_attn.v_proj.weight")):
                state[name] = torch.nn.functional.pad(state[name], (0, 1))

    rewrite(folder, widen)
    change(folder, part="decoder", cross_attention_hidden_size=49)


@pytest.mark.parametrize(
    "broken",
    [
        setting("encoder", num_attention_heads=5),
        setting("encoder", hidden_act="none such"),
        setting("decoder", decoder_attention_heads=0),
        setting("decoder", pad_token_id=1000),
        see_wider_states,
        setting("decoder", decoder_layers=10**9),
        setting("decoder", vocab_size="many"),
        setting("encoder", num_hidden_layers=10**9),
        setting(None, encoder=7),
        lambda folder: change_file(folder / "generation_config.json", max_new_tokens=-1),
        lambda folder: change_file(folder / "generation_config.json", eos_token_id="x"),
    ],
)
@pytest.mark.parametrize("stock", [True, False])
def test_what_makes_no_sense_is_refused(
    own: Path, broken: Callable[[Path], None], stock: bool
) -> None:
    broken(own)
    with pytest.raises(ModelError) as caught:
        load_checkpoint(str(own), stock=stock)
    assert caught.value.advice


def test_the_tokenizer_spells_as_in_transformers(checkpoint_folder: Folder) -> None:
    random = np.random.default_rng(2)
    for folder in (bundled_model(), checkpoint_folder(SQUARE)):
        light, stock = pair(folder)
        ours, theirs = Vocabulary(light.tokenizer), Vocabulary(stock.tokenizer)
        assert len(light.tokenizer) == len(stock.tokenizer)
        assert light.tokenizer.all_special_ids == stock.tokenizer.all_special_ids
        for length in range(40):
            tokens = random.integers(0, len(stock.tokenizer) + 3, length).tolist()
            assert ours.characters(tokens) == theirs.characters(tokens)
            assert ours.pieces(tokens) == theirs.pieces(tokens)


def test_special_tokens_may_be_named_without_being_marked(own: Path) -> None:
    rules = json.loads((own / "tokenizer.json").read_text())
    rules["added_tokens"] = rules["added_tokens"][:1]
    (own / "tokenizer.json").write_text(json.dumps(rules))
    change_file(own / "tokenizer_config.json", mask_token="<mask>")
    light, stock = pair(own)
    assert isinstance(light.tokenizer, PlainTokenizer)
    assert len(light.tokenizer) == len(stock.tokenizer) == 74
    assert light.tokenizer.all_special_ids == stock.tokenizer.all_special_ids
    tokens = [0, 40, 1, 2, 41, 3, 73, 42]
    assert Vocabulary(light.tokenizer).pieces(tokens) == Vocabulary(stock.tokenizer).pieces(tokens)


@pytest.mark.parametrize(
    "settings",
    [
        {"extra_special_tokens": ["a"]},
        {"tokenizer_class": "RobertaTokenizer"},
        {"bos_token": {"content": "<s>", "lstrip": True}},
    ],
    ids=str,
)
def test_more_than_names_is_left_to_transformers(own: Path, settings: dict[str, Any]) -> None:
    change_file(own / "tokenizer_config.json", **settings)
    with pytest.raises(ValueError, match="more than names"):
        PlainTokenizer(own)


def test_reading_imports_no_transformers() -> None:
    code = """
import sys
import numpy as np
from pagereader.options import Options
from pagereader.recognize import TrOCRRecognizer
from benchmarks.words import generate, whole_crop
reader = TrOCRRecognizer.from_options(Options(device="cpu"))
line = generate(1)
print(reader.read([whole_crop(line.pixels)])[0].text, file=sys.stderr)
print(dict(reader.describe().settings)["transformers"])
heavy = ("transformers", "torch._dynamo", "torch.distributed.tensor", "sympy", "scipy", "skimage")
print([name for name in heavy if name in sys.modules])
"""
    root = Path(__file__).parents[2]
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    import transformers

    assert out.stdout.split("\n")[:2] == [transformers.__version__, "[]"]
    assert out.stderr.strip()
