"""Processes that read pages, each with its own model and its own pipe.

Why not a pool from a library: those share one pipe and one lock among the workers, so that a
worker killed while it sends an answer (by the system, when memory runs out) breaks them all.
Here a death closes one pipe, and costs what that worker had in hand.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, Protocol

from pagereader.ahead import usable_cores
from pagereader.archive.tasks import Answer, Task, Worker
from pagereader.errors import ModelError, PagereaderError
from pagereader.log import configure, logger
from pagereader.options import Options

_QUEUED = 2
"""Tasks a worker holds: the one in hand, and the next so that it need not wait for us."""

_SMALL = 32_768
"""Bytes that certainly fit into a pipe whose other end is busy."""

_FUTILE_STARTS = 3

DISAGREEMENTS = 10
"""Workers in a row that may compute in another way than the first before the run gives up."""

_LAST_BREATH = 5.0
"""Seconds between closing the pipe and being gone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended.

    Attributes:
        task: The task.
        answer: What came of it; None if its worker died, hung, or was stopped before it began.
        problem: Why there is no answer; empty if the task was not begun and may simply go again.
        timed_out: Whether the worker was stopped because it took too long.
    """

    task: Task
    answer: Answer | None = None
    problem: str = ""
    timed_out: bool = False


GPU_WORKERS = 2
"""Processes on one GPU: while one prepares its next pages, the other keeps the device busy."""

GPU_PAGES = 16
"""Pages a GPU worker reads together."""


def uses_gpu(options: Options) -> bool:
    """Tell whether the recogniser will run on a GPU, importing torch only if it might."""
    if options.recognizer != "trocr" or options.device == "cpu":
        return False
    if options.device != "auto":
        return True
    if sys.platform == "linux" and not Path("/dev/nvidiactl").exists():
        return False
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


def local_workers(options: Options, formats: Sequence[str]) -> LocalWorkers:
    """Return workers that suit this machine: one process a core, or two for a GPU."""
    cores = usable_cores()
    if uses_gpu(options):
        threads = max(1, (options.jobs or cores) // GPU_WORKERS)
        return LocalWorkers(GPU_WORKERS, Options.of(options, jobs=threads), formats)
    return LocalWorkers(options.jobs or cores, Options.of(options, jobs=1), formats)


class Workers(Protocol):
    """Those who read: processes on this machine, or actors on a cluster."""

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the results' bytes, besides the input; waits for a worker."""
        ...

    @property
    def free(self) -> int:
        """How many tasks can be handed out now."""
        ...

    def submit(self, task: Task, timeout: float | None) -> None:
        """Hand out a task; ``timeout`` in seconds counts from when it is begun."""
        ...

    def wait(self, timeout: float) -> list[Outcome]:
        """Return what ended, at the latest after ``timeout`` seconds."""
        ...

    def finish(self) -> None:
        """Let tasks in hand end, and give the others back unbegun."""
        ...

    def close(self) -> None:
        """Stop everything at once."""
        ...


@dataclass(slots=True)
class _Process:
    """A worker process as seen from the run."""

    process: BaseProcess
    pipe: Connection
    ready: bool = False
    tasks: deque[tuple[Task, float | None]] = field(default_factory=deque)
    deadline: float | None = None
    timed_out: bool = False
    held_back: bool = False

    def begin_next(self) -> None:
        """Set the clock for the task now in hand."""
        timeout = self.tasks[0][1] if self.tasks and self.ready else None
        self.deadline = None if timeout is None else time.monotonic() + timeout


