"""A batch of lines on its way through the decoder: caches, compaction and what came out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from pagereader.recognize.decoder import GreedyDecoder

CACHE_STEP = 32
"""Tokens by which the self-attention cache grows."""
ROWS = 16
"""Rows that are computed at the least: matrix products of few rows take other kernels, whose
last digits differ, and a line's reading must not depend on how many lines are beside it."""
ROW_STEP = 4
"""More rows than that are computed in multiples of this, as kernels take them."""
SOURCES = 8
"""Where lines differ in length, encoder tokens are padded to a multiple of this; see ROWS."""
MANY_ROWS = 64
"""Rows of lines that are laid one after another are filled up to a multiple of ROWS, and of this
where they are more: libraries prepare a kernel for every new number of rows, which takes longer
than a small product."""
SMALL_PRODUCT = 400
"""Multiplications below which torch computes batched products by a loop of its own; encoder
tokens are padded beyond, or the shorter lines of a batch would go another way alone."""

StopRule = Callable[[int, list[int]], bool]
"""Asked with a line's number and its tokens so far; True gives the line up as ended."""


@dataclass(slots=True)
class DecodedLine:
    """What the decoder put out for one line.

    Attributes:
        tokens: Without the start token and without the end token.
        log_probs: Natural logarithm of each token's probability, shape (tokens,).
        attention: Where each token looked, mean over the heads of one layer, shape
            (tokens, encoder tokens); rows sum to 1.
        ended: Whether the line ended by itself, not by the length limit.
        others: Other readings: tokens, and the mean logarithm of their probability.
    """

    tokens: list[int]
    log_probs: NDArray[np.float64]
    attention: NDArray[np.float32]
    ended: bool
    others: list[tuple[list[int], float]] = field(default_factory=list)


