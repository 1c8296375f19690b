"""Teach a recogniser: line generator, ground truth, fine-tuning and the model card."""

from __future__ import annotations

from pagereader.training.run import Material, Trained, train
from pagereader.training.settings import TrainingSettings

__all__ = ["Material", "Trained", "TrainingSettings", "train"]
