"""Do other programs see the same lines, text and places in our files as we wrote?

    python benchmarks/interop.py [TRANSCRIPTION...] [--python INTERPRETER]...

Writes PAGE, ALTO and hOCR of every page and reads them with each program's own reader. Pages come
from TRANSCRIPTIONs (PAGE, ALTO, hOCR or JSON); without any, the samples are read. The programs
live in environments of their own, never in ours:

    python3 -m venv ~/interop
    ~/interop/bin/pip install ocrd ocrd-page-to-alto ocrmypdf hocr-tools dinglehopper alto-tools
    python benchmarks/interop.py --python ~/interop/bin/python

kraken (pip install kraken) wants another torch than others: give it a second --python. A program
that is in none of the environments is skipped and said so. Ends with 1 if any sees otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pagereader.document import Page
from pagereader.parse import parse_transcription
from pagereader.write import writer
from pagereader.write.placed import PlacedLine, PlacedRegion, place
from pagereader.write.textlayer import all_lines

HERE = Path(__file__).parent
SAMPLES = sorted((HERE.parent / "samples").glob("*.[jp][pd][gf]"))


class Missing(Exception):
    """The program is in none of the environments."""


@dataclass(eq=False)
class Written:
    """A page with the files made of it and the lines we mean them to hold."""

    name: str
    page: Page
    folder: Path
    regions: list[PlacedRegion] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.regions = place(self.page)
        for format in ("page", "alto", "hocr"):
            made = writer(format)
            path = self.path(format)
            path.write_bytes(made.render([self.page], [f"{self.name}.png"]))

    def path(self, format: str) -> Path:
        """Where the page is in this format."""
        return self.folder / f"{self.name}{writer(format).suffix}"

    @property
    def lines(self) -> list[PlacedLine]:
        """All lines, those of nested regions included."""
        return all_lines(self.regions)

    @property
    def outer_lines(self) -> list[PlacedLine]:
        """Lines of the regions right on the page: all that kraken reads."""
        return [line for region in self.regions for line in region.lines]

    @property
    def texts(self) -> list[str]:
        """Texts of the lines that have any."""
        return [line.text for line in self.lines if line.text]


def folded(texts: Iterable[str]) -> list[str]:
    """Texts without what the programs settle to their own liking.

    OCRmyPDF reads compatibility forms (a long s as s), dinglehopper plain quotes and dashes, and
    most fold white space.
    """
    plain = (unicodedata.normalize("NFKC", text).translate(_PLAIN) for text in texts)
    return [" ".join(text.split()) for text in plain]


_PLAIN = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a", "'")
    | dict.fromkeys("\u201c\u201d\u201e", '"')
    | dict.fromkeys("\u2013\u2014", "-")
)


class Foreign:
    """Runs foreign readers with whichever interpreter has them.

    Args:
        interpreters: Tried in order.
        pages: What will be asked for: a program reads them all at once, for it is slow to start.
    """

    def __init__(self, interpreters: Sequence[str], pages: Sequence[Written]) -> None:
        self._interpreters = interpreters
        self._pages = pages
        self._seen: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def read(self, tool: str, page: Written, format: str) -> dict[str, Any]:
        """Return what ``tool`` saw in ``page``.

        Raises:
            Missing: if no interpreter has it.
            RuntimeError: if it failed.
        """
        if (tool, format) not in self._seen:
            self._seen[tool, format] = self._run(tool, [p.path(format) for p in self._pages])
        return self._seen[tool, format][self._pages.index(page)]

    def _run(self, tool: str, paths: Sequence[Path]) -> list[dict[str, Any]]:
        reasons = []
        for interpreter in self._interpreters:
            command = [interpreter, "-W", "ignore", HERE / "foreign_readers.py", tool, *paths]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode:
                raise RuntimeError((result.stderr.strip().splitlines() or ["no message"])[-1])
            said: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
            if "missing" not in said:
                return list(said["files"])
            reasons.append(said["missing"])
        raise Missing("; ".join(reasons) or "no --python was given")


def differences(ours: Iterable[Any], theirs: Iterable[Any], what: str) -> list[str]:
    """Say where two sequences differ first."""
    a, b = list(ours), list(theirs)
    for i, (mine, seen) in enumerate(zip(a, b, strict=False)):
        if mine != seen:
            return [f"{what} {i}: we wrote {mine!r}, it sees {seen!r}"]
    return [] if len(a) == len(b) else [f"we wrote {len(a)} of {what}, it sees {len(b)}"]


def kraken(foreign: Foreign, page: Written) -> list[str]:
    """PAGE and ALTO: text, baseline and outline of every line, in reading order.

    kraken reads no regions within regions, such as the cells of tables.
    """
    problems = []
    for format in ("page", "alto"):
        seen = foreign.read("kraken", page, format)["lines"]
        known = [line for line in page.outer_lines if line.baseline is not None]
        problems += differences(
            folded(ln.text for ln in known), folded(s["text"] for s in seen), "text"
        )
        problems += differences(
            (ln.baseline.tolist() for ln in known if ln.baseline is not None),
            ([[round(v) for v in p] for p in s["baseline"]] for s in seen),
            "baseline",
        )
        problems += differences(
            (sorted(ln.points.tolist()) for ln in known),
            (_corner_set(s["polygon"]) for s in seen),
            "outline",
        )
    return problems


def _corner_set(polygon: Sequence[Sequence[float]]) -> list[list[int]]:
    corners = [[round(v) for v in point] for point in polygon]
    return sorted(corners[:-1] if corners[0] == corners[-1] else corners)


def ocrd(foreign: Foreign, page: Written) -> list[str]:
    """PAGE: no objection at all."""
    return list(foreign.read("ocrd", page, "page")["errors"])


def page_to_alto(foreign: Foreign, page: Written) -> list[str]:
    """PAGE: the ALTO made of it has our lines and boxes."""
    path = page.folder / "converted.alto.xml"
    path.write_text(foreign.read("page_to_alto", page, "page")["xml"], encoding="utf-8")
    (converted,) = parse_transcription(path)
    seen = [line for line in converted.lines if line.text]
    known = [line for line in page.lines if line.text]
    problems = differences(folded(ln.text for ln in known), folded(ln.text for ln in seen), "text")
    boxes = [ln.polygon for ln in seen]
    return problems + differences(
        (list(ln.box) for ln in known),
        (
            [
                *np.rint(b.min(axis=0)).astype(int).tolist(),
                *np.rint(b.max(axis=0)).astype(int).tolist(),
            ]
            for b in boxes
        ),
        "box",
    )


def ocrmypdf(foreign: Foreign, page: Written) -> list[str]:
    """hOCR: page box, lines, words and slopes."""
    seen = foreign.read("ocrmypdf", page, "hocr")
    known = [line for line in page.lines if line.text]
    problems = differences([[0, 0, page.page.width, page.page.height]], [seen["page"]], "page box")
    problems += differences(
        folded(ln.text for ln in known), folded(s["text"] for s in seen["lines"]), "text"
    )
    problems += differences(
        (list(ln.box) for ln in known), (s["box"] for s in seen["lines"]), "box"
    )
    with_words = [(ln, s) for ln, s in zip(known, seen["lines"], strict=False) if ln.words]
    return problems + differences(
        ([list(w.box) for w in ln.words] for ln, _ in with_words),
        (s["words"] for _, s in with_words),
        "word boxes",
    )


def hocr_tools(foreign: Foreign, page: Written) -> list[str]:
    """hOCR: hocr-check finds nothing, hocr-lines prints our lines."""
    seen = foreign.read("hocr_tools", page, "hocr")
    printed = [text for text in seen["texts"] if text]
    return list(seen["errors"]) + differences(folded(page.texts), folded(printed), "text")


def dinglehopper(foreign: Foreign, page: Written) -> list[str]:
    """PAGE and ALTO: the text that a comparison would take."""
    problems = []
    for format in ("page", "alto"):
        seen = foreign.read("dinglehopper", page, format)["texts"]
        problems += differences(
            folded(page.texts), folded(text for text in seen if text), f"{format} text"
        )
    return problems


def alto_tools(foreign: Foreign, page: Written) -> list[str]:
    """ALTO: text, and the mean confidence of the words."""
    seen = foreign.read("alto_tools", page, "alto")
    known = [w.confidence for ln in page.lines for w in (ln.words or [ln])]
    mean = 100 * float(np.mean([c for c in known if c is not None] or [0]))
    printed = [text for text in seen["texts"] if text]
    problems = differences(folded(page.texts), folded(printed), "text")
    if abs(mean - seen["confidence"]) > 0.02:
        problems.append(f"mean confidence: we wrote {mean:.2f}, it sees {seen['confidence']}")
    return problems


CHECKS: tuple[Callable[[Foreign, Written], list[str]], ...] = (
    kraken,
    ocrd,
    page_to_alto,
    ocrmypdf,
    hocr_tools,
    dinglehopper,
    alto_tools,
)


def check(foreign: Foreign, pages: Sequence[Written]) -> bool:
    """Print one line a program; return whether all that are there agree."""
    agreed = True
    for run in CHECKS:
        name = run.__name__.replace("_", "-")
        problems: list[str] = []
        try:
            for page in pages:
                problems += [f"{page.name}: {problem}" for problem in run(foreign, page)]
        except Missing as missing:
            print(f"{name:14} skipped: {missing}")
            continue
        except RuntimeError as error:
            problems.append(f"failed: {error}")
        verdict = f"{len(problems)} differences" if problems else "agrees"
        print(f"{name:14} {verdict} on {len(pages)} pages")
        for problem in problems[:5]:
            print(f"    {problem[:300]}")
        agreed &= not problems
    return agreed


def sample_pages() -> list[Page]:
    """The samples, read with the model that ships."""
    from pagereader import Reader

    with Reader() as reader:
        return [page for sample in SAMPLES for page in reader.read(str(sample))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("transcriptions", nargs="*", metavar="TRANSCRIPTION")
    parser.add_argument("--python", action="append", default=[], metavar="INTERPRETER")
    arguments = parser.parse_args()
    pages = [p for path in arguments.transcriptions for p in parse_transcription(path)]
    with tempfile.TemporaryDirectory() as name:
        written = [
            Written(f"page_{i:04d}", page, Path(name))
            for i, page in enumerate(pages or sample_pages(), 1)
        ]
        lines = sum(len(page.lines) for page in written)
        words = sum(len(line.words) for page in written for line in page.lines)
        print(f"{len(written)} pages, {lines} lines, {words} words")
        return 0 if check(Foreign(arguments.python, written), written) else 1


if __name__ == "__main__":
    sys.exit(main())
