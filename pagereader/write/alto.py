"""ALTO 4.4, the format of libraries.

Where things that ALTO has no element for are kept: kinds of region, cells of tables and flags of
lines are tags (``TAGREFS``). Readings beside the best are kept only for lines without words.
Nothing is used that ALTO 4.3 lacks, so older readers take the files too.
"""

from __future__ import annotations

from collections.abc import Sequence

from pagereader import __version__
from pagereader.document import Page, ProcessingStep, RegionType
from pagereader.write.dates import made
from pagereader.write.given import only_page
from pagereader.write.pagexml import joined, turning_angle
from pagereader.write.placed import Box, PlacedLine, PlacedRegion, PlacedWord, place, wanted_ids
from pagereader.write.sanitise import Ids, clean_name, confidence, decimal
from pagereader.write.xmlnames import Element, Namespace, indented

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"
_ALTO = Namespace(NAMESPACE)


class AltoWriter:
    """Writes one page as ALTO. A failed page becomes a page without blocks."""

    format: str = "alto"
    suffix: str = ".alto.xml"
    one_page_a_file: bool = True

    def render(self, pages: Sequence[Page], image_names: Sequence[str]) -> bytes:
        """Return the file's content; see :class:`pagereader.stages.Writer`."""
        page, image_name = only_page(self.format, pages, image_names)
        root = _AltoFile(page).build(image_name)
        return indented(root)


def _position(box: Box) -> dict[str, str]:
    left, top, right, bottom = box
    return {
        "HPOS": str(left),
        "VPOS": str(top),
        "WIDTH": str(right - left),
        "HEIGHT": str(bottom - top),
    }


