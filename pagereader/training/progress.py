"""What people see while a model trains, and when a run stops early."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from transformers import TrainerCallback

REPORT_EVERY = 20.0
"""Seconds between two lines of progress."""


class Run(Protocol):
    """What is followed."""

    @property
    def done(self) -> float:
        """Share of it that is over."""


class Progress(TrainerCallback):  # type: ignore[misc]
    """Says how far the run is: steps, loss, CER, lines a second, time left; stops it in time.

    Args:
        say: Gets each line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.curve: list[tuple[int, float]] = []
        self._run: Run | None = None
        self._loss: float | None = None
        self._started = self._reported = time.monotonic()
        self._first_lines, self._first_done = 0, 0.0

    def follow(self, run: Run) -> None:
        """Ask ``run`` how far it is."""
        self._run = run

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Start the clock; take up the curve of a run that goes on."""
        self._started = self._reported = time.monotonic()
        self._first_lines, self._first_done = state.num_input_tokens_seen, self._done
        self.curve = [
            (int(entry["step"]), float(entry["eval_cer"]))
            for entry in state.log_history
            if "eval_cer" in entry
        ]

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Remember the loss."""
        self._loss = (logs or {}).get("loss", self._loss)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Report now and then; stop when the time is up."""
        now = time.monotonic()
        if now - self._reported > REPORT_EVERY and state.is_world_process_zero:
            self._reported = now
            self.say(self._line(state))
        if self._done >= 1.0:
            control.should_evaluate = control.should_save = control.should_training_stop = True

    def on_evaluate(
        self,
        args: Any,  # noqa: ARG002
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
            self.say(f"{self._line(state)}  CER {cer:.4f}  best {best:.4f}")

    @property
    def _done(self) -> float:
        return self._run.done if self._run is not None else 0.0

    def _line(self, state: Any) -> str:
        elapsed = max(1e-6, time.monotonic() - self._started)
        lines = state.num_input_tokens_seen - self._first_lines
        share = max(1e-6, self._done - self._first_done)
        loss = "-" if self._loss is None else f"{self._loss:.3f}"
        return (
            f"step {state.global_step}  {state.num_input_tokens_seen} lines  loss {loss}  "
            f"{lines / elapsed:.1f} lines/s  {_clock(elapsed / share * (1 - self._done))} left"
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
