from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagereader.errors import ExitCode, UsageError
from pagereader.options import Options, PageRange


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("1", 3, [0]),
        ("1,3-5,8-end", 9, [0, 2, 3, 4, 7, 8]),
        ("3-", 4, [2, 3]),
        (" 2 , 1 ", 2, [0, 1]),
        ("1-3,2-4", 4, [0, 1, 2, 3]),
        ("2-end", 2, [1]),
    ],
)
def test_page_ranges(text: str, count: int, expected: list[int]) -> None:
    assert PageRange.parse(text).indices(count) == expected


@pytest.mark.parametrize("text", ["", "0", "a", "3-1", "1..2", "-3", "1,,2", "1-2-3"])
def test_bad_page_ranges_are_refused_with_advice(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        PageRange.parse(text)
    assert caught.value.advice
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("text", ["4", "2-4", "4-end"])
def test_pages_past_the_end_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="only 3 pages"):
        PageRange.parse(text).indices(3)


@given(st.text(max_size=12))
def test_any_text_is_a_range_or_a_usage_error(text: str) -> None:
    try:
        indices = PageRange.parse(text).indices(20)
    except UsageError:
        return
    assert indices == sorted(set(indices))
    assert all(0 <= i < 20 for i in indices)


@pytest.mark.parametrize(
    "changes",
    [
        {"dpi": 0},
        {"precision": "double"},
        {"orientation": "45"},
        {"device": "tpu"},
        {"batch_size": 0},
        {"max_failed": 1.5},
        {"pages": "0"},
        {"language": "English"},
        {"colour": "red"},
    ],
)
def test_wrong_settings_are_refused_once_and_for_all(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        Options.of(**changes)
    assert caught.value.advice


def test_changes_are_laid_over_given_options() -> None:
    options = Options.of(Options(dpi=200, beams=4), beams=2)
    assert (options.dpi, options.beams) == (200, 2)
