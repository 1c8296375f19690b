"""Transcriptions that exist already: PAGE-XML, ALTO, hOCR and our JSON, back into pages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lxml import etree

from pagereader.document import Page
from pagereader.errors import InputError
from pagereader.parse.alto import UNITS, read_alto, unit_of
from pagereader.parse.hocr import read_hocr
from pagereader.parse.images import find_image, image_size
from pagereader.parse.json import read_json
from pagereader.parse.pagexml import NamedPage, read_page_xml
from pagereader.parse.scale import fitted, scale_page
from pagereader.parse.standins import complete_page
from pagereader.parse.xmlfile import local, parse_xml

__all__ = ["fitted", "parse_transcription"]

_LARGEST = 256 * 1024 * 1024
_HOCR = re.compile(rb"class\s*=\s*[\"'][^\"']*\bocr_page\b")
_ADVICE = "give PAGE-XML, ALTO, hOCR or pagereader's own JSON"
_UNKNOWN_DPI = 300.0


def parse_transcription(path: str | os.PathLike[str]) -> list[Page]:
    """Read the pages of a transcription, whatever program wrote it.

    Lines without an outline or a baseline get one that stands in. ``image_path`` is where the
    file says its image is, whether there is one or not: what is missing is noticed when the image
    is loaded. ``source`` is the original input where the file tells it, its page always.

    Raises:
        InputError: if the file cannot be read, is nothing we know or holds no page.
    """
    file = Path(path)
    name = "".join(c if c.isprintable() else "\ufffd" for c in str(file))
    try:
        if file.stat().st_size > _LARGEST:
            raise InputError(f"{name} is larger than any transcription", _ADVICE)
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot read {name}: {reason}", "check the path") from error
    try:
        pages = [_with_image(named, file) for named in _read(data, file)]
    except InputError as error:
        raise InputError(f"{name} {error.message}", error.advice) from error
    except etree.XMLSyntaxError as error:
        what = f"{name} holds no transcription: broken XML, {error.msg}"
        raise InputError(what, "export it again") from error
    except (
        etree.LxmlError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        what = str(error).partition("\n")[0][:200] or type(error).__name__
        raise InputError(f"{name} holds no transcription: {what}", _ADVICE) from error
    if not pages:
        raise InputError(f"{name} holds no page", "export it again")
    return pages


def _read(data: bytes, file: Path) -> Iterator[NamedPage]:
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise InputError("is empty", _ADVICE)
    if start[:1] in b"{[":
        yield from read_json(data, str(file))
        return
    if _HOCR.search(data):
        yield from read_hocr(data, str(file))
        return
    if start[:1] != b"<" and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError("holds no transcription", _ADVICE)
    root = parse_xml(data)
    kind = local(root)
    if kind == "PcGts":
        yield from read_page_xml(root, str(file))
    elif kind == "alto":
        for named in read_alto(root, str(file)):
            yield _in_pixels(named, unit_of(root), file)
    elif kind == "html":
        raise InputError("is HTML without hOCR", _ADVICE)
    else:
        raise InputError(f"is XML, but neither PAGE nor ALTO ({kind[:40]})", _ADVICE)


def _in_pixels(named: NamedPage, unit: str, file: Path) -> NamedPage:
    """Measures in mm or inch become pixels by the image's size, or as of 300 dpi without it."""
    page = named.page
    if unit not in UNITS:
        return named
    size = image_size(find_image(named.image, file)[0])
    if size and page.width and page.height:
        scale_page(page, size[0] / page.width, size[1] / page.height)
    else:
        scale_page(page, _UNKNOWN_DPI / UNITS[unit], _UNKNOWN_DPI / UNITS[unit])
    return named


def _with_image(named: NamedPage, file: Path) -> Page:
    page = named.page
    complete_page(page)
    image, index = find_image(named.image, file)
    page.image_path = image
    if index is not None:
        page.source = replace(page.source, index=index)
    return page