class LocalWorkers:
    """Worker processes on this machine, replaced when they die.

    Args:
        count: How many.
        make: Makes the worker, in its process.
        args: For ``make``.
    """

    def __init__(
        self,
        count: int,
        options: Options,
        formats: Sequence[str],
        make: Callable[[Options, Sequence[str]], Worker] = Worker,
    ) -> None:
        self._context = multiprocessing.get_context("spawn")  # torch does not survive a fork
        self._start_with = (make, options, tuple(formats))
        self._settings: dict[str, Any] | None = None
        self._futile = 0
        self._finishing = False
        self._processes = [self._start() for _ in range(count)]

    @property
    def settings(self) -> dict[str, Any]:
        """See :class:`Workers`.

        Raises:
            ModelError: if the model is missing or broken.
        """
        while self._settings is None:
            self.wait(1.0)
        return self._settings

    @property
    def free(self) -> int:
        """See :class:`Workers`."""
        if self._finishing:
            return 0
        return sum(_QUEUED - len(worker.tasks) for worker in self._processes)

    def submit(self, task: Task, timeout: float | None) -> None:
        """See :class:`Workers`."""
        worker = min(self._processes, key=lambda each: (len(each.tasks), not each.ready))
        worker.tasks.append((task, timeout))
        self._send(worker, task)
        if len(worker.tasks) == 1:
            worker.begin_next()

    def wait(self, timeout: float) -> list[Outcome]:
        """See :class:`Workers`.

        Raises:
            ModelError: if a worker says that the model is missing or broken, or if workers die
                again and again before they are ready.
        """
        now = time.monotonic()
        deadlines = [w.deadline for w in self._processes if w.deadline is not None]
        timeout = max(0.0, min([timeout, *(deadline - now for deadline in deadlines)]))
        pipes = {worker.pipe: worker for worker in self._processes}
        outcomes: list[Outcome] = []
        for pipe in wait(list(pipes), timeout):
            outcomes += self._receive(pipes[pipe])  # type: ignore[index]
        now = time.monotonic()
        for worker in list(self._processes):
            if worker.deadline is not None and worker.deadline <= now:
                worker.timed_out = True
                worker.process.kill()
                outcomes += self._bury(worker)
            elif self._finishing and not worker.ready:
                outcomes += self._bury(worker, replace=False)
        return outcomes

    def finish(self) -> None:
        """See :class:`Workers`."""
        self._finishing = True

    def close(self) -> None:
        """See :class:`Workers`."""
        for worker in self._processes:
            worker.process.kill()
        for worker in self._processes:
            worker.process.join()
            worker.pipe.close()
        self._processes = []

    def _start(self) -> _Process:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve,
            args=(theirs, logger.getEffectiveLevel(), *self._start_with),
            name="pagereader worker",
            daemon=True,
        )
        process.start()
        theirs.close()
        return _Process(process, ours)

    def _send(self, worker: _Process, task: Task) -> None:
        """Send now, unless the worker is busy and the task might not fit into the pipe."""
        data = ForkingPickler.dumps(task)
        if len(worker.tasks) > 1 and len(data) > _SMALL:
            worker.held_back = True
            return
        with suppress(OSError):  # it died; reading from its pipe will tell
            worker.pipe.send_bytes(data)

    def _receive(self, worker: _Process) -> list[Outcome]:
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            return self._bury(worker)
        if isinstance(message, PagereaderError):
            raise message
        if isinstance(message, dict):
            self._settings = self._settings or message
            if message != self._settings:
                # Its results would differ from the others' in some byte: try another.
                worker.process.kill()
                return self._bury(worker, differs=differences(self._settings, message))
            self._futile, worker.ready = 0, True
            worker.begin_next()
            return []
        task, _ = worker.tasks.popleft()
        if self._finishing:
            return [Outcome(task, message), *self._bury(worker, replace=False)]
        if worker.tasks and worker.held_back:
            worker.held_back = False
            self._send(worker, worker.tasks[0][0])
        worker.begin_next()
        return [Outcome(task, message)]

    def _bury(self, worker: _Process, replace: bool = True, differs: str = "") -> list[Outcome]:
        """Give back what a dead worker held, and start another in its place."""
        if replace:
            worker.process.join(_LAST_BREATH)  # for its own exit code
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        self._processes.remove(worker)
        if not worker.ready and replace:
            self._count_futile_start(worker, differs)
        outcomes = []
        for number, (task, timeout) in enumerate(worker.tasks):
            was_in_hand = number == 0 and worker.ready and replace
            problem = _why(worker, timeout) if was_in_hand else ""
            outcomes.append(Outcome(task, None, problem, worker.timed_out and was_in_hand))
        if replace and not self._finishing:
            self._processes.append(self._start())
        return outcomes

    def _count_futile_start(self, worker: _Process, differs: str) -> None:
        self._futile += 1
        if differs:
            if self._futile >= DISAGREEMENTS:
                raise disagreement(differs)
        elif self._futile >= _FUTILE_STARTS:
            raise ModelError(
                f"workers die before they can read ({_exit(worker.process.exitcode)})",
                "use fewer workers with -j, or a smaller model: memory may have run out",
            )


def differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Return what is not the same in two settings, in one line."""
    return "; ".join(
        f"{name} {before.get(name)} -> {now.get(name)}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    )


def disagreement(differs: str) -> ModelError:
    """Return the error of workers that do not compute alike."""
    return ModelError(
        f"workers would not give the same results ({differs})",
        "name the --device and --precision, and use machines of one kind",
    )


def _why(worker: _Process, timeout: float | None) -> str:
    if worker.timed_out:
        return f"took longer than {timeout:g} s"
    return f"ended the process that read it ({_exit(worker.process.exitcode)})"


def _exit(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return f"signal {-code}"


def _serve(
    pipe: Connection,
    level: int,
    make: Callable[[Options, Sequence[str]], Worker],
    options: Options,
    formats: Sequence[str],
) -> None:
    """Be a worker: answer tasks until the pipe is closed, and log as the run does."""
    configure(0)
    logger.setLevel(level)
    # The run decides when to stop, even if a whole process group is signalled.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _die_with_parent()
    os.dup2(2, 1)  # stdout carries results only
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded, which tries out what is fastest
    try:
        worker = make(options, formats)
    except PagereaderError as error:
        pipe.send(error)
        return
    except Exception as error:
        pipe.send(ModelError(f"cannot be made ready: {type(error).__name__}: {error}"))
        return
    pipe.send(worker.settings)
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(worker.work(task))


def _die_with_parent() -> None:
    """Never outlive the run: its successor may have other settings."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
