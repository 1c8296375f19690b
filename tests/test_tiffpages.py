"""Thumbnails in TIFFs are no pages, unless there is nothing else."""

from __future__ import annotations

from itertools import count

import pytest

from pagereader.tiffpages import page_frames


@pytest.mark.parametrize(
    ("types", "pages"),
    [
        ([], []),
        ([0], [0]),
        ([1], [0]),
        ([0, 1, 0], [0, 2]),
        ([1, 2, 3], [1]),  # page of several, mask
        ([1, 1, 3], [0, 1, 2]),
    ],
)
def test_pages_of_a_tiff(types: list[int], pages: list[int]) -> None:
    assert list(page_frames(types)) == pages


def test_no_more_of_a_file_is_walked_than_is_asked_for() -> None:
    frames = page_frames(number % 2 for number in count())
    assert [next(frames), next(frames), next(frames)] == [0, 2, 4]
