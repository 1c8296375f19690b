"""Take a checkpoint's weights from its files, without the modelling code of transformers.

Importing that code takes longer than reading a page, and all that our encoder and decoder want of
its modules are weights. Only what is plain is loaded here: a configuration that leaves nothing
open, and safetensors that hold exactly what it asks for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from pagereader.recognize.layers import IN_PLACE

PREFIXES = {"vit": ("cls_token",), "deit": ("cls_token", "distillation_token")}
"""The encoders that we run, and what they put before the patches."""
TOKENS = ("decoder_start_token_id", "bos_token_id", "eos_token_id", "pad_token_id")
LENGTHS = ("max_new_tokens", "max_length")
RENAMED = (
    ("encoder.layer.", "layers."),
    ("attention.attention.query.", "attention.q_proj."),
    ("attention.attention.key.", "attention.k_proj."),
    ("attention.attention.value.", "attention.v_proj."),
    ("attention.output.dense.", "attention.o_proj."),
    ("intermediate.dense.", "mlp.fc1."),
    ("output.dense.", "mlp.fc2."),
)
"""What an encoder's weights are called in files, and in transformers 5; in this order."""
FLOATS = ("F16", "BF16", "F32", "F64")
DECODER_EPS = 1e-5
DECODER = "decoder.model.decoder."
EMBEDDING, PROJECTION = f"{DECODER}embed_tokens.weight", "decoder.output_projection.weight"

Shapes = dict[str, tuple[int, ...]]


class Weights(SimpleNamespace):
    """Weights and settings, as attributes of the names that they have in transformers' modules."""

    bias: Tensor | None = None


def load_weights(folder: Path, config: Mapping[str, Any]) -> Any:
    """Load the weights of a TrOCR with a ViT or DeiT, in fp32, on the CPU.

    Args:
        folder: Of the checkpoint.
        config: Its config.json.

    Returns:
        All that encoder and decoder ask of a VisionEncoderDecoderModel, by the same names.

    Raises:
        Exception: of any kind, if there is anything unusual about the checkpoint; transformers
            can then load it, or say what is wrong with it.
    """
    encoder, decoder = (SimpleNamespace(**config[part]) for part in ("encoder", "decoder"))
    plain = (
        {encoder.hidden_act, decoder.activation_function} <= IN_PLACE.keys()
        and _is_divided(encoder.hidden_size, encoder.num_attention_heads)
        and _is_divided(decoder.d_model, decoder.decoder_attention_heads)
        and decoder.cross_attention_hidden_size in (None, encoder.hidden_size)
        and 0 <= decoder.pad_token_id < decoder.vocab_size
        and "hidden_size" not in config["decoder"]  # another name of d_model
        and "quantization_config" not in config
    )
    if not plain:
        raise ValueError("unusual settings")
    shapes = {f"encoder.{name}": shape for name, shape in _encoder_shapes(encoder).items()}
    shapes[PROJECTION] = (decoder.vocab_size, decoder.d_model)
    shapes |= {f"{DECODER}{name}": shape for name, shape in _decoder_shapes(decoder).items()}
    if decoder.cross_attention_hidden_size is None and encoder.hidden_size != decoder.d_model:
        shapes |= _linear("enc_to_dec_proj", encoder.hidden_size, decoder.d_model)
    leaves: dict[str, Any] = dict(_read(folder, shapes))
    if decoder.tie_word_embeddings:  # where a file has both, they need not be equal
        for name, other in ((EMBEDDING, PROJECTION), (PROJECTION, EMBEDDING)):
            leaves.setdefault(name, leaves.get(other))
    if any(leaves.get(name) is None for name in shapes):
        raise ValueError("tensors are missing")
    top = SimpleNamespace(encoder=encoder, decoder=decoder, **_given(config, TOKENS))
    leaves |= {"config": top, "encoder.config": encoder, "decoder.config": decoder}
    leaves["generation_config"] = _generation(folder, config)
    return _tree(leaves | _norm_settings(encoder, shapes) | _embedding_settings(decoder))


