"""The mean of the weights of models that grew out of each other; it often reads better than each.

    python benchmarks/recogniser/mean.py MODEL MODEL... --out OUT

All must have one shape and one vocabulary. Everything but the weights is taken from the first.
(Model soups, Wortsman 2022.)
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

FILES = ("model.safetensors", "training/ctc.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--out", required=True, type=Path, help="a new folder")
    asked = parser.parse_args()
    shutil.copytree(asked.models[0], asked.out)
    for name in FILES:
        weights = mean([load_file(model / name) for model in asked.models])
        save_file(weights, asked.out / name, metadata={"format": "pt"})


def mean(models: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of weights of one name, in the number format of the first model's."""
    first, *others = models
    if any(other.keys() != first.keys() for other in others):
        raise SystemExit("the models have not the same weights")
    return {
        name: (sum(model[name].double() for model in models) / len(models)).to(tensor.dtype)
        for name, tensor in first.items()
    }


if __name__ == "__main__":
    main()
