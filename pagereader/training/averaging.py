"""A running mean of the weights, which reads better than the last step's (Polyak 1990)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from transformers import TrainerCallback

MEAN_FILE = "mean.safetensors"


class WeightMean(TrainerCallback):  # type: ignore[misc]
    """Follows a model with the mean of its weights over about the last ``steps``.

    Early in a run fewer steps count, a tenth of those taken, so that a model that learns fast is
    not held back by what it was at first.

    Args:
        model: On the device that it is trained on.
        steps: That the mean looks back over; 1 for the model as it is.
    """

    def __init__(self, model: nn.Module, steps: int) -> None:
        self.steps = steps
        self._source = model
        self._mean = AveragedModel(model, multi_avg_fn=self._towards)

    @property
    def model(self) -> Any:
        """A model with the mean weights."""
        return self._mean.module

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Move the mean towards the model."""
        self._mean.update_parameters(self._source)

    def save(self, folder: Path) -> None:
        """Write the mean into a checkpoint's folder."""
        save_model(self._mean, str(folder / MEAN_FILE))

    def load(self, folder: Path) -> None:
        """Take up the mean of a checkpoint."""
        load_model(self._mean, folder / MEAN_FILE)

    def _towards(self, mean: Any, current: Any, taken: Tensor | int) -> None:
        with torch.no_grad():
            torch._foreach_lerp_(mean, current, max(1 / self.steps, 9 / (9 + int(taken))))
