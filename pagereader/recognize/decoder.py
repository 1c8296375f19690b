"""A greedy decoder of our own over the weights of a TrOCR decoder, for every layout it has.

Against ``generate`` it saves work, not accuracy: query, key and value come from one product,
cross-attention keys and values are computed once a line, caches are written in place, and a
line that has ended leaves the batch at once (the last line in the batch takes its place, so one
line is moved and not the batch). Confidence and cross-attention fall out of the same step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Linear = Callable[[Tensor], Tensor]
LinearFactory = Callable[[Tensor, Tensor | None], Linear]

CACHE_STEP = 32
"""Tokens by which the self-attention cache grows."""
ROWS = 16
"""Rows are computed in multiples of this: matrix products of few rows take other kernels, whose
last digits differ, and a line's reading must not depend on how many lines are beside it."""
SOURCES = 16
"""Where lines differ in length, encoder tokens are padded to a multiple of this; see ROWS."""

StopRule = Callable[[int, list[int]], bool]
"""Asked with a line's number and its tokens so far; True gives the line up as ended."""


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation."""

    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        """Normalise over the last axis."""
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True, slots=True)
class Layer:
    """One decoder layer: fused projections and norms, in the order of their use."""

    qkv: Linear
    self_out: Linear
    self_norm: Norm
    cross_kv: Linear
    cross_q: Linear
    cross_out: Linear
    cross_norm: Norm
    up: Linear
    down: Linear
    final_norm: Norm


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

    Attributes:
        self_kv: Shape (layers, 2, batch, heads, tokens, head size).
        cross_kv: Shape (layers, 2, batch, heads, encoder tokens, head size).
        cross_bias: 0, or -inf where a line has no encoder token, shape (batch, 1, 1, encoder
            tokens); None if all lines have all.
    """

    self_kv: Tensor
    cross_kv: Tensor
    cross_bias: Tensor | None

    def move(self, source: int, target: int, tokens: int) -> None:
        """Let row ``target`` hold what row ``source`` held, whose first ``tokens`` are in use."""
        self.self_kv[:, :, target, :, :tokens] = self.self_kv[:, :, source, :, :tokens]
        self.cross_kv[:, :, target] = self.cross_kv[:, :, source]
        if self.cross_bias is not None:
            self.cross_bias[target] = self.cross_bias[source]

    def reserve(self, tokens: int, longest: int) -> None:
        """Make room for ``tokens`` tokens in the self-attention cache."""
        room = self.self_kv.shape[4]
        if tokens <= room:
            return
        shape = list(self.self_kv.shape)
        shape[4] = min(longest, max(tokens, room + CACHE_STEP))
        grown = self.self_kv.new_zeros(shape)
        grown[..., :room, :] = self.self_kv
        self.self_kv = grown


def plain_linear(weight: Tensor, bias: Tensor | None) -> Linear:
    """Return the product with a weight matrix as it is."""
    return lambda x: F.linear(x, weight, bias)


