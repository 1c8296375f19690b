"""The lines of a run, cut once and kept as small images beside the model in the making."""

from __future__ import annotations

import csv
import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pagereader.errors import InputError, OutputError
from pagereader.evaluate.transcripts import read_line_list
from pagereader.evaluate.truthlines import TruthLine

TALLEST = 160
"""Pixels; higher crops are scaled down, far above what any recogniser looks at."""
LIST = "lines.tsv"


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line on disk.

    Attributes:
        image: PNG, grey.
        text: In NFC, blanks folded.
        page: Name of its page.
        width: In pixels.
        height: In pixels.
    """

    image: Path
    text: str
    page: str
    width: int
    height: int

    def pixels(self) -> NDArray[np.uint8]:
        """Return the crop as uint8 grey, shape (height, width).

        Raises:
            InputError: if the file is gone.
        """
        pixels = cv2.imread(str(self.image), cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            raise InputError(f"{str(self.image)!r} is gone", "start the training anew")
        return np.asarray(pixels, np.uint8)


def clean_text(text: str) -> str:
    """Return a line's text as recognisers learn it: NFC, blanks folded, nothing invisible."""
    folded = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(c for c in folded if unicodedata.category(c) not in ("Cc", "Cs", "Cn"))


def store_lines(lines: Iterable[TruthLine], folder: Path) -> list[StoredLine]:
    """Write crops and a list of them, which is itself ground truth for pagereader.

    Raises:
        OutputError: if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stored = list(_store_each(lines, folder))
        with (folder / LIST).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(
                file, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None, lineterminator="\n"
            )
            table.writerow(["image", "text", "page", "width", "height"])
            for line in stored:
                size = (line.width, line.height)
                table.writerow([line.image.name, line.text, " ".join(line.page.split()), *size])
    except OSError as error:
        raise OutputError(
            f"{str(folder)!r} cannot be written: {error.strerror}", "check space and permissions"
        ) from None
    return stored


def stored_lines(folder: Path) -> list[StoredLine]:
    """Return the lines that :func:`store_lines` put into a folder.

    Raises:
        InputError: if there are none.
    """
    return [
        StoredLine(
            folder / row["image"], row["text"], row["page"], int(row["width"]), int(row["height"])
        )
        for row in read_line_list(folder / LIST)
    ]


def split_lines(
    lines: Sequence[StoredLine], share: float, seed: int
) -> tuple[list[StoredLine], list[StoredLine]]:
    """Part the lines into those to learn and those to validate.

    Whole pages validate, because lines of one page resemble each other; where there are too few
    pages for that, single lines do.
    """
    rng = np.random.default_rng(seed)
    wanted = max(1, round(share * len(lines)))
    pages = sorted({line.page for line in lines})
    if len(pages) * share < 1:
        chosen = set(rng.permutation(len(lines))[:wanted].tolist())
        return _parted(lines, [i in chosen for i in range(len(lines))])
    counts = dict.fromkeys(pages, 0)
    for line in lines:
        counts[line.page] += 1
    held: set[str] = set()
    for number in rng.permutation(len(pages)):
        if sum(counts[page] for page in held) >= wanted or len(held) == len(pages) - 1:
            break
        held.add(pages[number])
    return _parted(lines, [line.page in held for line in lines])


def fingerprint(lines: Sequence[StoredLine]) -> str:
    """Return a hash of the lines' pixels and texts."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.text.encode("utf-8") + b"\0")
        digest.update(hashlib.sha256(line.image.read_bytes()).digest())
    return digest.hexdigest()


def _store_each(lines: Iterable[TruthLine], folder: Path) -> Iterator[StoredLine]:
    """Write each crop; one that is named again right after itself, for its weight, only once."""
    before: TruthLine | None = None
    for number, line in enumerate(lines):
        if before is None or line.pixels is not before.pixels or line.text != before.text:
            stored = _store(line, folder, number)
        before = line
        yield stored


def _store(line: TruthLine, folder: Path, number: int) -> StoredLine:
    pixels = line.pixels
    if pixels.shape[0] > TALLEST:
        width = max(1, round(pixels.shape[1] * TALLEST / pixels.shape[0]))
        shrunk = cv2.resize(pixels, (width, TALLEST), interpolation=cv2.INTER_AREA)
        pixels = np.asarray(shrunk, np.uint8)
    path = folder / f"{number:07d}.png"
    path.write_bytes(bytes(cv2.imencode(".png", pixels)[1]))
    height, width = pixels.shape
    return StoredLine(path, clean_text(line.text), line.page, width, height)


def _parted(
    lines: Sequence[StoredLine], held: Sequence[bool]
) -> tuple[list[StoredLine], list[StoredLine]]:
    pairs = list(zip(lines, held, strict=True))
    return [line for line, out in pairs if not out], [line for line, out in pairs if out]
