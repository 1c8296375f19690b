"""What Tesseract and OCRopus put into hOCR beside lines: turned text, languages, images."""

from __future__ import annotations

from pathlib import Path

import pytest

from pagereader.document import Page
from pagereader.parse import parse_transcription
from pagereader.parse.languages import language_code


def parsed(folder: Path, body: str, head: str = "") -> Page:
    path = folder / "a.hocr"
    path.write_text(f"<html lang='en'><head>{head}</head><body>{body}</body></html>", "utf-8")
    (page,) = parse_transcription(path)
    return page


def tesseract(*turns: str) -> str:
    lines = "".join(
        f"<span class='ocr_line' title='bbox 100 50 200 550; {turn}; x_size 40'>"
        f"<span class='ocrx_word' title='bbox 100 50 200 550; x_wconf 90'>word</span></span>"
        for turn in turns
    )
    return f"<div class='ocr_page' title='image \"a.png\"; bbox 0 0 300 600'>{lines}</div>"


@pytest.mark.parametrize(
    ("turn", "feet"),
    [
        ("textangle 90", [[178, 550], [178, 50]]),
        ("textangle 270", [[122, 50], [122, 550]]),
        ("textangle 180", [[200, 160], [100, 160]]),
    ],
)
def test_text_that_tesseract_found_turned(tmp_path: Path, turn: str, feet: list) -> None:
    page = parsed(tmp_path, tesseract(turn, turn))
    assert page.lines[0].baseline.tolist() == feet
    assert page.orientation == int(turn.split()[1])


def test_one_turned_line_does_not_turn_the_page(tmp_path: Path) -> None:
    page = parsed(tmp_path, tesseract("textangle 90", "baseline 0 -20"))
    assert page.orientation == 0
    assert page.lines[0].baseline.tolist() == [[178, 550], [178, 50]]
    assert page.lines[1].baseline.tolist() == [[100, 530], [200, 530]]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("swe", "sv"),  # the first two letters are Swahili
        ("spa", "es"),
        ("deu", "de"),
        ("ger", "de"),
        ("DE-at", "de"),
        ("en_GB", "en"),
        ("deu_frak", "de"),
        ("frk", "de"),
        ("chi_sim", "zh"),
        ("ces+deu", "cs"),
        ("grc", "grc"),
        ("German", "de"),
        ("script/Fraktur", ""),
        ("unknown", ""),
        ("und", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_languages(said: str | None, code: str) -> None:
    assert language_code(said) == code


def test_the_language_is_that_of_the_text_and_not_of_the_file(tmp_path: Path) -> None:
    body = tesseract("baseline 0 -9").replace("class='ocr_line'", "class='ocr_line' lang='swe'")
    assert parsed(tmp_path, body).language == "sv"
    assert parsed(tmp_path, tesseract("baseline 0 -9")).language == ""
    langs = "<meta name='ocr-langs' content='spa'>"
    assert parsed(tmp_path, tesseract("baseline 0 -9"), langs).language == "es"


def test_alto_says_languages_in_three_letters(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    block = "<TextBlock ID='b' LANG='swe' HPOS='1' VPOS='1' WIDTH='9' HEIGHT='9'/>"
    path.write_text(
        f"<alto><Layout><Page ID='p' WIDTH='90' HEIGHT='90'><PrintSpace>{block}"
        "</PrintSpace></Page></Layout></alto>"
    )
    (page,) = parse_transcription(path)
    assert page.language == "sv"


@pytest.mark.parametrize(
    ("tops", "feet"),
    [((50, 300), [[122, 50], [122, 550]]), ((300, 50), [[178, 550], [178, 50]])],
)
def test_words_below_each_other_make_an_upright_line(
    tmp_path: Path, tops: tuple[int, int], feet: list
) -> None:
    """Tesseract's ALTO gives turned lines neither a baseline nor an angle."""
    words = "".join(
        f"<String CONTENT='w' HPOS='100' VPOS='{top}' WIDTH='100' HEIGHT='240'/>" for top in tops
    )
    path = tmp_path / "a.xml"
    path.write_text(
        "<alto><Layout><Page WIDTH='300' HEIGHT='600'><PrintSpace><TextBlock>"
        f"<TextLine HPOS='100' VPOS='50' WIDTH='100' HEIGHT='500'>{words}</TextLine>"
        "</TextBlock></PrintSpace></Page></Layout></alto>"
    )
    (page,) = parse_transcription(path)
    assert page.lines[0].baseline.tolist() == feet


def test_ocropus_names_the_image_and_no_size(tmp_path: Path) -> None:
    (tmp_path / "0001.bin.png").touch()
    body = (
        "<div class='ocr_page' title='file 0001.bin.png'>"
        "<span class='ocr_line' title='bbox 10 20 300 60'>first</span><br/>"
        "<p/><span class='ocr_line' title='bbox 10 70 300 110'>second</span></div>"
    )
    page = parsed(tmp_path, body)
    assert page.image_path == str(tmp_path / "0001.bin.png")
    assert [line.text for line in page.lines] == ["first", "second"]