class _AltoFile:
    """One file while it is built: what it needs is the ids and tags handed out so far."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.ids = Ids(wanted_ids(page.regions))
        self.tags = _ALTO.element("Tags")
        self.tag_ids: dict[tuple[str, str], str] = {}
        self.blocks: list[str] = []

    def build(self, image_name: str) -> Element:
        root = _ALTO.root("alto", SCHEMA)
        root.set("SCHEMAVERSION", "4.4")
        root.append(self._description(image_name))
        layout = _ALTO.element("Layout")
        self._add_page(layout)
        if len(self.tags):
            root.append(self.tags)
        if self.blocks:
            order = _ALTO.add(root, "ReadingOrder")
            group = _ALTO.add(order, "OrderedGroup", ID=self.ids.claim("", "reading_order"))
            for block in self.blocks:
                _ALTO.add(group, "ElementRef", ID=self.ids.claim("", f"ref_{block}"), REF=block)
        root.append(layout)
        return root

    def _description(self, image_name: str) -> Element:
        description = _ALTO.element("Description")
        _ALTO.add(description, "MeasurementUnit").text = "pixel"
        source = _ALTO.add(description, "sourceImageInformation")
        _ALTO.add(source, "fileName").text = clean_name(image_name)
        steps = self.page.steps or [ProcessingStep("transcription", f"pagereader {__version__}")]
        for number, step in enumerate(steps, 1):
            self._add_step(description, number, step)
        if self.page.error is not None:
            failed = ProcessingStep("error", f"pagereader {__version__}")
            element = self._add_step(description, len(steps) + 1, failed)
            element[-2].text = clean_name(str(self.page.error))
        return description

    def _add_step(self, description: Element, number: int, step: ProcessingStep) -> Element:
        tool, _, version = clean_name(step.tool).rpartition(" ")
        element = _ALTO.add(description, "Processing", ID=self.ids.claim("", f"step_{number}"))
        _ALTO.add(element, "processingCategory").text = "contentGeneration"
        _ALTO.add(element, "processingDateTime").text = made(self.page)
        _ALTO.add(element, "processingStepDescription").text = clean_name(step.name)
        _ALTO.add(element, "processingStepSettings").text = "\n".join(
            f"{clean_name(name)}: {clean_name(value)}" for name, value in step.settings
        )
        software = _ALTO.add(element, "processingSoftware")
        _ALTO.add(software, "softwareName").text = tool or version
        if tool:
            _ALTO.add(software, "softwareVersion").text = version
        return element

    def _add_page(self, layout: Element) -> None:
        page = self.page
        size = {"WIDTH": str(page.width), "HEIGHT": str(page.height)}
        element = _ALTO.add(layout, "Page", ID=self.ids.claim("", "page"), **size)
        element.set("PHYSICAL_IMG_NR", str(page.source.number))
        conf = confidence(page.confidence)
        if conf is not None:
            element.set("PC", decimal(conf))
        space = _ALTO.add(element, "PrintSpace", HPOS="0", VPOS="0", **size)
        for region in place(page, self.ids):
            self._add_region(space, region)

    def _tag_of(self, kind: str, label: str) -> str:
        """The id of the tag ``label`` of ``kind``, added to the file when first asked for."""
        if (kind, label) not in self.tag_ids:
            name = self.ids.claim("", f"{kind}_{label}")
            _ALTO.add(self.tags, "OtherTag", ID=name, TYPE=kind, LABEL=label)
            self.tag_ids[kind, label] = name
        return self.tag_ids[kind, label]

    def _add_region(self, parent: Element, region: PlacedRegion) -> None:
        kind = region.region.type
        tags = [self._tag_of("region", str(kind))]
        row, column = region.region.row, region.region.column
        if row is not None and column is not None:
            tags.append(self._tag_of("cell", f"row {row} column {column}"))
        if region.regions or (kind is RegionType.TABLE):
            self._add_composed(parent, region, tags)
        elif region.lines or kind not in (RegionType.IMAGE, RegionType.SEPARATOR):
            self._add_text_block(parent, region, region.id, tags)
        else:
            name = "Illustration" if kind is RegionType.IMAGE else "GraphicalElement"
            self._add_block(parent, name, region, region.id, tags)

    def _add_block(
        self, parent: Element, name: str, region: PlacedRegion, block: str, tags: list[str]
    ) -> Element:
        place = _position(region.box)
        element = _ALTO.add(parent, name, ID=block, TAGREFS=" ".join(tags), **place)
        _add_shape(element, region)
        turn = turning_angle(self.page)
        if turn:
            element.set("ROTATION", decimal(-turn))  # counter-clockwise, unlike PAGE
        if name != "ComposedBlock":
            self.blocks.append(block)
        return element

    def _add_composed(self, parent: Element, region: PlacedRegion, tags: list[str]) -> None:
        element = self._add_block(parent, "ComposedBlock", region, region.id, tags)
        element.set("TYPE", str(region.region.type))
        if region.lines:
            block = self.ids.claim("", f"{region.id}_lines")
            self._add_text_block(element, region, block, [self._tag_of("region", "lines")])
        for nested in region.regions:
            self._add_region(element, nested)

    def _add_text_block(
        self, parent: Element, region: PlacedRegion, block: str, tags: list[str]
    ) -> None:
        element = self._add_block(parent, "TextBlock", region, block, tags)
        if self.page.language:
            element.set("LANG", self.page.language)
        for line in region.lines:
            self._add_line(element, line)

    def _add_line(self, parent: Element, line: PlacedLine) -> None:
        element = _ALTO.add(parent, "TextLine", ID=line.id, **_position(line.box))
        if line.baseline is not None:
            element.set("BASELINE", joined(line.baseline))
        if line.flags:
            element.set("TAGREFS", " ".join(self._tag_of("flag", flag) for flag in line.flags))
        _add_shape(element, line)
        if line.words:
            _add_words(element, line.words)
        else:
            self._add_whole_line(element, line)

    def _add_whole_line(self, element: Element, line: PlacedLine) -> None:
        """A line that has no words needs one string all the same."""
        conf = None if line.confidence is None else decimal(line.confidence)
        text = _ALTO.add(element, "String", CONTENT=line.text, WC=conf, **_position(line.box))
        for other in line.alternatives:
            _ALTO.add(text, "ALTERNATIVE").text = other.text


def _add_shape(element: Element, placed: PlacedRegion | PlacedLine | PlacedWord) -> None:
    _ALTO.add(_ALTO.add(element, "Shape"), "Polygon", POINTS=joined(placed.points))


def _add_words(element: Element, words: Sequence[PlacedWord]) -> None:
    for number, word in enumerate(words):
        if number:
            _add_space(element, words[number - 1].box, word.box)
        string = _ALTO.add(element, "String", ID=word.id, **_position(word.box), CONTENT=word.text)
        if word.confidence is not None:
            string.set("WC", decimal(word.confidence))
        if word.char_confidences:
            # 0 is sure, 9 unsure, one digit a character.
            digits = (min(9, round((1 - value) * 9)) for value in word.char_confidences)
            string.set("CC", "".join(map(str, digits)))
        _add_shape(string, word)


def _add_space(element: Element, before: Box, after: Box) -> None:
    start, end = (before[2], after[0]) if before[2] <= after[0] else (after[2], before[0])
    width = str(max(0, end - start))
    _ALTO.add(element, "SP", HPOS=str(start), VPOS=str(after[1]), WIDTH=width)
