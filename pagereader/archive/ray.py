"""Workers on a Ray cluster: the same run, ledger and rules, with the model once an actor.

Ray finds the machines and starts the actors; which page is read next, what is tried again and
what is written stays with the run. Inputs must have the same path on every machine.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pagereader.archive.tasks import Answer, Task, Worker
from pagereader.archive.workers import DISAGREEMENTS, Outcome, differences, disagreement
from pagereader.errors import ModelError, PagereaderError
from pagereader.options import Options

_QUEUED = 2
_FUTILE_STARTS = 5
_DIED = "ended the process that read it (Ray actor died)"


class ReadingActor:
    """A worker inside an actor. Ray makes it on some machine of the cluster."""

    def __init__(
        self,
        make: Callable[[Options, Sequence[str]], Worker],
        options: Options,
        formats: Sequence[str],
        folder: str,
    ) -> None:
        self._worker: Worker | None = None
        self._error: PagereaderError | None = None
        with suppress(OSError):  # relative names mean the same as for the run
            os.chdir(folder)
        try:
            self._worker = make(options, formats)
        except PagereaderError as error:
            self._error = error

    def settings(self) -> dict[str, Any] | PagereaderError:
        """Return the worker's settings, or why there is no worker."""
        if self._worker is None:
            return self._error or ModelError("cannot be made ready")
        return self._worker.settings

    def work(self, task: Task) -> Answer:
        """Do a task."""
        if self._worker is None:
            raise self._error or ModelError("cannot be made ready")
        return self._worker.work(task)


@dataclass(slots=True, eq=False)
class _Actor:
    """An actor as seen from the run."""

    handle: Any
    settings: Any
    ready: bool = False
    tasks: deque[tuple[Task, float | None, Any]] = field(default_factory=deque)
    deadline: float | None = None

    def begin_next(self) -> None:
        """Set the clock for the task now in hand."""
        timeout = self.tasks[0][1] if self.tasks else None
        self.deadline = None if timeout is None else time.monotonic() + timeout


