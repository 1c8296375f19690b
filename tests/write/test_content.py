from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from lxml import etree

from pagereader import write
from pagereader.document import Line, Page, PageSource, Region, RegionType, Word
from pagereader.geometry import rectangle
from tests.write.checks import ALTO, PAGE, XHTML, check_hocr
from tests.write.pages import MODIFIED, a_line, failed_page, full_page


def render(format: str, *pages: Page) -> bytes:
    return write.writer(format).render(pages, ["a.png"] * len(pages))


def page_xml(page: Page) -> etree._Element:
    return etree.fromstring(render("page", page))


@pytest.mark.parametrize("format", sorted(set(write.WRITERS) - {"pdf"}))
def test_the_same_pages_give_the_same_bytes(format, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert render(format, full_page()) == render(format, full_page())


@pytest.mark.parametrize(
    ("epoch", "modified", "date"),
    [
        ("", MODIFIED, "2021-03-04T05:06:07Z"),
        ("1600000000", MODIFIED, "2020-09-13T12:26:40Z"),
        ("soon", None, "1970-01-01T00:00:00Z"),
        ("", datetime.max, "1970-01-01T00:00:00Z"),
        ("", datetime(2020, 1, 1), "2020-01-01T00:00:00Z"),
    ],
)
def test_dates_never_come_from_the_clock(epoch, modified, date, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    page = replace(full_page(), source=PageSource("a", modified=modified))
    root = page_xml(page)
    assert root.findtext(f"{PAGE}Metadata/{PAGE}Created") == date
    assert root.findtext(f"{PAGE}Metadata/{PAGE}LastChange") == date
    assert f">{date}<" in render("alto", page).decode()
    assert f'"{date}"' in render("hocr", page).decode()


def test_page_xml_tells_how_it_was_made():
    items = page_xml(full_page()).findall(f"{PAGE}Metadata/{PAGE}MetadataItem")
    assert [(i.get("type"), i.get("name"), i.get("value")) for i in items] == [
        ("processingStep", "segmentation", "pagereader.lines 0.1.0"),
        ("processingStep", "recognition", "pagereader.trocr 0.1.0"),
        ("other", "source", "scans/a.pdf"),
    ]
    settings = items[1].findall(f"{PAGE}Labels/{PAGE}Label")
    assert [(s.get("type"), s.get("value")) for s in settings] == [("model", "a & b"), ("n", "")]


def test_page_xml_keeps_flags_errors_and_alternatives():
    root = page_xml(full_page())
    labels = root.findall(f".//{PAGE}TextLine/{PAGE}Labels/{PAGE}Label")
    said = {(label.get("type"), label.get("value")) for label in labels}
    assert {("flag", "failed"), ("flag", "split"), ("error", "the model broke")} <= said
    line = next(e for e in root.iter(f"{PAGE}TextLine") if len(e.findall(f"{PAGE}TextEquiv")) == 3)
    readings = line.findall(f"{PAGE}TextEquiv")
    assert [(e.get("index"), e.get("conf")) for e in readings] == [
        ("0", "0.5"),
        ("1", "0.4"),
        ("2", None),
    ]


def test_page_xml_orders_regions_and_cells():
    root = page_xml(full_page())
    (group,) = root.find(f".//{PAGE}ReadingOrder")
    assert [e.get("index") for e in group] == [str(i) for i in range(12)]
    named = [root.xpath(f"//*[@id='{e.get('regionRef')}']")[0] for e in group]
    assert [e.tag.removeprefix(PAGE) for e in named[:3]] == ["TextRegion"] * 2 + ["TableRegion"]
    cells = named[3:7]
    roles = [cell.find(f"{PAGE}Roles/{PAGE}TableCellRole") for cell in cells]
    assert [(r.get("rowIndex"), r.get("columnIndex")) for r in roles] == [
        ("0", "0"),
        ("0", "1"),
        ("1", "0"),
        ("1", "1"),
    ]


def test_page_xml_gives_the_angle_that_corrects_the_page():
    page = full_page()
    assert page_xml(page).find(f"{PAGE}Page").get("orientation") == "91.25"
    page = replace(page, orientation=270, skew=2.0)
    assert page_xml(page).find(f"{PAGE}Page").get("orientation") == "-92"


def test_where_words_differ_from_the_line_the_line_is_right():
    line = a_line(100, 200, "as corrected by hand")
    line.words.pop()
    page = Page(2000, 400, PageSource("a"), [Region(rectangle(0, 0, 1999, 399), lines=[line])])
    root = page_xml(page)
    assert root.find(f".//{PAGE}Word") is None
    assert root.findtext(f".//{PAGE}TextLine/{PAGE}TextEquiv/{PAGE}Unicode") == line.text
    strings = etree.fromstring(render("alto", page)).findall(f".//{ALTO}String")
    assert [s.get("CONTENT") for s in strings] == [line.text]


def test_characters_have_their_own_confidence():
    line = Line(
        rectangle(0, 0, 99, 50),
        rectangle(0, 40, 90, 40)[:2],
        text="abc",
        words=[Word("abc", rectangle(5, 5, 90, 45), 0.5, (1.0, 0.5, 0.0))],
    )
    page = Page(100, 100, PageSource("a"), [Region(rectangle(0, 0, 99, 99), lines=[line])])
    assert etree.fromstring(render("alto", page)).find(f".//{ALTO}String").get("CC") == "049"
    assert "x_confs 100 50 0" in render("hocr", page).decode()
    words = json.loads(render("json", page))["pages"][0]["regions"][0]["lines"][0]["words"]
    assert words[0]["char_confidences"] == [1, 0.5, 0]


def test_a_failed_page_keeps_its_place():
    pages = [full_page(), failed_page(), full_page()]
    text = render("txt", *pages).decode().split("\f")
    assert len(text) == 3
    assert text[1] == ""
    assert text[0] == text[2] != ""
    root = etree.fromstring(render("hocr", *pages))
    divs = root.findall(f"{XHTML}body/{XHTML}div")
    assert [len(div) > 0 for div in divs] == [True, False, True]
    assert divs[1].get("data-error") == "page 4 is broken (mend it)"
    entry = json.loads(render("json", *pages))["pages"][1]
    assert entry["error"] == {
        "type": "PageError",
        "message": "page 4 is broken",
        "advice": "mend it",
    }
    assert entry["regions"] == []


def test_text_parts_regions_by_an_empty_line():
    assert render("txt", full_page()).decode().startswith("Title\n\nA & B <said>")


def test_hocr_is_what_ocrmypdf_expects():
    data = render("hocr", full_page()).decode()
    assert "image &quot;a.png&quot;; bbox 0 0 2000 3000; ppageno 2; scan_res 300 300" in data
    for title in re.findall(r'class="ocr_line"[^>]*title="([^"]*)"', data):
        assert re.search(r"baseline -?\d*\.?\d+ -?\d+(;|$)", title)
    for title in re.findall(r'class="ocrx_word"[^>]*title="([^"]*)"', data):
        assert re.search(r"bbox \d+ \d+ \d+ \d+", title)
    assert 'dir="rtl"' not in data  # the region is mostly left to right


def test_hocr_marks_regions_that_run_right_to_left():
    page = Page(
        2000,
        400,
        PageSource("a"),
        [Region(rectangle(0, 0, 1999, 399), lines=[a_line(100, 200, "\u05e9\u05dc\u05d5\u05dd")])],
    )
    data = render("hocr", page).decode()
    assert 'dir="rtl"' in data
    assert "ocrp_dir" in data


def test_json_keeps_text_that_utf8_cannot(tmp_path):
    page = Page(9, 9, PageSource("a\udcff\ud800", modified=datetime(2020, 1, 1, tzinfo=UTC)))
    data = render("json", page)
    data.decode()
    assert json.loads(data)["pages"][0]["source"]["path"] == "a\udcff\ud800"


def test_hocr_has_no_table_inside_a_table(tmp_path):
    inner = Region(rectangle(20, 20, 80, 80), RegionType.TABLE)
    outer = Region(rectangle(10, 10, 90, 90), RegionType.TABLE, regions=[inner])
    data = render("hocr", Page(100, 100, PageSource("a"), [outer]))
    check_hocr(data, tmp_path)
    assert data.count(b'class="ocr_table"') == 1
    assert b'data-type="table"' in data