@dataclass(slots=True)
class Caches:
    """Keys and values of a batch; row i of every tensor belongs to its i-th active line.

    In a search over beams, a line has as many rows beside each other in ``self_kv``.

    Attributes:
        self_kv: Shape (layers, 2, batch * beams, heads, tokens, head size).
        cross_keys: Shape (layers, batch, heads, head size, encoder tokens): one query against
            them is a sum of rows, which runs faster than as many short dot products.
        cross_values: Shape (layers, batch, heads, encoder tokens, head size).
        cross_bias: 0, or -inf where a line has no encoder token, shape (batch, 1, 1, encoder
            tokens); None if all lines have all.
    """

    self_kv: Tensor
    cross_keys: Tensor
    cross_values: Tensor
    cross_bias: Tensor | None

    def extend(
        self, layer: int, t: int | Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Note what step ``t`` (from 0) adds to a layer's own keys and values.

        Args:
            layer: Number of the layer.
            t: Number of the step.
            keys: Shape (rows, heads, 1, head size),
            values: likewise.

        Returns:
            Keys, shape (rows, heads, head size, tokens), values, shape (rows, heads, tokens,
            head size), and what to add to the scores of their tokens, or None.
        """
        own = self.self_kv[layer, :, : len(keys), :, : int(t) + 1]
        own[0, :, :, -1:] = keys
        own[1, :, :, -1:] = values
        return own[0].transpose(2, 3), own[1], None

    def move(self, source: int, target: int, tokens: int, beams: int = 1) -> None:
        """Let line ``target`` hold what line ``source`` held, whose first ``tokens`` are in use."""
        to, origin = (slice(line * beams, (line + 1) * beams) for line in (target, source))
        self.self_kv[:, :, to, :, :tokens] = self.self_kv[:, :, origin, :, :tokens]
        self.cross_keys[:, target] = self.cross_keys[:, source]
        self.cross_values[:, target] = self.cross_values[:, source]
        if self.cross_bias is not None:
            self.cross_bias[target] = self.cross_bias[source]

    def reserve(self, tokens: int, longest: int) -> None:
        """Make room for ``tokens`` tokens in the self-attention cache; what is new is not set."""
        room = self.self_kv.shape[4]
        if tokens <= room:
            return
        shape = list(self.self_kv.shape)
        shape[4] = min(longest, max(tokens, room + CACHE_STEP))
        grown = self.self_kv.new_empty(shape)
        grown[..., :room, :] = self.self_kv
        self.self_kv = grown


class Run:
    """One call of :meth:`GreedyDecoder.decode`: which line is in which row, and its output."""

    def __init__(
        self,
        decoder: GreedyDecoder,
        caches: Caches,
        count: int,
        longest: int,
    ) -> None:
        self.decoder, self.caches, self.longest = decoder, caches, longest
        self.watch: Callable[[Tensor], None] | None = None
        self.stop: StopRule | None = None
        self.forced: Sequence[Sequence[int]] | None = None
        sources = int(caches.cross_keys.shape[4])
        self.line_of = list(range(count))
        self.tokens: list[list[int]] = [[] for _ in range(count)]
        self.log_probs = np.zeros((count, longest), np.float64)
        self.attention = np.zeros((count, longest, sources), np.float32)
        self.ended = [False] * count
        self.end_tokens = set(decoder.ends.tolist())

    def finish(self) -> list[DecodedLine]:
        """Step until every line has ended or reached the limit."""
        device = self.decoder.device
        last = torch.full((padded_rows(len(self.line_of)),), self.decoder.start, device=device)
        for t in range(self.longest):
            self._drop_forced(last, t)
            active = len(self.line_of)
            if not active:
                break
            last = last[: padded_rows(active)]
            self.caches.reserve(t + 1, self.longest)
            logits, attention = self.decoder.step(last, t, self.caches)
            if self.watch is not None:
                self.watch(logits[:active])
            chosen, log_probs = self._choose(logits[:active], t)
            last[:active] = chosen
            self._note(log_probs, attention[:active], t)
            self._leave(last, chosen.tolist(), t)
        return [self._line(number) for number in range(len(self.tokens))]

    def _choose(self, logits: Tensor, t: int) -> tuple[Tensor, Tensor]:
        """Return the next tokens and their log probabilities, each of shape (rows,)."""
        logits = logits.float()
        if self.forced is None:
            best, tokens = logits.max(dim=-1)
        else:
            chosen = [self.forced[line][t] for line in self.line_of]
            tokens = torch.tensor(chosen, device=logits.device)
            best = logits.gather(1, tokens[:, None])[:, 0]
        return tokens, best - torch.logsumexp(logits, dim=-1)

    def _note(self, log_probs: Tensor, attention: Tensor, t: int) -> None:
        lines = np.array(self.line_of)
        self.log_probs[lines, t] = log_probs.cpu().numpy()
        self.attention[lines, t] = attention.float().cpu().numpy()

    def _leave(self, last: Tensor, tokens: list[int], t: int) -> None:
        """Note the new tokens and let ended lines leave."""
        leaving = []
        for row, token in enumerate(tokens):
            line = self.line_of[row]
            if self.forced is None and token in self.end_tokens:
                self.ended[line] = True
                leaving.append(row)
                continue
            self.tokens[line].append(token)
            if self.stop is not None and self.stop(line, self.tokens[line]):
                self.ended[line] = True
                leaving.append(row)
        self._compact(last, leaving, t)

    def _drop_forced(self, last: Tensor, t: int) -> None:
        if self.forced is None:
            return
        over = [row for row, line in enumerate(self.line_of) if len(self.forced[line]) <= t]
        for row in over:
            self.ended[self.line_of[row]] = True
        self._compact(last, over, t - 1)

    def _compact(self, last: Tensor, leaving: list[int], t: int) -> None:
        """Fill the rows of leaving lines with lines from the end of the batch."""
        for row in reversed(leaving):
            end = len(self.line_of) - 1
            if row != end:
                self.caches.move(end, row, t + 1)
                self.line_of[row] = self.line_of[end]
                last[row] = last[end]
            self.line_of.pop()

    def _line(self, number: int) -> DecodedLine:
        tokens = self.tokens[number]
        return DecodedLine(
            tokens,
            self.log_probs[number, : len(tokens)],
            self.attention[number, : len(tokens)],
            self.ended[number],
        )


def count_lines(states: Sequence[Tensor]) -> int:
    """Return how many lines there are in batches of encoder states."""
    return sum(len(part) for part in states)


def flattened(states: Sequence[Tensor]) -> Tensor:
    """Return all tokens of batches of encoder states one after another, and some zeros."""
    parts = [part.flatten(0, 1) for part in states]
    rows = sum(len(part) for part in parts)
    if filled_up(rows) != rows:
        parts.append(parts[0].new_zeros((filled_up(rows) - rows, parts[0].shape[1])))
    return torch.cat(parts) if parts[1:] else parts[0]


def filled_up(rows: int) -> int:
    """Return how many packed rows are computed for so many."""
    return round_up(rows, ROWS if rows <= MANY_ROWS else MANY_ROWS)


def padded_rows(lines: int, beams: int = 1) -> int:
    """Return how many lines are computed for so many, with ``beams`` rows each."""
    step = -(-ROW_STEP // beams)
    return max(-(-ROWS // beams), round_up(lines, step))


def padded_sources(tokens: int, head_size: int) -> int:
    """Return how many encoder tokens lines of up to so many tokens are given."""
    return round_up(max(tokens, -(-SMALL_PRODUCT // head_size)), SOURCES)


def round_up(number: int, multiple: int) -> int:
    """Return the next multiple."""
    return -(-number // multiple) * multiple
