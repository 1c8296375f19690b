"""XML from strangers: opened without network, entities or surprises, and read forgivingly."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
from lxml import etree

from pagereader.document import Points

Element = etree._Element

# Begins where a number begins: tried within a long one, time would grow with its square.
_PAIR = re.compile(r"(-?(?<![\d.])[\d.]++(?:[eE][-+]?\d+)?)[\s,]++(-?[\d.]+(?:[eE][-+]?\d+)?)")
_LARGEST = 10_000_000.0  # no page has more pixels a side


def parse_xml(data: bytes) -> Element:
    """Return the root of well-formed XML.

    Raises:
        etree.XMLSyntaxError: if it is not well-formed.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(data, parser)


def parse_html(data: bytes) -> Element:
    """Return the root of HTML, however broken.

    Raises:
        ValueError: if there is nothing in it.
    """
    parser = etree.HTMLParser(
        no_network=True, huge_tree=False, remove_comments=True, remove_pis=True, encoding="utf-8"
    )
    root = etree.fromstring(data, parser)
    if root is None:
        raise ValueError("the document is empty")
    return root


def local(element: Element) -> str:
    """Return an element's name without its namespace; "" for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Element, *names: str) -> Iterator[Element]:
    """Yield the child elements that go by one of ``names`` in any namespace."""
    return (child for child in element if local(child) in names)


def child(element: Element, *path: str) -> Element | None:
    """Return the first element down ``path``, or None."""
    found: Element | None = element
    for name in path:
        found = None if found is None else next(children(found, name), None)
    return found


def text_of(element: Element | None) -> str:
    """Return the element's own text, or "" if it is missing."""
    return "" if element is None else (element.text or "")


def number(text: str | None) -> float | None:
    """Return ``text`` as a number, or None if it is none or beyond any page."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= _LARGEST else None


def whole(text: str | None, default: int = 0) -> int:
    """Return ``text`` as a whole number that is not negative, or ``default``."""
    value = number(text)
    return default if value is None or value < 0 else round(value)


def share(text: str | None) -> float | None:
    """Return a confidence between 0 and 1, or None if it is unknown."""
    value = number(text)
    return None if value is None else min(1.0, max(0.0, value))


def points_of(text: str | None) -> Points:
    """Return "x,y x,y" or "x y x y" as points, shape (n, 2); what is no number is left out."""
    pairs = [(number(x), number(y)) for x, y in _PAIR.findall(text or "")]
    known = [(x, y) for x, y in pairs if x is not None and y is not None]
    return np.array(known, np.float64).reshape(-1, 2)
