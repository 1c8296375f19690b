"""PAGE-XML 2019-07-15, the format of Transkribus, eScriptorium, kraken, OCR-D and Loghi.

Where things that PAGE has no element for are kept:

- flags of a line, its letter height and its error: ``Labels`` of the line, ``externalModel``
  "pagereader";
- what was done: one ``MetadataItem`` of type "processingStep" a step, its settings as labels;
- the input and its page: a ``MetadataItem`` of type "other" called "source".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pagereader import __version__
from pagereader.document import Page, ProcessingStep, RegionType
from pagereader.languages import NAMES
from pagereader.write.dates import made
from pagereader.write.given import only_page
from pagereader.write.outline import IntPoints
from pagereader.write.placed import (
    PlacedLine,
    PlacedRegion,
    PlacedWord,
    place,
    wanted_ids,
)
from pagereader.write.sanitise import Ids, clean_name, confidence, decimal
from pagereader.write.xmlnames import Element, Namespace, indented

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
SCHEMA = f"{NAMESPACE}/pagecontent.xsd"
_PAGE = Namespace(NAMESPACE)
_MODEL = "pagereader"
_ELEMENTS = {
    RegionType.TABLE: "TableRegion",
    RegionType.IMAGE: "ImageRegion",
    RegionType.SEPARATOR: "SeparatorRegion",
}
"""Regions that are no text; PAGE lets them hold lines only in nested text regions."""


class PageXmlWriter:
    """Writes one page as PAGE-XML. A failed page becomes a page without regions."""

    format: str = "page"
    suffix: str = ".xml"
    one_page_a_file: bool = True

    def render(self, pages: Sequence[Page], image_names: Sequence[str]) -> bytes:
        """Return the file's content; see :class:`pagereader.stages.Writer`."""
        page, image_name = only_page(self.format, pages, image_names)
        ids = Ids(wanted_ids(page.regions))
        root = _PAGE.root("PcGts", SCHEMA)
        root.append(_metadata(page))
        root.append(_page(page, image_name, ids))
        return indented(root)


def _metadata(page: Page) -> Element:
    metadata = _PAGE.element("Metadata")
    date = made(page)
    _PAGE.add(metadata, "Creator").text = f"pagereader {__version__}"
    _PAGE.add(metadata, "Created").text = date
    _PAGE.add(metadata, "LastChange").text = date
    for step in page.steps:
        _add_step(metadata, step)
    source = _add_item(metadata, "other", "source", page.source.path)
    labels = _add_labels(source, "source")
    _PAGE.add(labels, "Label", type="page", value=str(page.source.number))
    if page.source.count is not None:
        _PAGE.add(labels, "Label", type="pages", value=str(page.source.count))
    if page.error is not None:
        _add_item(metadata, "other", "error", str(page.error))
    return metadata


def _add_item(metadata: Element, kind: str, name: str, value: str) -> Element:
    return _PAGE.add(
        metadata, "MetadataItem", type=kind, name=clean_name(name), value=clean_name(value)
    )


def _add_labels(parent: Element, what: str) -> Element:
    return _PAGE.add(parent, "Labels", externalModel=_MODEL, externalId=what)


def _add_step(metadata: Element, step: ProcessingStep) -> None:
    item = _add_item(metadata, "processingStep", step.name, step.tool)
    if step.settings:
        labels = _add_labels(item, "parameters")
        for name, value in step.settings:
            _PAGE.add(labels, "Label", type=clean_name(name), value=clean_name(value))


def _page(page: Page, image_name: str, ids: Ids) -> Element:
    element = _PAGE.element("Page")
    element.set("imageFilename", clean_name(image_name))
    element.set("imageWidth", str(page.width))
    element.set("imageHeight", str(page.height))
    if page.dpi:
        element.set("imageXResolution", decimal(page.dpi[0]))
        element.set("imageYResolution", decimal(page.dpi[1]))
        element.set("imageResolutionUnit", "PPI")
    turn = turning_angle(page)
    if turn:
        element.set("orientation", decimal(turn))
    if page.language:
        element.set("primaryLanguage", NAMES.get(page.language, "other"))
        element.set("custom", f"language {{code:{page.language};}}")
    conf = confidence(page.confidence)
    if conf is not None:
        element.set("conf", decimal(conf))
    regions = place(page, ids)
    if regions:
        order = _PAGE.add(element, "ReadingOrder")
        group = _PAGE.add(order, "OrderedGroup", id=ids.claim("", "reading_order"))
        for index, region in enumerate(_in_order(regions)):
            _PAGE.add(group, "RegionRefIndexed", index=str(index), regionRef=region.id)
    for index, region in enumerate(regions):
        _add_region(element, index, region, ids)
    return element


