from __future__ import annotations

import re
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pagereader.cli.lines import lines_command
from pagereader.errors import InputError
from pagereader.training import degrade
from pagereader.training.fonts import Face, find_faces
from pagereader.training.generator import LineGenerator, sheet
from pagereader.training.text import LATIN, TextMix, TextSource
from pagereader.training.typeset import PAD, draw
from tests.training.conftest import PROSE

HEIGHTS = {*degrade.SCAN_HEIGHTS, *degrade.SMALL_HEIGHTS, *degrade.SMALL_CAPITALS}


def test_same_seed_and_number_give_the_same_line(faces: list[Face]) -> None:
    first, again, other = (LineGenerator(faces, TextSource(PROSE), seed) for seed in (7, 7, 8))
    for number in (0, 1, 5, 10**9):
        a, b = first.line(number), again.line(number)
        assert a.text == b.text
        assert np.array_equal(a.pixels, b.pixels)
    assert [first.line(i).text for i in range(5)] != [other.line(i).text for i in range(5)]


def test_lines_do_not_depend_on_those_before(generator: LineGenerator) -> None:
    run = list(islice(generator.lines(3), 4))
    assert np.array_equal(run[2].pixels, generator.line(5).pixels)


def test_lines_look_like_scans(generator: LineGenerator) -> None:
    for line in islice(generator.lines(), 60):
        assert line.pixels.dtype == np.uint8
        assert line.pixels.shape[0] in HEIGHTS
        assert line.pixels.shape[1] >= 4
        assert line.text == " ".join(line.text.split()) != ""
        assert np.ptp(line.pixels) > 20, "there is ink on paper"


def test_wider_text_gives_wider_pictures(faces: list[Face]) -> None:
    rng = np.random.default_rng(0)
    assert draw("a long line", faces[0], rng).ink.shape[1] > draw("a", faces[0], rng).ink.shape[1]


def test_text_is_in_the_picture(faces: list[Face]) -> None:
    drawing = draw("HHHH", faces[0], np.random.default_rng(0))
    assert drawing.ink.max() == 255
    assert 0 < (drawing.ink / 255).mean() < 0.5


@pytest.mark.parametrize("aspect", [2.0, 8.0, 19.0])
def test_lines_are_as_wide_as_asked_and_no_wider(generator: LineGenerator, aspect: float) -> None:
    lines = [generator.line(number, aspect).pixels for number in range(40)]
    aspects = [pixels.shape[1] / pixels.shape[0] for pixels in lines]
    assert max(aspects) <= aspect
    assert np.median(aspects) > 0.9 * aspect