def _read(folder: Path, shapes: Shapes) -> Iterator[tuple[str, Tensor]]:
    """Read the tensors wanted, and no others."""
    for path in _files(folder):
        with safe_open(path, framework="pt") as file:
            for stored in file.keys():  # noqa: SIM118 (it is no dict)
                name = _current_name(stored)
                if name in shapes:
                    found = file.get_slice(stored)
                    if tuple(found.get_shape()) != shapes[name] or found.get_dtype() not in FLOATS:
                        raise ValueError(f"{name} is of another shape or kind")
                    tensor = in_fp32(file.get_tensor(stored))
                    if not is_finite(tensor):
                        raise ValueError(f"{name} is not a number")
                    yield name, tensor


def in_fp32(tensor: Tensor) -> Tensor:
    """Return a tensor on the CPU in fp32.

    Of fp16, in numpy: a model has hundreds of small tensors, and for each of them torch would
    wake up its threads, which takes many times as long as the work.
    """
    if tensor.dtype == torch.float16:
        return torch.from_numpy(tensor.numpy().astype(np.float32))
    return tensor.float()


def is_finite(tensor: Tensor) -> bool:
    """Tell whether all of a tensor on the CPU are numbers: the sum of others is none."""
    return bool(np.isfinite(in_fp32(tensor.detach()).numpy().sum()))


def _files(folder: Path) -> list[Path]:
    """Return the files that hold the weights, none from outside the folder."""
    whole = folder / "model.safetensors"
    if whole.is_file():
        return [whole]
    index = json.loads((folder / "model.safetensors.index.json").read_bytes())
    return [folder / Path(name).name for name in sorted(set(index["weight_map"].values()))]


def _current_name(stored: str) -> str:
    if not stored.startswith("encoder."):
        return stored
    name = stored.removeprefix("encoder.")
    for old, new in RENAMED:
        name = name.replace(old, new)
    return f"encoder.{name}"


