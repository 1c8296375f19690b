"""Decoding on an accelerator: the same steps, without waiting for the device at each of them.

Every transfer to the host stops the queue of kernels, so tokens, probabilities and attention
stay on the device, and ended lines are looked for only every few steps. Then the lines still
going are gathered into a smaller batch, in sizes that repeat, so that the allocator (and a graph
of the step, once there is one) sees few shapes.

Written for CUDA and tested on the CPU against :meth:`GreedyDecoder.decode`; its speed has not
been measured on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pagereader.recognize.decoder import GreedyDecoder
from pagereader.recognize.decoding import (
    Caches,
    DecodedLine,
    StopRule,
    count_lines,
)

SYNC_STEPS = 8
"""Steps between two looks at which lines have ended."""
SIZES = (16, 32, 64, 128, 256, 512, 1024)
"""Numbers of rows that a batch is gathered into."""


@dataclass(slots=True)
class Outputs:
    """What was put out so far, on the device; one row a line, in the order of the input.

    Attributes:
        tokens: Shape (lines, steps).
        log_probs: Of the tokens, shape (lines, steps).
        attention: Shape (lines, steps, encoder tokens).
    """

    tokens: Tensor
    log_probs: Tensor
    attention: Tensor


class DeviceDecoder:
    """Runs a decoder's steps with few transfers.

    Args:
        decoder: The decoder whose device, weights and step are used.
    """

    def __init__(self, decoder: GreedyDecoder) -> None:
        self.decoder = decoder

    @torch.inference_mode()
    def decode(
        self, states: Sequence[Tensor], max_new_tokens: int, stop: StopRule | None = None
    ) -> list[DecodedLine]:
        """Decode lines greedily, with the results of :meth:`GreedyDecoder.decode`.

        Args:
            states: Encoder output of one or more batches.
            max_new_tokens: Longest line, the end token included.
            stop: Asked about each line, though only every few steps.
        """
        caches = self.decoder._prepare(states)
        lines, longest = count_lines(states), min(max_new_tokens, self.decoder.room)
        outputs = self._outputs(lines, longest, caches)
        line_of = torch.arange(lines, device=self.decoder.device)
        last = torch.full_like(line_of, self.decoder.start)
        going = torch.ones_like(line_of, dtype=torch.bool)
        given_up: dict[int, int] = {}
        for t in range(longest):
            last, going = self._step(caches, outputs, line_of, last, going, t, longest)
            if (t + 1) % SYNC_STEPS and t + 1 < longest:
                continue
            going = self._give_up(outputs, line_of, going, t, stop, given_up)
            keep = torch.nonzero(going).flatten()
            if not len(keep):
                break
            if row_count(len(keep)) < row_count(len(line_of)):
                caches, line_of = gather(caches, keep, t + 1), line_of[keep]
                last, going = last[keep], going[keep]
        return self._lines(outputs, given_up)

    def _step(
        self,
        caches: Caches,
        outputs: Outputs,
        line_of: Tensor,
        last: Tensor,
        going: Tensor,
        t: int,
        longest: int,
    ) -> tuple[Tensor, Tensor]:
        """Queue one step; lines that have ended are computed along and noted as ended."""
        caches.reserve(t + 1, longest)
        rows = caches.cross_keys.shape[1]
        padded = last.new_full((rows,), self.decoder.start)
        padded[: len(last)] = last
        logits, attention = self.decoder.step(padded, t, caches)
        logits = logits[: len(last)].float()
        best, tokens = logits.max(dim=-1)
        tokens = torch.where(going, tokens, self.decoder.ends[0])
        outputs.tokens[line_of, t] = tokens
        outputs.log_probs[line_of, t] = best - torch.logsumexp(logits, dim=-1)
        outputs.attention[line_of, t] = attention[: len(last)].float()
        going = going & ~torch.isin(tokens, self.decoder.ends)
        return torch.where(going, tokens, self.decoder.start), going

    def _give_up(
        self,
        outputs: Outputs,
        line_of: Tensor,
        going: Tensor,
        t: int,
        stop: StopRule | None,
        given_up: dict[int, int],
    ) -> Tensor:
        if stop is None:
            return going
        tokens = outputs.tokens[line_of, : t + 1].tolist()
        stopped = going.tolist()
        for row, line in enumerate(line_of.tolist()):
            if stopped[row] and stop(line, tokens[row]):
                stopped[row], given_up[line] = False, t + 1
        return torch.tensor(stopped, device=going.device)

    def _outputs(self, lines: int, longest: int, caches: Caches) -> Outputs:
        device, sources = self.decoder.device, caches.cross_keys.shape[4]
        return Outputs(
            torch.full((lines, longest), int(self.decoder.ends[0]), device=device),
            torch.zeros(lines, longest, device=device),
            torch.zeros(lines, longest, sources, device=device),
        )

    def _lines(self, outputs: Outputs, given_up: dict[int, int]) -> list[DecodedLine]:
        """Bring everything to the host, once."""
        tokens = outputs.tokens.tolist()
        log_probs = outputs.log_probs.cpu().double().numpy()
        attention = outputs.attention.cpu().numpy()
        ends = set(self.decoder.ends.tolist())
        lines = []
        for number, row in enumerate(tokens):
            end = next((t for t, token in enumerate(row) if token in ends), len(row))
            count = min(end, given_up.get(number, len(row)))
            ended = end < len(row) or number in given_up
            lines.append(
                DecodedLine(
                    row[:count], log_probs[number, :count], attention[number, :count], ended
                )
            )
        return lines


def gather(caches: Caches, keep: Tensor, tokens: int) -> Caches:
    """Return smaller caches that hold only some rows, of whose tokens so many are in use."""
    rows = row_count(len(keep))
    padded = torch.cat([keep, keep[-1:].expand(rows - len(keep))])
    bias = None if caches.cross_bias is None else caches.cross_bias[padded]
    own = caches.self_kv[:, :, padded, :, :tokens]
    keys, values = caches.cross_keys[:, padded], caches.cross_values[:, padded]
    return Caches(own.contiguous(), keys, values, bias)


def row_count(lines: int) -> int:
    """Return how many rows a batch of so many lines is computed with."""
    return next((size for size in SIZES if lines <= size), lines)
