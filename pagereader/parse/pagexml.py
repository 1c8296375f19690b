"""PAGE-XML of any year, as Transkribus, eScriptorium, kraken, OCR-D, Loghi and we write it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from pagereader.document import (
    Alternative,
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
from pagereader.geometry import rectangle
from pagereader.parse.kinds import region_type
from pagereader.parse.languages import language_code
from pagereader.parse.order import by_rank, custom_index, custom_values, ranks, sort_regions
from pagereader.parse.standins import NOTHING
from pagereader.parse.xmlfile import (
    Element,
    child,
    children,
    local,
    number,
    points_of,
    share,
    text_of,
    whole,
)


@dataclass(frozen=True, slots=True)
class NamedPage:
    """A page and the image name that its file gives."""

    page: Page
    image: str


def read_page_xml(root: Element, path: str) -> Iterator[NamedPage]:
    """Yield the pages of a PAGE-XML file; there is one unless the file is odd."""
    metadata = child(root, "Metadata")
    for element in children(root, "Page"):
        yield NamedPage(_page(element, metadata, path), element.get("imageFilename") or "")


def _page(element: Element, metadata: Element | None, path: str) -> Page:
    page = Page(
        whole(element.get("imageWidth")),
        whole(element.get("imageHeight")),
        _source(metadata, path),
        dpi=_resolution(element),
        steps=_steps(metadata),
        error=_error(metadata),
    )
    angle = number(element.get("orientation")) or 0.0
    page.orientation = round(angle / 90) * 90 % 360
    page.skew = (page.orientation - angle + 180) % 360 - 180
    custom = custom_values(element.get("custom"))
    code = custom.get("language", {}).get("code", "")
    page.language = language_code(code or element.get("primaryLanguage"))
    order = child(element, "ReadingOrder")
    places = ranks(list(order) if order is not None else [], ("regionRef",))
    page.regions = sort_regions(_regions(element, places), places)
    return page


def _source(metadata: Element | None, path: str) -> PageSource:
    date = None if metadata is None else text_of(child(metadata, "LastChange"))
    for item in [] if metadata is None else children(metadata, "MetadataItem"):
        if item.get("type") == "other" and item.get("name") == "source":
            labels = _labels(item, "source")
            index = max(1, whole(labels.get("page"), 1)) - 1
            count = whole(labels.get("pages")) or None
            return PageSource(item.get("value") or path, index, count, _moment(date))
    return PageSource(path, modified=_moment(date))


def _error(metadata: Element | None) -> PageError | None:
    """Why we could not read the page: it has no regions then, but is not blank."""
    for item in [] if metadata is None else children(metadata, "MetadataItem"):
        if item.get("type") == "other" and item.get("name") == "error":
            return PageError(item.get("value") or "")
    return None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if moment.year > 1970 else None


def _labels(element: Element, what: str) -> dict[str, str]:
    """The labels that we wrote about ``what``, by their type."""
    return {
        label.get("type") or "": label.get("value") or ""
        for labels in children(element, "Labels")
        if labels.get("externalModel") == "pagereader" and labels.get("externalId") == what
        for label in children(labels, "Label")
    }


def _steps(metadata: Element | None) -> list[ProcessingStep]:
    if metadata is None:
        return []
    steps = []
    creator = text_of(child(metadata, "Creator")).strip()
    if creator and not creator.startswith("pagereader "):
        steps.append(ProcessingStep("import", creator))
    for item in children(metadata, "MetadataItem"):
        if item.get("type") == "processingStep":
            settings = tuple(
                (label.get("type") or "", label.get("value") or "")
                for labels in children(item, "Labels")
                for label in children(labels, "Label")
            )
            steps.append(ProcessingStep(item.get("name") or "", item.get("value") or "", settings))
    return steps


def _resolution(element: Element) -> tuple[float, float] | None:
    x, y = number(element.get("imageXResolution")), number(element.get("imageYResolution"))
    if not x or x < 0:
        return None
    per_inch = 2.54 if element.get("imageResolutionUnit") == "PPCM" else 1.0
    return x * per_inch, (y if y and y > 0 else x) * per_inch


def _regions(parent: Element, places: dict[str, int]) -> list[Region]:
    """The regions right under ``parent``; their own indices count where no ReadingOrder does."""
    found = [
        (element, _region(element, places))
        for element in parent
        if local(element).endswith("Region") or local(element) == "TableCell"
    ]
    if any(region.id in places for _, region in found):
        return [region for _, region in found]
    return [region for _, region in by_rank(found, lambda pair: _own_index(*pair))]


def _own_index(element: Element, region: Region) -> int | None:
    index = custom_index(custom_values(element.get("custom")))
    if index is None and region.row is not None and region.column is not None:
        return region.row * 10_000 + region.column
    return index


def _region(element: Element, places: dict[str, int]) -> Region:
    name = local(element)
    custom = custom_values(element.get("custom"))
    said = custom.get("structure", {}).get("type", "")
    default = RegionType.OTHER
    if name == "TextRegion" and not (said or element.get("type")):
        default = RegionType.PARAGRAPH
    elif name != "TextRegion":
        default = region_type(name)
    kind = region_type(element.get("type"), said, default=default)
    if name == "TextRegion" and kind in (RegionType.OTHER, RegionType.PARAGRAPH) and said:
        kind = region_type(said, default=kind)  # eScriptorium: type="other", MainZone in custom
    region = Region(_corners(element), kind, id=element.get("id") or "")
    region.row, region.column = _cell(element)
    region.regions = _regions(element, places)
    region.lines = _lines(element, region.polygon, places)
    _take_back_lines(element, region)
    return region


def _take_back_lines(element: Element, region: Region) -> None:
    """Undo our own text region for the lines of a table or picture."""
    for nested_element in children(element, "TextRegion"):
        custom = custom_values(nested_element.get("custom"))
        if custom.get("structure", {}).get("type") == "lines":
            for nested in region.regions:
                if nested.id == nested_element.get("id"):
                    region.lines.extend(nested.lines)
            region.regions = [r for r in region.regions if r.id != nested_element.get("id")]


def _cell(element: Element) -> tuple[int | None, int | None]:
    role = child(element, "Roles", "TableCellRole")
    if role is not None:
        return whole(role.get("rowIndex")), whole(role.get("columnIndex"))
    if local(element) == "TableCell":  # Transkribus
        return whole(element.get("row")), whole(element.get("col"))
    return None, None


def _corners(element: Element) -> Points:
    coords = child(element, "Coords")
    if coords is None:
        return NOTHING
    if coords.get("points") is None:  # 2010 and before: one element a point
        pairs = (f"{p.get('x')},{p.get('y')}" for p in children(coords, "Point"))
        return points_of(" ".join(pairs))
    return points_of(coords.get("points"))


def _lines(element: Element, region: Points, places: dict[str, int]) -> list[Line]:
    found = [(e, _line(e)) for e in children(element, "TextLine")]
    if not found:
        return _lines_of_text(element, region)
    customs = [custom_index(custom_values(e.get("custom"))) for e, _ in found]
    if all(index is not None for index in customs):
        return [found[i][1] for i in sorted(range(len(found)), key=lambda i: (customs[i] or 0, i))]
    return by_rank([line for _, line in found], lambda line: places.get(line.id))


def _lines_of_text(element: Element, region: Points) -> list[Line]:
    """Lines for a region whose text alone is known: its box in equal strips."""
    texts = [text for text in _readings(element)[0][0].split("\n") if text.strip()]
    if not texts or len(region) < 3:
        return []
    left, right = region[:, 0].min(), region[:, 0].max()
    edges = np.linspace(region[:, 1].min(), region[:, 1].max(), len(texts) + 1)
    lines = []
    for text, top, bottom in zip(texts, edges[:-1], edges[1:], strict=True):
        line = Line(rectangle(left, top, right, bottom), NOTHING, text=text.strip())
        line.flags = frozenset({Flag.BOXED})
        lines.append(line)
    return lines


def _line(element: Element) -> Line:
    (text, confidence), *others = _readings(element)
    words = [word for e in children(element, "Word") if (word := _word(e)).text]
    if not text and child(element, "TextEquiv") is None:
        text = " ".join(word.text for word in words)
    baseline = child(element, "Baseline")
    line = Line(
        _corners(element),
        NOTHING if baseline is None else points_of(baseline.get("points")),
        text=text,
        confidence=confidence,
        words=words,
        alternatives=[Alternative(other, conf) for other, conf in others],
        id=element.get("id") or "",
    )
    _read_labels(element, line)
    return line


def _read_labels(element: Element, line: Line) -> None:
    flags = set()
    for labels in children(element, "Labels"):
        if labels.get("externalModel") != "pagereader":
            continue
        for label in children(labels, "Label"):
            value = label.get("value") or ""
            if label.get("type") == "flag" and value in set(Flag):
                flags.add(Flag(value))
            elif label.get("type") == "error":
                line.error = value
            elif label.get("type") == "height":
                line.height = max(0.0, number(value) or 0.0)
    line.flags = frozenset(flags)


def _readings(element: Element) -> list[tuple[str, float | None]]:
    """All readings of a line or word, best first; at least one, if empty."""
    equivalents = list(children(element, "TextEquiv"))
    equivalents.sort(key=lambda e: whole(e.get("index"), 0))
    readings = []
    for equivalent in equivalents:
        unicode = child(equivalent, "Unicode")
        said = unicode if unicode is not None else child(equivalent, "PlainText")
        readings.append((text_of(said), share(equivalent.get("conf"))))
    return readings or [("", None)]


def _word(element: Element) -> Word:
    text, confidence = _readings(element)[0]
    glyphs = [_readings(glyph)[0] for glyph in children(element, "Glyph")]
    text = text or "".join(glyph for glyph, _ in glyphs)
    sure = [conf for _, conf in glyphs if conf is not None]
    chars = tuple(sure) if len(sure) == len(glyphs) == len(text) else ()
    return Word(text, _corners(element), confidence, chars, element.get("id") or "")
