"""Every setting of a reading: its default, its meaning and its check.

The command line turns its flags into :class:`Options`; the API takes the same object, or the
same names as keyword arguments. Nothing else in pagereader has defaults of its own for these.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from pagereader.errors import UsageError

ORIENTATIONS = ("auto", "0", "90", "180", "270")
PRECISIONS = ("auto", "exact", "fast", "fp32", "bf16", "fp16")
ON_ERROR = ("skip", "abort")


@dataclass(frozen=True, slots=True)
class PageRange:
    """A choice of pages such as ``1,3-5,8-end``, 1-based as people write it.

    Attributes:
        parts: First and last page of each part, from 1; a last page of None means the end.
    """

    parts: tuple[tuple[int, int | None], ...]

    @classmethod
    def parse(cls, text: str) -> PageRange:
        """Read ``1,3-5,8-end``.

        Raises:
            UsageError: if ``text`` is not of that form.
        """
        parts: list[tuple[int, int | None]] = []
        for part in text.split(","):
            match = re.fullmatch(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9}|end|))?\s*", part)
            if not match:
                raise UsageError(f"{text!r} is no page range", "write it as 1,3-5,8-end")
            first = int(match[1])
            to_end = match[2] in ("end", "")
            last = None if to_end else int(match[2] or first)
            if first < 1 or (last is not None and last < first):
                raise UsageError(
                    f"{part.strip()!r} is no page range", "pages count from 1, lower first"
                )
            parts.append((first, last))
        return cls(tuple(parts))

    def indices(self, count: int, name: str = "") -> list[int]:
        """Return the chosen pages of a document of ``count`` pages, from 0, in document order.

        Args:
            count: How many pages there are.
            name: The document's, for the message.

        Raises:
            UsageError: if a named page lies past the end.
        """
        chosen: set[int] = set()
        for first, last in self.parts:
            wanted = max(first, last or 0)
            if wanted > count:
                raise UsageError(
                    f"{name + ': ' if name else ''}page {wanted} was asked for, but there "
                    + ("is only 1 page" if count == 1 else f"are only {count} pages"),
                    "shorten --pages, or write 'end' for the last page",
                )
            chosen.update(range(first - 1, count if last is None else last))
        return sorted(chosen)


_TYPES: dict[str, tuple[type, str]] = {
    "str": (str, "text"),
    "bool": (bool, "True or False"),
    "int": (Integral, "a whole number"),
    "float": (Real, "a number"),
}
"""What the annotations of the options mean: programs pass what the command line cannot."""


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a reading. Checked once, when made.

    Attributes:
        pages: Which pages of each input, ``1,3-5,8-end``; None for all.
        password: For encrypted PDFs.
        dpi: At which PDF pages are rendered that are not one full-page image.
        max_pixels: Images with more pixels than this are refused as decompression bombs.
        segmenter: Name of the segmenter.
        orientation: "auto", or the degrees by which pages must be turned clockwise.
        spread: Whether pages are two-page spreads, read left page first.
        recognizer: Name of the recogniser.
        model: "bundled", a folder, or a name on the hub (which is then downloaded).
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        precision: "auto" (16 bits where the hardware has units for them), "exact", "fast", or a
            number format.
        batch_size: Lines decoded together; None to choose by device and model.
        beams: Beam search width; 1 is greedy.
        alternatives: Readings to keep beside the best one.
        second_look: Words of less confidence are read again with their neighbours, wider and
            clearer; 0 for never, None for 0.9 with
            recognisers that are as quick as the bundled one and never with others.
        jobs: Pages prepared at once; None for one a core.
        language: ISO 639-1 code noted in the outputs; does not change the reading.
        reflow: Join the lines of a paragraph, and words cut at line ends, in plain text.
        resegment: Cut lines anew where the input already has them (PAGE, ALTO, hOCR).
        on_error: "skip" failed pages or "abort" at the first.
        max_failed: Give up when more than this share of pages failed (after 20 pages).
        retries: Times a failed page is tried again.
        page_timeout: Seconds after which a page of an archive counts as failed.
    """

    pages: str | None = None
    password: str | None = None
    dpi: int = 300
    max_pixels: int = 250_000_000
    segmenter: str = "lines"
    orientation: str = "auto"
    spread: bool = False
    recognizer: str = "trocr"
    model: str = "bundled"
    device: str = "auto"
    precision: str = "auto"
    batch_size: int | None = None
    beams: int = 1
    alternatives: int = 0
    second_look: float | None = None
    jobs: int | None = None
    language: str = ""
    reflow: bool = False
    resegment: bool = False
    on_error: str = "skip"
    max_failed: float = 1.0
    retries: int = 0
    page_timeout: float = 1800.0

    def __post_init__(self) -> None:
        if isinstance(self.model, os.PathLike):
            object.__setattr__(self, "model", os.fspath(self.model))
        for each in fields(self):
            self._check_type(
                each.name,
                str(each.type),
                each.default or ("1,3-5" if each.name == "pages" else "en"),
            )
        if self.pages is not None:
            PageRange.parse(self.pages)
        self._check_choice("orientation", ORIENTATIONS)
        self._check_choice("precision", PRECISIONS)
        self._check_choice("on_error", ON_ERROR)
        for name, low, high in (
            ("dpi", 30, 2400),
            ("max_pixels", 1, 4_000_000_000),
            ("batch_size", 1, 65536),
            ("beams", 1, 100),
            ("alternatives", 0, 100),
            ("second_look", 0.0, 1.0),
            ("jobs", 1, 1024),
            ("max_failed", 0.0, 1.0),
            ("retries", 0, 100),
            ("page_timeout", 0.001, 1e9),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UsageError(
                    f"{name.replace('_', '-')} {value} is out of range", f"{low} to {high}"
                )
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", self.device):
            raise UsageError(
                f"no device is called {self.device!r}", "auto, cpu, cuda, cuda:1 or mps"
            )
        if self.language and not re.fullmatch(r"[a-z]{2,3}", self.language):
            raise UsageError(
                f"{self.language!r} is no language code", "use ISO 639, such as en or fr"
            )

    def _check_type(self, name: str, annotation: str, example: object) -> None:
        value = getattr(self, name)
        wanted = annotation.removesuffix(" | None")
        if value is None and wanted != annotation:
            return
        kind, words = _TYPES[wanted]
        if not isinstance(value, kind) or (isinstance(value, bool) and wanted != "bool"):
            like = f" such as {example!r}" if wanted == "str" else ""
            name = name.replace("_", "-")
            raise UsageError(f"{name} {value!r} is not {words}", f"give {words}{like}")

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        value = getattr(self, name)
        if value not in choices:
            raise UsageError(f"{name} {value!r} is unknown", f"one of {', '.join(choices)}")

    @classmethod
    def of(cls, options: Options | None = None, **changes: Any) -> Options:
        """Return ``options`` (or the defaults) with ``changes`` applied and checked.

        Raises:
            UsageError: if a name or value is wrong.
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise UsageError(f"no option is called {unknown[0]!r}", f"known: {', '.join(known)}")
        if not isinstance(options, cls | None):
            raise UsageError(f"{options!r} is no Options", "give single settings by their names")
        base = options or cls()
        return cls(**({name: getattr(base, name) for name in known} | changes))


def bundled_model() -> Path:
    """Return the folder of the recogniser that ships with pagereader."""
    return Path(__file__).parent / "models" / "default"
