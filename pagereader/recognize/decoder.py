"""A greedy decoder of our own over the weights of a TrOCR decoder, for every layout it has.

Against ``generate`` it saves work, not accuracy: query, key and value come from one product,
cross-attention keys and values are computed once a line, caches are written in place, and a
line that has ended leaves the batch at once (the last line in the batch takes its place, so one
line is moved and not the batch). Confidence and cross-attention fall out of the same step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pagereader.recognize.decoding import (
    CACHE_STEP,
    Caches,
    DecodedLine,
    Run,
    StopRule,
    count_lines,
    flattened,
    padded_rows,
    padded_sources,
)
from pagereader.recognize.layers import (
    LayerMaker,
    Linear,
    LinearFactory,
    Norm,
    activation,
    plain_linear,
)
from pagereader.recognize.windows import Windows


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


class GreedyDecoder:
    """Decodes encoder states into tokens.

    Args:
        model: A VisionEncoderDecoderModel whose decoder is TrOCRForCausalLM, or its weights.
        start: Token every line begins with.
        ends: Tokens that end a line.
        device: Where to run.
        dtype: Of weights and caches; but on a CPU lines that differ in length have theirs in
            fp32: oneDNN prepares a kernel for every new shape of a product in bf16.
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
        self.cache_dtype = torch.float32 if uneven and self.device.type == "cpu" else dtype
        self.start = start
        self.uneven = uneven
        self.ends = torch.tensor(sorted(ends), device=self.device)
        config, decoder = model.decoder.config, model.decoder.model.decoder
        self.heads = int(config.decoder_attention_heads)
        self.size = int(config.d_model)
        self.head_size = self.size // self.heads
        self.scale = self.head_size**-0.5
        self.activation = activation(config.activation_function)
        self.attention_layer = attention_layer % len(decoder.layers)
        make = LayerMaker(self.device, dtype, linear)
        self.layers = [_layer(layer, make) for layer in decoder.layers]
        self.head = linear(make.own(model.decoder.output_projection.weight), None)
        self.embedding = make.own(decoder.embed_tokens.weight)
        self.embed_scale = float(decoder.embed_tokens.embed_scale)
        norm = decoder.layernorm_embedding
        self.embedding_norm = None if norm is None else make.norm(norm)
        self.positions, self.unplaced = _positions(decoder.embed_positions, make)
        projection = getattr(model, "enc_to_dec_proj", None)
        self.project = None if projection is None else make.fuse(projection)

    @property
    def room(self) -> int:
        """Tokens that the model has positions for."""
        return int(self.positions.shape[0])

    def line_bytes(self, encoder_tokens: int, tokens: int) -> int:
        """Return the memory that one line takes in the caches."""
        values = 2 * len(self.layers) * self.size * (encoder_tokens + tokens)
        return values * torch.empty((), dtype=self.cache_dtype).element_size()

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
        caches = self.prepare(states)
        run = Run(self, caches, count_lines(states), min(max_new_tokens, self.room))
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
        caches = self.prepare(states)
        longest = max([1, *(len(line) for line in lines)])
        run = Run(self, caches, count_lines(states), min(longest, self.room))
        run.forced = lines
        return run.finish()

    def step(
        self, tokens: Tensor, t: int | Tensor, caches: Caches, beams: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Compute the t-th step for the first ``len(tokens)`` rows of the caches.

        Args:
            tokens: What each row wrote last, shape (rows,).
            t: From 0; as a tensor of shape (1,) for caches that take it so.
            caches: They are extended.
            beams: Neighbouring rows that read one line, which the caches have once.

        Returns:
            Logits, shape (rows, vocabulary), and attention, shape (rows, encoder tokens).
        """
        n, heads, size = len(tokens), self.heads, self.head_size
        lines = n // beams
        x = self._embed(tokens, t)
        attention = x
        for number, layer in enumerate(self.layers):
            q, k, v = layer.qkv(x).view(n, 3, heads, 1, size).unbind(1)
            mixed = self._attend(q, *caches.extend(number, t, k, v))[0]
            x = layer.self_norm(x + layer.self_out(mixed))
            q = layer.cross_q(x).view(lines, beams, heads, size).transpose(1, 2)
            keys, values = caches.cross_keys[number, :lines], caches.cross_values[number, :lines]
            bias = None if caches.cross_bias is None else caches.cross_bias[:lines]
            mixed, weights = self._attend(q, keys, values, bias)
            if number == self.attention_layer:
                attention = weights.mean(dim=1).view(n, -1)
            x = layer.cross_norm(x + layer.cross_out(mixed))
            x = layer.final_norm(x + layer.down(self.activation(layer.up(x))))
        return self.head(x), attention

    def walk(self, windows: Windows, caches: Caches) -> tuple[Tensor, Tensor]:
        """Compute several tokens of each line at once, those of a line seeing what is before them.

        Args:
            windows: What the first rows of the caches show.
            caches: They are extended.

        Returns:
            Logits, shape (tokens, vocabulary), and attention, shape (tokens, encoder tokens).
        """
        count, heads, size = len(windows.rows), self.heads, self.head_size
        lines = windows.lines
        x = self._embed(windows.tokens, windows.places)
        mixed, attention = torch.zeros_like(x), x
        bias = None if caches.cross_bias is None else caches.cross_bias[:lines]
        here = windows.rows, slice(None), windows.places[:count]
        for number, layer in enumerate(self.layers):
            q, k, v = layer.qkv(x).chunk(3, dim=1)
            own = caches.self_kv[number]
            own[0][here] = k[:count].view(count, heads, size).to(own.dtype)
            own[1][here] = v[:count].view(count, heads, size).to(own.dtype)
            keys, values = own[:, :lines, :, : windows.reach]
            queries = windows.pad(q).view(lines, -1, heads, size).transpose(1, 2)
            part = self._attend(queries, keys.transpose(2, 3), values, windows.bias)[0]
            windows.pack(part, out=mixed)
            x = layer.self_norm(x + layer.self_out(mixed))
            queries = windows.pad(layer.cross_q(x)).view(lines, -1, heads, size).transpose(1, 2)
            keys, values = caches.cross_keys[number, :lines], caches.cross_values[number, :lines]
            part, weights = self._attend(queries, keys, values, bias)
            windows.pack(part, out=mixed)
            if number == self.attention_layer:
                attention = weights.mean(dim=1).flatten(0, 1)[windows.slots]
            x = layer.cross_norm(x + layer.cross_out(mixed))
            x = layer.final_norm(x + layer.down(self.activation(layer.up(x))))
        return self.head(x)[:count], attention

    def _attend(
        self, q: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Attend with queries (lines, heads, beams or width, head size).

        Keys are (lines, heads, head size, tokens), values (lines, heads, tokens, head size).
        """
        scores = torch.matmul((q * self.scale).to(keys.dtype), keys)
        if self.device.type == "cpu":  # which takes twice as long for a softmax in bf16
            scores = scores.float()
        if bias is not None:
            scores = scores + bias
        weights = torch.softmax(scores, dim=-1)
        mixed = torch.matmul(weights.to(values.dtype), values).transpose(1, 2)
        return mixed.reshape(-1, self.size).to(q.dtype), weights

    def _embed(self, tokens: Tensor, t: int | Tensor) -> Tensor:
        x = F.embedding(tokens, self.embedding)
        if self.embed_scale != 1.0:
            x = x * self.embed_scale
        if self.unplaced is None:
            x = x + self.positions[t]
        else:  # a pad token has no place in fairseq's sinusoidal positions
            x = x + self.positions[t] * (tokens != self.unplaced)[:, None]
        return x if self.embedding_norm is None else self.embedding_norm(x)

    def prepare(self, states: Sequence[Tensor], beams: int = 1, tokens: int = CACHE_STEP) -> Caches:
        """Make caches for lines, with ``beams`` rows each, and compute what they look at.

        They have room for ``tokens`` tokens and grow when asked to.
        """
        longest = max(part.shape[1] for part in states)
        if self.uneven:
            longest = padded_sources(longest, self.head_size)
        rows = padded_rows(count_lines(states), beams)
        caches = self.make_caches(rows, longest, min(tokens, self.room), beams)
        self.fill(caches, states)
        return caches

    def make_caches(self, rows: int, sources: int, tokens: int, beams: int = 1) -> Caches:
        """Make room for so many lines, encoder tokens and tokens, with ``beams`` rows a line."""
        values = torch.empty(
            (len(self.layers), rows, self.heads, sources, self.head_size),
            dtype=self.cache_dtype,
            device=self.device,
        )
        keys = values.new_empty((len(self.layers), rows, self.heads, self.head_size, sources))
        own = values.new_empty(
            (len(self.layers), 2, rows * beams, self.heads, tokens, self.head_size)
        )
        bias = values.new_zeros((rows, 1, 1, sources)) if self.uneven else None
        return Caches(own, keys, values, bias)

    def fill(self, caches: Caches, states: Sequence[Tensor]) -> None:
        """Compute the cross-attention's keys and values of all lines."""
        keys, values, bias = caches.cross_keys, caches.cross_values, caches.cross_bias
        hidden = flattened(states).to(self.device, self.dtype)
        if self.project is not None:
            hidden = self.project(hidden)
        for number, layer in enumerate(self.layers):
            kv = layer.cross_kv(hidden)
            first = row = 0
            for part in states:
                lines, tokens = part.shape[:2]
                here, rows = slice(first, first + lines), slice(row, row + lines * tokens)
                k, v = kv[rows].view(lines, tokens, 2, self.heads, self.head_size).unbind(2)
                keys[number, here, ..., tokens:] = 0
                keys[number, here, ..., :tokens] = k.permute(0, 2, 3, 1)
                values[number, here, :, tokens:] = 0
                values[number, here, :, :tokens] = v.transpose(1, 2)
                first, row = here.stop, rows.stop
        if bias is not None:
            lengths = [part.shape[1] for part in states for _ in part]
            ends = torch.tensor(lengths, device=self.device)[:, None]
            beyond = torch.arange(bias.shape[3], device=self.device) >= ends
            bias[:first, 0, 0] = torch.where(beyond, -torch.inf, 0.0).to(bias.dtype)
        keys[:, first:] = 0
        values[:, first:] = 0


def _layer(layer: Any, make: LayerMaker) -> Layer:
    own, cross = layer.self_attn, layer.encoder_attn
    return Layer(
        qkv=make.fuse(own.q_proj, own.k_proj, own.v_proj),
        self_out=make.fuse(own.out_proj),
        self_norm=make.norm(layer.self_attn_layer_norm),
        cross_kv=make.fuse(cross.k_proj, cross.v_proj),
        cross_q=make.fuse(cross.q_proj),
        cross_out=make.fuse(cross.out_proj),
        cross_norm=make.norm(layer.encoder_attn_layer_norm),
        up=make.fuse(layer.fc1),
        down=make.fuse(layer.fc2),
        final_norm=make.norm(layer.final_layer_norm),
    )


def _positions(module: Any, make: LayerMaker) -> tuple[Tensor, int | None]:
    """Return the position of each step, and the token that has none (or None)."""
    if hasattr(module, "weights"):
        return make.own(module.weights[module.padding_idx + 1 :]), int(module.padding_idx)
    return make.own(module.weight[module.offset :]), None
