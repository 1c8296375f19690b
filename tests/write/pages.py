"""Pages to write: one with everything, and strategies for ugly ones."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from hypothesis import strategies as st

from pagereader.document import (
    Alternative,
    Flag,
    Line,
    Page,
    PageSource,
    ProcessingStep,
    Region,
    RegionType,
    Word,
)
from pagereader.errors import PageError
from pagereader.geometry import rectangle

MODIFIED = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)


def a_line(left: float, foot: float, text: str, **more) -> Line:
    """A level line of 40 px a letter, its words in place."""
    words, x = [], left
    for word in text.split(" "):
        end = x + 40 * len(word)
        sure = tuple(0.9 + 0.01 * (i % 5) for i in range(len(word)))
        words.append(Word(word, rectangle(x, foot - 50, end, foot + 15), 0.925, sure))
        x = end + 20
    right = left + 40 * len(text)
    return Line(
        rectangle(left - 5, foot - 60, max(x, right) + 5, foot + 20),
        np.array([[left, foot], [(left + right) / 2, foot + 1], [right, foot + 2.0]]),
        50.0,
        text,
        0.91,
        words,
        **more,
    )


def full_page() -> Page:
    """Two pages' worth of everything that a page can hold."""
    cells = [
        Region(
            rectangle(100 + 600 * column, 1000 + 150 * row, 650 + 600 * column, 1130 + 150 * row),
            lines=[a_line(110 + 600 * column, 1090 + 150 * row, f"cell {row}{column}")],
            row=row,
            column=column,
        )
        for row in range(2)
        for column in range(2)
    ]
    body = Region(
        rectangle(90, 300, 1900, 900),
        lines=[
            a_line(100, 400, "A & B <said> \"no\" 'yes'", flags=frozenset({Flag.SPLIT})),
            a_line(100, 500, "שלום עולם"),
            Line(
                np.array(
                    [[95, 540], [600, 560], [1200, 540], [1200, 640], [600, 660], [95, 640.0]]
                ),
                np.array([[100, 620], [600, 640], [1190, 620.0]]),
                text="no words here",
                confidence=0.5,
                alternatives=[Alternative("no wards here", 0.4), Alternative("no words hero")],
            ),
            Line(
                rectangle(95, 680, 900, 760),
                np.array([[100, 740], [880, 740.0]]),
                flags=frozenset({Flag.FAILED}),
                error="the model broke",
            ),
            a_line(100, 850, "e\u0301te\u0301 na\u00a0ïve", flags=frozenset({Flag.TRUNCATED})),
        ],
    )
    return Page(
        2000,
        3000,
        PageSource("scans/a.pdf", 2, 7, MODIFIED),
        [
            Region(rectangle(90, 40, 1500, 250), RegionType.HEADING, [a_line(100, 200, "Title")]),
            body,
            Region(rectangle(90, 980, 1300, 1300), RegionType.TABLE, regions=cells),
            Region(rectangle(90, 1400, 900, 2000), RegionType.IMAGE),
            Region(rectangle(90, 2100, 1900, 2110), RegionType.SEPARATOR),
            Region(
                rectangle(90, 2200, 1900, 2600),
                RegionType.OTHER,
                [a_line(100, 2300, "outer")],
                [Region(rectangle(90, 2400, 900, 2500), lines=[a_line(100, 2470, "inner")])],
            ),
            Region(rectangle(1500, 2700, 1900, 2800), RegionType.PAGE_NUMBER),
        ],
        dpi=(300.0, 300.0),
        orientation=90,
        skew=-1.25,
        steps=[
            ProcessingStep("segmentation", "pagereader.lines 0.1.0", (("orientation", "auto"),)),
            ProcessingStep(
                "recognition", "pagereader.trocr 0.1.0", (("model", "a & b"), ("n", ""))
            ),
        ],
        image_path="scans/a.png",
        language="en",
    )


def failed_page() -> Page:
    """A page that could not be read."""
    return Page(
        0, 0, PageSource("scans/a.pdf", 3, 7), error=PageError("page 4 is broken", "mend it")
    )


