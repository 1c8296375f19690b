"""A batch whose memory stays where it is, so that its step can be recorded once and run again.

A recorded step cannot be told anything: which step it is, which rows still go on and what they
wrote last stand in tensors that the step itself reads and writes, and it asks the host nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pagereader.recognize.decoder import GreedyDecoder
from pagereader.recognize.decoding import Caches, count_lines


@dataclass(slots=True)
class FixedCaches(Caches):
    """Caches in which a step is a tensor.

    Attributes:
        room: Tokens that are attended to, of those there is room for.
        later: 0, or -inf for tokens after the step, shape (room,).
    """

    room: int
    later: Tensor

    def extend(
        self, layer: int, t: int | Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Note what step ``t``, a tensor of shape (1,), adds; see :meth:`Caches.extend`."""
        assert isinstance(t, Tensor)
        own = self.self_kv[layer, :, : len(keys)]
        own[0].index_copy_(2, t, keys)
        own[1].index_copy_(2, t, values)
        seen = own[..., : self.room, :]
        return seen[0].transpose(2, 3), seen[1], self.later


class FixedBatch:
    """Lines on their way through the decoder, and all they put out.

    Args:
        decoder: Whose weights, step and device are used.
        rows: Lines that there is room for.
        sources: Encoder tokens of each.
        longest: Steps.

    Attributes:
        tokens: What was put out, shape (rows + 1, steps); one row a line, in the order of the
            input, and one for what no line said.
        log_probs: Of the tokens, likewise.
        attention: Shape (rows + 1, steps, encoder tokens).
        going: Which rows have not ended, shape (rows,).
        line_of: Which line is in a row, shape (rows,).
    """

    def __init__(self, decoder: GreedyDecoder, rows: int, sources: int, longest: int) -> None:
        device = decoder.device
        self.decoder, self.rows, self.sources, self.longest = decoder, rows, sources, longest
        self.caches = decoder.make_caches(rows, sources, longest)
        self.going = torch.zeros(rows, dtype=torch.bool, device=device)
        self.line_of = torch.zeros(rows, dtype=torch.long, device=device)
        self.last = torch.zeros_like(self.line_of)
        self.tokens = torch.zeros(rows + 1, longest, dtype=torch.long, device=device)
        self.log_probs = torch.zeros(rows + 1, longest, device=device)
        self.attention = torch.zeros(rows + 1, longest, sources, device=device)
        self._at = torch.zeros(1, dtype=torch.long, device=device)
        self._steps = torch.arange(longest, device=device)
        self._level = torch.zeros(longest, dtype=decoder.dtype, device=device)
        self._start = torch.tensor(decoder.start, device=device)
        self._end = decoder.ends[0]

    def holds(self, rows: int, sources: int, longest: int) -> bool:
        """Tell whether lines fit in."""
        return rows <= self.rows and (sources, longest) == (self.sources, self.longest)

    def load(self, states: Sequence[Tensor]) -> None:
        """Take in lines; those that were there are forgotten."""
        lines = count_lines(states)
        self.caches.self_kv.zero_()  # not a number times nothing is not a number
        self.decoder.fill(self.caches, states)
        torch.arange(self.rows, out=self.line_of)
        self.line_of[lines:] = self.rows
        self.going.fill_(False)
        self.going[:lines] = True
        self.last.fill_(self.decoder.start)
        self.tokens.fill_(int(self._end))
        self.log_probs.zero_()
        self.attention.zero_()
        self._at.zero_()

    def step(self, rows: int, room: int) -> None:
        """Compute the next step.

        Args:
            rows: The first so many are computed.
            room: More than the number of the step, from 0.
        """
        later = self._level[:room].masked_fill(self._steps[:room] > self._at, -torch.inf)
        own = self.caches
        caches = FixedCaches(
            own.self_kv, own.cross_keys, own.cross_values, own.cross_bias, room, later
        )
        going, at, lines = self.going[:rows], self._at.expand(rows), self.line_of[:rows]
        logits, attention = self.decoder.step(self.last[:rows], self._at, caches)
        logits = logits.float()
        best, chosen = logits.max(dim=-1)
        chosen = torch.where(going, chosen, self._end)
        self.tokens.index_put_((lines, at), chosen)
        self.log_probs.index_put_((lines, at), best - torch.logsumexp(logits, dim=-1))
        self.attention.index_put_((lines, at), attention.float())
        going.logical_and_((chosen[:, None] != self.decoder.ends).all(dim=1))
        self.last[:rows].copy_(torch.where(going, chosen, self._start))
        self._at.add_(1)

    def keep(self, rows: list[int], tokens: int) -> None:
        """Move the rows of some lines to the front; the others are over.

        Args:
            rows: Which, rising.
            tokens: How many each has put out.
        """
        kept, caches = torch.tensor(rows, device=self.decoder.device), self.caches
        for number in range(len(caches.cross_keys)):  # layer by layer: a copy is made of each
            caches.cross_keys[number, : len(rows)] = caches.cross_keys[number, kept]
            caches.cross_values[number, : len(rows)] = caches.cross_values[number, kept]
            own = caches.self_kv[number, :, :, :, :tokens]
            own[:, : len(rows)] = own[:, kept]
        if caches.cross_bias is not None:
            caches.cross_bias[: len(rows)] = caches.cross_bias[kept]
        self.line_of[: len(rows)] = self.line_of[kept]
        self.last[: len(rows)] = self.last[kept]
        self.line_of[len(rows) :] = self.rows
        self.going.fill_(False)
        self.going[: len(rows)] = True
