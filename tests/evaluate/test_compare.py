from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagereader.errors import InputError
from pagereader.evaluate import (
    TextRules,
    Transcript,
    TranscriptSet,
    compare,
    evaluate,
    html_report,
    read_transcripts,
    summary,
    tsv,
)
from pagereader.evaluate.linematch import Track, match_lines, outline_height
from pagereader.evaluate.transcripts import TextLine
from pagereader.geometry import rectangle
from tests.rights import without_rights


def track(x0: float, x1: float, y: float, height: float = 20.0) -> Track:
    return Track(np.array([[x0, y], [x1, y]], float), height)


def page(name: str, *rows: tuple[str, float]) -> Transcript:
    lines = tuple(TextLine(f"l{i}", t, track(10, 200, y)) for i, (t, y) in enumerate(rows))
    return Transcript(name, "\n".join(t for t, _ in rows), lines)


def test_lines_are_paired_by_place_not_by_order() -> None:
    truth = page("p", ("first line", 50), ("second line", 80))
    read = page("p", ("second lime", 81), ("first line", 49))
    result = compare(truth, read, TextRules())
    assert [line.scores.characters.edits for line in result.lines] == [0, 1]
    assert result.found is not None
    assert result.found.f1 == 1.0
    assert result.scores.characters.edits > 1  # the page's text is in the wrong order


def test_lost_and_invented_lines_count() -> None:
    truth = page("p", ("first line", 50), ("second line", 80))
    read = page("p", ("first line", 50), ("ghost", 300))
    result = compare(truth, read, TextRules())
    fates = [(line.truth, line.reading) for line in result.lines]
    assert fates == [("first line", "first line"), ("second line", None), (None, "ghost")]
    assert result.found is not None
    assert (result.found.matched, result.found.truth, result.found.found) == (1, 2, 2)


