"""Every setting of a training run: its default, its meaning and its check."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pagereader.errors import UsageError

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


EPOCHS = 20.0
"""Passes over the lines where neither epochs nor hours are given."""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Settings of a training run. Checked once, when made.

    Attributes:
        base: Checkpoint to start from: "bundled", a folder, or a name on the hub.
        epochs: Passes over the lines, at most; None for 20, or as many as fit into the hours.
        learning_rate: Highest rate; None for 3e-4 for character-level models, else 4e-5.
        batch_size: Lines of full width a step on each device, in place of which there are more
            narrow ones; None for 32 for strip models, else 8.
        warmup: Share of the run in which the rate rises to its highest.
        ctc_weight: Share of the CTC loss on the encoder at the start; three fifths at the end.
            Only for character-level models whose columns are in reading order.
        evaluate_every: Steps between evaluations; None for one an epoch, 500 steps at most.
        patience: Evaluations without a better CER after which the run stops.
        augment: Share of the real lines that are varied.
        split: Share of the pages (or lines, of a single page) that validates.
        seed: Decides the split, the order, the variation and the dropout.
        precision: "auto" is bf16 or fp16 on a GPU that has them and fp32 elsewhere.
        device: "auto" or "cpu".
        workers: Processes that prepare lines; 0 to do it between the steps.
        hours: Stop after this long, interruptions not counted, with rate and CTC share falling
            in time; None to go by epochs.
        average: Steps over which the weights are averaged for validation and for the result;
            1 for the weights as they are.
        skip_bad: Leave out lines that cannot be learned instead of refusing to start.
    """

    base: str = "bundled"
    epochs: float | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    warmup: float = 0.05
    ctc_weight: float = 0.3
    evaluate_every: int | None = None
    patience: int = 5
    augment: float = 0.7
    split: float = 0.1
    seed: int = 0
    precision: str = "auto"
    device: str = "auto"
    workers: int = 0
    hours: float | None = None
    average: int = 200
    skip_bad: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UsageError(
                f"precision {self.precision!r} is unknown", f"one of {', '.join(PRECISIONS)}"
            )
        if self.device not in ("auto", "cpu"):
            raise UsageError(
                f"training on {self.device!r} cannot be asked for",
                "auto or cpu; choose GPUs with CUDA_VISIBLE_DEVICES or accelerate launch",
            )
        for name, low, high in (
            ("epochs", 0.001, 1e6),
            ("learning_rate", 1e-9, 1.0),
            ("batch_size", 1, 65536),
            ("warmup", 0.0, 1.0),
            ("ctc_weight", 0.0, 0.95),
            ("evaluate_every", 1, 1_000_000),
            ("patience", 1, 1_000_000),
            ("augment", 0.0, 1.0),
            ("split", 0.001, 0.9),
            ("seed", 0, 2**31 - 1),
            ("workers", 0, 1024),
            ("average", 1, 1_000_000),
            ("hours", 0.0001, 1e6),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UsageError(
                    f"{name.replace('_', '-')} {value} is out of range", f"{low} to {high}"
                )

    def identity(self) -> dict[str, Any]:
        """Return what must be the same for a run to be gone on with."""
        free = {"device", "workers", "hours", "precision"}
        return {name: value for name, value in asdict(self).items() if name not in free}