NASTY = [
    "\x00\x01\x1b[31m",
    "\ud800",
    "a\udfffb",
    "\ufffe\uffff",
    "\U0001fffe",
    "]]>",
    "<!--",
    "&amp;",
    "a\nb\r\nc\fd\x85e\u2028f",
    "  two  spaces ",
    "\u202eright to left\u202c",
    "\u05e9\u05dc\u05d5\u05dd",
    "e\u0301\u0323",
    "\t",
    "'\";:{}%\\",
]
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=()), max_size=12),
    st.lists(st.text(max_size=5), max_size=3).map(" ".join),
)
numbers = st.one_of(
    st.integers(-50, 250).map(float),
    st.floats(-50, 250),
    st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 0.5, 99.5]),
)


@st.composite
def shapes(draw: st.DrawFn, low: int = 0) -> np.ndarray:
    """Any array of points, most of them no proper outline."""
    kind = draw(st.sampled_from(["any", "any", "box", "point", "bow"]))
    if kind == "any":
        rows = draw(st.lists(st.tuples(numbers, numbers), min_size=low, max_size=7))
        return np.array(rows, np.float64).reshape(-1, 2)
    x, y = draw(st.integers(-20, 150)), draw(st.integers(-20, 150))
    w, h = draw(st.integers(0, 90)), draw(st.integers(0, 40))
    if kind == "point":
        return np.array([[x, y]] * 4, np.float64)
    box = rectangle(x, y, x + w, y + h)
    return box[[0, 2, 1, 3]] if kind == "bow" else box


confidences = st.one_of(
    st.none(), st.floats(0, 1), st.sampled_from([float("nan"), 1.0001, -1e-5, 1e-9, float("inf")])
)
ids = st.one_of(st.just(""), st.sampled_from(["r1", "r1_l1", "1", "a b", "page", "é", "x:y"]))


@st.composite
def lines(draw: st.DrawFn) -> Line:
    words = [
        Word(draw(texts), draw(shapes()), draw(confidences), id=draw(ids))
        for _ in range(draw(st.integers(0, 3)))
    ]
    agree = draw(st.booleans())
    text = " ".join(word.text for word in words) if words and agree else draw(texts)
    if words and draw(st.booleans()):
        words[0].char_confidences = tuple(draw(confidences) or 0.0 for _ in words[0].text)
    return Line(
        draw(shapes()),
        draw(shapes()),
        draw(numbers),
        text,
        draw(confidences),
        words,
        draw(st.frozensets(st.sampled_from(list(Flag)))),
        [Alternative(draw(texts), draw(confidences)) for _ in range(draw(st.integers(0, 2)))],
        draw(ids),
        draw(st.one_of(st.just(""), texts)),
    )


def _regions(depth: int) -> st.SearchStrategy[Region]:
    nested = st.lists(_regions(depth - 1), max_size=2) if depth else st.just([])
    cell = st.one_of(st.none(), st.integers(0, 5))
    return st.builds(
        Region,
        polygon=shapes(),
        type=st.sampled_from(list(RegionType)),
        lines=st.lists(lines(), max_size=2),
        regions=nested,
        id=ids,
        row=cell,
        column=cell,
    )


ugly_pages = st.builds(
    Page,
    width=st.integers(0, 200),
    height=st.integers(0, 200),
    source=st.builds(
        PageSource,
        path=texts,
        index=st.integers(0, 9),
        count=st.one_of(st.none(), st.integers(1, 9)),
        modified=st.one_of(st.none(), st.datetimes()),
    ),
    regions=st.lists(_regions(1), max_size=2),
    dpi=st.one_of(st.none(), st.tuples(st.floats(0.01, 9999), st.floats(0.01, 9999))),
    orientation=st.sampled_from([0, 90, 180, 270]),
    skew=st.floats(-45, 45),
    steps=st.lists(
        st.builds(ProcessingStep, texts, texts, st.just((("a", "b"), ("\x00", "\ud800")))),
        max_size=1,
    ),
    language=st.sampled_from(["", "en", "fr", "xx", "grc"]),
    error=st.one_of(st.none(), texts.map(PageError)),
)
