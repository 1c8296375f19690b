"""hOCR as Tesseract, OCRmyPDF, kraken and we write it: XHTML or plain HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from lxml import etree

from pagereader.document import (
    Flag,
    Line,
    Page,
    PageSource,
    Points,
    ProcessingStep,
    Region,
    RegionType,
    Word,
)
from pagereader.errors import PageError
from pagereader.geometry import bounds, rectangle
from pagereader.parse.kinds import region_type
from pagereader.parse.languages import language_code
from pagereader.parse.pagexml import NamedPage
from pagereader.parse.standins import NOTHING, turned_baseline
from pagereader.parse.xmlfile import Element, local, number, parse_html, parse_xml, points_of, whole

_PROPERTY = re.compile(r"""([\w-]++)\s*((?:"[^"]*"|'[^']*'|[^;"'])*);?""")
_SPACE = re.compile("[ \t\n\r\f]+")
_LINES = {"ocr_line", "ocrx_line", "ocr_header", "ocr_footer", "ocr_caption", "ocr_textfloat"}
"""Tesseract calls a line that is a heading or caption by that name, as a span."""

_AREAS = {
    "ocr_carea",
    "ocr_column",
    "ocrx_block",
    "ocr_float",
    "ocr_separator",
    "ocr_photo",
    "ocr_image",
    "ocr_linedrawing",
    "ocr_table",
    "ocr_pageno",
    "ocr_header",
    "ocr_footer",
    "ocr_caption",
    "ocr_textfloat",
}


def read_hocr(data: bytes, path: str) -> Iterator[NamedPage]:
    """Yield the pages of an hOCR file.

    Raises:
        ValueError: if there is nothing in it.
    """
    root = _parse(data)
    system = _meta(root, "ocr-system")
    languages = _meta(root, "ocr-langs").split()
    steps = [ProcessingStep("recognition", system)] if system else []
    for element in root.iter():
        if "ocr_page" in _classes(element):
            named = _page(element, path)
            named.page.steps = list(steps)
            if len(languages) == 1 and languages[0] != "unknown":
                named.page.language = named.page.language or language_code(languages[0])
            yield named


def _parse(data: bytes) -> Element:
    """XML if it is, else HTML: only as XML does ``<div/>`` mean what XHTML writers mean."""
    try:
        root = parse_xml(data)
    except etree.XMLSyntaxError:
        return parse_html(data)
    foreign = next(root.iter(etree.Entity), None)
    return root if foreign is None else parse_html(data)  # &nbsp; and the like


def _classes(element: Element) -> set[str]:
    return set((element.get("class") or "").split()) if local(element) else set()


def _meta(root: Element, name: str) -> str:
    found = (e for e in root.iter() if local(e) == "meta" and e.get("name") == name)
    element = next(found, None)
    return "" if element is None else (element.get("content") or "")


def _properties(element: Element) -> dict[str, str]:
    """The properties in ``title``; quotes may hold semicolons."""
    pairs = _PROPERTY.findall(element.get("title") or "")
    return {name: value.strip().strip("\"'") for name, value in pairs}


def _box(properties: dict[str, str]) -> Points:
    numbers = [number(part) for part in properties.get("bbox", "").split()]
    known = [value for value in numbers if value is not None]
    return rectangle(*known) if len(known) == 4 else NOTHING


def _corners(properties: dict[str, str]) -> Points:
    polygon = points_of(properties.get("poly"))
    return polygon if len(polygon) >= 3 else _box(properties)


def _page(element: Element, path: str) -> NamedPage:
    properties = _properties(element)
    box = _box(properties)
    size = (round(float(box[2, 0])), round(float(box[2, 1]))) if len(box) else (0, 0)
    page = Page(max(0, size[0]), max(0, size[1]), PageSource(path))
    page.source = PageSource(path, whole(properties.get("ppageno")))
    resolution = [number(part) for part in properties.get("scan_res", "").split()]
    if len(resolution) == 2 and all(resolution):
        page.dpi = (float(resolution[0] or 0), float(resolution[1] or 0))
    error = element.get("data-error")
    if error is not None:
        page.error = PageError(error)
    page.language = _language(element)
    lines, page.regions = _content(element, f"{element.get('id')}_")
    if lines:
        page.regions.insert(0, Region(NOTHING, lines=lines))
    _set_turn(page, element)
    return NamedPage(page, properties.get("image") or properties.get("file", ""))


def _language(page: Element) -> str:
    """The first language that is said of the page or of something on it, as Tesseract does."""
    said = (
        e.get("lang") or e.get("{http://www.w3.org/XML/1998/namespace}lang") for e in page.iter()
    )
    return next((code for name in said if (code := language_code(name))), "")


def _set_turn(page: Page, element: Element) -> None:
    """How the page must be turned: as we note it, or as all of its lines are."""
    said = number(element.get("data-orientation"))
    turns = {_turn(inner) for inner in element.iter() if _classes(inner) & _LINES}
    turn = said if said is not None else turns.pop() if len(turns) == 1 else 0
    page.orientation = round(turn / 90) * 90 % 360
    page.skew = number(element.get("data-skew")) or 0.0


def _turn(line: Element) -> int:
    """Degrees, to the next quarter, by which a line is turned counter-clockwise."""
    return round((number(_properties(line).get("textangle")) or 0.0) / 90) * 90 % 360


def _content(element: Element, prefix: str) -> tuple[list[Line], list[Region]]:
    """The lines and regions under ``element``, however deep in other elements they stand."""
    lines: list[Line] = []
    regions: list[Region] = []
    for inner in element:
        classes = _classes(inner)
        if classes & _LINES and (local(inner) == "span" or "ocr_line" in classes):
            lines.append(_line(inner, prefix))
        elif classes & _AREAS:
            regions += _areas(inner, prefix)
        elif "ocr_par" in classes:
            regions.append(_region(inner, "ocr_par", prefix))
        elif local(inner):
            more_lines, more_regions = _content(inner, prefix)
            lines += more_lines
            regions += more_regions
    return lines, regions


def _areas(element: Element, prefix: str) -> list[Region]:
    """An area as one region; one of several paragraphs as a region each."""
    name = next(iter(_classes(element) & _AREAS))
    region = _region(element, name, prefix)
    paragraphs = [e for e in element if "ocr_par" in _classes(e)]
    if len(paragraphs) > 1 and not region.lines:
        return region.regions
    if len(paragraphs) == 1:
        (paragraph,) = (e for e in paragraphs)
        inner = next((r for r in region.regions if r.id == _id(paragraph, prefix)), None)
        if inner is not None:
            region.lines = inner.lines + region.lines
            region.regions = [r for r in region.regions if r is not inner] + inner.regions
    return [region]


def _region(element: Element, name: str, prefix: str) -> Region:
    default = RegionType.PARAGRAPH if name in ("ocr_carea", "ocr_par", "ocrx_block") else None
    kind = region_type(element.get("data-type"), name, default=default or RegionType.OTHER)
    region = Region(_corners(_properties(element)), kind, id=_id(element, prefix))
    if element.get("data-row") is not None and element.get("data-column") is not None:
        region.row, region.column = (
            whole(element.get("data-row")),
            whole(element.get("data-column")),
        )
    region.lines, region.regions = _content(element, prefix)
    own = f"{region.id}_lines"  # how we write the lines of a table or picture
    for nested in [r for r in region.regions if r.id == own and name not in ("ocr_carea",)]:
        region.lines += nested.lines
        region.regions.remove(nested)
    return region


def _id(element: Element, prefix: str) -> str:
    """Our ids start with their page's, so that they are unique in a document of many pages."""
    return (element.get("id") or "").removeprefix(prefix)


def _line(element: Element, prefix: str) -> Line:
    properties = _properties(element)
    words = [
        _word(inner, prefix)
        for inner in element.iter()
        if _classes(inner) & {"ocrx_word", "ocr_word"} and inner.get("data-type") != "line"
    ]
    words = [word for word in words if word.text]
    text = " ".join(word.text for word in words) if words else _text(element)
    conf = number(properties.get("x_wconf"))
    line = Line(
        _corners(properties),
        NOTHING,
        text=text,
        confidence=None if conf is None else min(1.0, max(0.0, conf / 100)),
        words=words,
        id=_id(element, prefix),
        error=element.get("data-error") or "",
    )
    flags = (element.get("data-flags") or "").split()
    line.flags = frozenset(Flag(flag) for flag in flags if flag in set(Flag))
    drawn = points_of(element.get("data-baseline"))
    line.baseline = drawn if len(drawn) >= 2 else _baseline(properties, _turn(element))
    return line


def _text(element: Element) -> str:
    said = "".join(str(part) for part in element.itertext())
    return _SPACE.sub(" ", said).strip(" ")  # only what HTML folds: a no-break space is text


def _baseline(properties: dict[str, str], turn: int) -> Points:
    """The polynomial ``slope offset``, measured from the lower left corner of the line's box.

    A line that is turned has none: its letters' feet stand along another side of the box.
    """
    box = _box(properties)
    if len(box) and turn:
        return turned_baseline(box, turn)
    values = [number(part) for part in properties.get("baseline", "").split()]
    if not len(box) or len(values) != 2 or values[0] is None or values[1] is None:
        return NOTHING
    left, _, right, bottom = bounds(box)
    slope, offset = values[0], values[1]
    return np.array([[left, bottom + offset], [right, bottom + offset + slope * (right - left)]])


def _word(element: Element, prefix: str) -> Word:
    properties = _properties(element)
    text = _text(element)
    conf = number(properties.get("x_wconf"))
    values = [number(part) for part in properties.get("x_confs", "").split()]
    sure = tuple(min(1.0, max(0.0, value / 100)) for value in values if value is not None)
    return Word(
        text,
        _corners(properties),
        None if conf is None else min(1.0, max(0.0, conf / 100)),
        sure if len(sure) == len(text) else (),
        _id(element, prefix),
    )
