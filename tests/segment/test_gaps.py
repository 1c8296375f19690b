"""Where lines are cut, and where they are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pagereader.segment import LineSegmenter
from pagereader.segment.gaps import Gap, running_text
from pagereader.segment.scale import Scale
from tests.segment import drawn
from tests.segment.drawn import DrawnPage
from tests.segment.matching import match

MAKERS: dict[str, Callable[[int], DrawnPage]] = {
    "two narrow gutters": lambda seed: drawn.magazine(3, seed),
    "narrow gutter": drawn.magazine,
    "typescript": drawn.typescript,
    "tight receipt": drawn.tight_receipt,
    "gaps between sentences": drawn.typed_report,
    "lines far apart": drawn.loose,
    "words far apart": drawn.far_words,
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", MAKERS)
def test_cut_between_columns_and_not_within_lines(name: str, seed: int) -> None:
    image, truth = MAKERS[name](seed).page()
    found = LineSegmenter().segment(image)
    result = match(truth, found)
    assert result.found >= 0.99
    assert result.merged == 0
    assert result.extra == 0
    assert result.order == sorted(result.order)
    assert sum(1 for region in found.regions for _ in region.all_lines()) == len(truth)


@pytest.mark.parametrize("degrees", [-1.5, 1.0])
def test_gutters_of_a_skewed_page(degrees: float) -> None:
    image, truth = drawn.magazine(2, 3).rotated(degrees)
    result = match(truth, LineSegmenter().segment(image))
    assert result.found >= 0.98
    assert result.merged == 0
    assert result.order == sorted(result.order)


@pytest.mark.parametrize(
    ("neighbours", "repeats", "expected"),
    [((2, 2), 0, 1.0), ((2, 1), 0, 1.0), ((1, 1), 0, 0.0), ((2, 0), 0, 0.0), ((2, 1), 1, 0.0)],
)
def test_short_paragraphs_are_running_text_and_forms_are_not(
    neighbours: tuple[int, int], repeats: int, expected: float
) -> None:
    gaps = [
        [Gap(10, 18, neighbours=n, repeats=repeats * (n < 2), parts_words=True) for n in neighbours]
        for _ in range(10)
    ]
    assert running_text(gaps, Scale(9.0, 20.0, 0.0), (0.62, 0.70)) == expected
