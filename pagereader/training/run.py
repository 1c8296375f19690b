"""A training run from ground truth to a model folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pagereader.errors import InputError, ModelError, OutputError, UsageError
from pagereader.evaluate.truthlines import TruthFile, find_truth, read_truth
from pagereader.training.checks import (
    Fitness,
    check_count,
    check_files,
    check_texts,
    insist,
    listed,
)
from pagereader.training.generator import LineGenerator
from pagereader.training.settings import TrainingSettings
from pagereader.training.store import (
    StoredLine,
    fingerprint,
    split_lines,
    store_lines,
    stored_lines,
)

WORK = "training"
"""Folder in the model's folder for what a run needs and a finished model does not."""
RUN_FILE = "run.json"
VALIDATED = 200
"""Generated lines that validate where there are no real ones."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a run learns from.

    Attributes:
        truth: Files and folders of ground truth.
        validation: Files and folders of ground truth to validate with, or empty to split.
        images: Folder of the images, if they are not beside their transcriptions.
        generator: Draws lines, or None.
        generated: Lines that it draws in one pass; below 1, their share of all lines.
    """

    truth: Sequence[str | Path] = ()
    validation: Sequence[str | Path] = ()
    images: Path | None = None
    generator: LineGenerator | None = None
    generated: float = 0

    def drawn(self, real: int) -> int:
        """Return how many lines are drawn beside ``real`` ones."""
        if self.generator is None:
            return 0
        if self.generated >= 1:
            return int(self.generated)
        return round(self.generated / (1 - self.generated) * real)


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out.

    Attributes:
        folder: Of the model.
        cer: Character error rate on the validation lines.
        steps: Steps that were taken to the best weights.
        curve: Steps against CER.
    """

    folder: Path
    cer: float
    steps: int
    curve: tuple[tuple[int, float], ...]


def train(
    material: Material,
    output: Path,
    settings: TrainingSettings | None = None,
    *,
    say: Callable[[str], None] = lambda _: None,
    overwrite: bool = False,
    command: str = "pagereader.training.train",
) -> Trained:
    """Fine-tune a TrOCR and write a model folder.

    A run that was interrupted goes on where its last checkpoint is, if called again alike.

    Raises:
        UsageError: if ``output`` holds a finished model or another run, or nothing is to be
            learned from.
        InputError: if the ground truth will not do; the message says why.
        ModelError: if the base cannot be loaded or accelerate is missing.
        OutputError: if the folder cannot be written.
    """
    settings = settings or TrainingSettings()
    process = _process(settings)
    if not process.is_main_process:
        say = _silence
    if not material.truth and material.generator is None:
        raise UsageError("there is nothing to learn from", "give ground truth, or fonts and text")
    with process.main_process_first():
        work = _prepare(output, overwrite and process.is_main_process)
        learning, validating = _gather(material, work, settings, say, process.is_main_process)
    from pagereader.training.learn import Learner

    learner = Learner.load(settings)
    texts = [*learning, *validating]
    added = learner.extend(texts)
    if added:
        say(f"added to the alphabet: {listed(added)}")
    fits = [
        check_texts(lines, learner.spelling, learner.longest) for lines in (learning, validating)
    ]
    insist(_both(*fits), settings.skip_bad, learner.longest)
    learning, validating = fits[0].good, fits[1].good
    if material.truth:
        check_count(learning)
    with process.main_process_first():
        _same_run(work, settings, [*learning, *validating], material)
    say(f"{len(learning)} lines to learn, {len(validating)} to validate, from {settings.base}")
    drawn = material.drawn(len(learning))
    result = learner.run(
        learner.datasets(learning, validating, material.generator, drawn, VALIDATED),
        work,
        say,
    )
    if process.is_main_process:
        learner.save(
            output, result, _sources(material, learning), "".join(sorted(added)), command, material
        )
        _clear(work)
    process.wait_for_everyone()
    return Trained(output, result.cer, result.steps, result.curve)


def _gather(
    material: Material,
    work: Path,
    settings: TrainingSettings,
    say: Callable[[str], None],
    cuts: bool,
) -> tuple[list[StoredLine], list[StoredLine]]:
    """Cut the lines, or take those that another process cut, and part them."""

    def lines_of(paths: Sequence[str | Path], name: str) -> list[StoredLine]:
        folder = work / "crops" / name
        if not paths:
            return []
        return _cut(paths, material.images, folder, say) if cuts else stored_lines(folder)

    learning = lines_of(material.truth, "train")
    validating = lines_of(material.validation, "val")
    if validating or not learning:
        return learning, validating
    check_count(learning)
    return split_lines(learning, settings.split, settings.seed)


def _cut(
    paths: Sequence[str | Path], images: Path | None, folder: Path, say: Callable[[str], None]
) -> list[StoredLine]:
    files = list(find_truth(paths, images))
    check_files(files)
    say(f"cutting lines of {len(files)} files")
    lines = [line for line in store_lines(_all_lines(files), folder) if line.text]
    if not lines:
        raise InputError("no line of the ground truth has text", "transcribe some lines first")
    return lines


def _all_lines(files: Sequence[TruthFile]) -> Iterator[Any]:
    for file in files:
        yield from read_truth(file)


def _both(first: Fitness, second: Fitness) -> Fitness:
    return Fitness(
        first.good + second.good, first.unknown + second.unknown, first.too_long + second.too_long
    )


def _prepare(output: Path, overwrite: bool) -> Path:
    """Return the work folder, after a look at what is there already."""
    if output.exists() and not output.is_dir():
        raise OutputError(f"{str(output)!r} is a file", "name a folder for the model")
    work = output / WORK
    finished = (output / "config.json").exists()
    if finished and not overwrite:
        raise UsageError(
            f"{str(output)!r} holds a finished model",
            "name another folder, or replace it with --overwrite",
        )
    if overwrite:
        _clear(work)
    with _writing(output):
        work.mkdir(parents=True, exist_ok=True)
    return work


def _clear(work: Path) -> None:
    """Remove what only an unfinished run needs."""
    for name in ("checkpoints", "crops"):
        shutil.rmtree(work / name, ignore_errors=True)
    (work / RUN_FILE).unlink(missing_ok=True)


def _same_run(
    work: Path, settings: TrainingSettings, lines: Sequence[StoredLine], material: Material
) -> None:
    """Note what this run is, or check that it is the one that was begun here.

    Raises:
        UsageError: if another run was begun here.
    """
    own = {
        "settings": settings.identity(),
        "lines": fingerprint(lines),
        "generated": material.generated,
    }
    own = json.loads(json.dumps(own))
    path = work / RUN_FILE
    if (work / "checkpoints").is_dir() and path.is_file():
        begun = json.loads(path.read_text("utf-8"))
        if begun != own:
            names = [n for n in own if begun.get(n) != own[n]]
            raise UsageError(
                f"{str(work.parent)!r} holds a run that was begun with other {' and '.join(names)}",
                "repeat its command to go on, or begin anew with --overwrite",
            )
        return
    with _writing(work):
        path.write_text(json.dumps(own, indent=1), "utf-8")


def _sources(material: Material, learning: Sequence[StoredLine]) -> list[tuple[str, int]]:
    if not material.truth:
        return []
    return [(", ".join(str(path) for path in material.truth), len(learning))]


def _process(settings: TrainingSettings) -> Any:
    """Which of the processes this is, under accelerate launch or torchrun; else the only one."""
    try:
        from accelerate import PartialState
    except ImportError:
        raise ModelError(
            "training needs accelerate", "install it with: pip install 'pagereader[train]'"
        ) from None
    return PartialState(cpu=settings.device == "cpu")


def _silence(_: str) -> None:
    """Say nothing: the main process does."""


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{str(path)!r} cannot be written: {error.strerror}", "check space and permissions"
        ) from None
