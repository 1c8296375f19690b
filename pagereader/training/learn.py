"""The part of a run that needs torch: the model, its trainer and what is saved."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import EarlyStoppingCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from pagereader.errors import InputError, OutputError
from pagereader.recognize.checkpoint import Checkpoint, load_checkpoint, quiet_transformers
from pagereader.recognize.spelling import LAYER_FILE
from pagereader.training.card import Card, model_card
from pagereader.training.columns import add_column_speller, remove_column_speller
from pagereader.training.dataset import Collator, LineDataset
from pagereader.training.generator import LineGenerator
from pagereader.training.progress import Progress
from pagereader.training.settings import EPOCHS, TrainingSettings
from pagereader.training.store import StoredLine
from pagereader.training.tokens import Spelling, extend
from pagereader.training.trainer import LineTrainer, read_narrow_strips

if TYPE_CHECKING:
    from pagereader.training.run import Material

NOT_COPIED = (".safetensors", ".bin", ".pt", ".md", ".msgpack", ".h5")
REWRITTEN = ("config.json", "generation_config.json")


@dataclass(frozen=True, slots=True)
class Learned:
    """How a run went.

    Attributes:
        cer: Best character error rate on the validation lines.
        steps: Steps to the best weights.
        lines_seen: Lines seen in all.
        validated: Lines that validated.
        curve: Steps against CER.
    """

    cer: float
    steps: int
    lines_seen: int
    validated: int
    curve: tuple[tuple[int, float], ...]


class Learner:
    """A checkpoint that is being taught.

    Args:
        checkpoint: As loaded.
        settings: Of the run.
    """

    def __init__(self, checkpoint: Checkpoint, settings: TrainingSettings) -> None:
        self.settings = settings
        self.folder = checkpoint.folder
        self.model = checkpoint.model
        self.rules = checkpoint.image
        self.longest = checkpoint.max_new_tokens
        self.tokenizer = checkpoint.tokenizer
        self.spelling = Spelling(checkpoint.tokenizer, min(checkpoint.ends), checkpoint.pad)
        self.extended = False

    @classmethod
    def load(cls, settings: TrainingSettings) -> Learner:
        """Load the base checkpoint.

        Raises:
            ModelError: if it cannot be loaded.
        """
        return cls(load_checkpoint(settings.base), settings)

    @property
    def aligned(self) -> bool:
        """Whether CTC makes sense: one token a character, columns in reading order."""
        return self.rules.strip and self.spelling.by_character

    def extend(self, lines: Sequence[StoredLine]) -> Counter[str]:
        """Teach a character-level model the characters it lacks; return them with counts."""
        if not self.spelling.by_character:
            return Counter()
        unknown = sum((self.spelling.lacking(line.text) for line in lines), Counter[str]())
        if unknown:
            self.tokenizer = extend(self.tokenizer, self.model, unknown)
            self.spelling = Spelling(self.tokenizer, self.spelling.end, self.spelling.pad)
            self.extended = True
        return unknown

    def datasets(
        self,
        learning: Sequence[StoredLine],
        validating: Sequence[StoredLine],
        generator: LineGenerator | None,
        generated: int,
        validated: int,
    ) -> tuple[LineDataset, LineDataset]:
        """Return what is learned from and what validates: real lines if there are any."""
        train = LineDataset(
            learning,
            self.rules,
            self.spelling,
            self.settings.augment,
            generator,
            generated,
            longest=self.longest,
        )
        other = None
        if generator is not None and not validating:
            other = LineGenerator(generator.faces, generator.text, generator.seed + 2**32)
        return train, LineDataset(
            sorted(validating, key=lambda line: line.width / line.height),  # no needless padding
            self.rules,
            self.spelling,
            generator=other,
            generated=validated,
            longest=self.longest,
        )

    def run(
        self,
        datasets: tuple[LineDataset, LineDataset],
        work: Path,
        say: Callable[[str], None],
    ) -> Learned:
        """Train until the CER stops falling, from the last checkpoint in ``work`` if any."""
        self._make_trainable()
        progress = Progress(say)
        arguments = self._arguments(work / "checkpoints", len(datasets[0]))
        with quiet_transformers():
            trainer = LineTrainer(
                spelling=self.spelling,
                rules=self.rules,
                hours=self.settings.hours,
                warmup=self.settings.warmup,
                mean_over=self.settings.average,
                ctc_weight=self.settings.ctc_weight if self.aligned else 0.0,
                longest=self.longest,
                model=self.model,
                args=arguments,
                train_dataset=datasets[0],
                eval_dataset=datasets[1],
                data_collator=Collator(self.rules),
                callbacks=[progress, EarlyStoppingCallback(self.settings.patience)],
            )
            trainer.remove_callback(PrinterCallback)
            trainer.remove_callback(ProgressCallback)
            last = last_checkpoint(work / "checkpoints")
            if last is not None:
                say(f"going on from {last.name}")
            progress.follow(trainer)
            try:
                trainer.train(resume_from_checkpoint=None if last is None else str(last))
            except InputError as error:
                raise plain(error) from None
        state = trainer.state
        return Learned(
            cer=float(state.best_metric),
            steps=int(state.best_global_step or state.global_step),
            lines_seen=state.num_input_tokens_seen,
            validated=len(datasets[1]),
            curve=tuple(progress.curve),
        )

    def save(
        self,
        output: Path,
        learned: Learned,
        sources: Sequence[tuple[str, int]],
        added: str,
        command: str,
        material: Material,
    ) -> None:
        """Write the model folder: weights, configuration, vocabulary, processor and card.

        Raises:
            OutputError: if it cannot be written.
        """
        speller = remove_column_speller(self.model)
        card = Card(
            name=output.name,
            base=self.settings.base,
            sources=sources,
            generated=material.drawn(sum(count for _, count in sources)),
            fonts=len(material.generator.faces) if material.generator else 0,
            validated=learned.validated,
            cer=learned.cer,
            steps=learned.steps,
            lines_seen=learned.lines_seen,
            curve=learned.curve,
            added=added,
            settings=asdict(self._filled()),
            command=command,
            versions={name: version(name) for name in ("torch", "transformers", "accelerate")},
        )
        try:
            self._write(output, card, {name: tensor.half() for name, tensor in speller.items()})
        except OSError as error:
            raise OutputError(f"{str(output)!r} cannot be written: {error}", "free space") from None

    def _write(self, output: Path, card: Card, speller: dict[str, Any]) -> None:
        from safetensors.torch import save_file

        new = output / "training" / "model"
        new.mkdir(parents=True, exist_ok=True)
        for file in sorted(self.folder.iterdir()):
            if file.is_file() and _belongs(file):
                shutil.copyfile(file, new / file.name)
        if self.extended:
            self.tokenizer.save_pretrained(new)
        (new / "README.md").write_text(model_card(card), "utf-8")
        with quiet_transformers():
            self._stored_model().save_pretrained(new)
        if speller:
            save_file(speller, output / LAYER_FILE)
        # The configuration last: a folder with one is a finished model.
        for file in sorted(new.iterdir(), key=lambda file: file.name == "config.json"):
            file.chmod(0o644)  # weights are written for the owner alone
            file.replace(output / file.name)
        new.rmdir()

    def _stored_model(self) -> Any:
        """The model in the precision that its base was stored in."""
        self.model.config.use_cache = True
        model = self.model.cpu().eval()
        return model.half() if _half_precision(self.folder) else model

    def _make_trainable(self) -> None:
        torch.manual_seed(self.settings.seed)
        self.model.requires_grad_(True).train()
        self.model.config.use_cache = False
        pooler = getattr(self.model.encoder, "pooler", None)
        if pooler is not None:
            pooler.requires_grad_(False)  # no part of a recogniser; would stall several GPUs
        read_narrow_strips(self.model, self.rules)
        if self.aligned and self.settings.ctc_weight > 0:
            add_column_speller(self.model, len(self.spelling)).take_up(self.folder)

    def _arguments(self, folder: Path, lines: int) -> TrainingArguments:
        settings = self._filled()
        steps = max(1, -(-lines // (settings.batch_size or 1)))
        every = settings.evaluate_every or max(1, min(500, steps))
        bf16, fp16 = _precision(settings)
        return TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=settings.epochs or EPOCHS,
            per_device_train_batch_size=settings.batch_size or 1,
            per_device_eval_batch_size=2 * (settings.batch_size or 1),
            learning_rate=settings.learning_rate or 0.0,
            lr_scheduler_type="cosine",
            warmup_steps=settings.warmup,
            weight_decay=0.02,
            adam_beta2=0.98,
            max_grad_norm=1.0,
            eval_strategy="steps",
            eval_steps=every,
            save_strategy="steps",
            save_steps=every,
            save_total_limit=2,
            load_best_model_at_end=True,
            metric_for_best_model="eval_cer",
            greater_is_better=False,
            logging_steps=min(20, every),
            seed=settings.seed,
            bf16=bf16,
            fp16=fp16,
            use_cpu=settings.device == "cpu" or not torch.accelerator.is_available(),
            dataloader_num_workers=settings.workers,
            dataloader_pin_memory=torch.cuda.is_available(),
            accelerator_config={"even_batches": False},  # WidthBatches sees to that
            remove_unused_columns=False,
            disable_tqdm=True,
            report_to="none",
        )

    def _filled(self) -> TrainingSettings:
        """The settings with the defaults that depend on the model."""
        rate, size = self.settings.learning_rate, self.settings.batch_size
        endless = 10_000.0 if self.settings.hours else EPOCHS
        return replace(
            self.settings,
            epochs=self.settings.epochs or endless,
            learning_rate=rate or (3e-4 if self.aligned else 4e-5),
            batch_size=size or (32 if self.rules.strip else 8),
        )


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint that was written to its end, or None."""
    if not folder.is_dir():
        return None
    done = [path for path in folder.glob("checkpoint-*") if (path / "trainer_state.json").is_file()]
    return max(done, key=lambda path: int(path.name.split("-")[1]), default=None)


def _precision(settings: TrainingSettings) -> tuple[bool, bool]:
    """Whether to use bf16 and fp16."""
    if settings.precision == "auto":
        on_gpu = torch.cuda.is_available() and settings.device != "cpu"
        bf16 = on_gpu and torch.cuda.is_bf16_supported()
        return bf16, on_gpu and not bf16
    return settings.precision == "bf16", settings.precision == "fp16"


def _half_precision(folder: Path) -> bool:
    from safetensors import safe_open

    path = folder / "model.safetensors"
    if not path.is_file():
        return False
    with safe_open(path, framework="pt") as weights:
        return all(weights.get_slice(key).get_dtype() == "F16" for key in weights.keys())  # noqa: SIM118


def _belongs(file: Path) -> bool:
    return file.suffix not in NOT_COPIED and file.name not in REWRITTEN


def plain(error: InputError) -> InputError:
    """Return an error without the traceback that torch puts before what its loaders say."""
    said = error.message.strip().splitlines()[-1]
    name = f"{InputError.__module__}.{InputError.__qualname__}: "
    return InputError(said.removeprefix(name), error.advice)
