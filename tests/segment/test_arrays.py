from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pagereader.segment.arrays import long_runs

ROWS = st.lists(st.text("01", min_size=9, max_size=9), min_size=1, max_size=6)


def without_short(row: str, least: int) -> str:
    runs = re.findall("1+|0+", row)
    return "".join(run if len(run) >= least else "0" * len(run) for run in runs)


@given(ROWS, st.data())
def test_only_runs_as_long_as_their_row_asks_for_are_kept(
    rows: list[str], data: st.DataObject
) -> None:
    least = data.draw(st.lists(st.integers(1, 10), min_size=len(rows), max_size=len(rows)))
    expected = [without_short(row, n) for row, n in zip(rows, least, strict=True)]
    mask = np.array([list(row) for row in rows], np.uint8)
    kept = long_runs(mask, np.array(least))
    assert ["".join(map(str, row)) for row in kept.tolist()] == expected
