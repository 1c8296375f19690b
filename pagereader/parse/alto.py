"""ALTO 1 to 4, in pixels, tenths of a millimetre or 1200ths of an inch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
from pagereader.parse.order import ranks, sort_regions
from pagereader.parse.pagexml import NamedPage
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

UNITS = {"mm10": 254.0, "inch1200": 1200.0}
"""Units to the inch of the measures that are no pixels."""

_SPACES = ("TopMargin", "LeftMargin", "PrintSpace", "RightMargin", "BottomMargin")
_BLOCKS = ("TextBlock", "ComposedBlock", "Illustration", "GraphicalElement")


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag of the file: what blocks and lines refer to by id."""

    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class _Context:
    """What every element of the file needs to know."""

    tags: Mapping[str, _Tag]

    def labels(self, element: Element, kind: str) -> list[str]:
        found = [self.tags.get(name) for name in (element.get("TAGREFS") or "").split()]
        return [tag.label for tag in found if tag is not None and tag.kind == kind]

    def all_labels(self, element: Element) -> list[str]:
        found = [self.tags.get(name) for name in (element.get("TAGREFS") or "").split()]
        return [tag.label for tag in found if tag is not None and tag.kind not in ("flag", "cell")]


def unit_of(root: Element) -> str:
    """Return the file's unit: "pixel", "mm10" or "inch1200"."""
    said = text_of(child(root, "Description", "MeasurementUnit")).strip()
    return said if said in UNITS else "pixel"


def read_alto(root: Element, path: str) -> Iterator[NamedPage]:
    """Yield the pages of an ALTO file, in the file's own unit (see :func:`unit_of`)."""
    description = child(root, "Description")
    image = text_of(child(root, "Description", "sourceImageInformation", "fileName")).strip()
    tags = child(root, "Tags")
    known = {
        tag.get("ID") or "": _Tag(tag.get("TYPE") or "", tag.get("LABEL") or "")
        for tag in ([] if tags is None else tags)
    }
    order = child(root, "ReadingOrder")
    layout = child(root, "Layout")
    for element in [] if layout is None else children(layout, "Page"):
        places = ranks(list(order), ("REF",)) if order is not None else _chain(element)
        page = _page(element, _Context(known), places, path)
        page.steps = [] if description is None else _steps(description)
        page.error = None if description is None else _error(description)
        yield NamedPage(page, image)


def _chain(page: Element) -> dict[str, int]:
    """The order that blocks state by naming the next one."""
    following = {
        block.get("ID") or "": block.get("IDNEXT") or ""
        for block in page.iter()
        if block.get("IDNEXT")
    }
    places: dict[str, int] = {}
    for name in [first for first in following if first not in following.values()]:
        while name and name not in places:
            places[name] = len(places)
            name = following.get(name, "")
    return places


def _page(element: Element, context: _Context, places: dict[str, int], path: str) -> Page:
    page = Page(whole(element.get("WIDTH")), whole(element.get("HEIGHT")), PageSource(path))
    number_of_page = max(1, whole(element.get("PHYSICAL_IMG_NR"), 1))
    page.source = PageSource(path, number_of_page - 1)
    spaces = [(local(space), space) for space in children(element, *_SPACES)]
    spaces.sort(key=lambda pair: _SPACES.index(pair[0]))
    regions = [region for name, space in spaces for region in _regions(space, name, context)]
    page.regions = sort_regions(regions, places)
    printed = child(element, "PrintSpace")
    if not page.width and printed is not None:
        box = _box(printed)
        if len(box):
            page.width, page.height = round(box[2, 0]), round(box[2, 1])
    blocks = [e for e in element.iter() if local(e) in _BLOCKS]
    angle = next((-v for b in blocks if (v := number(b.get("ROTATION"))) is not None), 0.0)
    angle = angle if element.get("ROTATION") is None else -(number(element.get("ROTATION")) or 0.0)
    page.orientation = round(angle / 90) * 90 % 360
    page.skew = (page.orientation - angle + 180) % 360 - 180
    languages = [b.get("LANG") or b.get("language") or "" for b in (element, *blocks)]
    page.language = next((code for name in languages if (code := language_code(name))), "")
    return page


def _steps(description: Element) -> list[ProcessingStep]:
    steps = []
    for processing in children(description, "Processing", "OCRProcessing"):
        inner = list(children(processing, "ocrProcessingStep")) or [processing]
        steps += [_step(step) for step in inner]
    return [step for step in steps if not _is_error(step)]


def _error(description: Element) -> PageError | None:
    """Why we could not read the page: it has no blocks then, but is not blank."""
    for processing in children(description, "Processing"):
        if _is_error(_step(processing)):
            return PageError(text_of(child(processing, "processingStepSettings")))
    return None