def turning_angle(page: Page) -> float:
    """Degrees to turn the page clockwise so that its text stands upright and level, -180 to 180."""
    angle = (page.orientation - page.skew) % 360
    return angle - 360 if angle > 180 else angle


def _in_order(regions: Sequence[PlacedRegion]) -> Iterator[PlacedRegion]:
    """Every region, nested ones after the one that holds them.

    One flat group: PAGE also knows groups within groups for nested regions, but OCR-D's validator
    stumbles over them and kraken loses them.
    """
    for region in regions:
        yield region
        yield from _in_order(region.regions)


def _add_region(parent: Element, index: int, region: PlacedRegion, ids: Ids) -> None:
    kind = region.region.type
    name = _ELEMENTS.get(kind, "TextRegion")
    element = _PAGE.add(parent, name, id=region.id)
    if name == "TextRegion":
        element.set("type", str(kind))
    element.set("custom", f"readingOrder {{index:{index};}} structure {{type:{kind};}}")
    _add_coords(element, region.points)
    _add_cell(element, region)
    if name != "TextRegion" and region.lines:
        _add_lines_region(element, region, ids)
    for number, nested in enumerate(region.regions):
        _add_region(element, number, nested, ids)
    if name == "TextRegion":
        _add_text(element, region)


def _add_lines_region(parent: Element, region: PlacedRegion, ids: Ids) -> None:
    """Give the lines of a table or picture the text region they need; our parser undoes this."""
    element = _PAGE.add(parent, "TextRegion", id=ids.claim("", f"{region.id}_lines"), type="other")
    element.set("custom", "readingOrder {index:0;} structure {type:lines;}")
    _add_coords(element, region.points)
    _add_text(element, region)


def _add_cell(element: Element, region: PlacedRegion) -> None:
    row, column = region.region.row, region.region.column
    if row is not None and column is not None:
        roles = _PAGE.add(element, "Roles")
        _PAGE.add(roles, "TableCellRole", rowIndex=str(row), columnIndex=str(column))


def _add_text(element: Element, region: PlacedRegion) -> None:
    for index, line in enumerate(region.lines):
        _add_line(element, index, line)
    if region.lines:
        _add_reading(element, region.text, None)


def _add_line(parent: Element, index: int, line: PlacedLine) -> None:
    element = _PAGE.add(parent, "TextLine", id=line.id)
    element.set("custom", f"readingOrder {{index:{index};}}")
    _add_coords(element, line.points)
    if line.baseline is not None:
        _PAGE.add(element, "Baseline", points=joined(line.baseline))
    for word in line.words:
        _add_word(element, word)
    _add_reading(element, line.text, line.confidence, index=0)
    for number, other in enumerate(line.alternatives, 1):
        _add_reading(element, other.text, other.confidence, index=number)
    notes = list(_notes(line))
    if notes:
        labels = _add_labels(element, "line")
        for kind, value in notes:
            _PAGE.add(labels, "Label", type=kind, value=value)


def _notes(line: PlacedLine) -> Iterator[tuple[str, str]]:
    for flag in line.flags:
        yield "flag", flag
    if line.line.error:
        yield "error", clean_name(line.line.error)
    if 0 < line.line.height < 1e6:
        yield "height", decimal(line.line.height)


def _add_word(parent: Element, word: PlacedWord) -> None:
    element = _PAGE.add(parent, "Word", id=word.id)
    _add_coords(element, word.points)
    _add_reading(element, word.text, word.confidence)


def _add_coords(parent: Element, corners: IntPoints) -> None:
    _PAGE.add(parent, "Coords", points=joined(corners))


def joined(corners: IntPoints) -> str:
    """Return points as PAGE and ALTO write them: "x,y x,y"."""
    return " ".join([f"{x},{y}" for x, y in corners.tolist()])


def _add_reading(parent: Element, text: str, conf: float | None, index: int | None = None) -> None:
    equivalent = _PAGE.add(
        parent,
        "TextEquiv",
        index=None if index is None else str(index),
        conf=None if conf is None else decimal(conf),
    )
    _PAGE.add(equivalent, "Unicode").text = text