def _encoder_shapes(config: SimpleNamespace) -> Shapes:
    size, inner, prefix = config.hidden_size, config.intermediate_size, PREFIXES[config.model_type]
    (height, width), (high, wide) = _pair(config.image_size), _pair(config.patch_size)
    tokens = len(prefix) + (height // high) * (width // wide)
    patches = "embeddings.patch_embeddings.projection"
    shapes: Shapes = {f"embeddings.{token}": (1, 1, size) for token in prefix}
    shapes["embeddings.position_embeddings"] = (1, tokens, size)
    shapes[f"{patches}.weight"] = (size, config.num_channels, high, wide)
    shapes |= {f"{patches}.bias": (size,)} | _norm("layernorm", size)
    for number in range(config.num_hidden_layers):
        layer = f"layers.{number}."
        for name in ("q_proj", "k_proj", "v_proj"):
            shapes |= _linear(f"{layer}attention.{name}", size, size, config.qkv_bias)
        shapes |= _linear(f"{layer}attention.o_proj", size, size)
        shapes |= _linear(f"{layer}mlp.fc1", size, inner) | _linear(f"{layer}mlp.fc2", inner, size)
        shapes |= _norm(f"{layer}layernorm_before", size) | _norm(f"{layer}layernorm_after", size)
    return shapes


def _decoder_shapes(config: SimpleNamespace) -> Shapes:
    size, inner = config.d_model, config.decoder_ffn_dim
    seen = config.cross_attention_hidden_size or size
    shapes: Shapes = {"embed_tokens.weight": (config.vocab_size, size)}
    if config.use_learned_position_embeddings:
        shapes["embed_positions.weight"] = (config.max_position_embeddings + 2, size)
    if config.layernorm_embedding:
        shapes |= _norm("layernorm_embedding", size)
    for number in range(config.decoder_layers):
        layer = f"layers.{number}."
        for part, source in (("self_attn", size), ("encoder_attn", seen)):
            for name, inputs in (("q", size), ("k", source), ("v", source), ("out", size)):
                shapes |= _linear(f"{layer}{part}.{name}_proj", inputs, size)
            shapes |= _norm(f"{layer}{part}_layer_norm", size)
        shapes |= _linear(f"{layer}fc1", size, inner) | _linear(f"{layer}fc2", inner, size)
        shapes |= _norm(f"{layer}final_layer_norm", size)
    return shapes


def _linear(name: str, inputs: int, outputs: int, bias: bool = True) -> Shapes:
    weight: Shapes = {f"{name}.weight": (outputs, inputs)}
    return weight | {f"{name}.bias": (outputs,)} if bias else weight


def _norm(name: str, size: int) -> Shapes:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _norm_settings(encoder: SimpleNamespace, shapes: Shapes) -> dict[str, float]:
    norms = [name for name, shape in shapes.items() if name.endswith("weight") and len(shape) == 1]
    ours, theirs = float(encoder.layer_norm_eps), DECODER_EPS
    return {
        name.removesuffix("weight") + "eps": ours if name.startswith("encoder.") else theirs
        for name in norms
    }


def _embedding_settings(config: SimpleNamespace) -> dict[str, Any]:
    positions = f"{DECODER}embed_positions"
    scale = math.sqrt(config.d_model) if config.scale_embedding else 1.0
    settings: dict[str, Any] = {f"{DECODER}embed_tokens.embed_scale": scale}
    if not config.layernorm_embedding:
        settings[f"{DECODER}layernorm_embedding"] = None
    if config.use_learned_position_embeddings:
        settings[f"{positions}.offset"] = 2
    else:
        rows = config.max_position_embeddings + config.pad_token_id + 1
        settings[f"{positions}.padding_idx"] = config.pad_token_id
        settings[f"{positions}.weights"] = sinusoids(rows, config.d_model)
    return settings


def sinusoids(rows: int, width: int) -> Tensor:
    """Return fairseq's sinusoidal positions, shape (rows, width): sines, then cosines."""
    half = width // 2
    falling = torch.exp(torch.arange(half).float() * -(math.log(10000) / (half - 1)))
    angles = torch.arange(rows).float()[:, None] * falling[None]
    return torch.cat([angles.sin(), angles.cos(), torch.zeros(rows, width % 2)], dim=1)


def _generation(folder: Path, config: Mapping[str, Any]) -> SimpleNamespace:
    """Return how lines are generated; old checkpoints say so in their config.json."""
    given = config["decoder"] | {name: value for name, value in config.items() if value is not None}
    path = folder / "generation_config.json"
    if path.is_file():
        given = json.loads(path.read_bytes())
    lengths = _given(given, LENGTHS)
    if not all(n is None or (type(n) is int and n > 0) for n in lengths.values()):
        raise ValueError("lengths that are none")
    return SimpleNamespace(**_given(given, TOKENS), **lengths)


def _given(settings: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: settings.get(name) for name in names}


def _is_divided(size: int, heads: int) -> bool:
    return heads > 0 and size % heads == 0


def _pair(size: Any) -> tuple[int, int]:
    height, width = size if isinstance(size, list) else (size, size)
    return height, width


def _tree(leaves: Mapping[str, Any]) -> Any:
    """Turn dotted names into attributes of attributes, and numbered ones into lists."""
    branches: dict[str, dict[str, Any]] = {}
    for name, leaf in leaves.items():
        first, _, rest = name.partition(".")
        branches.setdefault(first, {})[rest] = leaf
    grown = {name: below[""] if "" in below else _tree(below) for name, below in branches.items()}
    if "0" in grown:
        return [grown[str(number)] for number in range(len(grown))]
    return Weights(**grown)
