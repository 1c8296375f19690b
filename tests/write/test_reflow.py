from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt

from pagereader import write
from pagereader.document import Line, Page, PageSource, Region, RegionType
from pagereader.geometry import rectangle
from pagereader.write.markdown import escaped
from pagereader.write.reflow import joined, paragraphs
from pagereader.write.sanitise import clean_text
from tests.write.pages import a_line, failed_page, full_page, texts


def a_region(*rows: tuple[float, float, float, str], kind=RegionType.PARAGRAPH, **more) -> Region:
    """Lines given by left end, right end, foot and text, 20 px high letters."""
    lines = [
        Line(
            rectangle(left, foot - 30, right, foot + 10),
            np.array([[left, foot], [right, foot]]),
            20.0,
            text,
        )
        for left, right, foot, text in rows
    ]
    return Region(rectangle(0, 0, 900, 900), kind, lines, **more)


def a_page(*regions: Region, **more) -> Page:
    return Page(1000, 1000, PageSource("a.pdf", 0, 1), list(regions), **more)


def reflowed(*pages: Page) -> str:
    return write.writer("txt", reflow=True).render(pages, [""] * len(pages)).decode()


def markdown(*pages: Page) -> str:
    return write.writer("md").render(pages, [""] * len(pages)).decode()


def test_lines_of_a_paragraph_are_joined():
    page = a_page(a_region((0, 900, 50, "one"), (0, 900, 90, "two"), (0, 300, 130, "three.")))
    assert reflowed(page) == "one two three.\n"


def test_paragraphs_begin_after_an_indent_a_gap_or_a_short_last_line():
    page = a_page(
        a_region(
            (0, 900, 50, "First"),
            (0, 400, 90, "ends here."),
            (0, 900, 130, "Second"),
            (0, 900, 170, "full to the edge."),
            (40, 900, 210, "Third, indented"),
            (0, 300, 250, "and short without an end"),
            (0, 900, 290, "so it goes on"),
            (0, 900, 400, "Fourth after a gap"),
        )
    )
    assert reflowed(page).split("\n\n") == [
        "First ends here.",
        "Second full to the edge.",
        "Third, indented and short without an end so it goes on",
        "Fourth after a gap\n",
    ]


def test_a_page_on_its_side_reads_the_same():
    page = a_page(a_region((0, 900, 50, "one"), (40, 900, 90, "two"), (0, 900, 130, "three")))
    for line in page.lines:
        x, y = line.baseline.T
        line.baseline = np.column_stack([y, 1000 - x])  # turned left: to be turned right by 90
    page.orientation = 90
    assert reflowed(page) == "one\n\ntwo three\n"


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("a conversa-", "tion goes on", "a conversation goes on"),
        ("the Anglo-", "Saxon king", "the Anglo-Saxon king"),
        ("a well-", "known man", "a well-known man"),
        ("Ver\u00ac", "Kehr", "VerKehr"),
        ("soft\u00ad", "ware", "software"),
        ("a = b =", "C", "a = b = C"),
        ("gro=", "\u00dfe", "gro\u00dfe"),
        ("1914-", "1918", "1914-1918"),
        ("a dash -", "and more", "a dash - and more"),
        ("one", "two", "one two"),
        ("e\u0301te-", "\u00e9", "e\u0301te\u00e9"),
    ],
)
def test_words_cut_at_line_ends_are_made_whole(before, after, whole):
    assert joined(before, after, Counter(["well-known"])) == whole


def test_sentences_go_on_in_the_next_column_but_not_across_headings():
    first = a_region((0, 900, 50, "this sentence has no"))
    second = a_region((0, 900, 50, "end yet"))
    heading = a_region((0, 900, 50, "a heading"), kind=RegionType.HEADING)
    assert reflowed(a_page(first, second)) == "this sentence has no end yet\n"
    assert reflowed(a_page(first, heading, second)).count("\n\n") == 2


def test_pages_keep_their_form_feeds():
    assert reflowed(full_page(), failed_page(), full_page()).count("\f") == 2


def test_without_reflow_nothing_is_joined():
    page = a_page(a_region((0, 900, 50, "conversa-"), (0, 900, 90, "tion")))
    assert write.writer("txt").render([page], [""]) == b"conversa-\ntion\n"


def test_markdown_of_a_page():
    cells = [
        a_region((0, 90, 50, text), row=row, column=column)
        for row, column, text in ((0, 0, "a|b"), (0, 1, "c"), (1, 1, "d"))
    ]
    big = a_region((0, 900, 50, "Title"), kind=RegionType.HEADING)
    big.lines[0].height = 60.0
    page = a_page(
        a_region((0, 90, 20, "12"), kind=RegionType.PAGE_NUMBER),
        big,
        a_region((0, 900, 50, "Sub"), kind=RegionType.HEADING),
        a_region((0, 900, 50, "1. some *text*"), (0, 900, 90, "goes on")),
        a_region((0, 900, 50, "Fig. 1"), kind=RegionType.CAPTION),
        a_region((0, 900, 50, "a note"), kind=RegionType.FOOTNOTE),
        Region(rectangle(0, 0, 9, 9), RegionType.TABLE, regions=cells),
        Region(rectangle(0, 0, 9, 9), RegionType.IMAGE),
    )
    assert markdown(page) == (
        "<!-- page-number: 12 -->\n\n# Title\n\n## Sub\n\n1\\. some \\*text\\* goes on\n\n"
        "*Fig. 1*\n\n> a note\n\n| a\\|b | c |\n| --- | --- |\n|  | d |\n"
    )


def test_long_texts_are_joined_in_time_that_grows_with_them():
    lines = [a_line(100, 100 + 50 * i, "letters " * 5) for i in range(1500)]
    page = Page(2000, 80_000, PageSource("a.png"), [Region(rectangle(0, 0, 9, 9), lines=lines)])
    before = time.process_time()
    assert len(paragraphs(page)) == 1
    assert len(joined("x" * 200_000, "y", Counter())) == 200_002
    assert time.process_time() - before < 2.5  # 20 times as long when all was searched each time


def test_markdown_tells_of_failed_pages():
    text = markdown(full_page(), failed_page())
    assert "<!-- page 3 -->" in text
    assert "<!-- this page could not be read: page 4 is broken (mend it) -->" in text


def test_cells_far_apart_make_no_huge_table():
    far = a_region((0, 90, 50, "far"), row=10**6, column=10**6)
    text = markdown(a_page(Region(rectangle(0, 0, 9, 9), RegionType.TABLE, regions=[far])))
    assert text == "far\n"


@settings(max_examples=150, deadline=None)
@given(texts)
def test_escaped_text_is_shown_as_it_is(text):
    plain = clean_text(text)
    shown = MarkdownIt("commonmark").enable("table").parse(escaped(plain))
    inline = [token for token in shown if token.type == "inline"]
    kinds = {child.type for token in inline for child in token.children or ()}
    assert kinds <= {"text"}
    said = "".join(child.content for token in inline for child in token.children or ())
    assert said.strip() == plain.strip()


@settings(max_examples=100, deadline=None)
@given(texts)
def test_no_text_escapes_from_a_comment(text):
    page = a_page(a_region((0, 90, 20, text), kind=RegionType.HEADER))
    tokens = MarkdownIt("commonmark").parse(markdown(page))
    assert {token.type for token in tokens} <= {"html_block"}
