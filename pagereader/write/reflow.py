"""Text that reads on: lines joined to paragraphs, words cut at line ends made whole.

Where a paragraph begins is judged within its region, in letter heights: an indented line, a line
after a wide gap, or a line after one that ends early and ends a sentence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pagereader.document import Line, Page, Points, Region, RegionType
from pagereader.geometry import bounds
from pagereader.write.sanitise import clean_text

_INDENT_H = 0.8
_FAR = 1e9  # beyond any page
_END = 100  # characters that tell how a text ends: to search all of it grows with its square
_WIDE_GAP = 1.6  # of the region's usual distance between lines
_SHORT = 0.85  # of the region's width: a line that ends before has ended on purpose
_HYPHENS = "-\u2010\u00ac\u2e17\u00ad="
_ALWAYS_DROPPED = "\u00ac\u2e17\u00ad"
_CUT_WORD = re.compile(rf"([^\W\d_]+)[{_HYPHENS}]$")
_CUT_RANGE = re.compile(r"\d[-\u2013]$")
_FIRST_WORD = re.compile(r"([^\W\d_]+)")
_SENTENCE_END = re.compile(r"[.!?:\u2026\u3002][\"'\u201d\u2019\u00bb)\]]*$")
_COMPOUND = re.compile(r"(?<![^\W\d_])[^\W\d_]+-[^\W\d_]+")


@dataclass(slots=True)
class Paragraph:
    """Text to be read in one go.

    Attributes:
        text: One line without line breaks.
        region: Where it stands; where it begins if it goes on in another.
        joins: Whether it is running text that the next paragraph may continue.
    """

    text: str
    region: Region
    joins: bool = False


def compounds(pages: Sequence[Page]) -> Counter[str]:
    """Count words with a hyphen inside lines: those keep it at line ends too."""
    return Counter(
        word.casefold()
        for page in pages
        for line in page.lines
        for word in _COMPOUND.findall(clean_text(line.text))
    )


def paragraphs(page: Page, known: Counter[str] | None = None) -> list[Paragraph]:
    """Return the page's text as paragraphs, in reading order, tables cell by cell.

    Args:
        page: The page.
        known: Words with hyphens, see :func:`compounds`; by default this page's.
    """
    known = compounds([page]) if known is None else known
    found: list[Paragraph] = []
    for region in page.regions:
        for paragraph in _region_paragraphs(region, page, known):
            last = found[-1] if found else None
            if last is not None and _goes_on(last, paragraph):
                last.text = joined(last.text, paragraph.text, known)
                last.joins = paragraph.joins
            else:
                found.append(paragraph)
    return found


def joined(before: str, after: str, known: Counter[str]) -> str:
    """Return two lines as one text, with a word cut at the line end made whole."""
    if _CUT_RANGE.search(before[-_END:]) and after[:1].isdigit():
        return before + after
    cut, first = _CUT_WORD.search(before[-_END:]), _FIRST_WORD.match(after)
    if not cut or not first:
        return f"{before} {after}"
    hyphen = before[-1]
    if hyphen in _ALWAYS_DROPPED:
        return before[:-1] + after
    if hyphen == "=" and not first[1].islower():
        return f"{before} {after}"
    if not first[1][0].islower() or known[f"{cut[1]}-{first[1]}".casefold()]:
        return before + after
    return before[:-1] + after


def _goes_on(last: Paragraph, following: Paragraph) -> bool:
    """Whether a sentence goes on from one column or block to the next."""
    running = last.joins and following.joins and last.region is not following.region
    return running and not _SENTENCE_END.search(last.text[-_END:]) and following.text[:1].islower()


def _region_paragraphs(region: Region, page: Page, known: Counter[str]) -> list[Paragraph]:
    lines = [(line, text) for line in region.lines if (text := clean_text(line.text))]
    starts = _starts([line for line, _ in lines], page) if lines else []
    if region.type is RegionType.HEADING:
        starts = [i == 0 for i in range(len(lines))]
    found: list[Paragraph] = []
    for (_, text), starts_here in zip(lines, starts, strict=True):
        if starts_here or not found:
            found.append(Paragraph(text, region, region.type is RegionType.PARAGRAPH))
        else:
            found[-1].text = joined(found[-1].text, text, known)
    for nested in region.regions:
        found += _region_paragraphs(nested, page, known)
    return found


def _starts(lines: Sequence[Line], page: Page) -> list[bool]:
    """For each line of a region, whether a paragraph begins with it."""
    ends = np.array([_upright(_ends(line), page) for line in lines])
    left, right = ends[:, :, 0].min(axis=1), ends[:, :, 0].max(axis=1)
    foot = ends[:, :, 1].mean(axis=1)
    height = max(1.0, float(np.median([_height(line) for line in lines])))
    edge = float(np.median(left))
    width = max(1.0, float(right.max() - left.min()))
    gaps = np.diff(foot)
    usual = float(np.median(gaps)) if len(gaps) else 0.0
    starts = [True]
    for i in range(1, len(lines)):
        indented = left[i] - edge > _INDENT_H * height and left[i] - left[i - 1] > 0.5 * height
        after_gap = usual > 0 and gaps[i - 1] > _WIDE_GAP * usual
        ended = right[i - 1] - left.min() < _SHORT * width
        ended = ended and bool(_SENTENCE_END.search(clean_text(lines[i - 1].text)[-_END:]))
        starts.append(bool(indented or after_gap or ended))
    return starts


def _height(line: Line) -> float:
    if 0 < line.height < _FAR:
        return line.height
    outline = _known(line.polygon)
    return float(np.ptp(outline[:, 1])) / 2 if len(outline) else 0.0


def _ends(line: Line) -> Points:
    """Where the line begins and ends: by its baseline, else along the foot of its outline."""
    path = _known(line.baseline)
    if len(path):
        return path[[0, -1]]
    outline = _known(line.polygon)
    if not len(outline):
        return np.zeros((2, 2))
    left, _, right, bottom = bounds(outline)
    return np.array([[left, bottom], [right, bottom]])


def _known(values: Points) -> Points:
    """The points that are numbers, as far off a page as they may lie."""
    rows = np.asarray(values, np.float64).reshape(-1, 2)
    clipped: Points = np.clip(rows[np.isfinite(rows).all(axis=1)], -_FAR, _FAR)
    return clipped


def _upright(values: Points, page: Page) -> Points:
    """Points on the page turned upright."""
    x, y = values.T
    turned = {
        90: (page.height - y, x),
        180: (page.width - x, page.height - y),
        270: (y, page.width - x),
    }
    return np.column_stack(turned.get(page.orientation, (x, y)))
