"""The samples, read as a newcomer reads them: bundled model, default settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from rapidfuzz.distance import Levenshtein

import pagereader

SAMPLES = Path(__file__).parents[1] / "samples"


@pytest.fixture(scope="module")
def reader() -> pagereader.Reader:
    return pagereader.Reader()


@pytest.mark.parametrize(
    ("scan", "truth", "most"),
    [
        ("letter.pdf", "letter.txt", 0.02),
        ("skewed.jpg", "skewed.txt", 0.02),
        ("columns.jpg", "columns.txt", 0.02),
    ],
)
def test_a_sample_is_read(reader: pagereader.Reader, scan: str, truth: str, most: float) -> None:
    read = " ".join(" ".join(page.text for page in reader.read(SAMPLES / scan)).split())
    true = " ".join((SAMPLES / truth).read_text("utf-8").split())
    assert Levenshtein.distance(read, true) / len(true) <= most, read


def test_words_carry_boxes_and_confidence(reader: pagereader.Reader) -> None:
    (page,) = reader.read(SAMPLES / "columns.jpg")
    words = [word for line in page.lines for word in line.words]
    assert len(words) > 90
    assert all(0 < (word.confidence or 0) <= 1 for word in words)
    assert all(line.text == " ".join(word.text for word in line.words) for line in page.lines)
