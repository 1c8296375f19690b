"""A new, untrained recogniser of the bundled one's family."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pagereader.training.text import LATIN

PAD, START, END, UNKNOWN = 0, 1, 2, 3
SPECIAL = {"<pad>": PAD, "<s>": START, "</s>": END, "<unk>": UNKNOWN}
HEAD = 32
"""Width of an attention head."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of a recogniser that reads a line as a strip of full-height columns.

    Attributes:
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        column: Width of a column, in pixels.
        size: Width of encoder and decoder; a multiple of 32.
        encoder_layers: Depth of the ViT.
        decoder_layers: Depth of the TrOCR decoder.
        longest: Tokens of a line at most.
    """

    height: int = 48
    width: int = 960
    column: int = 12
    size: int = 256
    encoder_layers: int = 6
    decoder_layers: int = 2
    longest: int = 120


def new_checkpoint(
    folder: Path, shape: ModelShape | None = None, characters: str = LATIN, seed: int = 0
) -> None:
    """Write an untrained model with tokenizer and processor, one token a character.

    Args:
        folder: To write to; made if need be.
        shape: Sizes; by default the bundled recogniser's.
        characters: The alphabet; the blank is always in it.
        seed: Of the random weights.
    """
    import torch
    from transformers import (
        TrOCRConfig,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
        ViTConfig,
    )

    from pagereader.recognize.checkpoint import quiet_transformers

    shape = shape or ModelShape()
    alphabet = sorted(set(characters) | {" "})
    encoder = ViTConfig(
        hidden_size=shape.size,
        num_hidden_layers=shape.encoder_layers,
        num_attention_heads=shape.size // HEAD,
        intermediate_size=4 * shape.size,
        image_size=(shape.height, shape.width),
        patch_size=(shape.height, shape.column),
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    decoder = TrOCRConfig(
        vocab_size=len(alphabet) + len(SPECIAL),
        d_model=shape.size,
        decoder_layers=shape.decoder_layers,
        decoder_attention_heads=shape.size // HEAD,
        decoder_ffn_dim=4 * shape.size,
        max_position_embeddings=shape.longest + 8,
        dropout=0.1,
        cross_attention_hidden_size=shape.size,
        pad_token_id=PAD,
        bos_token_id=START,
        eos_token_id=END,
        decoder_start_token_id=START,
        use_learned_position_embeddings=True,
        layernorm_embedding=True,
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = START, PAD, END
    model = VisionEncoderDecoderModel(config=config)
    generation = model.generation_config
    generation.decoder_start_token_id, generation.bos_token_id = START, START
    generation.pad_token_id, generation.eos_token_id = PAD, END
    generation.max_new_tokens, generation.max_length, generation.use_cache = (
        shape.longest,
        None,
        True,
    )
    with quiet_transformers():
        model.save_pretrained(folder)
        _save_processor(folder, shape, alphabet)


def _save_processor(folder: Path, shape: ModelShape, alphabet: list[str]) -> None:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast, TrOCRProcessor, ViTImageProcessor

    vocabulary = SPECIAL | {c: number for number, c in enumerate(alphabet, len(SPECIAL))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", START), ("</s>", END)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )
    image = ViTImageProcessor(
        size={"height": shape.height, "width": shape.width},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        do_convert_rgb=True,
        resample=2,
    )
    TrOCRProcessor(image_processor=image, tokenizer=fast).save_pretrained(folder)
