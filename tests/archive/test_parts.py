"""The archive's small parts: records, locks, progress."""

from __future__ import annotations

import io
import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pagereader.archive import Summary
from pagereader.archive.lock import is_locked, locked
from pagereader.archive.progress import Bar, Count, JsonLines, PageReport, Plain, Quiet, progress
from pagereader.archive.record import pack, unpack
from pagereader.archive.tasks import Failure
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
from pagereader.errors import InputError, OutputError
from pagereader.write import WRITERS, writer

numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)
outlines = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=5).map(
    lambda rows: np.array(rows, np.float64)
)
texts = st.text(max_size=20)
shares = st.none() | st.floats(0, 1)
lines = st.builds(
    Line,
    polygon=outlines,
    baseline=outlines,
    height=numbers,
    text=texts,
    confidence=shares,
    words=st.lists(
        st.builds(
            Word, texts, outlines, shares, st.lists(st.floats(0, 1), max_size=3).map(tuple), texts
        ),
        max_size=2,
    ),
    flags=st.frozensets(st.sampled_from(Flag)),
    alternatives=st.lists(st.builds(Alternative, texts, shares), max_size=2),
    id=texts,
    error=texts,
)
regions = st.recursive(
    st.builds(
        Region,
        polygon=outlines,
        type=st.sampled_from(RegionType),
        lines=st.lists(lines, max_size=2),
        id=texts,
        row=st.none() | st.integers(0, 9),
        column=st.none() | st.integers(0, 9),
    ),
    lambda nested: st.builds(Region, polygon=outlines, regions=st.lists(nested, max_size=2)),
    max_leaves=3,
)
pages = st.builds(
    Page,
    width=st.integers(0, 10_000),
    height=st.integers(0, 10_000),
    source=st.builds(
        PageSource,
        path=texts,
        index=st.integers(0, 99),
        count=st.none() | st.integers(1, 100),
        modified=st.none() | st.datetimes().map(lambda when: when.replace(tzinfo=UTC, fold=0)),
    ),
    regions=st.lists(regions, max_size=2),
    dpi=st.none() | st.tuples(numbers, numbers),
    orientation=st.sampled_from([0, 90, 180, 270]),
    skew=numbers,
    steps=st.lists(
        st.builds(
            ProcessingStep, texts, texts, st.lists(st.tuples(texts, texts), max_size=2).map(tuple)
        ),
        max_size=2,
    ),
    image_path=texts,
    language=texts,
)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(page=pages)
def test_a_page_comes_back_exactly(page: Page) -> None:
    assert plain(unpack(pack(page))) == plain(page)


def plain(value: object) -> object:
    """Arrays and dataclasses as what Python compares bit by bit."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if is_dataclass(value):
        return [plain(getattr(value, field.name)) for field in fields(value)]
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def test_a_page_that_came_back_gives_the_same_files() -> None:
    box = np.array([[0, 0], [99.123456789, 0], [99, 20.987654321], [0, 20]])
    line = Line(box, box[:2] + np.array([0, 15]), 9.87654321, "Ünïcode <&> \udce9", 0.123456789)
    line.words = [Word("Ünïcode", box / 3, 1 / 3, (1 / 7,) * 7)]
    source = PageSource("caf\udce9.tif", 1, 3, datetime(2026, 1, 2, 3, 4, 5, 678, UTC))
    page = Page(100, 50, source, [Region(box, lines=[line])], dpi=(300.1, 299.9), skew=-0.123456)
    for format in WRITERS.keys() - {"pdf"}:  # needs the scan itself
        again = unpack(pack(page))
        assert writer(format).render([page], ["x"]) == writer(format).render([again], ["x"])


def test_lock(tmp_path: Path) -> None:
    path = tmp_path / "out/.pagereader/lock"
    path.parent.mkdir(parents=True)
    assert not is_locked(path)
    with locked(path):
        assert is_locked(path)
        with pytest.raises(OutputError, match="another run"), locked(path):
            pass
    assert not is_locked(path)
    with locked(path):
        pass


def test_failures_keep_their_kind() -> None:
    source = PageSource("x.png", 2, 3)
    failure = Failure.of(InputError("is bad", "mend it"), source)
    assert failure == Failure("InputError", "is bad", "mend it")
    assert isinstance(failure.error, InputError)
    unexpected = Failure.of(ValueError("odd"), source)
    assert unexpected.type == "PageError"
    assert "x.png, page 3: ValueError: odd" in unexpected.message


DONE = PageReport("a\nb.png", 3, "done", seconds=1.25, confidence=0.5)
FAILED = PageReport("c.png", 1, "failed", "c.png is\nbad")


def test_progress_in_lines() -> None:
    out = io.StringIO()
    count = Count(total=10, total_is_known=True, before=2, done=1)
    Plain(out).page(DONE, count)
    Plain(out).page(FAILED, count)
    Plain(out).say("a remark")
    first, failed, second, remark = out.getvalue().splitlines()
    assert first.startswith("3/10 done a\\nb.png page 3 1.2 s, ")
    assert failed == "pagereader: failed: c.png is\\nbad"
    assert second.startswith("3/10 failed c.png page 1 ")
    assert remark == "pagereader: a remark"


def test_progress_as_json() -> None:
    out = io.StringIO()
    JsonLines(out).page(DONE, Count(total=4, done=1))
    JsonLines(out).say("a remark")
    JsonLines(out).end(Summary(done=1))
    page, remark, summary = (json.loads(line) for line in out.getvalue().splitlines())
    assert (page["event"], page["path"], page["settled"], page["total"]) == (
        "page",
        "a\nb.png",
        1,
        4,
    )
    assert page["seconds_left"] >= 0
    assert (summary["event"], summary["done"]) == ("summary", 1)
    assert (remark["event"], remark["text"]) == ("remark", "a remark")


def test_quiet_reports_failures_only() -> None:
    out = io.StringIO()
    Quiet(out).page(DONE, Count())
    Quiet(out).page(FAILED, Count())
    assert out.getvalue() == "pagereader: failed: c.png is\\nbad\n"


def test_the_bar_keeps_failures() -> None:
    out = io.StringIO()
    bar = Bar(out)
    bar.page(FAILED, Count(total=4, failed=1))
    bar.say("[bold]a remark")
    bar.close()
    assert "failed: c.png is\\nbad" in out.getvalue()
    assert "[bold]a remark" in out.getvalue()


def test_progress_by_name() -> None:
    kinds = {
        mode: type(progress(mode, io.StringIO())) for mode in ("auto", "plain", "json", "quiet")
    }
    assert kinds == {"auto": Quiet, "plain": Plain, "json": JsonLines, "quiet": Quiet}


def test_time_left() -> None:
    assert Count(total=5).seconds_left is None
    count = Count(total=12, before=2, done=4, failed=1)
    count.started -= 60
    assert count.pages_a_minute == pytest.approx(5, rel=0.01)
    assert count.seconds_left == pytest.approx(60, rel=0.01)
