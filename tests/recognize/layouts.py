"""Tiny random checkpoints of every layout that published TrOCR models have."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 32
ALPHABET = string.ascii_letters + string.digits + " .,;:-'"


@dataclass(frozen=True)
class Layout:
    """What may differ between TrOCR checkpoints."""

    name: str
    encoder: str = "vit"
    qkv_bias: bool = True
    encoder_size: int = 48
    project: bool = False
    learned: bool = True
    embedding_norm: bool = True
    scale_embedding: bool = False
    activation: str = "gelu"
    tied: bool = True
    image: tuple[int, int] = (SIDE, SIDE)
    patch: tuple[int, int] = (8, 8)


LAYOUTS = [
    Layout("base-handwritten", qkv_bias=False),
    Layout(
        "large-printed-and-stage1",
        learned=False,
        embedding_norm=False,
        scale_embedding=True,
        activation="relu",
        tied=False,
    ),
    Layout("small", encoder="deit", scale_embedding=True, activation="relu", tied=False),
    Layout("projected", encoder_size=40, project=True),
    Layout("sinusoidal-normed", learned=False, scale_embedding=True),
    Layout("plain-unscaled", embedding_norm=False, activation="relu"),
    Layout("strip", image=(16, 128), patch=(16, 8)),
]
STRIP = LAYOUTS[-1]
SQUARE = LAYOUTS[0]


def build_model(layout: Layout, seed: int = 0, vocab_size: int = 71) -> Any:
    """Return a random model whose outputs differ clearly from token to token."""
    import torch
    from transformers import (
        DeiTConfig,
        TrOCRConfig,
        TrOCRForCausalLM,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
        ViTConfig,
    )

    torch.manual_seed(seed)
    make = {"vit": ViTConfig, "deit": DeiTConfig}[layout.encoder]
    image: Any = list(layout.image) if layout.image[0] != layout.image[1] else layout.image[0]
    patch: Any = list(layout.patch) if layout.patch[0] != layout.patch[1] else layout.patch[0]
    encoder = make(
        hidden_size=layout.encoder_size,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        image_size=image,
        patch_size=patch,
        qkv_bias=layout.qkv_bias,
        initializer_range=0.3,
    )
    decoder = TrOCRConfig(
        vocab_size=vocab_size,
        d_model=48,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        activation_function=layout.activation,
        use_learned_position_embeddings=layout.learned,
        layernorm_embedding=layout.embedding_norm,
        scale_embedding=layout.scale_embedding,
        tie_word_embeddings=layout.tied,
        cross_attention_hidden_size=None if layout.project else layout.encoder_size,
        init_std=0.3,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
        use_cache=False,  # as on the hub: a trap
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 2, 1, 2
    config.tie_word_embeddings = layout.tied
    model = VisionEncoderDecoderModel(config).eval()
    assert isinstance(model.decoder, TrOCRForCausalLM)
    with torch.no_grad():  # norms and biases start as ones and zeros: make them matter
        for name, weight in model.named_parameters():
            if weight.ndim == 1:
                weight.add_(0.2 * torch.randn_like(weight))
            if "position_embeddings" in name:
                weight.normal_(0, 0.5)
            if "embed_positions" in name:
                weight.normal_(0, 4.0)
            if "encoder_attn" in name:
                weight.mul_(3)
            if "enc_to_dec_proj" in name and weight.ndim == 2:
                weight.normal_(0, 0.3)
    return model


def save_checkpoint(layout: Layout, folder: Path, seed: int = 0) -> Path:
    """Write a random model with a character tokenizer and a new-style processor."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<s>", "<pad>", "</s>", "<unk>", *ALPHABET]
    model = build_model(layout, seed, vocab_size=len(words))
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)
    height, width = layout.image
    image = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": height, "width": width},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "resample": 2,
    }
    processor = {"image_processor": image, "processor_class": "TrOCRProcessor"}
    (folder / "processor_config.json").write_text(json.dumps(processor))
    return folder


def scribbles(count: int, seed: int = 0, height: int = 24) -> list[np.ndarray]:
    """Return grey crops of different widths with strokes on noisy paper."""
    random = np.random.default_rng(seed)
    crops = []
    for _ in range(count):
        width = int(random.integers(height, 9 * height))
        crop = random.normal(225, 4, (height, width)).clip(0, 255).astype(np.uint8)
        for x in range(4, width - 4, 7):
            if random.random() < 0.75:
                top = int(random.integers(3, height // 2))
                crop[top : height - 4, x : x + 3] = int(random.integers(0, 90))
        crops.append(crop)
    return crops


OLD_PROCESSOR = {
    "feature_extractor_type": "ViTFeatureExtractor",
    "size": 32,
    "do_resize": True,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 2,
}
"""How transformers 4 wrote the image processor of :data:`SQUARE`."""


def say(path: Path, **values: object) -> None:
    """Set values of a JSON file."""
    config = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(config | values))
