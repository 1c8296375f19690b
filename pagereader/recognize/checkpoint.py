"""Load a TrOCR checkpoint: the bundled one, a folder, or a name on the hub."""

from __future__ import annotations

import hashlib
import logging
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pagereader.errors import ModelError
from pagereader.recognize.folder import (
    PROCESSORS,
    VOCABULARIES,
    check_files,
    find_checkpoint,
    processor_advice,
    read_json,
    weights_of,
)
from pagereader.recognize.preprocess import ImageRules
from pagereader.recognize.tokenizer import PlainTokenizer
from pagereader.recognize.weights import is_finite, load_weights

LONGEST = 256
"""Tokens a line may have if the checkpoint does not say."""
STOCK_MAX_LENGTH = 20
"""The default that transformers writes where nobody chose a length: not to be believed."""
PADDED_TO = 64
"""Decoders may have their vocabulary filled up to a multiple of this, as GPUs like it."""
SEARCH = {
    "num_beams": 1,
    "length_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "repetition_penalty": 1.0,
    "do_sample": False,
    "min_length": 0,
    "min_new_tokens": 0,
    "forced_bos_token_id": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "bad_words_ids": None,
}
"""Settings that make ``generate`` write other than the likeliest token, and where they do not."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded model with all that is needed to run it.

    Attributes:
        name: As the user gave it.
        folder: Where its files are.
        model: VisionEncoderDecoderModel in fp32 and eval mode, on the CPU, or its weights.
        tokenizer: Its tokenizer, or what spells like it.
        image: How it wants its lines.
        start: Token that every decoding begins with.
        ends: Tokens that end a line.
        pad: Token that fills up shorter lines.
        max_new_tokens: Longest line in tokens, the end token included.
        fingerprint: SHA-256 over weights, vocabulary and configuration, in hexadecimal.
        unheeded: What its generation settings ask for and nobody follows here, such as
            "num_beams=4": how readings are searched for is the user's choice.
    """

    name: str
    folder: Path
    model: Any
    tokenizer: Any
    image: ImageRules
    start: int
    ends: frozenset[int]
    pad: int
    max_new_tokens: int
    fingerprint: str
    unheeded: tuple[str, ...] = ()


def load_checkpoint(name: str, *, stock: bool = True) -> Checkpoint:
    """Load "bundled", a folder or a hub name. The network is used for hub names only.

    Args:
        name: Of the checkpoint.
        stock: Whether model and tokenizer must be those of transformers, as for training and beam
            search. Reading greedily can do without; then they load in a fraction of the time.

    Raises:
        ModelError: if files are missing, broken or do not belong together.
    """
    folder = find_checkpoint(name)
    config = check_files(folder)
    tokenizer = _load_tokenizer(folder) if stock else _plain_tokenizer(folder)
    decoder_size = int(config["decoder"].get("vocab_size", 50265))
    check_vocabulary(folder, len(tokenizer), decoder_size)
    model = _load_model(folder) if stock else _weights(folder, config)
    start, ends, pad = _special_tokens(model)
    return Checkpoint(
        name=name,
        folder=folder,
        model=model,
        tokenizer=tokenizer,
        image=ImageRules.from_configs(model.config.encoder, _processor_config(folder)),
        start=start,
        ends=ends,
        pad=pad,
        max_new_tokens=_longest_line(model),
        fingerprint=fingerprint(folder),
        unheeded=_unheeded(folder, config),
    )


