"""The shared judge and pagereader must come to the same figures on real pages."""

from __future__ import annotations

import csv
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pagereader.evaluate import TextRules, TranscriptSet, evaluate, read_transcripts
from tests.conftest import SHARED

PAGES = SHARED / "pages"
JUDGE = SHARED / "judge" / "judge.py"
SAMPLE = 8

pytestmark = pytest.mark.skipif(not JUDGE.exists(), reason="needs ../shared/judge and pages")


def spoil(xml: str, rng: random.Random) -> str:
    """Misspell texts and lose some lines of a PAGE file."""

    def misspell(match: re.Match[str]) -> str:
        text = "".join(
            rng.choice("aeiou") if c.isalpha() and rng.random() < 0.08 else c for c in match[2]
        )
        return match[1] + text + match[3]

    xml = re.sub(r"(<(?:\w+:)?Unicode>)([^<&]*)(</(?:\w+:)?Unicode>)", misspell, xml)
    lines = re.findall(r"<(?:\w+:)?TextLine\b.*?</(?:\w+:)?TextLine>", xml, re.S)
    for line in lines:
        after = xml[xml.index(line) + len(line) :]
        # A region keeps one line: without any, its own text stands in, which the judge ignores.
        if rng.random() < 0.15 and re.match(r"\s*<(?:\w+:)?TextLine\b", after):
            xml = xml.replace(line, "", 1)
    return xml


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, str]]]:
    rng = random.Random(3)
    with (PAGES / "manifest.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    rows = [
        row for row in rows if row["gt_kind"].startswith("PAGE") and "SROIE" not in row["source"]
    ]
    chosen = rng.sample(rows, SAMPLE)
    out = tmp_path_factory.mktemp("out")
    for row in chosen:
        xml = (PAGES / row["gt"]).read_text("utf-8")
        (out / f"{row['id']}.xml").write_text(spoil(xml, rng), "utf-8")
    table = out.parent / "judged.tsv"
    names = ",".join(row["id"] for row in chosen)
    subprocess.run(
        [sys.executable, JUDGE, PAGES, out, "--only", names, "--tsv", table],
        check=True,
        capture_output=True,
    )
    with table.open(encoding="utf-8") as file:
        return out, {row["id"]: row for row in csv.DictReader(file, delimiter="\t")}


def test_page_figures_agree_with_the_judge(
    spoilt: tuple[Path, dict[str, dict[str, str]]],
) -> None:
    out, judged = spoilt
    truth = TranscriptSet()
    for name in judged:
        truth.pages |= read_transcripts(PAGES / "gt" / f"{name}.xml").pages
    read = read_transcripts(out)
    result = evaluate(truth, read, TextRules(fold_typography=True))
    assert len(result.pages) == SAMPLE
    for page in result.pages:
        expected = judged[page.name]
        assert page.scores.characters.value == pytest.approx(float(expected["CER"]), abs=6e-5)
        assert page.scores.bag.f1 == pytest.approx(float(expected["wF1"]), abs=6e-4)
        assert page.found is not None
        assert page.found.f1 == pytest.approx(float(expected["lF1"]), abs=6e-4)
    assert result.scores.characters.value > 0.05, "the pages were spoilt"
