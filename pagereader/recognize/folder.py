"""Find a checkpoint's folder and check its files, before anything is loaded from them.

transformers loads a folder without a vocabulary as a tokenizer of five tokens that reads nothing,
calls a missing folder a malformed hub name, and a pointer of Git LFS a header that is too large.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pagereader.errors import ModelError
from pagereader.options import bundled_model

VOCABULARIES = (
    ("tokenizer.json",),
    ("vocab.json", "merges.txt"),
    ("sentencepiece.bpe.model",),
    ("spiece.model",),
    ("vocab.txt",),
)
BYTES = "ByT5Tokenizer"
"""Its tokens are the bytes of UTF-8: there are no others to be listed in a file."""
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
PROCESSORS = ("processor_config.json", "preprocessor_config.json")
ADAPTER = "adapter_config.json"
HUB_FILES = ("*.json", "*.txt", "*.model", "*.safetensors")
ELSEWHERE = ("*/*",)
"""What lies deeper in a hub's repository: other formats and the checkpoints of a training."""
LFS_POINTER = b"version https://git-lfs"
LIMITS = {
    "encoder": {"num_hidden_layers": 1000, "num_attention_heads": 1000, "num_channels": 16},
    "decoder": {
        "decoder_layers": 1000,
        "decoder_attention_heads": 1000,
        "max_position_embeddings": 1 << 16,
        "vocab_size": 1 << 22,
    },
}
"""Larger ones would only fill the memory."""


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
    try:
        folder = Path(name).expanduser()
        is_folder, is_file = folder.is_dir(), folder.is_file()
    except (OSError, RuntimeError) as error:  # too long a name, nobody's home, no permission
        raise ModelError(
            f"there is no model folder {name[:200]!r}: {error}"[:400], "give another folder"
        ) from None
    if is_folder and name:
        if name.encode("utf-8", "ignore") != name.encode("utf-8", "surrogateescape"):
            raise ModelError(f"the name of {name!r} is no UTF-8", "rename the folder")
        return folder
    if is_file:
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
    check_is_model(folder)
    config = read_json(folder / "config.json")
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
    if config.get("quantization_config"):
        raise ModelError(
            f"the weights in {str(folder)!r} are quantised",
            "use the model that they were made from; --precision says how to compute",
        )
    check_limits(folder, config)
    if not any((folder / weights).is_file() for weights in WEIGHTS):
        raise ModelError(f"{str(folder)!r} has no weights", f"expected {WEIGHTS[0]}")
    if not vocabulary_of(folder):
        raise ModelError(
            f"{str(folder)!r} has no vocabulary (tokenizer.json, vocab.json with merges.txt, or"
            " sentencepiece.bpe.model)",
            processor_advice(folder, "AutoTokenizer"),
        )
    if not any((folder / file).is_file() for file in PROCESSORS):
        raise ModelError(
            f"{str(folder)!r} has no {PROCESSORS[1]}",
            processor_advice(folder, "AutoImageProcessor"),
        )
    check_content(folder)
    return config


def check_is_model(folder: Path) -> None:
    """Check that a folder is that of a model, and not one beside or above it.

    Raises:
        ModelError: saying what it is instead, as far as that can be told.
    """
    if (folder / ADAPTER).is_file() and not any((folder / file).is_file() for file in WEIGHTS):
        base = read_json(folder / ADAPTER).get("base_model_name_or_path")
        raise ModelError(
            f"{str(folder)!r} holds an adapter (LoRA) of {base!r}, not a model",
            "merge the two with peft's merge_and_unload() and save the result",
        )
    if not (folder / "config.json").is_file():
        below = sorted(models_below(folder), key=lambda path: (len(path.name), path.name))
        raise ModelError(
            f"{str(folder)!r} has no config.json: it is no model folder",
            f"try {str(below[-1])!r}" if below else "give the folder that has the weights, too",
        )


def models_below(folder: Path) -> Iterator[Path]:
    """Yield the checkpoints of a training, or the versions of a model in the hub's cache."""
    for pattern in ("checkpoint-*/config.json", "snapshots/*/config.json"):
        yield from (path.parent for path in folder.glob(pattern))


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


def check_content(folder: Path) -> None:
    """Check that weights and vocabulary are all there, and not left with Git LFS.

    Raises:
        ModelError: naming the file.
    """
    for name in (*vocabulary_of(folder), *weights_of(folder)):
        if not (folder / name).is_file():
            raise ModelError(f"{str(folder)!r} has no {name}", "copy the model again")
        with (folder / name).open("rb") as file:
            if file.read(len(LFS_POINTER)) == LFS_POINTER:
                raise ModelError(
                    f"{name} of {str(folder)!r} is only a pointer of Git LFS",
                    "run `git lfs install` and `git lfs pull` there",
                )


def vocabulary_of(folder: Path) -> tuple[str, ...]:
    """Return the files of a checkpoint's vocabulary, or none."""
    whole = (files for files in VOCABULARIES if all((folder / file).is_file() for file in files))
    settings = folder / "tokenizer_config.json"
    if settings.is_file() and read_json(settings).get("tokenizer_class") == BYTES:
        return (settings.name,)
    return next(whole, ())


def weights_of(folder: Path) -> list[str]:
    """Return the files of a checkpoint's weights, those first that an index parts them into."""
    first = next(name for name in WEIGHTS if (folder / name).is_file())
    parts = read_json(folder / first).get("weight_map") if first.endswith(".json") else None
    named = {str(part) for part in parts.values()} if isinstance(parts, dict) else set()
    return [*sorted(named), first]


def processor_advice(folder: Path, part: str) -> str:
    """Return how to get tokenizer or image processor, which trainings often do not save."""
    base = read_json(folder / "config.json").get("_name_or_path")
    base = base[:200] if isinstance(base, str) and base else "NAME-OF-THE-BASE-MODEL"
    return (
        "take it from the model that was trained further, in Python: "
        f"{part}.from_pretrained({base!r}).save_pretrained({str(folder)!r})"
    )


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from a file.

    Raises:
        ModelError: if the file is missing or holds anything else.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise ModelError(f"{str(path)!r} cannot be read: {error}", "copy the model again") from None
    if not isinstance(value, dict):
        raise ModelError(f"{str(path)!r} is no configuration", "copy the model again")
    return value


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(
            snapshot_download(name, allow_patterns=list(HUB_FILES), ignore_patterns=list(ELSEWHERE))
        )
        if not any((folder / weights).is_file() for weights in WEIGHTS):
            wanted = [*HUB_FILES, "pytorch_model*"]
            folder = Path(
                snapshot_download(name, allow_patterns=wanted, ignore_patterns=list(ELSEWHERE))
            )
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
