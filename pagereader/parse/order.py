"""Reading order as files state it: groups of references, indices in ``custom``, or file order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pagereader.document import Region
from pagereader.parse.xmlfile import Element, local, whole

T = TypeVar("T")

_CUSTOM = re.compile(r"(?<![\w-])([\w-]++)\s*\{([^{}]*)\}")


def custom_values(text: str | None) -> dict[str, dict[str, str]]:
    """Read Transkribus' ``custom``: "readingOrder {index:3;} structure {type:heading;}"."""
    values: dict[str, dict[str, str]] = {}
    for name, body in _CUSTOM.findall(text or ""):
        pairs = (entry.partition(":") for entry in body.split(";") if ":" in entry)
        values.setdefault(name, {key.strip(): value.strip() for key, _, value in pairs})
    return values


def custom_index(custom: Mapping[str, Mapping[str, str]]) -> int | None:
    """Return the index that ``custom`` states, or None."""
    text = custom.get("readingOrder", {}).get("index", "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def ranks(groups: Sequence[Element], references: Sequence[str]) -> dict[str, int]:
    """Return the place of every id that the reading order names, in the order of reading.

    Args:
        groups: The groups of PAGE's or ALTO's ReadingOrder. Indexed children are taken by their
            index, others as they stand.
        references: Attributes that name what is read.
    """
    places: dict[str, int] = {}
    waiting = list(reversed(groups))
    while waiting:
        element = waiting.pop()
        for attribute in references:
            for name in (element.get(attribute) or "").split():
                places.setdefault(name, len(places))
        inner = [child for child in element if local(child).endswith(_GROUPS)]
        if "Unordered" not in local(element):
            inner.sort(key=lambda child: whole(child.get("index"), 0))
        waiting.extend(reversed(inner))
    return places


_GROUPS = ("Group", "GroupIndexed", "RegionRef", "RegionRefIndexed", "ElementRef")


def by_rank(items: list[T], rank: Callable[[T], int | None]) -> list[T]:
    """Return ``items`` by rank; one without a rank follows what it follows in the file."""
    place = -1
    keyed = []
    for i, item in enumerate(items):
        own = rank(item)
        place = place if own is None else own
        keyed.append((place, i))
    return [items[i] for _, i in sorted(keyed)]


def sort_regions(regions: list[Region], places: Mapping[str, int]) -> list[Region]:
    """Return regions and, in place, all nested ones as the reading order says."""
    for region in regions:
        region.regions = sort_regions(region.regions, places)
    return by_rank(regions, lambda region: _first_place(region, places))


def _first_place(region: Region, places: Mapping[str, int]) -> int | None:
    """The region's own place, else that of the first thing inside it."""
    if region.id in places:
        return places[region.id]
    inner = [_first_place(nested, places) for nested in region.regions]
    inner += [places.get(line.id) for line in region.lines]
    return min((place for place in inner if place is not None), default=None)