@given(st.integers(0, 2**32), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_texts_keep_to_their_characters_and_length(seed: int, longest: int) -> None:
    text = TextSource(PROSE, LATIN, TextMix(longest=longest))
    line = text.draw(np.random.default_rng(seed))
    assert 1 <= len(line) <= longest
    assert set(line) <= set(LATIN)
    assert line == line.strip()


@given(st.integers(0, 2**32), st.integers(1, 85))
@settings(max_examples=60, deadline=None)
def test_forms_fill_about_the_length_asked_for(seed: int, length: int) -> None:
    line = TextSource(PROSE).form(np.random.default_rng(seed), length)
    assert 1 <= len(line) <= length + 1
    assert set(line) <= set(LATIN)
    assert line == " ".join(line.split())


def test_forms_have_prices_dates_codes_labels_and_addresses() -> None:
    text, rng = TextSource(PROSE), np.random.default_rng(3)
    lines = [text.form(rng, 40) for _ in range(300)]
    wanted = (
        r"\d\.\d\d\b",
        r"\d\d/\d\d/\d{4}",
        r"\d\d:\d\d",
        r"\d{9}",
        r"TOTAL",
        r"\w@\w+\.",
        r"\w:",
    )
    for pattern in wanted:
        assert sum(bool(re.search(pattern, line)) for line in lines) >= 6, pattern
    assert sum(line.isupper() for line in lines) > 60


def test_a_share_of_the_lines_is_small(generator: LineGenerator) -> None:
    heights = [generator.line(number).pixels.shape[0] for number in range(200)]
    assert 8 <= sum(height <= max(degrade.SMALL_HEIGHTS) for height in heights) <= 40


def test_only_typewriters_have_one_width(faces: list[Face]) -> None:
    assert {face.path.stem for face in faces if face.fixed_width} == {"cour"}


def test_typed_letters_differ_though_the_same_is_struck(faces: list[Face]) -> None:
    face = next(face for face in faces if face.fixed_width)
    even, typed = (
        draw("eeeeeeee", face, np.random.default_rng(5), typed=typed).ink for typed in (False, True)
    )
    assert {int(letter.max()) for letter in letters_of(even, face)} == {255}
    strengths = [int(letter.sum()) for letter in letters_of(typed, face)]
    assert len(set(strengths)) == 8
    assert min(strengths) > 0.2 * max(strengths), "all can be read"


def letters_of(ink: degrade.Ink, face: Face) -> list[degrade.Ink]:
    """Return the cells of a line of a fixed-width face."""
    edges = [round(PAD + n * face.glyph("e").advance) for n in range(9)]
    return [ink[:, left:right] for left, right in pairwise(edges)]


def test_clogged_counters_hold_more_ink() -> None:
    ring = np.zeros((24, 24), np.uint8)
    cv2.circle(ring, (12, 12), 4, 255, 6)
    clear, clogged = (
        degrade.typed(ring, np.random.default_rng(1), 0, filled, 0) for filled in (0.0, 1.0)
    )
    middle = degrade.TYPED_PAD + 12
    assert clear.shape == (24 + 2 * degrade.TYPED_PAD,) * 2
    assert clear[middle, middle] < 60 < clogged[middle, middle]


def test_a_tab_is_a_wide_gap(faces: list[Face]) -> None:
    text = "TOTAL: 12.50"
    plain, tabbed = (
        draw(text, faces[0], np.random.default_rng(2), tabbed=tabbed).ink
        for tabbed in (False, True)
    )
    assert tabbed.shape[1] > plain.shape[1] + faces[0].glyph(" ").advance
    assert draw("TOTAL", faces[0], np.random.default_rng(2), tabbed=True).ink.max() == 255


@given(st.integers(1, 60), st.integers(1, 300), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_receipt_steps_keep_shape_and_leave_ink(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ink = np.full((height, width), 255, np.uint8)
    assert degrade.dots(ink, rng).shape == degrade.ribbon(ink, rng).shape == ink.shape
    assert degrade.dots(ink, rng).min() > 40
    cover = np.ones((height, width), np.float32)
    assert degrade.fade(cover, rng).min() >= 0.39
    image = rng.uniform(0, 255, (height, width)).astype(np.float32)
    dull = degrade.dull(image, rng)
    assert dull.shape == image.shape
    if width >= 32:  # on fewer columns paper cannot be told from ink
        assert np.ptp(dull) < 0.8 * max(150.0, np.ptp(image))


def test_too_little_text_is_refused() -> None:
    with pytest.raises(InputError, match="usable characters"):
        TextSource("three words only")


def test_faces_know_what_they_can_draw(fonts: Path) -> None:
    (face, *_) = find_faces([fonts], "abc \u4e2d\u6587")
    assert face.only("a\u4e2db c") == "ab c"
    with pytest.raises(InputError, match="no usable font"):
        find_faces([fonts], "\u4e2d\u6587\u5b57")


def test_broken_fonts_are_passed_over(fonts: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(InputError, match="no usable font"):
        find_faces([tmp_path], PROSE)
    assert len(find_faces([tmp_path, fonts], PROSE)) == 3


@given(st.integers(1, 80), st.integers(1, 300), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_varied_crops_stay_crops(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width)).astype(np.uint8)
    out = degrade.vary_crop(pixels, rng)
    assert out.dtype == np.uint8
    assert out.ndim == 2
    assert min(out.shape) >= 1


def test_sheet_shows_every_line(generator: LineGenerator) -> None:
    lines = list(islice(generator.lines(), 3))
    picture = sheet(lines, 400)
    assert picture.shape == (sum(line.pixels.shape[0] + 6 for line in lines), 400)


def test_command_saves_a_sheet_and_prints_the_texts(fonts: Path, tmp_path: Path) -> None:
    (tmp_path / "prose.txt").write_text(PROSE)
    target = tmp_path / "sheet.png"
    arguments = [str(fonts), str(tmp_path / "prose.txt"), "-o", str(target), "-n", "4"]
    result = CliRunner().invoke(lines_command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert len(result.output.splitlines()) == 4
    with Image.open(target) as picture:
        assert picture.size[0] == 900


def test_generous_thresholds_keep_hairlines() -> None:
    pixels = np.full((20, 60), 220, np.uint8)
    pixels[4:16, 5:9], pixels[4:16, 30] = 40, 160
    assert degrade.bilevel(pixels)[10, 30] == 255
    assert degrade.bilevel(pixels, 0.8)[10, 30] == 0


def test_hide_covers_some_of_a_line_with_paper() -> None:
    pixels = np.full((48, 600), 30, np.uint8)
    shares = []
    for seed in range(40):
        out = degrade.hide(pixels, np.random.default_rng(seed), 220)
        columns = (out == 220).all(axis=0)
        assert ((out == pixels).all(axis=0) | columns).all(), "whole columns or nothing"
        shares.append(columns.mean())
    assert 0 < np.mean(shares) < max(shares) <= degrade.HIDDEN_SHARE + 0.45 * 48 / 600
    one_pixel = np.zeros((48, 1), np.uint8)
    assert degrade.hide(one_pixel, np.random.default_rng(1), 220).shape == (48, 1)


def test_sway_keeps_the_ink_but_not_its_place() -> None:
    pixels = np.full((48, 400), 220, np.uint8)
    pixels[12:36, 20:380] = np.where(np.arange(360) % 16 < 8, 30, 220)
    out = degrade.sway(pixels, np.random.default_rng(3))
    assert out.shape == pixels.shape
    assert (out != pixels).mean() > 0.1
    assert abs((out < 125).sum() / (pixels < 125).sum() - 1) < 0.3
    assert np.array_equal(out, degrade.sway(pixels, np.random.default_rng(3)))