def check_vocabulary(folder: Path, tokens: int, outputs: int) -> None:
    """Check that the tokenizer knows about as many tokens as the decoder can put out.

    Raises:
        ModelError: if the two cannot belong together.
    """
    padded = -(-tokens // PADDED_TO) * PADDED_TO
    if not 0.9 * outputs <= max(tokens, padded) or tokens > 1.1 * outputs + 16:
        raise ModelError(
            f"the vocabulary of {str(folder)!r} has {tokens} tokens, its decoder {outputs}",
            "tokenizer files are missing or belong to another model",
        )


def restore_sinusoidal_positions(model: Any) -> None:
    """Compute sinusoidal decoder positions anew, as a buffer that follows the model.

    In transformers 5.23 they are a plain attribute, left on the meta device by
    ``from_pretrained``: such a model cannot run.
    """
    positions = model.decoder.model.decoder.embed_positions
    if not hasattr(positions, "weights") or "weights" in dict(positions.named_buffers()):
        return
    rows, width = positions.weights.shape
    table = positions.get_embedding(rows, width, positions.padding_idx)
    del positions.weights
    positions.register_buffer("weights", table.to(torch.float32), persistent=False)


def fingerprint(folder: Path) -> str:
    """Return a SHA-256 over what decides a model's readings, in hexadecimal."""
    vocabulary = {file for files in VOCABULARIES for file in files}
    wanted = vocabulary | set(PROCESSORS) | {"config.json", "generation_config.json"}
    wanted |= set(weights_of(folder))  # and no others: those of a clone take seconds
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name in wanted:
            digest.update(path.name.encode("utf-8", "surrogateescape") + b"\0")
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _plain_tokenizer(folder: Path) -> Any:
    try:
        return PlainTokenizer(folder)
    except Exception:  # transformers can load it, or say what is wrong
        return _load_tokenizer(folder)


def _weights(folder: Path, config: dict[str, Any]) -> Any:
    try:
        return load_weights(folder, config)
    except Exception:  # as above
        return _load_model(folder)


def _load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # its readers raise anything, down to bare Exception
        if not (folder / "tokenizer_config.json").is_file():
            raise ModelError(
                f"{str(folder)!r} has no tokenizer_config.json",
                processor_advice(folder, "AutoTokenizer"),
            ) from error
        raise ModelError(
            f"the vocabulary of {str(folder)!r} cannot be loaded: {_first_line(error)}",
            "copy the model's tokenizer files again",
        ) from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if type(getattr(backend, "model", None)).__name__ == "BPE":
        tokenizer.clean_up_tokenization_spaces = False  # nor does transformers, but it says so
    return tokenizer


def _load_model(folder: Path) -> Any:
    from transformers import VisionEncoderDecoderModel

    try:
        with quiet_transformers():
            model, report = VisionEncoderDecoderModel.from_pretrained(
                str(folder),
                local_files_only=True,
                trust_remote_code=False,
                weights_only=True,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are named below
            )
    except pickle.UnpicklingError as error:  # torch's message says how to run the code in it
        raise ModelError(
            f"the model in {str(folder)!r} cannot be loaded: its pytorch_model.bin is damaged, or"
            " holds more than weights",
            "copy the model again, or get it as model.safetensors",
        ) from error
    except Exception as error:  # as above: safetensors, torch and transformers each their own
        raise ModelError(
            f"the model in {str(folder)!r} cannot be loaded: {_first_line(error)}",
            "the files are damaged or of another version; copy the model again",
        ) from error
    missing = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    if missing:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise ModelError(
            f"the weights in {str(folder)!r} lack {missing[0]}{more}",
            "config.json and the weights do not belong together",
        )
    other = sorted(name for name, *_ in report["mismatched_keys"] if "pooler" not in name)
    if other:
        raise ModelError(
            f"the weights in {str(folder)!r} have another {other[0]} than its config.json says",
            "the two do not belong together",
        )
    broken = [name for name, weight in model.named_parameters() if not is_finite(weight)]
    if broken:
        raise ModelError(
            f"the weights in {str(folder)!r} are not numbers, as of {broken[0]}",
            "its training has failed; take an earlier checkpoint",
        )
    restore_sinusoidal_positions(model)
    return model.eval().requires_grad_(False)


def _special_tokens(model: Any) -> tuple[int, frozenset[int], int]:
    """Return start, end and pad tokens, preferring the generation settings as stock does."""
    sources = (model.generation_config, model.config, model.config.decoder)

    def first(name: str) -> Any:
        values = (getattr(source, name, None) for source in sources)
        return next((value for value in values if value is not None), None)

    end = first("eos_token_id")
    ends = list(end) if isinstance(end, list | tuple) else [end]
    start = first("decoder_start_token_id")
    if start is None:
        start = first("bos_token_id")
    outputs = int(model.config.decoder.vocab_size)
    sound = all(isinstance(token, int) for token in (start, *ends)) and 0 <= start < outputs
    if not ends or not sound:
        raise ModelError(
            "the checkpoint does not say how lines start and end",
            "set decoder_start_token_id and eos_token_id in its config.json",
        )
    pad = first("pad_token_id")
    return start, frozenset(ends), pad if isinstance(pad, int) else min(ends)


def _unheeded(folder: Path, config: dict[str, Any]) -> tuple[str, ...]:
    """Return the settings that would make ``generate`` search otherwise, as name=value."""
    try:
        given = read_json(folder / "generation_config.json")
    except ModelError:  # there is none, or transformers takes it for none
        given = config["decoder"] | {n: value for n, value in config.items() if value is not None}
    asked = {name: given.get(name) for name in SEARCH}
    if asked["num_beams"] in (None, 1):
        asked["length_penalty"] = None  # of no consequence
    return tuple(
        f"{name}={value}"[:80]
        for name, value in asked.items()
        if value not in (None, [], SEARCH[name])
    )


def _longest_line(model: Any) -> int:
    positions = model.decoder.model.decoder.embed_positions
    if hasattr(positions, "weights"):
        room = int(positions.weights.shape[0] - positions.padding_idx - 1)
    else:
        room = int(positions.weight.shape[0] - positions.offset)
    settings = model.generation_config
    wanted, length = settings.max_new_tokens, settings.max_length
    if wanted is None and isinstance(length, int) and length != STOCK_MAX_LENGTH:
        wanted = length - 1
    return max(1, min(wanted if isinstance(wanted, int) and wanted else LONGEST, room))


def _processor_config(folder: Path) -> dict[str, Any]:
    for name in PROCESSORS:
        if (folder / name).is_file():
            config = read_json(folder / name)
            image = config.get("image_processor", config)
            if isinstance(image, dict) and ("size" in image or "image_mean" in image):
                return image
    raise ModelError(
        f"{str(folder)!r} does not say how images are prepared", "see " + PROCESSORS[1]
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0][:200]


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' load report, bars and advice off the user's terminal."""
    logger = logging.getLogger("transformers")
    level = logger.level
    from transformers.utils import logging as hf_logging

    bars = hf_logging.is_progress_bar_enabled()
    logger.setLevel(logging.ERROR)
    hf_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
        if bars:
            hf_logging.enable_progress_bar()
