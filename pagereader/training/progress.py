"""What people see while a model trains, and when a run stops early."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

REPORT_EVERY = 20.0
"""Seconds between two lines of progress."""


class Progress(TrainerCallback):  # type: ignore[misc]
    """Says how far the run is: steps, loss, CER, lines a second, time left.

    Args:
        say: Gets each line.
        hours: After which the run stops; None for no limit.
    """

    def __init__(self, say: Callable[[str], None], hours: float | None = None) -> None:
        self.say = say
        self.hours = hours
        self.curve: list[tuple[int, float]] = []
        self._loss: float | None = None
        self._started = self._reported = time.monotonic()
        self._first = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Start the clock; take up the curve of a run that goes on."""
        self._started = self._reported = time.monotonic()
        self._first = state.global_step
        self.curve = [
            (int(entry["step"]), float(entry["eval_cer"]))
            for entry in state.log_history
            if "eval_cer" in entry
        ]

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Remember the loss."""
        self._loss = (logs or {}).get("loss", self._loss)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report now and then; stop when the time is up."""
        now = time.monotonic()
        if now - self._reported > REPORT_EVERY and state.is_world_process_zero:
            self._reported = now
            self.say(self._line(args, state))
        if self.hours is not None and now - self._started > self.hours * 3600:
            control.should_evaluate = control.should_save = control.should_training_stop = True

    def on_evaluate(
        self,
        args: Any,
        state: Any,
        control: Any,  # noqa: ARG002
        metrics: Any = None,
        **_: Any,
    ) -> None:
        """Report the CER."""
        cer = float((metrics or {})["eval_cer"])
        self.curve.append((state.global_step, cer))
        if state.is_world_process_zero:
            best = min(value for _, value in self.curve)
            self.say(f"{self._line(args, state)}  CER {cer:.4f}  best {best:.4f}")

    def _line(self, args: Any, state: Any) -> str:
        elapsed = max(1e-6, time.monotonic() - self._started)
        done = max(1, state.global_step - self._first)
        lines = done * args.train_batch_size * args.world_size * args.gradient_accumulation_steps
        left = elapsed / done * (state.max_steps - state.global_step)
        if self.hours is not None:
            left = min(left, self.hours * 3600 - elapsed)
        loss = "-" if self._loss is None else f"{self._loss:.3f}"
        return (
            f"step {state.global_step}/{state.max_steps}  loss {loss}  "
            f"{lines / elapsed:.1f} lines/s  {_clock(left)} left"
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