def _is_error(step: ProcessingStep) -> bool:
    return step.name == "error" and step.tool.startswith("pagereader ")


def _step(element: Element) -> ProcessingStep:
    name = text_of(child(element, "processingStepDescription")) or "recognition"
    software = child(element, "processingSoftware")
    tool = ""
    if software is not None:
        parts = (text_of(child(software, part)) for part in ("softwareName", "softwareVersion"))
        tool = " ".join(part.strip() for part in parts if part.strip())
    settings = text_of(child(element, "processingStepSettings")).split("\n")
    pairs = (entry.partition(": ") for entry in settings if entry.strip())
    return ProcessingStep(name, tool, tuple((key, value) for key, _, value in pairs))


def _regions(parent: Element, place: str, context: _Context) -> list[Region]:
    return [_region(block, place, context) for block in children(parent, *_BLOCKS)]


def _region(element: Element, place: str, context: _Context) -> Region:
    name = local(element)
    if name in ("Illustration", "GraphicalElement"):
        default = region_type(name)
    else:
        default = region_type(place, default=RegionType.PARAGRAPH)
    labels = context.all_labels(element)
    known = [label for label in labels if region_type(label) is not RegionType.OTHER]
    said = element.get("TYPE") if name == "ComposedBlock" else None
    kind = region_type(*known, said, default=RegionType.OTHER if labels else default)
    region = Region(_corners(element), kind, id=element.get("ID") or "")
    for label in context.labels(element, "cell"):
        words = label.split()
        if len(words) == 4:
            region.row, region.column = whole(words[1]), whole(words[3])
    region.lines = [_line(e, context) for e in children(element, "TextLine")]
    for block in children(element, *_BLOCKS):
        if "lines" in context.labels(block, "region"):
            region.lines += [_line(line, context) for line in children(block, "TextLine")]
        else:
            region.regions.append(_region(block, place, context))
    return region


def _line(element: Element, context: _Context) -> Line:
    strings = list(children(element, "String"))
    words = [word for string in strings if (word := _word(string)).text]
    hyphen = child(element, "HYP")
    if words and hyphen is not None:
        words[-1].text += (hyphen.get("CONTENT") or "").strip()
        words[-1].char_confidences = ()
    text = " ".join(word.text for word in words)
    line = Line(_corners(element), _baseline(element), text=text, id=element.get("ID") or "")
    if len(strings) == 1 and _is_whole_line(strings[0], element):
        line.confidence = share(strings[0].get("WC"))
        others = (text_of(other) for other in children(strings[0], "ALTERNATIVE"))
        line.alternatives = [Alternative(other) for other in others]
    else:
        line.words = words
    flags = context.labels(element, "flag")
    line.flags = frozenset(Flag(flag) for flag in flags if flag in set(Flag))
    return line


def _is_whole_line(string: Element, line: Element) -> bool:
    """Whether a line's only string is no word, but stands for the line."""
    if any(space in (string.get("CONTENT") or "").strip() for space in " \t\n"):
        return True
    placed = ("HPOS", "VPOS", "WIDTH", "HEIGHT")
    same = all(string.get(name) in (None, line.get(name)) for name in placed)
    return string.get("ID") is None and same


def _word(element: Element) -> Word:
    text = element.get("CONTENT") or ""
    polygon = _corners(element)
    codes = "".join((element.get("CC") or "").split())
    sure: tuple[float, ...] = ()
    if codes.isdecimal() and codes.isascii() and len(codes) == len(text):
        sure = tuple(round(1 - int(code) / 9, 4) for code in codes)
    return Word(text.strip(), polygon, share(element.get("WC")), sure, element.get("ID") or "")


def _baseline(element: Element) -> Points:
    """A polyline since ALTO 4.2; before, one height for the whole line."""
    text = element.get("BASELINE")
    path = points_of(text)
    if len(path) >= 2:
        return path
    height, box = number(text), _box(element)
    if height is None or not len(box):
        return NOTHING
    return np.array([[box[0, 0], height], [box[1, 0], height]])


def _corners(element: Element) -> Points:
    polygon = child(element, "Shape", "Polygon")
    corners = NOTHING if polygon is None else points_of(polygon.get("POINTS"))
    return corners if len(corners) >= 3 else _box(element)


def _box(element: Element) -> Points:
    names = ("HPOS", "VPOS", "WIDTH", "HEIGHT")
    left, top, width, height = (number(element.get(name)) for name in names)
    if left is None or top is None or width is None or height is None:
        return NOTHING
    return rectangle(left, top, left + width, top + height)
