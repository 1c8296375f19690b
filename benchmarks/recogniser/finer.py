"""Give a strip recogniser more pixels a letter: a model to train from that reads as its base.

    python benchmarks/recogniser/finer.py MODEL OUT [--characters ěšč]

Patches of 32 x 8 pixels become 48 x 12, as many as before over the same part of a line, so the
model is hardly slower. The new weights give what the old ones give on the picture shrunk by area
means; what the added pixels tell is left for training to find. New characters start as the letters
that they are without their accents, in the CTC layer as well.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pagereader.recognize.checkpoint import load_checkpoint
from pagereader.recognize.spelling import LAYER_FILE, read_layer
from pagereader.training.tokens import bare_letters, extend

PATCHES = "encoder.embeddings.patch_embeddings.projection.weight"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument("--characters", default="", help="to be learned besides")
    asked = parser.parse_args()
    shutil.copytree(asked.model, asked.out)
    weights = load_file(asked.out / "model.safetensors")
    weights[PATCHES] = finer(weights[PATCHES])
    save_file(weights, asked.out / "model.safetensors", metadata={"format": "pt"})
    config = read(asked.out / "config.json")
    encoder = config["encoder"]
    for name in ("image_size", "patch_size"):
        encoder[name] = [side * 3 // 2 for side in encoder[name]]
    write(asked.out / "config.json", config)
    processor = read(asked.out / "processor_config.json")
    height, width = encoder["image_size"]
    processor["image_processor"]["size"] = {"height": height, "width": width}
    write(asked.out / "processor_config.json", processor)
    if asked.characters:
        spell_more(asked.out, asked.characters)


def spell_more(folder: Path, characters: str) -> None:
    """Give a model room for more characters."""
    checkpoint = load_checkpoint(str(folder))
    old = len(checkpoint.tokenizer)
    tokenizer = extend(checkpoint.tokenizer, checkpoint.model, characters)
    tokenizer.save_pretrained(folder)
    checkpoint.model.half().save_pretrained(folder)
    spelled = bare_letters(tokenizer.get_vocab(), old)
    layer = read_layer(folder)
    if layer is None:
        return
    rows = [*range(old), *(spelled.get(token, 0) for token in range(old, len(tokenizer)))]
    weight, bias = (tensor[:, rows].contiguous() for tensor in layer)
    save_file({"weight": weight, "bias": bias}, folder / LAYER_FILE)


def finer(kernels: Tensor) -> Tensor:
    """Return kernels (out, channels, height, width) half as large again each way."""
    down, across = (shrinking(side * 3 // 2) for side in kernels.shape[2:])
    wide = torch.einsum("ocij,iy,jx->ocyx", kernels.double(), down, across)
    return wide.to(kernels.dtype).contiguous()


def shrinking(pixels: int) -> Tensor:
    """Return what makes two pixels of three by area means, shape (2/3 pixels, pixels)."""
    means = torch.zeros(pixels * 2 // 3, pixels, dtype=torch.float64)
    for three in range(0, pixels, 3):
        two = three // 3 * 2
        means[two, three : three + 2] = torch.tensor([2 / 3, 1 / 3])
        means[two + 1, three + 1 : three + 3] = torch.tensor([1 / 3, 2 / 3])
    return means


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
