"""Lines as the trainer wants them: real ones varied, generated ones drawn on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from pagereader.recognize.preprocess import PAPER_PERCENTILE, ImageRules, fit
from pagereader.training.batches import Order
from pagereader.training.degrade import chance, vary_crop
from pagereader.training.fonts import bare
from pagereader.training.generator import LineGenerator, draw_aspect
from pagereader.training.store import StoredLine
from pagereader.training.tokens import Spelling

IGNORED = -100
"""Label that costs nothing."""
PAD_FULLY = 0.05
"""Share of the lines padded to the model's full width, as stock code always does."""
MARGIN = 0.4
"""Mean width of the margins that a varied crop gets, in heights of the crop."""
STRETCH = ((0.4, 1.0, 1.0), (0.75, 0.75, 1.3), (1.0, 1.0, 1.7))
"""Up to which lot a varied crop is stretched between which factors."""
LETTER = 0.44
"""Heights of the model's image a letter, up to which narrow writing is stretched at random."""
NARROW_STRETCH = 1.75
"""How far it is stretched for that at most."""
WIDEST_ASPECT = 20.0
"""Width over height of the widest lines drawn for models that squash every line."""
LOTS = 2**40


@dataclass(frozen=True, slots=True)
class Sample:
    """A line ready for the model.

    Attributes:
        pixels: uint8 grey, shape (model height, some width).
        labels: Tokens with the end token.
    """

    pixels: NDArray[np.uint8]
    labels: list[int]


class LineDataset(Dataset[Sample]):
    """Stored lines, and after them as many generated ones as wanted.

    Args:
        lines: Real lines.
        rules: How the model wants its images.
        spelling: Its tokenizer.
        augment: Share of the real lines that are varied.
        generator: Draws the others.
        generated: How many there are in one pass.
        longest: Tokens of a generated line at most, the end token included.
    """

    def __init__(
        self,
        lines: Sequence[StoredLine],
        rules: ImageRules,
        spelling: Spelling,
        augment: float = 0.0,
        generator: LineGenerator | None = None,
        generated: int = 0,
        longest: int = 256,
    ) -> None:
        self.lines = lines
        self.rules = rules
        self.spelling = spelling
        self.augment = augment
        self.generator = generator
        self.generated = generated if generator else 0
        self.longest = longest

    def __len__(self) -> int:
        return len(self.lines) + self.generated

    def __getitem__(self, order: Order | int) -> Sample:
        """Return a line; by number alone, as it is (a generated one: always the same)."""
        if not isinstance(order, Order):
            order = Order(int(order), int(order), 0.0, 0)
        if order.number >= len(self.lines):
            return self._generated(order)
        line = self.lines[order.number]
        pixels = line.pixels()
        if order.aspect:
            pixels = vary_crop(pixels, np.random.default_rng(order.lot))
            pixels = _of_aspect(pixels, order.aspect, self.rules.height)
        return self._sample(pixels, line.text, order)

    def plan(self, rng: np.random.Generator) -> list[Order]:
        """Return what one pass asks for: every real line once, varied or not, and new drawings."""
        return [self._order(number, rng) for number in range(len(self))]

    def _order(self, number: int, rng: np.random.Generator) -> Order:
        lot = int(rng.integers(LOTS))
        widest = self.rules.width / self.rules.height if self.rules.strip else WIDEST_ASPECT
        if number >= len(self.lines):
            natural = aspect = draw_aspect(rng, widest)
        else:
            line = self.lines[number]
            natural, aspect = line.width / line.height, 0.0
            if chance(rng, self.augment):
                widened = _stretch(rng) * rng.uniform(1.0, self._narrowness(line))
                natural = aspect = (natural + MARGIN * rng.uniform(0.5, 1.5)) * widened
        return Order(number, lot, aspect, self._padded_width(natural, chance(rng, PAD_FULLY)))

    def _narrowness(self, line: StoredLine) -> float:
        """How much wider its letters would have to be; 1 where the line has no room for that."""
        aspect = line.width / line.height
        letter = aspect / max(1, len(line.text))
        room = self.rules.width / self.rules.height / aspect
        return max(1.0, min(LETTER / letter, NARROW_STRETCH, room))

    def _padded_width(self, aspect: float, fully: bool) -> int:
        if fully or not self.rules.strip:
            return self.rules.width
        buckets = -(-round(aspect * self.rules.height) // self.rules.bucket)
        return min(self.rules.width, max(1, buckets) * self.rules.bucket)

    def _generated(self, order: Order) -> Sample:
        assert self.generator is not None
        drawn = order.lot
        while True:
            line = self.generator.line(drawn, order.aspect)
            text = self._spelled(line.text)
            sample = self._sample(line.pixels, text, order)
            if len(sample.labels) <= self.longest and not self.spelling.lacking(text):
                return sample
            drawn += LOTS

    def _spelled(self, text: str) -> str:
        """Return a text with the bare letter where the model knows none with such an accent."""
        for character in self.spelling.lacking(text):
            text = text.replace(character, bare(character))
        return text

    def _sample(self, pixels: NDArray[np.uint8], text: str, order: Order) -> Sample:
        fitted = _padded(fit(pixels, self.rules).pixels, order.width)
        return Sample(fitted, [*self.spelling.tokens(text), self.spelling.end])


class Collator:
    """Makes batches: images padded with their own paper, labels with what costs nothing.

    Args:
        rules: How the model wants its images.
    """

    def __init__(self, rules: ImageRules) -> None:
        self.rules = rules
        values = torch.from_numpy(rules.lookup())
        # A strip model's channels are all the same here: LineTrainer gives it one for all.
        self._values = values[:1] if rules.strip and is_grey(rules) else values

    def __call__(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """Return pixel_values (batch, channels, height, width) and labels (batch, tokens)."""
        width = max(sample.pixels.shape[1] for sample in samples)
        grey = torch.from_numpy(np.stack([_padded(s.pixels, width) for s in samples])).int()
        values = torch.stack([channel[grey] for channel in self._values], dim=1)
        return {"pixel_values": values, "labels": _labels(samples)}


def is_grey(rules: ImageRules) -> bool:
    """Whether all channels of a grey picture hold the same values."""
    return len(set(rules.mean)) == len(set(rules.std)) == 1


def _labels(samples: Sequence[Sample]) -> Tensor:
    longest = max(len(sample.labels) for sample in samples)
    labels = torch.full((len(samples), longest), IGNORED)
    for row, sample in zip(labels, samples, strict=True):
        row[: len(sample.labels)] = torch.tensor(sample.labels)
    return labels


def _padded(pixels: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    height, own = pixels.shape
    if own >= width:
        return pixels
    out = np.full((height, width), round(float(np.percentile(pixels, PAPER_PERCENTILE))), np.uint8)
    out[:, :own] = pixels
    return out


def _of_aspect(pixels: NDArray[np.uint8], aspect: float, height: int) -> NDArray[np.uint8]:
    size = (max(1, round(aspect * height)), height)
    how = cv2.INTER_AREA if height < pixels.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)


def _stretch(rng: np.random.Generator) -> float:
    lot = rng.random()
    low, high = next((low, high) for upto, low, high in STRETCH if lot <= upto)
    return float(rng.uniform(low, high))
