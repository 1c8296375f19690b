from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from pagereader import write
from pagereader.document import Page, PageSource
from tests.write.checks import ALTO, PAGE, XHTML, check_alto, check_hocr, check_page
from tests.write.pages import failed_page, full_page, texts, ugly_pages

CHECKS = {"page": check_page, "alto": check_alto}


@pytest.mark.parametrize("format", ["page", "alto"])
def test_a_full_page_is_valid(format):
    data = write.writer(format).render([full_page()], ["a.png"])
    CHECKS[format](data)


def test_a_document_of_two_pages_is_valid_hocr(tmp_path):
    data = write.writer("hocr").render([full_page(), failed_page()], ["a.png", "b.png"])
    check_hocr(data, tmp_path)


@pytest.mark.parametrize("format", ["page", "alto"])
def test_pages_without_regions_are_valid(format):
    for page in (failed_page(), Page(10, 10, PageSource("-"))):
        CHECKS[format](write.writer(format).render([page], [""]))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(page=ugly_pages, name=texts)
def test_ugly_pages_are_valid_page_xml(page, name):
    check_page(write.writer("page").render([page], [name]))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(page=ugly_pages, name=texts)
def test_ugly_pages_are_valid_alto(page, name):
    check_alto(write.writer("alto").render([page], [name]))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(pages=st.lists(ugly_pages, max_size=2), name=texts)
def test_ugly_pages_are_valid_hocr(pages, name, tmp_path):
    if not pages:
        pages = [failed_page()]
    check_hocr(write.writer("hocr").render(pages, [name] * len(pages)), tmp_path)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(pages=st.lists(ugly_pages, max_size=3), name=texts)
def test_ugly_pages_are_valid_text_and_json(pages, name):
    text = write.writer("txt").render(pages, [name] * len(pages)).decode()
    assert len(text.split("\f")) == max(1, len(pages))
    document = json.loads(write.writer("json").render(pages, [name] * len(pages)))
    assert [page["image"] for page in document["pages"]] == [name] * len(pages)
    write.writer("md").render(pages, [name] * len(pages)).decode()
    flowing = write.writer("txt", reflow=True).render(pages, [name] * len(pages)).decode()
    assert len(flowing.split("\f")) == max(1, len(pages))


def test_every_format_says_the_same_text():
    page = full_page()
    said = [line.text for line in page.lines]
    root = etree.fromstring(write.writer("page").render([page], ["a.png"]))
    lines = root.iter(f"{PAGE}TextLine")
    page_said = [e.findtext(f"{PAGE}TextEquiv/{PAGE}Unicode") for e in lines]
    assert sorted(page_said) == sorted(said)  # the schema puts nested regions before lines
    root = etree.fromstring(write.writer("alto").render([page], ["a.png"]))
    assert [
        " ".join(s.get("CONTENT") for s in line.iter(f"{ALTO}String"))
        for line in root.iter(f"{ALTO}TextLine")
    ] == said
    root = etree.fromstring(write.writer("hocr").render([page], ["a.png"]))
    lines = root.iterfind(f".//{XHTML}span[@class='ocr_line']")
    assert ["".join(line.itertext()) for line in lines] == said
    text = write.writer("txt").render([page], ["a.png"]).decode()
    assert [line for line in text.split("\n") if line] == [line for line in said if line]
