"""hOCR 1.2: the whole document in one XHTML file, page > area > paragraph > line > word.

Where things that hOCR has no property for are kept: the kind of a region, the flags of a line, its
baseline where it is too steep for a polynomial, how a page is turned, and the error of a failed one
are ``data-`` attributes, which HTML leaves to applications.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from lxml import etree

from pagereader import __version__
from pagereader.document import Page, RegionType
from pagereader.write.dates import made
from pagereader.write.given import with_names
from pagereader.write.outline import IntPoints
from pagereader.write.placed import Box, PlacedLine, PlacedRegion, PlacedWord, place, wanted_ids
from pagereader.write.sanitise import Ids, clean_name, decimal, ncname, property_value
from pagereader.write.xmlnames import Element, Namespace

_XHTML = Namespace("http://www.w3.org/1999/xhtml")
_DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'
)
_FLOATS = {
    RegionType.TABLE: "ocr_table",
    RegionType.IMAGE: "ocr_photo",
    RegionType.SEPARATOR: "ocr_separator",
}


class HocrWriter:
    """Writes the whole document; a failed page keeps its place as an empty ``ocr_page``."""

    format: str = "hocr"
    suffix: str = ".hocr"
    one_page_a_file: bool = False

    def render(self, pages: Sequence[Page], image_names: Sequence[str]) -> bytes:
        """Return the file's content; see :class:`pagereader.stages.Writer`."""
        body = _XHTML.element("body")
        for number, (page, name) in enumerate(with_names(pages, image_names), 1):
            _HocrPage(page, number).build(body, name)
        languages = sorted({page.language for page in pages if page.language})
        root = _XHTML.root("html")
        if len(languages) == 1:
            root.set("lang", languages[0])
            root.set("{http://www.w3.org/XML/1998/namespace}lang", languages[0])
        root.append(_head(pages, body, languages))
        root.append(body)
        _indent(root)
        for element in body.iter(_XHTML.tag("div"), _XHTML.tag("span")):
            # As HTML, which .html files are to browsers, <div/> would swallow what follows.
            element.text = element.text or ""
        return bytes(
            etree.tostring(root, encoding="UTF-8", xml_declaration=True, doctype=_DOCTYPE) + b"\n"
        )


def _add(parent: Element, tag: str, /, **attributes: str) -> Element:
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value}
    return _XHTML.add(parent, tag, **given)


def _head(pages: Sequence[Page], body: Element, languages: Sequence[str]) -> Element:
    head = _XHTML.element("head")
    _add(head, "title").text = clean_name(pages[0].source.path) if pages else "no page"
    _add(head, "meta", http_equiv="Content-Type", content="text/html; charset=utf-8")
    for name, content in (
        ("ocr-system", f"pagereader {__version__}"),
        ("ocr-capabilities", " ".join(_capabilities(body))),
        ("ocr-number-of-pages", str(len(pages))),
        ("ocr-langs", " ".join(languages) or "unknown"),
        ("generated", made(pages[0]) if pages else ""),
    ):
        _add(head, "meta", name=name, content=content)
    return head


def _capabilities(body: Element) -> list[str]:
    """Every class that occurs, and the abilities that what occurs needs: no more, no less."""
    elements = list(body.iter(etree.Element))
    found = {element.get("class", "") for element in elements} - {""}
    if any("poly " in element.get("title", "") for element in elements):
        found.add("ocrp_poly")
    if any(element.get("dir") for element in elements):
        found.add("ocrp_dir")
    if any(element.get("lang") for element in elements):
        found.add("ocrp_lang")
    found.add("ocr_page")
    return sorted(found)


def _indent(root: Element) -> None:
    """Indent all but what is inside a line, where white space is text."""
    etree.indent(root, space=" ")
    for line in root.iter(_XHTML.tag("span")):
        if line.get("class") == "ocr_line":
            line.text = None
            words = list(line)
            for number, word in enumerate(words, 1):
                word.tail = " " if number < len(words) else None


