"""Lines as the trainer wants them: real ones varied, generated ones drawn on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from pagereader.recognize.preprocess import PAPER_PERCENTILE, ImageRules, fit
from pagereader.training.degrade import vary_crop
from pagereader.training.generator import LineGenerator
from pagereader.training.store import StoredLine
from pagereader.training.tokens import Spelling

IGNORED = -100
"""Label that costs nothing."""
PAD_FULLY = 0.1
"""Share of the batches padded to the model's full width, as stock code always does."""


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

    Randomness comes from torch's generator, which the trainer seeds and restores.

    Args:
        lines: Real lines.
        rules: How the model wants its images.
        spelling: Its tokenizer.
        augment: Share of the real lines that are varied.
        generator: Draws the others.
        generated: How many there are in one pass.
        fixed: Whether generated lines are the same in every pass, as for validation.
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
        fixed: bool = False,
        longest: int = 256,
    ) -> None:
        self.lines = lines
        self.rules = rules
        self.spelling = spelling
        self.augment = augment
        self.generator = generator
        self.generated = generated if generator else 0
        self.fixed = fixed
        self.longest = longest

    def __len__(self) -> int:
        return len(self.lines) + self.generated

    def __getitem__(self, number: int) -> Sample:
        """Return a line; pixels vary from call to call, texts of real lines do not."""
        if number < len(self.lines):
            line = self.lines[number]
            pixels, text = line.pixels(), line.text
            if self.augment:
                rng = np.random.default_rng(_lot())
                if rng.random() < self.augment:
                    pixels = vary_crop(pixels, rng)
            return self._sample(pixels, text)
        return self._generated(number - len(self.lines))

    def lengths(self) -> list[int]:
        """Return a width for each line, in the model's pixels, to batch like with like."""
        height, widest = self.rules.height, self.rules.width
        real = [min(widest, round(line.width * height / line.height)) for line in self.lines]
        return real + [widest // 2] * self.generated

    def _generated(self, number: int) -> Sample:
        assert self.generator is not None
        drawn = number if self.fixed else _lot()
        while True:
            line = self.generator.line(drawn)
            sample = self._sample(line.pixels, line.text)
            if len(sample.labels) <= self.longest and not self.spelling.lacking(line.text):
                return sample
            drawn += 2**40

    def _sample(self, pixels: NDArray[np.uint8], text: str) -> Sample:
        fitted = fit(pixels, self.rules)
        return Sample(fitted.pixels, [*self.spelling.tokens(text), self.spelling.end])


class Collator:
    """Makes batches: images padded with their own paper, labels with what costs nothing.

    Args:
        rules: How the model wants its images.
        vary_width: Whether some batches are padded to the model's full width.
    """

    def __init__(self, rules: ImageRules, vary_width: bool = False) -> None:
        self.rules = rules
        self.vary_width = vary_width
        self._values = torch.from_numpy(rules.lookup())

    def __call__(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """Return pixel_values (batch, channels, height, width) and labels (batch, tokens)."""
        width = max(sample.pixels.shape[1] for sample in samples)
        if self.vary_width and torch.rand(()).item() < PAD_FULLY:
            width = self.rules.width
        grey = torch.from_numpy(np.stack([_padded(s.pixels, width) for s in samples])).long()
        values = torch.stack([channel[grey] for channel in self._values], dim=1)
        return {"pixel_values": values, "labels": _labels(samples)}


def _labels(samples: Sequence[Sample]) -> Tensor:
    longest = max(len(sample.labels) for sample in samples)
    labels = torch.full((len(samples), longest), IGNORED)
    for row, sample in zip(labels, samples, strict=True):
        row[: len(sample.labels)] = torch.tensor(sample.labels)
    return labels


def _padded(pixels: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    height, own = pixels.shape
    if own == width:
        return pixels
    out = np.full((height, width), round(float(np.percentile(pixels, PAPER_PERCENTILE))), np.uint8)
    out[:, :own] = pixels
    return out


def _lot() -> int:
    return int(torch.randint(2**40, ()).item())
