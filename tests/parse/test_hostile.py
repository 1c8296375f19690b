"""Whatever a file holds: pages, or one InputError."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pagereader import write
from pagereader.errors import InputError
from pagereader.parse import parse_transcription
from tests.write.pages import full_page

WRITTEN = {
    format: write.writer(format).render([full_page()], ["a.png"])
    for format in ("page", "alto", "hocr", "json")
}
JUNK = [b"", b"<", b">", b'"', b"&x;", b"-9", b"1e999", b"nan", b"\x00", b"\xff", b"points", b"]]>"]


def _parse_and_write(path):
    try:
        pages = parse_transcription(path)
    except InputError:
        return
    for page in pages:
        write.writer("page").render([page], ["a.png"])


@pytest.mark.parametrize("format", WRITTEN)
def test_damaged_files_give_pages_or_an_input_error(tmp_path, format):
    data, path = WRITTEN[format], tmp_path / "a"

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(
            st.tuples(
                st.integers(0, len(data)),
                st.integers(0, 40),
                st.one_of(st.sampled_from(JUNK), st.binary(max_size=8)),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def check(cuts):
        damaged = data
        for start, length, new in cuts:
            damaged = damaged[:start] + new + damaged[start + length :]
        path.write_bytes(damaged)
        _parse_and_write(path)

    check()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    value=st.one_of(st.text(max_size=20), st.from_regex(r"(-?[0-9.]{1,9}[ ,;]?){1,6}")),
    at=st.data(),
)
def test_odd_attributes_give_pages_or_an_input_error(tmp_path, value, at):
    from lxml import etree

    format = at.draw(st.sampled_from(["page", "alto", "hocr"]))
    root = etree.fromstring(WRITTEN[format])
    elements = [e for e in root.iter(etree.Element) if e.attrib]
    element = at.draw(st.sampled_from(elements))
    name = at.draw(st.sampled_from(sorted(element.attrib)))
    try:
        element.set(name, value)
    except ValueError:
        return
    (tmp_path / "a").write_bytes(etree.tostring(root))
    _parse_and_write(tmp_path / "a")


def _entries(entry, path=()):
    yield path
    items = entry.items() if isinstance(entry, dict) else enumerate(entry)
    for key, value in items if isinstance(entry, (dict, list)) else ():
        yield from (
            _entries(value, (*path, key)) if isinstance(value, (dict, list)) else [(*path, key)]
        )


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    value=st.sampled_from([None, "x", -1, 1e308, [], {}, [[1]], True, "9" * 5000, [["a", "b"]]]),
    at=st.data(),
)
def test_odd_json_gives_pages_or_an_input_error(tmp_path, value, at):
    document = json.loads(WRITTEN["json"])
    path = at.draw(st.sampled_from([p for p in _entries(document) if p]))
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    (tmp_path / "a").write_text(json.dumps(document))
    _parse_and_write(tmp_path / "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b"plain text", "holds no transcription"),
        (b"<a/>", "neither PAGE nor ALTO"),
        (b"<html><body>hello</body></html>", "HTML without hOCR"),
        (b"{}", "not pagereader's"),
        (b'{"pagereader": 99, "pages": []}', "version 99"),
        (b"[" * 100_000, "holds no transcription"),
        (b"<PcGts>" * 5000, "holds no transcription"),
        (b"<PcGts><Page", "holds no transcription: broken XML"),
        (b"\x89PNG\r\n", "holds no transcription$"),
        (b"<PcGts/>", "holds no page"),
        (b"<alto><Layout/></alto>", "holds no page"),
        (b"<!-- class='ocr_page' --><html/>", "holds no page"),
        (b'{"pagereader": 1, "pages": []}', "holds no page"),
    ],
)
def test_what_is_no_transcription_says_so(tmp_path, content, message):
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(InputError) as caught:
        parse_transcription(tmp_path / "a.xml")
    assert re.search(message, caught.value.message)
    assert "a.xml" in caught.value.message
    assert "<string>" not in caught.value.message
    assert caught.value.advice


@pytest.mark.parametrize(
    ("inner", "attribute"),
    [
        ('<PcGts><Page><TextRegion><Coords points="{}"/></TextRegion></Page></PcGts>', "1"),
        ('<PcGts><Page><TextRegion><Coords points="{}"/></TextRegion></Page></PcGts>', "1."),
        ('<PcGts><Page><TextRegion><Coords points="{}"/></TextRegion></Page></PcGts>', "-"),
        ('<PcGts><Page><TextRegion custom="{}"/></Page></PcGts>', "a"),
        ('<PcGts><Page><TextRegion custom="{}"/></Page></PcGts>', "a{{"),
        ('<html><div class="ocr_page" title="{}"/></html>', "\u00a0"),
        ('<html><div class="ocr_page" title="{}"/></html>', "a' "),
    ],
)
def test_long_attributes_take_time_that_grows_with_them(tmp_path, inner, attribute):
    """Some took a minute for 40,000 characters, and ten times as many would have taken hours."""
    (tmp_path / "a.xml").write_text(inner.format(attribute * 400_000), "utf-8")
    before = time.process_time()
    parse_transcription(tmp_path / "a.xml")
    assert time.process_time() - before < 5


def test_a_missing_file_or_a_folder_is_an_input_error(tmp_path):
    for path in (tmp_path / "none.xml", tmp_path, "a\0b"):
        with pytest.raises(InputError, match="cannot read"):
            parse_transcription(path)


def _with_entities(path, declared):
    path.write_text(
        f'<!DOCTYPE PcGts [{declared}]><PcGts><Page imageFilename="a" imageWidth="9" '
        'imageHeight="9"><TextRegion id="r"><TextLine id="l"><TextEquiv><Unicode>&s;</Unicode>'
        "</TextEquiv></TextLine></TextRegion></Page></PcGts>"
    )
    return path


def test_files_named_by_entities_are_not_read(tmp_path):
    (tmp_path / "secret").write_text("the secret")
    (page,) = parse_transcription(_with_entities(tmp_path / "a.xml", '<!ENTITY s SYSTEM "secret">'))
    assert page.text == ""


def test_entities_that_explode_are_refused(tmp_path):
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 9))
    with pytest.raises(InputError, match="amplification"):
        parse_transcription(
            _with_entities(tmp_path / "a.xml", f'<!ENTITY a0 "ha">{laughs}<!ENTITY s "&a8;">')
        )
