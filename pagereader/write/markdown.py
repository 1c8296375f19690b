"""Markdown (CommonMark with GitHub's tables): headings, paragraphs and tables, for reading on.

Running heads, page numbers, page breaks and failures are comments: nothing is lost, and nothing
breaks the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from pagereader.document import Page, Region, RegionType
from pagereader.write.reflow import Paragraph, compounds, paragraphs
from pagereader.write.sanitise import clean_name, clean_text

_INLINE = re.compile(r"([\\`*_\[\]<>|~&!$#])")
_BLOCK_START = re.compile(r"^(\d{0,9})([+=-]|[.)](?=\s|$))")
_ASIDE = frozenset({RegionType.HEADER, RegionType.FOOTER, RegionType.PAGE_NUMBER})
_QUOTED = frozenset({RegionType.MARGINALIA, RegionType.FOOTNOTE})
_TITLE = 1.5  # a heading this much taller than the text is one of the first order


class MarkdownWriter:
    """Writes the whole document as UTF-8 Markdown."""

    format: str = "md"
    suffix: str = ".md"
    one_page_a_file: bool = False

    def render(self, pages: Sequence[Page], image_names: Sequence[str]) -> bytes:  # noqa: ARG002
        """Return the file's content; see :class:`pagereader.stages.Writer`."""
        known = compounds(pages)
        blocks: list[str] = []
        for page in pages:
            if len(pages) > 1:
                blocks.append(_comment(f"page {page.source.number}"))
            if page.error is not None:
                blocks.append(_comment(f"this page could not be read: {page.error}"))
            blocks += _page_blocks(page, known)
        return "".join(f"{block}\n\n" for block in blocks).rstrip("\n").encode() + b"\n"


def _page_blocks(page: Page, known: Counter[str]) -> Iterator[str]:
    body = _body_height(page)
    tables = {id(region): region for region in page.regions if _is_grid(region)}
    cells = {id(cell): id(region) for region in tables.values() for cell in region.regions}
    shown: set[int] = set()
    for paragraph in paragraphs(page, known):
        table = cells.get(id(paragraph.region), id(paragraph.region))
        if table in tables:
            if table not in shown:
                shown.add(table)
                yield _table(tables[table])
        else:
            yield _block(paragraph, body)


def _body_height(page: Page) -> float:
    heights = [
        line.height
        for region in page.regions
        for line in region.all_lines()
        if region.type is RegionType.PARAGRAPH and line.height > 0
    ]
    return float(np.median(heights)) if heights else 0.0


def _block(paragraph: Paragraph, body: float) -> str:
    kind = paragraph.region.type
    if kind in _ASIDE:
        return _comment(f"{kind}: {paragraph.text}")
    text = escaped(paragraph.text)
    if kind is RegionType.HEADING:
        height = max((line.height for line in paragraph.region.lines), default=0.0)
        return f"{'#' if body and height > _TITLE * body else '##'} {text}"
    if kind in _QUOTED:
        return f"> {text}"
    if kind is RegionType.CAPTION:
        return f"*{text}*"
    return text


def _is_grid(region: Region) -> bool:
    """Whether a table's cells say where they stand, and are not absurdly far apart."""
    cells = region.regions
    if region.type is not RegionType.TABLE or not cells or region.lines:
        return False
    if any(cell.row is None or cell.column is None for cell in cells):
        return False
    size = (1 + max(cell.row or 0 for cell in cells)) * (
        1 + max(cell.column or 0 for cell in cells)
    )
    return size <= 100 * len(cells)


def _table(region: Region) -> str:
    rows = 1 + max(cell.row or 0 for cell in region.regions)
    columns = 1 + max(cell.column or 0 for cell in region.regions)
    grid = [["" for _ in range(columns)] for _ in range(rows)]
    for cell in region.regions:
        texts = [grid[cell.row or 0][cell.column or 0]]
        texts += [escaped(clean_text(line.text)) for line in cell.all_lines()]
        grid[cell.row or 0][cell.column or 0] = " ".join(text for text in texts if text)
    head, *rest = [f"| {' | '.join(row)} |" for row in grid]
    return "\n".join([head, f"|{' --- |' * columns}", *rest])


def _comment(text: str) -> str:
    """An HTML comment; what would end it early is spaced out."""
    plain = clean_text(clean_name(text)).replace(">", "\u203a")
    return f"<!-- {re.sub('-(?=-)', '- ', plain)} -->"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return _BLOCK_START.sub(r"\1\\\2", _INLINE.sub(r"\\\1", text))