@settings(deadline=None)  # quadratic, and machines are busy
@given(
    st.lists(st.tuples(st.integers(0, 800), st.integers(20, 300)), unique_by=lambda t: t[0] // 40)
)
def test_every_line_matches_itself(rows: list[tuple[int, int]]) -> None:
    tracks = [track(10, 10 + width, float(y // 40 * 40)) for y, width in rows]
    assert match_lines(tracks, tracks) == [(i, i) for i in range(len(tracks))]


def test_half_a_line_is_no_match() -> None:
    assert match_lines([track(0, 400, 50)], [track(0, 200, 50)]) == []
    assert match_lines([track(0, 400, 50)], [track(0, 400, 75)]) == []
    assert match_lines([track(0, 400, 50)], [track(0, 390, 58)]) == [(0, 0)]


def test_outline_height() -> None:
    assert outline_height(rectangle(0, 10, 300, 40)) == 30.0


def test_a_page_without_reading_counts_as_empty() -> None:
    truth = TranscriptSet({"a": Transcript("a", "abcd"), "b": Transcript("b", "efgh")})
    result = evaluate(truth, TranscriptSet({"a": Transcript("a", "abcd")}), TextRules())
    # one page each would pair up by position, two against one pair by name
    assert result.scores.characters.value == 0.5
    assert "no reading" in result.pages[1].note
    assert "not read     1: b" in summary(result)


def test_failed_readings_are_named_and_extra_ones_listed() -> None:
    truth = TranscriptSet({"a": Transcript("a", "abcd"), "b": Transcript("b", "efgh")})
    read = TranscriptSet({"a": Transcript("a", "abcd"), "c": Transcript("c", "x")}, {"b": "broken"})
    result = evaluate(truth, read, TextRules())
    assert result.pages[1].note == "broken"
    assert result.unused == ["c"]


def test_truth_that_cannot_be_read_is_no_silent_success(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(name)
    (tmp_path / "b.txt").rename(tmp_path / "b.xml")
    (tmp_path / "mets.xml").write_text("<mets/>")  # as Transkribus and OCR-D add
    (tmp_path / "state.json").write_text("{}")
    (tmp_path / "._a.xml").write_bytes(b"\0\5\x16\7")  # as macOS adds
    read = read_transcripts(tmp_path)
    assert list(read.failed) == ["b"]
    result = evaluate(read, read, TextRules())
    assert list(result.unreadable) == ["b"]
    assert "truth lost   1: b" in summary(result)
    assert "b is not counted" in html_report(result)
    closed = tmp_path / "closed"
    closed.mkdir()
    with without_rights():
        closed.chmod(0)
        with pytest.raises(InputError, match="Permission denied"):
            read_transcripts(tmp_path)
        closed.chmod(0o700)


@pytest.mark.parametrize("text", ["one\f", "one", "one\f\n"])
def test_a_blank_last_page_does_not_rename_the_first(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    truth = TranscriptSet({"a#1": Transcript("a#1", "one"), "a#2": Transcript("a#2", "")})
    read = read_transcripts(tmp_path)
    assert evaluate(truth, read, TextRules()).scores.characters.edits == 0
    assert evaluate(read, truth, TextRules()).scores.characters.edits == 0


def test_folders_pair_by_name(tmp_path: Path) -> None:
    for folder, texts in (("gt", ("one", "two")), ("out", ("one", "twa"))):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "a.txt").write_text(texts[0])
        (tmp_path / folder / "sub" / "b.txt").write_text(texts[1])
    result = evaluate(
        read_transcripts(tmp_path / "gt"), read_transcripts(tmp_path / "out"), TextRules()
    )
    assert [(p.name, p.scores.characters.edits) for p in result.pages] == [("a", 0), ("sub/b", 1)]


def test_line_lists_pair_by_image(tmp_path: Path) -> None:
    (tmp_path / "gt.tsv").write_text("image\ttext\n1.png\tone\n2.png\ttwo\n")
    (tmp_path / "out.tsv").write_text("image\ttext\n2.png\ttwo\n1.png\tane\n")
    truth, read = (read_transcripts(tmp_path / f"{name}.tsv") for name in ("gt", "out"))
    result = evaluate(truth, read, TextRules())
    assert [line.scores.characters.edits for line in result.pages[0].lines] == [1, 0]
    assert result.found is None


@pytest.mark.parametrize("content", ["a\tb\n1\t2\n", "image\ttext\n", "", "\xff\xfe"])
def test_bad_line_lists_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "lines.tsv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError):
        read_transcripts(path)


def test_nothing_to_compare_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no transcription"):
        read_transcripts(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_transcripts(tmp_path / "nothing")


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        last = self.tags[-1] if self.tags else ""
        self.texts[last] = self.texts.get(last, "") + data


def test_report_marks_differences_and_escapes() -> None:
    truth = TranscriptSet({"<p>&": Transcript("<p>&", "fish <b>& chips")})
    read = TranscriptSet({"<p>&": Transcript("<p>&", "fish <b>& ships")})
    result = evaluate(truth, read, TextRules())
    parser = _Texts()
    parser.feed(html_report(result))
    assert "b" not in parser.tags  # text is no markup
    assert html_report(result).count('<p class="text">fish &lt;b&gt;&amp; <del>c</del>') == 1
    assert "<ins>s</ins>hips" in html_report(result)


def test_table_has_a_row_for_all_pages_and_lines() -> None:
    result = evaluate(
        TranscriptSet({"p": page("p", ("first line", 50), ("second", 80))}),
        TranscriptSet({"p": page("p", ("first lime", 50))}),
        TextRules(),
    )
    rows = [row.split("\t") for row in tsv(result).splitlines()]
    assert [row[:2] for row in rows[1:]] == [["ALL", ""], ["p", ""], ["p", "l0"], ["p", "l1"]]
    assert all(len(row) == len(rows[0]) for row in rows)
    assert rows[4][-1] == "not found"
    assert float(rows[2][4]) == pytest.approx(result.scores.characters.value, abs=1e-4)
