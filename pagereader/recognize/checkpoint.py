"""Find, check and load a TrOCR checkpoint: the bundled one, a folder, or a name on the hub.

Files are checked before they are loaded, because transformers loads a folder without a
vocabulary as a tokenizer of five tokens that reads nothing, and calls a missing folder a
malformed hub name.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pagereader.errors import ModelError
from pagereader.options import bundled_model
from pagereader.recognize.preprocess import ImageRules
from pagereader.recognize.tokenizer import PlainTokenizer
from pagereader.recognize.weights import load_weights

VOCABULARIES = (
    ("tokenizer.json",),
    ("vocab.json", "merges.txt"),
    ("sentencepiece.bpe.model",),
    ("spiece.model",),
    ("vocab.txt",),
)
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
PROCESSORS = ("processor_config.json", "preprocessor_config.json")
HUB_FILES = ("*.json", "*.txt", "*.model", "*.safetensors")
LIMITS = {
    "encoder": {"num_hidden_layers": 1000},
    "decoder": {"decoder_layers": 1000, "max_position_embeddings": 1 << 16, "vocab_size": 1 << 22},
}
"""Larger ones would only fill the memory."""
LONGEST = 256
"""Tokens a line may have if the checkpoint does not say."""
STOCK_MAX_LENGTH = 20
"""The default that transformers writes where nobody chose a length: not to be believed."""


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
    )


def find_checkpoint(name: str) -> Path:
    """Return the folder of a checkpoint, downloading it if ``name`` is one of the hub's.

    Raises:
        ModelError: if there is no such checkpoint.
    """
    if name == "bundled":
        folder = bundled_model()
        if not (folder / "config.json").is_file():
            raise ModelError(
                "this installation has no bundled recogniser",
                "reinstall pagereader, or name a model with --model",
            )
        return folder
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise ModelError(f"{name!r} is a file, not a model folder", f"try {str(folder.parent)!r}")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", name):
        raise ModelError(
            f"there is no model folder {name!r}",
            "give a folder, or a hub name such as microsoft/trocr-base-handwritten",
        )
    return _download(name)


def check_files(folder: Path) -> dict[str, Any]:
    """Check that everything a TrOCR needs is there, and return its config.json.

    Raises:
        ModelError: naming what is missing.
    """
    config = read_json(folder / "config.json", missing_is="it is no model folder")
    if config.get("model_type") != "vision-encoder-decoder":
        raise ModelError(
            f"{str(folder)!r} holds a {config.get('model_type')!r} model",
            "pagereader runs TrOCR: vision-encoder-decoder models",
        )
    decoder = config.get("decoder")
    if not isinstance(decoder, dict) or decoder.get("model_type") != "trocr":
        kind = decoder.get("model_type") if isinstance(decoder, dict) else None
        raise ModelError(
            f"{str(folder)!r} has a {kind!r} decoder", "pagereader runs TrOCR decoders only"
        )
    check_limits(folder, config)
    if not any((folder / weights).is_file() for weights in WEIGHTS):
        raise ModelError(f"{str(folder)!r} has no weights", f"expected {WEIGHTS[0]}")
    if not any(all((folder / file).is_file() for file in files) for files in VOCABULARIES):
        raise ModelError(
            f"{str(folder)!r} has no vocabulary",
            "expected tokenizer.json, vocab.json with merges.txt, or sentencepiece.bpe.model",
        )
    if not any((folder / file).is_file() for file in PROCESSORS):
        raise ModelError(f"{str(folder)!r} has no {PROCESSORS[1]}", "copy it from the base model")
    return config


def check_limits(folder: Path, config: dict[str, Any]) -> None:
    """Check that a configuration's sizes are numbers, and none that no model has.

    Raises:
        ModelError: naming the one that is wrong.
    """
    for part, limits in LIMITS.items():
        settings = config.get(part)
        for name, most in limits.items():
            size = settings.get(name, 1) if isinstance(settings, dict) else None
            if type(size) is not int or not 0 < size <= most:
                raise ModelError(
                    f"config.json of {str(folder)!r} gives no sound {name} of its {part}",
                    f"expected a number up to {most}; copy the model again",
                )


def check_vocabulary(folder: Path, tokens: int, outputs: int) -> None:
    """Check that the tokenizer knows about as many tokens as the decoder can put out.

    Raises:
        ModelError: if the two cannot belong together.
    """
    if not 0.9 * outputs <= tokens <= 1.1 * outputs + 16:
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
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name in wanted or (path.suffix in (".safetensors", ".bin") and path.is_file()):
            digest.update(path.name.encode("utf-8", "surrogateescape") + b"\0")
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def read_json(path: Path, missing_is: str = "") -> dict[str, Any]:
    """Return a JSON object from a file.

    Raises:
        ModelError: if the file is missing or holds anything else.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{str(path.parent)!r} has no {path.name}", missing_is) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{str(path)!r} cannot be read: {error}", "copy the model again") from None
    if not isinstance(value, dict):
        raise ModelError(f"{str(path)!r} is no configuration", "copy the model again")
    return value


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, allow_patterns=list(HUB_FILES)))
        if not any((folder / weights).is_file() for weights in WEIGHTS):
            folder = Path(snapshot_download(name, allow_patterns=[*HUB_FILES, "pytorch_model*"]))
    except LocalEntryNotFoundError:
        raise ModelError(
            f"{name!r} is neither a folder nor in the hub's cache, and the hub cannot be reached",
            "check the spelling, go online once, or give the model's folder",
        ) from None
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(
            f"{name!r} cannot be had from the hub: {reason}", "check the name"
        ) from None
    return folder


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
            return AutoTokenizer.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # its readers raise anything, down to bare Exception
        raise ModelError(
            f"the vocabulary of {str(folder)!r} cannot be loaded: {_first_line(error)}",
            "copy the model's tokenizer files again",
        ) from error


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
            )
    except Exception as error:  # as above: safetensors, torch and transformers each their own
        raise ModelError(
            f"the model in {str(folder)!r} cannot be loaded: {_first_line(error)}",
            "the files are damaged or of another version; copy the model again",
        ) from error
    missing = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    if missing or report.get("mismatched_keys"):
        wrong = missing or sorted(str(key) for key in report["mismatched_keys"])
        raise ModelError(
            f"the weights in {str(folder)!r} lack {wrong[0]} and {len(wrong) - 1} more",
            "config.json and the weights do not belong together",
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
    ends = frozenset(end if isinstance(end, list | tuple) else [end]) - {None}
    start = first("decoder_start_token_id")
    if start is None:
        start = first("bos_token_id")
    if not ends or not all(isinstance(token, int) for token in (start, *ends)):
        raise ModelError(
            "the checkpoint does not say how lines start and end",
            "set decoder_start_token_id and eos_token_id in its config.json",
        )
    pad = first("pad_token_id")
    return int(start), ends, int(min(ends) if pad is None else pad)


def _longest_line(model: Any) -> int:
    positions = model.decoder.model.decoder.embed_positions
    if hasattr(positions, "weights"):
        room = int(positions.weights.shape[0] - positions.padding_idx - 1)
    else:
        room = int(positions.weight.shape[0] - positions.offset)
    settings = model.generation_config
    wanted = settings.max_new_tokens
    if wanted is None and settings.max_length not in (None, STOCK_MAX_LENGTH):
        wanted = settings.max_length - 1
    return max(1, min(int(wanted or LONGEST), room))


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