class RayWorkers:
    """Actors on a Ray cluster, replaced when they die or their machine does.

    Args:
        options: Settings; ``jobs`` is the number of actors, by default one a CPU of the cluster,
            or one a GPU if the device is CUDA.
        formats: Formats of the results.
        address: Of the cluster; None for the one of ``RAY_ADDRESS``, or a new one on this machine.
        make: Makes the worker, in its actor.

    Raises:
        ModelError: if Ray is not installed or the cluster cannot be reached.
    """

    def __init__(
        self,
        options: Options,
        formats: Sequence[str],
        address: str | None = None,
        make: Callable[[Options, Sequence[str]], Worker] = Worker,
    ) -> None:
        self._ray = _import_ray()
        self._is_ours = not self._ray.is_initialized()
        if self._is_ours:
            self._connect(address)
        unit = "GPU" if options.device.startswith("cuda") else "CPU"
        count = options.jobs or max(1, int(self._ray.cluster_resources().get(unit, 1)))
        resources = {"num_cpus": 1, "num_gpus": 1 if unit == "GPU" else 0}
        self._remote = self._ray.remote(max_restarts=0, **resources)(ReadingActor)
        threads = 4 if unit == "GPU" else 1
        settings = Options.of(options, jobs=threads)
        self._start_with = (make, settings, tuple(formats), os.getcwd())  # noqa: PTH109
        self._known: dict[str, Any] | None = None
        self._futile = 0
        self._finishing = False
        self._waiting: deque[tuple[Task, float | None]] = deque()
        self._actors = [self._start() for _ in range(count)]

    @property
    def settings(self) -> dict[str, Any]:
        """See :class:`pagereader.archive.workers.Workers`."""
        while self._known is None:
            self.wait(1.0)
        return self._known

    @property
    def free(self) -> int:
        """See :class:`pagereader.archive.workers.Workers`."""
        if self._finishing:
            return 0
        held = sum(len(actor.tasks) for actor in self._actors) + len(self._waiting)
        return max(0, _QUEUED * len(self._actors) - held)

    def submit(self, task: Task, timeout: float | None) -> None:
        """See :class:`pagereader.archive.workers.Workers`."""
        self._waiting.append((task, timeout))
        self._hand_out()

    def wait(self, timeout: float) -> list[Outcome]:
        """See :class:`pagereader.archive.workers.Workers`.

        Raises:
            ModelError: if an actor says that the model is missing or broken, if actors die again
                and again before they are ready, or if the cluster goes away.
        """
        outcomes = [Outcome(task) for task, _ in self._waiting] if self._finishing else []
        if outcomes:
            self._waiting.clear()
            return outcomes
        now = time.monotonic()
        deadlines = [actor.deadline for actor in self._actors if actor.deadline is not None]
        timeout = max(0.0, min([timeout, *(deadline - now for deadline in deadlines)]))
        for actor in self._which_answered(timeout):
            outcomes += self._receive(actor)
        now = time.monotonic()
        for actor in list(self._actors):
            if actor.deadline is not None and actor.deadline <= now:
                outcomes += self._bury(actor, f"took longer than {actor.tasks[0][1]:g} s", True)
        self._hand_out()
        return outcomes

    def finish(self) -> None:
        """See :class:`pagereader.archive.workers.Workers`."""
        self._finishing = True

    def close(self) -> None:
        """See :class:`pagereader.archive.workers.Workers`."""
        for actor in self._actors:
            self._kill(actor)
        self._actors = []
        if self._is_ours:
            self._ray.shutdown()

    def _connect(self, address: str | None) -> None:
        try:
            self._ray.init(
                address=address, log_to_driver=False, logging_level="ERROR", configure_logging=False
            )
        except Exception as error:  # Ray raises many kinds
            raise ModelError(
                f"no Ray cluster at {address or 'this machine'}: {' '.join(str(error).split())}",
                "start one with 'ray start --head', or name its address",
            ) from error

    def _start(self) -> _Actor:
        handle = self._remote.remote(*self._start_with)
        return _Actor(handle, handle.settings.remote())

    def _hand_out(self) -> None:
        """Give waiting tasks to actors that are ready: others may never find a machine."""
        while self._waiting and not self._finishing:
            ready = [actor for actor in self._actors if actor.ready and len(actor.tasks) < _QUEUED]
            if not ready:
                return
            actor = min(ready, key=lambda each: len(each.tasks))
            task, timeout = self._waiting.popleft()
            actor.tasks.append((task, timeout, actor.handle.work.remote(task)))
            if len(actor.tasks) == 1:
                actor.begin_next()

    def _which_answered(self, timeout: float) -> list[_Actor]:
        asked = {
            (actor.tasks[0][2] if actor.ready else actor.settings): actor
            for actor in self._actors
            if actor.tasks or not actor.ready
        }
        if not asked:
            time.sleep(min(timeout, 0.05))
            return []
        try:
            done, _ = self._ray.wait(list(asked), num_returns=1, timeout=timeout)
            if done:
                done, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=0)
        except self._ray.exceptions.RaySystemError as error:
            raise ModelError("the Ray cluster went away", "start it again and resume") from error
        return [asked[ref] for ref in done]

    def _receive(self, actor: _Actor) -> list[Outcome]:
        reference = actor.tasks[0][2] if actor.ready else actor.settings
        try:
            answer = self._ray.get(reference)
        except self._ray.exceptions.RayError:
            return self._bury(actor, _DIED)
        if isinstance(answer, PagereaderError):
            raise answer
        if not actor.ready:
            self._known = self._known or answer
            if answer != self._known:
                # Its results would differ from the others' in some byte: try another.
                return self._bury(actor, "", differs=differences(self._known, answer))
            self._futile, actor.ready = 0, True
            return []
        task, _, _ = actor.tasks.popleft()
        if self._finishing:
            return [Outcome(task, answer), *self._bury(actor, "", replace=False)]
        actor.begin_next()
        return [Outcome(task, answer)]

    def _bury(
        self,
        actor: _Actor,
        problem: str,
        timed_out: bool = False,
        replace: bool = True,
        differs: str = "",
    ) -> list[Outcome]:
        """Give back what a dead actor held, and have another made in its place."""
        self._kill(actor)
        self._actors.remove(actor)
        if not actor.ready:
            self._futile += 1
            if differs:
                if self._futile >= DISAGREEMENTS:
                    raise disagreement(differs)
            elif self._futile >= _FUTILE_STARTS:
                raise ModelError("Ray actors die before they can read", "look at Ray's own logs")
        outcomes = [
            Outcome(task, None, problem if number == 0 else "", timed_out and number == 0)
            for number, (task, _, _) in enumerate(actor.tasks)
        ]
        if replace and not self._finishing:
            self._actors.append(self._start())
        return outcomes

    def _kill(self, actor: _Actor) -> None:
        with suppress(Exception):  # it may be dead, and its machine too
            self._ray.kill(actor.handle)


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ModelError("Ray is not installed", "pip install 'pagereader[ray]'") from error
    return ray
