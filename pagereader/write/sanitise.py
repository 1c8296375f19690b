"""Text, names, ids and numbers made fit for the output formats."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable

_LINE_SPACE = re.compile("[\t\n\x0b\x0c\r\x1c-\x1f\x85\u2028\u2029 ]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_NOT_IN_NCNAME = re.compile(r"[^A-Za-z0-9_.-]")
_UNSAFE_IN_PROPERTY = re.compile(rb'[\x00-\x1f\x7f";%\\]')


def clean_text(text: str) -> str:
    """Return the text of a line or word as every format can hold it.

    Runs of spaces and line breaks become one space and fall away at the ends, control characters
    go, and what XML 1.0 forbids (lone surrogates, U+FFFE, U+FFFF) becomes U+FFFD. Marks that
    steer right-to-left text and no-break spaces stay.
    """
    spaced = _LINE_SPACE.sub(" ", _INVISIBLE.sub("", text))
    return _NOT_XML.sub("\ufffd", spaced).strip(" ")


def clean_name(name: str) -> str:
    """Return a file name or setting as an XML attribute can hold it.

    Bytes that are no UTF-8 (surrogate escapes) and forbidden characters become U+FFFD.
    """
    decoded = os.fsencode(name).decode("utf-8", "replace") if _encodable(name) else name
    return _NOT_XML.sub("\ufffd", decoded)


def _encodable(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def printable(name: str | os.PathLike[str]) -> str:
    """Return a file name for a message: on one line, whatever it holds."""
    return _CONTROL.sub("\ufffd", clean_name(os.fspath(name)))


def property_value(name: str) -> str:
    """Return a file name as hOCR's ``image`` property can hold it.

    Only what would break the list of properties is percent-encoded: quotes, semicolons, percent
    signs, backslashes, control characters and bytes that are no UTF-8.
    """
    data = os.fsencode(name) if _encodable(name) else clean_name(name).encode()
    escaped = _UNSAFE_IN_PROPERTY.sub(lambda match: b"%%%02X" % match[0][0], data)
    text = escaped.decode("utf-8", "surrogateescape")
    text = re.sub("[\udc80-\udcff]", lambda match: f"%{ord(match[0]) - 0xDC00:02X}", text)
    return _NOT_XML.sub("\ufffd", text)


def ncname(name: str) -> str:
    """Return ``name`` with everything that XML ids cannot hold replaced, never empty."""
    replaced = _NOT_IN_NCNAME.sub("_", name)
    return replaced if _NCNAME.match(replaced) else f"_{replaced}"


class Ids:
    """Hands out ids that are valid in XML and unique in one file.

    Args:
        wanted: Every id that the pages already have; made-up ones keep clear of these.
    """

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        self._reserved = {name for name in wanted if _NCNAME.match(name)}
        self._used: set[str] = set()

    def claim(self, wanted: str, fallback: str) -> str:
        """Return ``wanted`` if it is valid and still free, else one made from ``fallback``."""
        if wanted in self._reserved and wanted not in self._used:
            self._used.add(wanted)
            return wanted
        base = ncname(fallback)
        name, number = base, 1
        while name in self._used or name in self._reserved:
            number += 1
            name = f"{base}_{number}"
        self._used.add(name)
        return name


def confidence(value: float | None) -> float | None:
    """Return a confidence between 0 and 1 with four digits; None if unknown or not a number."""
    if value is None or not math.isfinite(value):
        return None
    return round(min(1.0, max(0.0, float(value))), 4)


def decimal(value: float) -> str:
    """Return a number with up to four digits after the point, never in exponent form."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
