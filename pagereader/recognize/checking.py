"""Decode lines greedily by checking drafts: many tokens of a line in one go.

Each round, every line gives the decoder what it wrote last and the drafted tokens that may come
after it. The decoder says at each of them what it would have written next. As long as that is what
was drafted the tokens stand, and where it is not, the decoder's own token does: each round gives
at least one token, and the same ones as step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pagereader.recognize.decoding import Caches, DecodedLine, StopRule, round_up
from pagereader.recognize.drafts import Draft, looked_at
from pagereader.recognize.windows import REACH_STEP, WIDTH, Windows

if TYPE_CHECKING:
    from pagereader.recognize.decoder import GreedyDecoder

MORE = 16
"""Tokens that a line is expected to have beyond its draft."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the decoder said to a window, token by token.

    Attributes:
        tokens: What it would write after each, shape (window,).
        log_probs: Natural logarithm of their probabilities, shape (window,).
        attention: Where it looked for them, shape (window, encoder tokens).
    """

    tokens: NDArray[np.int64]
    log_probs: NDArray[np.float64]
    attention: NDArray[np.float32]


class CheckedLine:
    """One line: its draft, and what the decoder has made of it.

    Args:
        number: Of the line, for the stop rule.
        draft: Of what it says.
        columns: Which of the encoder's tokens are its columns.
        sources: Encoder tokens in the caches.
        longest: Tokens that it may have.
    """

    def __init__(
        self, number: int, draft: Draft, columns: slice, sources: int, longest: int
    ) -> None:
        self.number, self.draft = number, draft
        self.columns, self.longest = columns, longest
        self.tokens: list[int] = []
        self.log_probs = np.zeros(longest, np.float64)
        self.attention = np.zeros((longest, sources), np.float32)
        self.ended = False
        self._next = 0  # the drafted token that may come next

    @property
    def done(self) -> bool:
        """Whether there is nothing more to write."""
        return self.ended or len(self.tokens) >= self.longest

    def window(self, start: int) -> list[int]:
        """Return what the decoder is to look at: the last token and what may follow."""
        room = min(WIDTH, self.longest - len(self.tokens)) - 1
        return [self.tokens[-1] if self.tokens else start, *self.draft.run(self._next, room)]

    def take(self, window: Sequence[int], answer: Answer) -> list[int]:
        """Note what holds of an answer to a window.

        Returns:
            The tokens that the line goes on with: those drafted that the decoder wants, too, and
            one more, its own.
        """
        differing = np.flatnonzero(answer.tokens[:-1] != np.array(window[1:], np.int64))
        held = int(differing[0]) if len(differing) else len(window) - 1
        here = slice(len(self.tokens), len(self.tokens) + held + 1)
        self.log_probs[here] = answer.log_probs[: held + 1]
        self.attention[here] = answer.attention[: held + 1]
        tokens: list[int] = answer.tokens[: held + 1].tolist()
        where = partial(looked_at, answer.attention[held, self.columns])
        self._next = self.draft.resume(self._next + held, tokens[-1], where)
        return tokens

    def write(self, tokens: Sequence[int], ends: frozenset[int], stop: StopRule | None) -> None:
        """Add tokens until one ends the line, or the stop rule does."""
        for token in tokens:
            if token in ends:
                self.ended = True
                return
            self.tokens.append(token)
            if stop is not None and stop(self.number, self.tokens):
                self.ended = True
                return

    def result(self) -> DecodedLine:
        """Return what was written."""
        count = len(self.tokens)
        return DecodedLine(self.tokens, self.log_probs[:count], self.attention[:count], self.ended)


@torch.inference_mode()
def check(
    decoder: GreedyDecoder,
    states: Sequence[Tensor],
    drafts: Sequence[Draft],
    max_new_tokens: int,
    *,
    prefix: int = 0,
    stop: StopRule | None = None,
) -> list[DecodedLine]:
    """Decode lines greedily with the help of drafts, on the CPU.

    Args:
        decoder: Whose weights are used.
        states: As in :meth:`GreedyDecoder.decode`.
        drafts: One a line; they may say anything, the better they are the faster it goes.
        max_new_tokens: Longest line, the end token included.
        prefix: Encoder tokens before those of the columns.
        stop: Asked about every line at every token.

    Returns:
        What :meth:`GreedyDecoder.decode` does, but for the last digits of probabilities.
    """
    longest = min(max_new_tokens, decoder.room)
    expected = max(len(draft.tokens) for draft in drafts) + MORE
    caches = decoder.prepare(states, tokens=round_up(expected, REACH_STEP))
    caches.self_kv.zero_()  # padded windows see it: not a number times nothing is not a number
    sources = int(caches.cross_keys.shape[4])
    columns = [slice(prefix, part.shape[1]) for part in states for _ in part]
    lines = [
        CheckedLine(number, draft, here, sources, longest)
        for number, (draft, here) in enumerate(zip(drafts, columns, strict=True))
    ]
    ends, active = frozenset(decoder.ends.tolist()), list(lines)
    while active:
        shown = [line.window(decoder.start) for line in active]
        for line, window, answer in zip(
            active, shown, _answers(decoder, caches, active, shown), strict=True
        ):
            line.write(line.take(window, answer), ends, stop)
        _compact(caches, active)
    return [line.result() for line in lines]


def _answers(
    decoder: GreedyDecoder,
    caches: Caches,
    lines: Sequence[CheckedLine],
    shown: Sequence[Sequence[int]],
) -> list[Answer]:
    """Return what the decoder says to each line's window."""
    windows = Windows.of(shown, [len(line.tokens) for line in lines])
    room = int(caches.self_kv.shape[4])
    caches.reserve(windows.reach, max(lines[0].longest, windows.reach))
    caches.self_kv[:, :, :, :, room:] = 0
    logits, attention = decoder.walk(windows, caches)
    shares = torch.softmax(logits.float(), dim=-1).numpy()
    tokens = shares.argmax(axis=-1)
    log_probs = np.log(shares[np.arange(len(tokens)), tokens].astype(np.float64))
    ends = np.cumsum([len(window) for window in shown])[:-1]
    parts = (np.split(values, ends) for values in (tokens, log_probs, attention.float().numpy()))
    return [Answer(*answer) for answer in zip(*parts, strict=True)]


def _compact(caches: Caches, active: list[CheckedLine]) -> None:
    """Let lines from the end of the batch take the rows of those that are done."""
    for row in reversed(range(len(active))):
        if active[row].done:
            end = len(active) - 1
            if row != end:
                caches.move(end, row, len(active[end].tokens))
                active[row] = active[end]
            active.pop()
