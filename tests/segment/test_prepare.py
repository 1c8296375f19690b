"""Paper in the shade is paper, what lies around it is not."""

from __future__ import annotations

import numpy as np

from pagereader.segment import LineSegmenter
from pagereader.segment.parameters import Parameters
from pagereader.segment.prepare import find_ink
from tests.segment import drawn
from tests.segment.drawn import as_page
from tests.segment.matching import match


def test_lines_that_begin_in_the_shade_are_whole() -> None:
    page = drawn.letter(1)
    rows, columns = np.mgrid[: page.height, : page.width]
    away = np.hypot(rows - 600, columns) / page.height
    light = np.clip(0.38 + 0.6 * away, 0, 1)
    image = as_page((page.pixels * light).astype(np.uint8))
    result = match(page.lines, LineSegmenter().segment(image))
    assert result.found == 1
    assert result.extra == 0


def test_a_dark_table_around_the_page_is_outside() -> None:
    page = drawn.letter(1).pixels
    table = np.full((1600, 1200), 70, np.uint8)
    table[100:1500, 100:1100] = page
    outside = find_ink(table, Parameters()).outside
    assert outside[:80].all()
    assert outside[:, :80].all()
    assert not outside[150:1450, 150:1050].any()
