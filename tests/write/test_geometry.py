from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely.geometry import LineString, Polygon

from pagereader import write
from pagereader.document import Line, Page, PageSource, Region, Word
from pagereader.geometry import rectangle
from pagereader.write.outline import around, corners_of, inside, outline, outlines, page_box
from pagereader.write.placed import place

AREA = page_box(1000, 1000)


def test_a_proper_outline_is_kept_corner_for_corner():
    corners = np.array([[10, 10], [50, 12], [90, 10], [90, 60], [10, 60]])
    assert corners_of(outline(corners.astype(float), AREA)).tolist() == corners.tolist()


def test_an_outline_is_rounded_and_clamped():
    shape = outline(np.array([[-3.2, 4.4], [2000, 4.6], [2000, 90.5], [-3, 90]]), AREA)
    assert corners_of(shape).tolist() == [[0, 4], [999, 5], [999, 90], [0, 90]]


def test_a_bow_tie_becomes_its_larger_half():
    shape = outline(np.array([[0, 0], [100, 100], [100, 0], [0, 40.0]]), AREA)
    assert shape.is_valid
    assert 0.5 < shape.area / 3571 < 1.5


def test_a_point_becomes_a_pixel_even_in_the_corner():
    assert outline(np.array([[5000.0, 5000]]), AREA).bounds == (998, 998, 999, 999)


def test_what_is_no_number_is_no_outline():
    assert outline(np.full((4, 2), np.nan), AREA) is None
    assert outline(np.empty((0, 2)), AREA) is None


@given(
    st.lists(
        arrays(
            np.float64,
            st.tuples(st.integers(0, 6), st.just(2)),
            elements=st.sampled_from([0.0, 0.4, 3.0, 10.2, 40.0, 1000.0, -7.0, np.nan, np.inf]),
        ),
        max_size=4,
    )
)
def test_many_outlines_are_those_that_each_is_alone(values):
    together = outlines(values, AREA)
    for shape, corners in zip(together, values, strict=True):
        alone = outline(corners, AREA)
        assert (shape is None) == (alone is None)
        if shape is not None:
            assert corners_of(shape).tolist() == corners_of(alone).tolist()


def test_a_word_sticking_out_is_cut_to_its_line():
    line = Polygon([(0, 0), (500, 7), (500, 57), (0, 50)])
    word = Polygon([(100, -20), (200, -20), (200, 80), (100, 80)])
    (cut,) = inside([word], line)
    assert line.covers(cut)
    assert cut.area > 0.9 * word.intersection(line).area


def test_a_word_elsewhere_is_not_cut_away():
    line, word = outline(rectangle(0, 0, 100, 50), AREA), outline(rectangle(0, 60, 50, 90), AREA)
    assert inside([word], line) == [None]
    assert around(line, [word], AREA).covers(word)


def test_growing_stays_close():
    line = Polygon([(0, 100), (500, 140), (900, 100), (900, 150), (500, 190), (0, 150)])
    word = Polygon([(10, 95), (60, 95), (60, 150), (10, 150)])
    grown = around(line, [word], AREA)
    assert grown.covers(word)
    assert grown.covers(line)
    assert grown.area < line.union(word).area * 1.05


def test_a_baseline_is_kept_whole_and_the_outline_grows():
    feet = np.array([[60, 40], [450, 44.0]])
    line = Line(rectangle(100, 0, 400, 50), feet, text="a")
    page = Page(1000, 1000, PageSource("a"), [Region(rectangle(0, 0, 900, 90), lines=[line])])
    (placed,) = place(page)[0].lines
    assert placed.baseline.tolist() == feet.tolist()
    assert placed.shape.covers(LineString(feet))
    assert placed.shape.area < 1.02 * 300 * 50


def test_lines_without_outline_get_one_from_what_is_known():
    nothing = np.empty((0, 2))
    word = Word("a", rectangle(100, 100, 150, 140))
    feet = np.array([[100, 300], [400, 300.0]])
    lines = [
        Line(nothing, nothing, text="a", words=[word]),
        Line(nothing, feet, 40.0, "b"),
        Line(nothing, nothing, text="c"),
    ]
    page = Page(1000, 1000, PageSource("a"), [Region(rectangle(50, 50, 500, 500), lines=lines)])
    (region,) = place(page)
    assert region.lines[0].box == (100, 100, 150, 140)
    assert region.lines[1].box == (100, 240, 400, 320)
    assert region.lines[2].box == region.box == (50, 50, 500, 500)


@pytest.mark.parametrize(
    ("feet", "expected"),
    [
        ([[100, 180], [500, 180]], "baseline 0 -20"),
        ([[100, 180], [500, 188]], "baseline 0.02 -20"),
        ([[300, 184], [500, 188]], "baseline 0.02 -20"),  # starts inside: the offset is the box's
        ([[300, 190], [302, 110]], "textangle 88.5679"),
        ([[500, 150], [100, 150]], "textangle 180"),
    ],
)
def test_hocr_measures_the_baseline_from_the_lower_left_corner(feet, expected):
    line = Line(rectangle(100, 100, 500, 200), np.array(feet, float), text="a")
    page = Page(1000, 1000, PageSource("a"), [Region(rectangle(0, 0, 900, 900), lines=[line])])
    data = write.writer("hocr").render([page], ["a.png"]).decode()
    assert re.search(r'class="ocr_line"[^>]*; (baseline [^;"]*|textangle [^;"]*)', data)[1] == (
        expected
    )