class GreedyDecoder:
    """Decodes encoder states into tokens.

    Args:
        model: A VisionEncoderDecoderModel whose decoder is TrOCRForCausalLM.
        start: Token every line begins with.
        ends: Tokens that end a line.
        device: Where to run.
        dtype: Of weights and caches.
        linear: Makes a product from weight and bias; replaced by quantised ones.
        attention_layer: The layer whose cross-attention tells where a token is; negative
            counts from the last.
        uneven: Whether lines may differ in their number of encoder tokens.
    """

    def __init__(
        self,
        model: Any,
        start: int,
        ends: frozenset[int],
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        linear: LinearFactory = plain_linear,
        attention_layer: int = -1,
        uneven: bool = False,
    ) -> None:
        self.device = device or torch.device("cpu")
        self.dtype = dtype
        self.start = start
        self.uneven = uneven
        self.ends = torch.tensor(sorted(ends), device=self.device)
        config, decoder = model.decoder.config, model.decoder.model.decoder
        self.heads = int(config.decoder_attention_heads)
        self.size = int(config.d_model)
        self.head_size = self.size // self.heads
        self.scale = self.head_size**-0.5
        self.activation = _activation(config.activation_function)
        self.attention_layer = attention_layer % len(decoder.layers)
        self._linear = linear
        self.layers = [self._layer(layer) for layer in decoder.layers]
        self.head = linear(self._own(model.decoder.output_projection.weight), None)
        self.embedding = self._own(decoder.embed_tokens.weight)
        self.embed_scale = float(decoder.embed_tokens.embed_scale)
        norm = decoder.layernorm_embedding
        self.embedding_norm = None if norm is None else self._norm(norm)
        self.positions, self.unplaced = self._positions(decoder.embed_positions)
        projection = getattr(model, "enc_to_dec_proj", None)
        self.project = None if projection is None else self._fuse(projection)

    @property
    def room(self) -> int:
        """Tokens that the model has positions for."""
        return int(self.positions.shape[0])

    def line_bytes(self, encoder_tokens: int, tokens: int) -> int:
        """Return the memory that one line takes in the caches."""
        values = 2 * len(self.layers) * self.size * (encoder_tokens + tokens)
        return values * torch.empty((), dtype=self.dtype).element_size()

    @torch.inference_mode()
    def decode(
        self,
        states: Sequence[Tensor],
        max_new_tokens: int,
        *,
        watch: Callable[[Tensor], None] | None = None,
        stop: StopRule | None = None,
    ) -> list[DecodedLine]:
        """Decode lines greedily.

        Args:
            states: Encoder output of one or more batches, each of shape (lines, encoder
                tokens, hidden); the numbers of encoder tokens may differ.
            max_new_tokens: Longest line, the end token included.
            watch: Called with the logits of every step, shape (rows, vocabulary), for tests.
            stop: Asked about every line at every step.

        Returns:
            One entry a line, in the order of ``states``.
        """
        caches = self._prepare(states)
        run = _Run(self, caches, _count(states), min(max_new_tokens, self.room))
        run.watch, run.stop = watch, stop
        return run.finish()

    @torch.inference_mode()
    def score(self, states: Sequence[Tensor], lines: Sequence[Sequence[int]]) -> list[DecodedLine]:
        """Walk given tokens, for their probabilities and attention.

        Args:
            states: As in :meth:`decode`.
            lines: For each line its tokens, without start token and end token.

        Returns:
            One entry a line, with the tokens given.
        """
        caches = self._prepare(states)
        longest = max([1, *(len(line) for line in lines)])
        run = _Run(self, caches, _count(states), min(longest, self.room))
        run.forced = lines
        return run.finish()

    def step(self, tokens: Tensor, t: int, caches: Caches) -> tuple[Tensor, Tensor]:
        """Compute the t-th step (from 0) for the first ``len(tokens)`` rows of the caches.

        Returns:
            Logits, shape (rows, vocabulary), and attention, shape (rows, encoder tokens).
        """
        n, heads, size = len(tokens), self.heads, self.head_size
        x = self._embed(tokens, t)
        attention = x
        for number, layer in enumerate(self.layers):
            q, k, v = layer.qkv(x).view(n, 3, heads, 1, size).unbind(1)
            own = caches.self_kv[number, :, :n, :, : t + 1]
            own[0, :, :, t:] = k
            own[1, :, :, t:] = v
            mixed = self._attend(q, own[0], own[1], None)[0]
            x = layer.self_norm(x + layer.self_out(mixed))
            q = layer.cross_q(x).view(n, heads, 1, size)
            keys, values = caches.cross_kv[number, :, :n]
            bias = None if caches.cross_bias is None else caches.cross_bias[:n]
            mixed, weights = self._attend(q, keys, values, bias)
            if number == self.attention_layer:
                attention = weights[:, :, 0].mean(dim=1)
            x = layer.cross_norm(x + layer.cross_out(mixed))
            x = layer.final_norm(x + layer.down(self.activation(layer.up(x))))
        return self.head(x), attention

    def _attend(
        self, q: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Attend with one query a row; products as in stock, to be equal to the bit."""
        scores = torch.matmul(q * self.scale, keys.transpose(2, 3))
        if bias is not None:
            scores = scores + bias
        weights = torch.softmax(scores, dim=-1)
        return torch.matmul(weights, values).view(len(q), self.size), weights

    def _embed(self, tokens: Tensor, t: int) -> Tensor:
        x = F.embedding(tokens, self.embedding)
        if self.embed_scale != 1.0:
            x = x * self.embed_scale
        if self.unplaced is None:
            x = x + self.positions[t]
        else:  # a pad token has no place in fairseq's sinusoidal positions
            x = x + self.positions[t] * (tokens != self.unplaced)[:, None]
        return x if self.embedding_norm is None else self.embedding_norm(x)

    def _prepare(self, states: Sequence[Tensor]) -> Caches:
        """Compute the cross-attention's keys and values of all lines into one cache."""
        rows = _round_up(_count(states), ROWS)
        longest = max(part.shape[1] for part in states)
        bias = None
        if self.uneven:
            longest = _round_up(longest, SOURCES)
            bias = torch.zeros(rows, 1, 1, longest, dtype=self.dtype, device=self.device)
        shape = (len(self.layers), 2, rows, self.heads, longest, self.head_size)
        cross = torch.zeros(shape, dtype=self.dtype, device=self.device)
        first = 0
        for part in states:
            here = slice(first, first + len(part))
            hidden = part.to(self.device, self.dtype)
            if self.project is not None:
                hidden = self.project(hidden)
            tokens = hidden.shape[1]
            for number, layer in enumerate(self.layers):
                kv = layer.cross_kv(hidden).view(len(part), tokens, 2, self.heads, self.head_size)
                cross[number, :, here, :, :tokens] = kv.permute(2, 0, 3, 1, 4)
            if bias is not None:
                bias[here, ..., tokens:] = -torch.inf
            first = here.stop
        room = min(CACHE_STEP, self.room)
        own = torch.zeros((*shape[:4], room, self.head_size), dtype=self.dtype, device=self.device)
        return Caches(own, cross, bias)

    def _layer(self, layer: Any) -> Layer:
        own, cross = layer.self_attn, layer.encoder_attn
        return Layer(
            qkv=self._fuse(own.q_proj, own.k_proj, own.v_proj),
            self_out=self._fuse(own.out_proj),
            self_norm=self._norm(layer.self_attn_layer_norm),
            cross_kv=self._fuse(cross.k_proj, cross.v_proj),
            cross_q=self._fuse(cross.q_proj),
            cross_out=self._fuse(cross.out_proj),
            cross_norm=self._norm(layer.encoder_attn_layer_norm),
            up=self._fuse(layer.fc1),
            down=self._fuse(layer.fc2),
            final_norm=self._norm(layer.final_layer_norm),
        )

    def _fuse(self, *linears: Any) -> Linear:
        """Return one product that gives the outputs of all, side by side."""
        weight = torch.cat([linear.weight for linear in linears])
        bias = None
        if linears[0].bias is not None:
            bias = self._own(torch.cat([linear.bias for linear in linears]))
        return self._linear(self._own(weight), bias)

    def _norm(self, module: Any) -> Norm:
        return Norm(self._own(module.weight), self._own(module.bias), float(module.eps))

    def _positions(self, module: Any) -> tuple[Tensor, int | None]:
        """Return the position of each step, and the token that has none (or None)."""
        if hasattr(module, "weights"):
            return self._own(module.weights[module.padding_idx + 1 :]), int(module.padding_idx)
        return self._own(module.weight[module.offset :]), None

    def _own(self, tensor: Tensor) -> Tensor:
        return tensor.detach().to(self.device, self.dtype).contiguous()


class _Run:
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
        sources = int(caches.cross_kv.shape[4])
        self.line_of = list(range(count))
        self.tokens: list[list[int]] = [[] for _ in range(count)]
        self.log_probs = np.zeros((count, longest), np.float64)
        self.attention = np.zeros((count, longest, sources), np.float32)
        self.ended = [False] * count
        self.end_tokens = set(decoder.ends.tolist())

    def finish(self) -> list[DecodedLine]:
        """Step until every line has ended or reached the limit."""
        device = self.decoder.device
        last = torch.full((_round_up(len(self.line_of), ROWS),), self.decoder.start, device=device)
        for t in range(self.longest):
            self._drop_forced(last, t)
            active = len(self.line_of)
            if not active:
                break
            last = last[: _round_up(active, ROWS)]
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
        self.log_probs[self.line_of, t] = log_probs.cpu().numpy()
        self.attention[self.line_of, t] = attention.float().cpu().numpy()

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


def _count(states: Sequence[Tensor]) -> int:
    return sum(len(part) for part in states)


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _activation(name: str) -> Callable[[Tensor], Tensor]:
    from transformers.activations import ACT2FN

    function: Callable[[Tensor], Tensor] = ACT2FN[name]
    return function
