"""transformers' Trainer with what lines need.

The Trainer keeps the loop, precision, devices, checkpoints and resuming. Added are batches of
lines of like width, a CTC loss beside the decoder's (Graves et al. 2006; joint training as in
Watanabe et al. 2017), and validation by character error rate.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, ctc_loss, log_softmax
from transformers import Trainer
from transformers.trainer_pt_utils import LengthGroupedSampler

from pagereader.evaluate.normalise import TextRules
from pagereader.evaluate.rates import ErrorRate, character_errors
from pagereader.recognize.preprocess import ImageRules
from pagereader.training.dataset import IGNORED, LineDataset
from pagereader.training.tokens import Spelling

CTC_HEAD = "ctc_head"
"""Name of the extra layer in the model while it is trained."""
LAST_SHARE = 0.2
"""The CTC weight falls to this share of what it starts with."""


class LineTrainer(Trainer):  # type: ignore[misc]
    """Trains a recogniser of lines.

    Args:
        spelling: The model's tokenizer.
        ctc_weight: Share of the CTC loss at the start; 0 for none.
        longest: Tokens of a line at most, for validation.
        **settings: As for :class:`transformers.Trainer`.
    """

    def __init__(
        self, *, spelling: Spelling, ctc_weight: float, longest: int, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.spelling = spelling
        self.ctc_weight = ctc_weight
        self.longest = longest
        # Without this the Trainer believes that the loss is averaged over accumulated steps.
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,  # noqa: ARG002
    ) -> Any:
        """Return cross-entropy of the decoder, joined by CTC on the encoder's columns."""
        outputs = model(**inputs)
        labels = inputs["labels"]
        loss = cross_entropy(
            outputs.logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED
        )
        head = getattr(self.accelerator.unwrap_model(model), CTC_HEAD, None)
        if head is not None and model.training:
            share = self._ctc_share()
            loss = (1 - share) * loss + share * self._ctc(head, outputs, labels)
        return (loss, outputs) if return_outputs else loss

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,  # noqa: ARG002
        metric_key_prefix: str = "eval",
    ) -> dict[str, Any]:
        """Read the validation lines and return their character error rate and loss."""
        model = self.model.eval()
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
        model.train()
        return metrics

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        dataset = cast(LineDataset, train_dataset or self.train_dataset)
        size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        if len(set(dataset.lengths())) <= 1:
            return super()._get_train_sampler(dataset)
        return LengthGroupedSampler(size, dataset=cast(Sized, dataset), lengths=dataset.lengths())

    def _ctc_share(self) -> float:
        done = self.state.global_step / max(1, self.state.max_steps)
        return float(self.ctc_weight * (1 - (1 - LAST_SHARE) * min(1.0, done)))

    def _ctc(self, head: nn.Module, outputs: Any, labels: Tensor) -> Tensor:
        """CTC over the encoder's columns; its blank is the pad token, which no text holds."""
        states = outputs.encoder_last_hidden_state
        columns = states[:, -self._columns(states) :]
        scores = log_softmax(head(columns).float(), dim=-1).transpose(0, 1)
        wanted = (labels != IGNORED) & (labels != self.spelling.end)
        return ctc_loss(
            scores,
            labels.masked_fill(~wanted, self.spelling.pad),
            torch.full((len(labels),), len(scores), device=labels.device),
            wanted.sum(dim=1),
            blank=self.spelling.pad,
            zero_infinity=True,  # lines with more characters than columns teach the decoder only
        )

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

    Only its behaviour changes, not its weights: what is saved stays a stock model.
    """
    if not rules.strip:
        return
    embeddings = model.encoder.embeddings

    def forward(pixel_values: Tensor, **_: Any) -> Tensor:
        columns = embeddings.patch_embeddings.projection(pixel_values).flatten(2).transpose(1, 2)
        prefix = [embeddings.cls_token]
        if getattr(embeddings, "distillation_token", None) is not None:
            prefix.append(embeddings.distillation_token)
        tokens = torch.cat([*(p.expand(len(columns), -1, -1) for p in prefix), columns], dim=1)
        embedded: Tensor = embeddings.dropout(
            tokens + embeddings.position_embeddings[:, : tokens.shape[1]]
        )
        return embedded

    embeddings.forward = forward


def add_ctc_head(model: Any, size: int) -> nn.Linear:
    """Give the encoder a layer that spells each column; it travels in the run's checkpoints."""
    head = nn.Linear(model.config.encoder.hidden_size, size)
    model.add_module(CTC_HEAD, head)
    return head


def remove_ctc_head(model: Any) -> dict[str, Tensor]:
    """Take the extra layer off again and return its weights; empty if there is none."""
    head = getattr(model, CTC_HEAD, None)
    if head is None:
        return {}
    weights = {name: tensor.detach().cpu() for name, tensor in head.state_dict().items()}
    delattr(model, CTC_HEAD)
    return weights
