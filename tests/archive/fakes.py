"""Workers that are quick, and that misbehave where a file's name says so."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pagereader.archive.tasks import Answer, PageTask, SurveyTask, Task, Worker
from pagereader.archive.workers import LocalWorkers, Outcome
from pagereader.document import Line, PageImage, ProcessingStep, Region
from pagereader.errors import ModelError
from pagereader.geometry import LineWarp, points, rectangle
from pagereader.options import Options
from pagereader.pipeline import Reader
from pagereader.stages import LineCrop, Segmentation


class Rows:
    """Takes every 20 rows with ink for a line; fails where a page's name says so."""

    def segment(self, image: PageImage) -> Segmentation:
        path = image.source.path
        if "fails" in path:
            raise RuntimeError("the segmenter broke")
        if "once" in path:
            marker = Path(f"{path}.marker")
            if not marker.exists():
                marker.touch()
                raise RuntimeError("the segmenter broke this once")
        tops = [top for top in range(0, image.height - 19, 20) if self._ink(image, top)]
        lines = [self._line(image, top) for top in tops]
        return Segmentation([Region(rectangle(0, 0, image.width, image.height), lines=lines)])

    def cut(self, image: PageImage, regions: Sequence[Region]) -> list[LineCrop]:
        crops = []
        for line in (line for region in regions for line in region.all_lines()):
            top = round(line.polygon[0, 1])
            warp = LineWarp(line.baseline, 15, 5)
            crops.append(LineCrop(image.grey[top : top + 20], warp))
        return crops

    def describe(self) -> ProcessingStep:
        return ProcessingStep("segmentation", "rows 1")

    def _ink(self, image: PageImage, top: int) -> bool:
        return bool(image.grey[top : top + 20].min() < 128)

    def _line(self, image: PageImage, top: int) -> Line:
        right = image.width - 1 - float(np.pi) / 7  # a length that no rounding leaves alone
        baseline = points([[0, top + 15], [right, top + 15]])
        return Line(rectangle(0, top, right, top + 20), baseline, 10.0)


class FakeWorker(Worker):
    """A worker that dies or hangs at files named so."""

    def __init__(self, options: Options, formats: Sequence[str]) -> None:
        super().__init__(options, formats, Reader(options, segmenter=Rows(), jobs=1))

    def work(self, task: Task) -> Answer:
        if isinstance(task, PageTask):
            for job in task.items:
                misbehave(job.ref.path, "page")
        if isinstance(task, SurveyTask):
            for item in task.items:
                misbehave(item.file.path, "survey")
        return super().work(task)


def misbehave(path: str, stage: str) -> None:
    """Do what the file's name says."""
    name = Path(path).name
    if stage == "survey":
        if "kills-survey" in name:
            os.kill(os.getpid(), signal.SIGKILL)
        return
    if "dies-twice" in name or "dies-always" in name:
        os._exit(7)
    if "dies-first" in name and not Path(f"{path}.marker").exists():
        Path(f"{path}.marker").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if "hangs" in name:
        time.sleep(1000)
    if "slow" in name:
        time.sleep(0.3)


class NoModel(Worker):
    """A worker whose model is missing."""

    def __init__(self, options: Options, formats: Sequence[str]) -> None:
        raise ModelError("no model here", "get one")


class Moody(FakeWorker):
    """A worker that computes in a way of its own, each another."""

    def __init__(self, options: Options, formats: Sequence[str]) -> None:
        super().__init__(options, formats)
        self.settings["mood"] = os.getpid()


class StillBorn(Worker):
    """A worker that dies before it is ready."""

    def __init__(self, options: Options, formats: Sequence[str]) -> None:
        os._exit(9)


class Inline:
    """Workers that are no processes, for tests that are about something else."""

    def __init__(self, options: Options, formats: Sequence[str]) -> None:
        self._worker = FakeWorker(options, formats)
        self.settings = self._worker.settings
        self._capacity = 2 * (options.jobs or 1)
        self._tasks: list[Task] = []
        self._dice = random.Random(1)
        self._is_finishing = False

    @property
    def free(self) -> int:
        return 0 if self._is_finishing else self._capacity - len(self._tasks)

    def submit(self, task: Task, timeout: float | None) -> None:
        del timeout
        self._tasks.append(task)

    def wait(self, timeout: float) -> list[Outcome]:
        del timeout
        task = self._tasks.pop(self._dice.randrange(len(self._tasks)))
        return [Outcome(task, self._worker.work(task))]

    def finish(self) -> None:
        self._is_finishing = True

    def close(self) -> None: ...


def crew(options: Options, formats: Sequence[str]) -> LocalWorkers:
    """Quick workers, some of which misbehave."""
    return LocalWorkers(options.jobs or 1, options, formats, FakeWorker)


def no_model(options: Options, formats: Sequence[str]) -> LocalWorkers:
    """Workers without a model."""
    return LocalWorkers(1, options, formats, NoModel)


def moody(options: Options, formats: Sequence[str]) -> LocalWorkers:
    """Workers that do not agree."""
    return LocalWorkers(2, options, formats, Moody)


def still_born(options: Options, formats: Sequence[str]) -> LocalWorkers:
    """Workers that never get ready."""
    return LocalWorkers(1, options, formats, StillBorn)
