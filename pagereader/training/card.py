"""The model card: what a model learned from, how, and how good it got."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pagereader

HEADER = """---
library_name: transformers
pipeline_tag: image-to-text
tags: [ocr, htr, trocr]
---"""


@dataclass(frozen=True, slots=True)
class Card:
    """What goes on the card.

    Attributes:
        name: Of the model.
        base: Checkpoint that it started from.
        sources: Ground truth as named on the command line, with lines that were used.
        generated: Generated lines a pass.
        fonts: How many font files drew them.
        validated: Lines that validated.
        cer: Best character error rate on them.
        steps: Optimiser steps to the best weights.
        lines_seen: Lines seen up to the end of the run.
        curve: Steps against CER.
        added: Characters that were added to the alphabet.
        settings: Of the run.
        command: What was called.
        versions: Of the libraries.
    """

    name: str
    base: str
    sources: Sequence[tuple[str, int]]
    generated: int
    fonts: int
    validated: int
    cer: float
    steps: int
    lines_seen: int
    curve: Sequence[tuple[int, float]]
    added: str
    settings: Mapping[str, object]
    command: str
    versions: Mapping[str, str] = field(default_factory=dict)


def model_card(card: Card) -> str:
    """Return the card as Markdown with the header that model hubs read."""
    data = [f"- {_plain(name)}: {count} lines" for name, count in card.sources]
    if card.generated:
        data.append(f"- {card.generated} generated lines a pass, drawn in {card.fonts} fonts")
    curve = [f"| {step} | {cer:.4f} |" for step, cer in _thinned(card.curve)]
    settings = [f"| {name} | {_plain(value)} |" for name, value in card.settings.items()]
    versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    parts = [
        HEADER,
        f"# {_plain(card.name)}",
        f"A line recogniser (TrOCR), trained with pagereader {pagereader.__version__} "
        f"from {_plain(card.base)}. It loads with stock `VisionEncoderDecoderModel` and "
        "`TrOCRProcessor`, and with `pagereader --model`.",
        f"## How well it reads\n\nCER {card.cer:.4f} on {card.validated} lines that it did not "
        "learn from, kept back from the same ground truth unless --val named others.",
        "## What it learned from\n\n" + "\n".join(data),
        f"## How it was trained\n\n    {_plain(card.command)}\n\n"
        f"{card.lines_seen} lines seen; the weights are those after step {card.steps}.",
    ]
    if card.added:
        parts.append(f"Characters added to its alphabet: `{_plain(card.added)}`")
    parts += [
        "| step | CER |\n|---|---|\n" + "\n".join(curve),
        "| setting | value |\n|---|---|\n" + "\n".join(settings),
        f"{versions}, Python {platform.python_version()}.",
        "Its licence follows from the base model's and the ground truth's: fill it in before "
        "you share it.",
    ]
    return "\n\n".join(parts) + "\n"


def _thinned(curve: Sequence[tuple[int, float]], most: int = 30) -> list[tuple[int, float]]:
    if len(curve) <= most:
        return list(curve)
    step = len(curve) / most
    return [curve[int(i * step)] for i in range(most - 1)] + [curve[-1]]


def _plain(value: object) -> str:
    """Return a value on one line that cannot break out of its table cell or code."""
    text = "".join(c if c.isprintable() else "\ufffd" for c in str(value))
    return text.replace("|", "\\|").replace("`", "'")