class _HocrPage:
    """One page while it is built; its ids start with its own, which the parser takes off."""

    def __init__(self, page: Page, number: int) -> None:
        self.page = page
        self.name = f"page_{number}"
        self.ids = Ids(wanted_ids(page.regions))

    def build(self, body: Element, image_name: str) -> None:
        page = self.page
        title = [f'image "{property_value(image_name)}"'] if image_name else []
        title += [f"bbox 0 0 {page.width} {page.height}", f"ppageno {page.source.index}"]
        if page.dpi:
            title.append(f"scan_res {max(1, round(page.dpi[0]))} {max(1, round(page.dpi[1]))}")
        element = self._element(body, "div", "ocr_page", "", title)
        if page.error is not None:
            element.set("data-error", clean_name(str(page.error)) or type(page.error).__name__)
        if page.orientation:
            element.set("data-orientation", str(page.orientation))
        if page.skew and math.isfinite(page.skew):
            element.set("data-skew", decimal(page.skew))
        if page.language:
            element.set("lang", page.language)
        for region in place(page, self.ids):
            self._add_region(element, region)

    def _element(
        self, parent: Element, tag: str, kind: str, name: str, title: Sequence[str], **more: str
    ) -> Element:
        full = f"{self.name}_{name}" if name else self.name
        return _add(parent, tag, class_=kind, id=ncname(full), title="; ".join(title), **more)

    def _add_region(self, parent: Element, region: PlacedRegion, in_float: bool = False) -> None:
        kind = region.region.type
        extent = _extent(region.box, region.points)
        if kind in _FLOATS and not in_float:  # hOCR forbids floats inside floats
            element = self._element(parent, "div", _FLOATS[kind], region.id, extent)
            if region.lines:
                self._add_area(element, region, f"{region.id}_lines", "lines")
        else:
            element = self._add_area(parent, region, region.id, str(kind))
        for nested in region.regions:
            self._add_region(element, nested, in_float or kind in _FLOATS)

    def _add_area(self, parent: Element, region: PlacedRegion, name: str, kind: str) -> Element:
        extent = _extent(region.box, region.points)
        area = self._element(parent, "div", "ocr_carea", name, extent, data_type=kind)
        row, column = region.region.row, region.region.column
        if row is not None and column is not None:
            area.set("data-row", str(row))
            area.set("data-column", str(column))
        if region.lines:
            paragraph = self._element(
                area, "p", "ocr_par", f"{name}_par", [_bbox(region.box)], dir=_direction(region)
            )
            for line in region.lines:
                self._add_line(paragraph, line)
        return area

    def _add_line(self, parent: Element, line: PlacedLine) -> None:
        title = _extent(line.box, line.points)
        title += _foot(line.box, line.baseline)
        steep = line.baseline is not None and title[-1].startswith("textangle")
        if line.confidence is not None:
            title.append(f"x_wconf {round(line.confidence * 100)}")
        flags = " ".join(line.flags)
        element = self._element(parent, "span", "ocr_line", line.id, title, data_flags=flags)
        if line.line.error:
            element.set("data-error", clean_name(line.line.error))
        if steep and line.baseline is not None:
            element.set("data-baseline", " ".join(map(str, line.baseline.ravel().tolist())))
        if line.words:
            for word in line.words:
                self._add_word(element, word)
        elif line.text:
            whole = [_bbox(line.box), *(t for t in title if t.startswith("x_wconf"))]
            self._element(
                element, "span", "ocrx_word", f"{line.id}_text", whole, data_type="line"
            ).text = line.text

    def _add_word(self, parent: Element, word: PlacedWord) -> None:
        title = _extent(word.box, word.points)
        if word.confidence is not None:
            title.append(f"x_wconf {round(word.confidence * 100)}")
        if word.char_confidences:
            values = " ".join(decimal(100 * value) for value in word.char_confidences)
            title.append(f"x_confs {values}")
        self._element(parent, "span", "ocrx_word", word.id, title).text = word.text


def _bbox(box: Box) -> str:
    return "bbox {} {} {} {}".format(*box)


def _extent(box: Box, corners: IntPoints) -> list[str]:
    """The box, and the polygon if it says more."""
    title = [_bbox(box)]
    left, top, right, bottom = box
    if {(x, y) for x, y in corners.tolist()} != {
        (left, top),
        (right, top),
        (right, bottom),
        (left, bottom),
    }:
        title.append("poly " + " ".join(str(value) for value in corners.ravel().tolist()))
    return title


def _foot(box: Box, baseline: IntPoints | None) -> list[str]:
    """The baseline as slope and offset from the box's lower left corner; an angle if steep."""
    if baseline is None:
        return []
    (x0, y0), (x1, y1) = baseline[0].tolist(), baseline[-1].tolist()
    if abs(y1 - y0) > abs(x1 - x0) or x1 < x0:
        return [f"textangle {decimal(-math.degrees(math.atan2(y1 - y0, x1 - x0)) % 360)}"]
    slope = _slope(baseline)
    middle = baseline.mean(axis=0)
    offset = float(middle[1]) + slope * (box[0] - float(middle[0])) - box[3]
    return [f"baseline {decimal(slope)} {round(offset)}"]


def _slope(baseline: IntPoints) -> float:
    centred = baseline - baseline.mean(axis=0)
    spread = float(np.square(centred[:, 0]).sum())
    return float((centred[:, 0] * centred[:, 1]).sum()) / spread if spread else 0.0


def _direction(region: PlacedRegion) -> str:
    """Return "rtl" if most letters of the region run right to left, else nothing."""
    letters: Iterable[str] = (unicodedata.bidirectional(c) for c in region.text)
    kinds = [kind for kind in letters if kind in ("L", "R", "AL")]
    return "rtl" if sum(kind != "L" for kind in kinds) * 2 > len(kinds) else ""
