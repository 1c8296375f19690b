"""Beam search of our own: several readings of a line are followed at once, the likeliest wins.

Greedy reading takes the likeliest next character and is bound by it, which costs hands more than
print. Where a layer spells the columns of a line, too, a reading must suit both. The readings of
a line share its keys and values, and a line that is done leaves the batch, so a search over four
takes two to three times as long as greedy reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pagereader.recognize.decoder import GreedyDecoder
from pagereader.recognize.decoding import Caches, DecodedLine, count_lines, padded_rows
from pagereader.recognize.prefixes import Prefixes
from pagereader.recognize.spelling import Speller

BEAMS = 4
"""Readings that are followed; eight take a third more time and get one letter more in 300."""
LENGTH = 0.5
"""Power of the number of tokens that what speaks for a reading is divided by: by 0 short readings
win, by 1 long ones."""
COLUMNS = 0.2
"""How much what the columns say counts beside what the decoder says."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A reading that has ended, or was cut off.

    Attributes:
        score: How likely it is (a logarithm), its length allowed for.
        steps: How many tokens it has.
        beam: In which beam its last token is.
        ended: Whether it ended by itself.
    """

    score: float
    steps: int
    beam: int
    ended: bool


class Search:
    """Lines that are searched together.

    Args:
        decoder: Whose weights, step and device are used.
        caches: Of the lines, with ``beams`` rows each.
        count: How many lines there are.
        longest: Steps.
        beams: Readings of each that are followed.
        prefixes: What the columns of the lines say to that, if a layer spells them.
    """

    def __init__(
        self,
        decoder: GreedyDecoder,
        caches: Caches,
        count: int,
        longest: int,
        beams: int,
        prefixes: Prefixes | None = None,
    ) -> None:
        self.prefixes = prefixes
        self.decoder, self.caches, self.longest, self.beams = decoder, caches, longest, beams
        self.ends = sorted(decoder.ends.tolist())
        self.line_of = list(range(count))
        self.found: list[list[Ended]] = [[] for _ in range(count)]
        # What every step put out, and from which beam of the step before it went on.
        shape = (count, longest, beams)
        self.tokens = np.zeros(shape, np.int64)
        self.parents = np.zeros(shape, np.int64)
        self.log_probs = np.zeros(shape, np.float64)
        self.attention = np.zeros((*shape, int(caches.cross_keys.shape[4])), np.float32)
        # Logarithms of what the decoder makes of each beam's reading, and of how likely it is on
        # the whole. All beams begin the same, so that only the first may go on.
        self.sums = np.full((count, beams), -np.inf)
        self.sums[:, 0] = 0.0
        self.scores = self.sums

    def finish(self) -> list[DecodedLine]:
        """Step until every line is done, and return its likeliest reading."""
        lines = padded_rows(len(self.line_of), self.beams)
        start = self.decoder.start
        last = torch.full((lines * self.beams,), start, device=self.decoder.device)
        for t in range(self.longest):
            if not self.line_of:
                break
            last = last[: padded_rows(len(self.line_of), self.beams) * self.beams]
            self.caches.reserve(t + 1, self.longest)
            logits, attention = self.decoder.step(last, t, self.caches, self.beams)
            self._go_on(last, logits.float(), attention, t)
            self._leave(last, t)
        for line, scores in zip(self.line_of, self.scores, strict=True):
            cut = scores / self.longest**LENGTH
            self.found[line] += [Ended(s, self.longest, b, False) for b, s in enumerate(cut)]
        return [self._reading(line) for line in range(len(self.found))]

    def _go_on(self, last: Tensor, logits: Tensor, attention: Tensor, t: int) -> None:
        """Choose the readings that are followed further."""
        lines, beams, size = len(self.line_of), self.beams, logits.shape[-1]
        rows = lines * beams
        shares = torch.log_softmax(logits[:rows], dim=-1).view(lines, beams, size)
        sums = torch.from_numpy(self.sums).to(shares)[:, :, None] + shares
        totals = sums
        if self.prefixes is not None:
            seen = self.prefixes.scores(self.ends).to(sums)
            totals = (1 - COLUMNS) * sums + COLUMNS * seen
        # Of so many, enough go on even if all beams could end here.
        best = totals.view(lines, -1).topk(beams * (1 + len(self.ends)), dim=1)
        values, places = best.values.cpu().double().numpy(), best.indices.cpu().numpy()
        chosen = sums.view(lines, -1).gather(1, best.indices).cpu().double().numpy()
        parents, tokens = np.divmod(places, size)
        ending = np.isin(tokens, self.ends)
        for row, rank in np.argwhere(ending[:, :beams] & np.isfinite(values[:, :beams])):
            score, beam = values[row, rank] / (t + 1) ** LENGTH, int(parents[row, rank])
            self.found[self.line_of[row]].append(Ended(float(score), t, beam, True))
        onward = np.argsort(ending, axis=1, kind="stable")[:, :beams]
        parents, tokens, values, chosen = (
            np.take_along_axis(array, onward, axis=1) for array in (parents, tokens, values, chosen)
        )
        self._note(parents, tokens, chosen, attention, t)
        self.scores = values
        if self.prefixes is not None:
            self.prefixes.follow(parents, tokens)
        source = (np.arange(lines)[:, None] * beams + parents).ravel()
        self._follow(source, t + 1)
        last[:rows] = torch.from_numpy(tokens.ravel()).to(last.device)

    def _note(
        self,
        parents: NDArray[np.int64],
        tokens: NDArray[np.int64],
        sums: NDArray[np.float64],
        attention: Tensor,
        t: int,
    ) -> None:
        line_of, lines = np.array(self.line_of), np.arange(len(parents))[:, None]
        seen = attention[: parents.size].float().cpu().numpy().reshape(*parents.shape, -1)
        self.tokens[line_of, t], self.parents[line_of, t] = tokens, parents
        with np.errstate(invalid="ignore"):  # a beam that never went on has no probability
            self.log_probs[line_of, t] = sums - self.sums[lines, parents]
        self.attention[line_of, t] = seen[lines, parents]
        self.sums = sums

    def _follow(self, source: NDArray[np.int64], tokens: int) -> None:
        """Let each row hold what the row did that its reading comes from."""
        changed = np.flatnonzero(source != np.arange(len(source)))
        if not len(changed):
            return
        device = self.decoder.device
        to, origin = (torch.from_numpy(rows).to(device) for rows in (changed, source[changed]))
        own = self.caches.self_kv[:, :, :, :, :tokens]
        own[:, :, to] = own[:, :, origin]

    def _leave(self, last: Tensor, t: int) -> None:
        """Let lines leave of which enough readings have ended; the last ones take their place."""
        beams = self.beams
        for row in reversed(range(len(self.line_of))):
            if len(self.found[self.line_of[row]]) < beams:
                continue
            end = len(self.line_of) - 1
            if row != end:
                self.caches.move(end, row, t + 1, beams)
                last[row * beams : (row + 1) * beams] = last[end * beams : (end + 1) * beams]
                self.sums[row], self.scores[row] = self.sums[end], self.scores[end]
                self.line_of[row] = self.line_of[end]
            self.line_of.pop()
            self.sums, self.scores = self.sums[:end], self.scores[:end]
            if self.prefixes is not None:
                self.prefixes.leave(row)

    def _reading(self, line: int) -> DecodedLine:
        """Walk back along the likeliest reading."""
        best = max(self.found[line], key=lambda ended: ended.score)
        beam, path = best.beam, np.zeros(best.steps, np.int64)
        for t in reversed(range(best.steps)):
            path[t] = beam
            beam = int(self.parents[line, t, beam])
        at = np.arange(best.steps)
        return DecodedLine(
            self.tokens[line, at, path].tolist(),
            self.log_probs[line, at, path],
            self.attention[line, at, path],
            best.ended,
        )


@torch.inference_mode()
def search(
    decoder: GreedyDecoder,
    states: Sequence[Tensor],
    max_new_tokens: int,
    beams: int = BEAMS,
    speller: Speller | None = None,
) -> list[DecodedLine]:
    """Return the likeliest reading of each line that a beam search finds.

    Args:
        decoder: Whose weights are used.
        states: As in :meth:`GreedyDecoder.decode`.
        max_new_tokens: Longest line, the end token included.
        beams: Readings followed at once.
        speller: Says what it sees in the columns; what it says counts beside the decoder.
    """
    caches = decoder.prepare(states, beams)
    longest = min(max_new_tokens, decoder.room)
    prefixes = Prefixes(speller, states, beams) if speller else None
    return Search(decoder, caches, count_lines(states), longest, beams, prefixes).finish()
