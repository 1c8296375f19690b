"""The images of a PDF page as they are stored in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagereader.sources.jpeg import DecodedJpeg, decode_jpeg

_MANY = 8
_NAME_OF_SRGB = (b"sRGB", "sRGB".encode("utf-16-be"))
_LARGEST_PROFILE = 1 << 20


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image that a page's resources list.

    Attributes:
        xref: Number of its object.
        bits: Of a sample.
        colours: Name of its colour space.
        name: What drawing commands call it.
        coding: Its filter.
        form: Number of the form that draws it, 0 for the page itself.
    """

    xref: int
    width: int
    height: int
    bits: int
    colours: str
    name: str
    coding: str
    form: int


def listed_images(page: Any) -> list[ListedImage]:
    """Return the images that a page may draw.

    Some programs list all images of a document on every page; those that the page's own commands
    do not name are left out.
    """
    listed = [
        ListedImage(xref, width, height, bits, colours, name, coding, form)
        for xref, _, width, height, bits, colours, _, name, coding, form in page.get_images(True)
    ]
    if len(listed) > _MANY:
        named = set(re.findall(rb"/([^\s/<>\[\]()]+)\s+Do\b", page.read_contents()))
        listed = [image for image in listed if image.form or image.name.encode() in named]
    return list({image.xref: image for image in listed}.values())


def xref_of_key(document: Any, xref: int, key: str) -> int:
    """Return the number of the object that a key of a dictionary points to, or 0."""
    kind, value = document.xref_get_key(xref, key)
    return int(value.split()[0]) if kind == "xref" else 0


def jpeg_bytes(document: Any, xref: int) -> bytes:
    """Return the JPEG that an image is stored as, or nothing if it is stored otherwise."""
    kind, filters = document.xref_get_key(xref, "Filter")
    names = re.findall(r"/(\w+)", filters) if kind in ("name", "array") else []
    if not names or names[-1] not in ("DCTDecode", "DCT"):
        return b""
    if len(names) == 1:
        return document.xref_stream_raw(xref) or b""
    found = document.extract_image(xref)
    return bytes(found["image"]) if found and found.get("ext") == "jpeg" else b""


def plain_jpeg(document: Any, xref: int, max_pixels: int) -> DecodedJpeg | None:
    """Return an image's pixels if it is a JPEG in grey or sRGB, to be shown as it is.

    Returns:
        None if it is anything else; without pixels if it is damaged.
    """
    if any(document.xref_get_key(xref, key)[0] != "null" for key in ("Decode", "DecodeParms")):
        return None
    samples = _plain_samples(document, xref)
    data = jpeg_bytes(document, xref) if samples else b""
    if not data:
        return None
    found = decode_jpeg(data, max_pixels)
    if found.pixels is None:
        return found if found.complaint else None
    size = [document.xref_get_key(xref, key)[1] for key in ("Height", "Width")]
    fits = [str(side) for side in found.pixels.shape[:2]] == size
    return found if fits and _samples(found.pixels) == samples else None


def _samples(pixels: NDArray[np.uint8]) -> int:
    return 1 if pixels.ndim == 2 else int(pixels.shape[2])


def _plain_samples(document: Any, xref: int) -> int:
    """Return how many samples a pixel has if they are grey or sRGB, else 0."""
    kind, value = document.xref_get_key(xref, "ColorSpace")
    if kind == "xref":
        value = document.xref_object(int(value.split()[0]), compressed=True)
    value = value.strip()
    if value in ("/DeviceGray", "/DeviceRGB"):
        return 1 if value == "/DeviceGray" else 3
    profile = re.fullmatch(r"\[\s*/ICCBased\s*(\d+) 0 R\s*\]", value)
    if profile is None or document.xref_get_key(int(profile[1]), "N")[1] != "3":
        return 0
    stored = document.xref_stream_raw(int(profile[1])) or b""
    if len(stored) > _LARGEST_PROFILE:
        return 0
    icc = document.xref_stream(int(profile[1])) or b""
    return 3 if any(name in icc for name in _NAME_OF_SRGB) else 0
