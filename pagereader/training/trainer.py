"""transformers' Trainer with what lines need.

The Trainer keeps the loop, precision, devices, checkpoints and resuming. Added are batches of
lines of like width, a CTC loss beside the decoder's (:mod:`pagereader.training.columns`), a
schedule by time, a mean of the weights, and validation of that mean by character error rate.
"""

from __future__ import annotations

from pathlib import Path
from types import MethodType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear
from torch.utils.data import DataLoader
from transformers import Trainer
from transformers.models.vision_encoder_decoder.modeling_vision_encoder_decoder import (
    shift_tokens_right,
)

from pagereader.evaluate.normalise import TextRules
from pagereader.evaluate.rates import ErrorRate, character_errors
from pagereader.recognize.preprocess import ImageRules
from pagereader.training.averaging import WeightMean
from pagereader.training.batches import Plans, WidthBatches
from pagereader.training.columns import COLUMN_SPELLER, columns_loss
from pagereader.training.dataset import IGNORED
from pagereader.training.schedule import TimedCosine
from pagereader.training.tokens import Spelling

LAST_SHARE = 0.6
"""The CTC weight falls to this share of what it starts with: drafts and searches read with it."""


class LineTrainer(Trainer):  # type: ignore[misc]
    """Trains a recogniser of lines.

    Args:
        spelling: The model's tokenizer.
        rules: How it wants its images.
        ctc_weight: Share of the CTC loss at the start; 0 for none.
        longest: Tokens of a line at most, for validation.
        hours: That the whole run has; None to go by epochs.
        warmup: Share of the hours in which the rate rises.
        mean_over: Steps over which the weights are averaged.
        **settings: As for :class:`transformers.Trainer`.
    """

    def __init__(
        self,
        *,
        spelling: Spelling,
        rules: ImageRules,
        ctc_weight: float,
        longest: int,
        hours: float | None = None,
        warmup: float = 0.0,
        mean_over: int = 1,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.spelling = spelling
        self.rules = rules
        self.ctc_weight = ctc_weight
        self.longest = longest
        self.hours = hours
        self.warmup = warmup
        self.mean = WeightMean(self.model, mean_over)
        self.add_callback(self.mean)
        # Without this the Trainer believes that the loss is averaged over accumulated steps.
        self.model_accepts_loss_kwargs = False

    @property
    def done(self) -> float:
        """Share of the run that is over: of its hours if it has some, else of its steps."""
        schedule: object = self.lr_scheduler
        if isinstance(schedule, TimedCosine):
            return schedule.done
        return float(min(1.0, self.state.global_step / max(1, self.state.max_steps)))

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Make the rate follow the hours, if there are some."""
        if self.hours is None:
            return super().create_scheduler(num_training_steps, optimizer)
        schedule = TimedCosine(optimizer or self.optimizer, self.hours, self.warmup)
        self.lr_scheduler: Any = schedule
        self._created_lr_scheduler = True
        return schedule

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return batches of lines of like width."""
        dataset: Any = self.train_dataset
        batches = WidthBatches(
            cast(Plans, dataset),
            self.args.per_device_train_batch_size,
            self.rules.width,
            self.args.seed,
            self.args.world_size,
        )
        loader: DataLoader[Any] = DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
            prefetch_factor=4 if self.args.dataloader_num_workers else None,
        )
        return cast(DataLoader[Any], self.accelerator.prepare(loader))

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], *more: Any, **named: Any
    ) -> Tensor:
        """Count the lines and take a step."""
        # The Trainer's own counter, which its checkpoints keep; an input is a line here.
        self.state.num_input_tokens_seen += len(inputs["labels"]) * self.args.world_size
        return cast(Tensor, super().training_step(model, inputs, *more, **named))

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,  # noqa: ARG002
    ) -> Any:
        """Return cross-entropy of the decoder, joined by CTC on the encoder's columns."""
        labels = inputs["labels"]
        config = self.model.config
        outputs = model(
            pixel_values=inputs["pixel_values"],
            # Given labels, the model would compute a loss of its own.
            decoder_input_ids=shift_tokens_right(
                labels, self.spelling.pad, config.decoder_start_token_id
            ),
            use_cache=False,
        )
        loss = cross_entropy(
            outputs.logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED
        )
        speller = getattr(self.accelerator.unwrap_model(model), COLUMN_SPELLER, None)
        if speller is not None and model.training:
            share = self._ctc_share()
            states = outputs.encoder_last_hidden_state
            columns = states[:, -self._columns(states) :]
            wanted = (labels != IGNORED) & (labels != self.spelling.end)
            texts = labels.masked_fill(~wanted, self.spelling.pad)
            spelled = columns_loss(speller, columns, texts, blank=self.spelling.pad)
            loss = (1 - share) * loss + share * spelled
        return (loss, outputs) if return_outputs else loss

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,  # noqa: ARG002
        metric_key_prefix: str = "eval",
    ) -> dict[str, Any]:
        """Read the validation lines with the mean weights; return character error rate and loss."""
        model = self.mean.model.eval()
        total, losses = ErrorRate(), []
        for batch in self.get_eval_dataloader(eval_dataset):
            inputs = self._prepare_inputs(batch)
            with torch.no_grad(), self.compute_loss_context_manager():
                losses.append(float(self.compute_loss(model, inputs)))
                read = model.generate(
                    pixel_values=inputs["pixel_values"],
                    max_new_tokens=self.longest,
                    num_beams=1,
                    do_sample=False,
                )
            total += self._errors(inputs["labels"], read)
        total = self._of_all_processes(total)
        metrics: dict[str, Any] = {
            f"{metric_key_prefix}_cer": total.value,
            f"{metric_key_prefix}_loss": sum(losses) / max(1, len(losses)),
        }
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, cast(Any, self).control, metrics
        )
        return metrics

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the weights, and beside them their mean."""
        super().save_model(output_dir, _internal_call)
        if self.args.should_save:
            self.mean.save(Path(output_dir or self.args.output_dir))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        self.mean.load(Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        """Let the model have the mean weights that read best."""
        self.mean.load(Path(str(self.state.best_model_checkpoint)))
        self.model.load_state_dict(self.mean.model.state_dict())

    def _ctc_share(self) -> float:
        return float(self.ctc_weight * (1 - (1 - LAST_SHARE) * self.done))

    def _columns(self, states: Tensor) -> int:
        """Tokens of the encoder that are columns, not class tokens."""
        embeddings = self.model.encoder.embeddings
        prefix = 1 + (getattr(embeddings, "distillation_token", None) is not None)
        return int(states.shape[1]) - prefix

    def _errors(self, labels: Tensor, read: Tensor) -> ErrorRate:
        rules, total = TextRules(), ErrorRate()
        for truth, reading in zip(labels.tolist(), read.tolist(), strict=True):
            # What generate returns starts with the decoder's start token, which may be the end
            # token as well.
            total += character_errors(
                rules.apply(self.spelling.text(truth)), rules.apply(self.spelling.text(reading[1:]))
            )
        return total

    def _of_all_processes(self, total: ErrorRate) -> ErrorRate:
        own = torch.tensor([[total.edits, total.length]], device=self.args.device)
        edits, length = self.accelerator.gather(own).sum(dim=0).tolist()
        return ErrorRate(int(edits), int(length))


def read_narrow_strips(model: Any, rules: ImageRules) -> None:
    """Let a strip model take images narrower than its own, with the first of its positions.

    They may have one channel, which stands for all. Only the model's behaviour changes, not its
    weights: what is saved stays a stock model.
    """
    if rules.strip:
        embeddings = model.encoder.embeddings
        # A method, and not a closure, because copies of the model must embed with their own.
        embeddings.forward = MethodType(_embed_strip, embeddings)


def _embed_strip(embeddings: Any, pixel_values: Tensor, **_: Any) -> Tensor:
    projection = embeddings.patch_embeddings.projection
    if pixel_values.shape[1] == 1:
        columns = _columns_of_grey(pixel_values, projection)
    else:
        columns = projection(pixel_values).flatten(2).transpose(1, 2)
    prefix = [embeddings.cls_token]
    if getattr(embeddings, "distillation_token", None) is not None:
        prefix.append(embeddings.distillation_token)
    tokens = torch.cat([*(p.expand(len(columns), -1, -1) for p in prefix), columns], dim=1)
    embedded: Tensor = embeddings.dropout(
        tokens + embeddings.position_embeddings[:, : tokens.shape[1]]
    )
    return embedded


def _columns_of_grey(pixels: Tensor, projection: nn.Conv2d) -> Tensor:
    """The convolution over equal channels, as one product a column: a third of the work."""
    height, width = (int(size) for size in projection.kernel_size)
    cut = pixels[:, 0, :height].unfold(2, width, width)  # batch, height, columns, width
    weight = projection.weight.sum(dim=1).flatten(1)
    return linear(cut.transpose(1, 2).flatten(2), weight, projection.bias)
