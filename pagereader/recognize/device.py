"""Decoding on an accelerator: the same steps, without waiting for the device at each of them.

Every transfer to the host stops the queue of kernels, so tokens, probabilities and attention
stay on the device, and ended lines are looked for only every few steps. Then the lines still
going are moved together, in sizes that repeat, so that a step has few shapes: each is recorded
as a CUDA graph.

Written for CUDA and tested on the CPU against :meth:`GreedyDecoder.decode`; its speed has not
been measured on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from pagereader.recognize.decoder import GreedyDecoder
from pagereader.recognize.decoding import (
    DecodedLine,
    StopRule,
    count_lines,
    padded_sources,
    round_up,
)
from pagereader.recognize.fixed import FixedBatch
from pagereader.recognize.graphs import CudaGraphs, Eager, Recorder

SYNC_STEPS = 8
"""Steps between two looks at which lines have ended."""
ROOM_STEP = 32
"""Tokens attended to are a multiple of this: more shapes, or more empty tokens computed."""
SIZES = (16, 32, 64, 128, 256, 512, 1024)
"""Numbers of rows that a batch is computed with."""


class DeviceDecoder:
    """Runs a decoder's steps with few transfers. Its memory is kept from batch to batch.

    Args:
        decoder: The decoder whose device, weights and step are used.
        sources: Encoder tokens of the longest lines.
        recorder: Runs the steps; by default as CUDA graphs where there is CUDA.
    """

    def __init__(
        self, decoder: GreedyDecoder, sources: int, recorder: Recorder | Eager | None = None
    ) -> None:
        self.decoder, self.sources = decoder, sources
        if recorder is None:
            recorder = Recorder(CudaGraphs()) if decoder.device.type == "cuda" else Eager()
        self.recorder = recorder
        self._batch: FixedBatch | None = None

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
        try:
            return self._decode(states, min(max_new_tokens, self.decoder.room), stop)
        except Exception:
            self.release()
            raise

    def release(self) -> None:
        """Give the memory back."""
        self.recorder.clear()
        self._batch = None

    def _decode(
        self, states: Sequence[Tensor], longest: int, stop: StopRule | None
    ) -> list[DecodedLine]:
        lines = count_lines(states)
        batch = self._loaded(states, longest)
        given_up: dict[int, int] = {}
        active, t = lines, 0
        while t < longest:
            rows, steps = row_count(active), min(SYNC_STEPS, longest - t)
            room = min(longest, round_up(t + steps, ROOM_STEP))
            for _ in range(steps):
                self.recorder.run((rows, room), partial(batch.step, rows, room))
            t += steps
            going = batch.going[:active].nonzero().flatten().tolist()
            kept = self._kept(batch, going, t, stop, given_up)
            if not kept:
                break
            if len(kept) < len(going) or row_count(len(kept)) < rows:
                batch.keep(kept, t)
                active = len(kept)
        return self._lines(batch, lines, t, given_up)

    def _loaded(self, states: Sequence[Tensor], longest: int) -> FixedBatch:
        rows, sources = row_count(count_lines(states)), max(part.shape[1] for part in states)
        if self.decoder.uneven:
            sources = padded_sources(max(sources, self.sources), self.decoder.head_size)
        batch = self._batch
        if batch is None or not batch.holds(rows, sources, longest):
            batch = None
            self.release()
            batch = FixedBatch(self.decoder, rows, sources, longest)
            self._batch = batch
        batch.load(states)
        return batch

    def _kept(
        self,
        batch: FixedBatch,
        going: list[int],
        t: int,
        stop: StopRule | None,
        given_up: dict[int, int],
    ) -> list[int]:
        """Return which rows go on, of those that have not ended; note those given up."""
        if stop is None or not going:
            return going
        lines = batch.line_of[going].tolist()
        tokens = batch.tokens[lines, :t].tolist()
        kept = []
        for row, line, said in zip(going, lines, tokens, strict=True):
            if stop(line, said):
                given_up[line] = t
            else:
                kept.append(row)
        return kept

    def _lines(
        self, batch: FixedBatch, count: int, steps: int, given_up: dict[int, int]
    ) -> list[DecodedLine]:
        """Bring everything to the host, once."""
        tokens = batch.tokens[:count, :steps].tolist()
        log_probs = batch.log_probs[:count, :steps].cpu().double().numpy()
        attention = batch.attention[:count, :steps].cpu().numpy()
        ends = set(self.decoder.ends.tolist())
        lines = []
        for number, row in enumerate(tokens):
            end = next((t for t, token in enumerate(row) if token in ends), len(row))
            end = min(end, given_up.get(number, end))
            ended = end < len(row) or number in given_up
            said = slice(end)
            lines.append(
                DecodedLine(row[said], log_probs[number, said], attention[number, said], ended)
            )
        return lines


def row_count(lines: int) -> int:
    """Return how many rows a batch of so many lines is computed with."""
    return next((size for size in SIZES if lines <= size), lines)
