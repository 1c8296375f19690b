from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pagereader.write.sanitise import (
    Ids,
    clean_name,
    clean_text,
    confidence,
    decimal,
    ncname,
    printable,
    property_value,
)
from tests.write.pages import texts


@given(texts)
def test_clean_text_fits_xml_and_is_stable(text):
    clean = clean_text(text)
    etree.Element("a").text = clean
    assert clean_text(clean) == clean
    assert "\n" not in clean
    clean.encode()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain", "plain"),
        ("  a \n b\x85c ", "a b c"),
        ("a\x00b\x1bc", "abc"),
        ("a\ud800b", "a\ufffdb"),
        ("\ufffe", "\ufffd"),
        ("no\u00a0break", "no\u00a0break"),
        ("\u202eabc\u202c", "\u202eabc\u202c"),
        ("e\u0301", "e\u0301"),
    ],
)
def test_clean_text(text, clean):
    assert clean_text(text) == clean


def test_names_keep_what_they_can():
    assert clean_name("a b&;\u00e9.png") == "a b&;\u00e9.png"
    assert clean_name("b\udcff.png") == "b\ufffd.png"
    assert printable("a\nb\x1b") == "a\ufffdb\ufffd"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a b's\u00e9.png", "a b's\u00e9.png"),
        ('a";b%.png', "a%22%3Bb%25.png"),
        ("a\nb", "a%0Ab"),
        ("b\udcff.png", "b%FF.png"),
    ],
)
def test_property_values(name, value):
    assert property_value(name) == value


@given(st.lists(st.tuples(texts, texts)))
def test_ids_are_unique_ncnames(wanted):
    ids = Ids(first for first, _ in wanted)
    given = [ids.claim(first, second) for first, second in wanted]
    assert len(set(given)) == len(given)
    for name in given:
        etree.fromstring(f'<a id="{name}"/>')
        assert ncname(name) == name


def test_ids_keep_what_the_page_has_whoever_comes_first():
    ids = Ids(["", "r1"])
    assert ids.claim("", "r1") == "r1_2"
    assert ids.claim("r1", "r2") == "r1"
    assert ids.claim("r1", "r3") == "r3"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (math.nan, None),
        (math.inf, None),
        (1.0001, 1.0),
        (-1e-5, 0.0),
        (0.98765, 0.9877),
    ],
)
def test_confidence(value, written):
    assert confidence(value) == written


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (1e-5, "0"), (-1e-9, "0"), (0.12345, "0.1235"), (300, "300")]
)
def test_decimal(value, text):
    assert decimal(value) == text
