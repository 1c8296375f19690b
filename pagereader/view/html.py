"""The viewer's HTML file, put together from its template, its data and its images.

Text and file names come from strangers. They reach the page as JSON in elements that are never
run, and the script makes text nodes of them. A content security policy allows nothing but this
file's own script and style, by their hashes, and no connection at all.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagereader import __version__
from pagereader.document import Page
from pagereader.view.images import as_image, packed, scaled
from pagereader.view.pagedata import (
    LOW_CONFIDENCE,
    MIDDLE_CONFIDENCE,
    page_data,
    page_size,
    page_summary,
    safe_json,
)

ImageOf = Callable[[Page], Image.Image | NDArray[np.uint8] | None]
"""Gives the image of a page (uint8, grey or RGB), or None if there is none."""

_SCRIPTS = ("blocks.js", "image.js", "text.js", "search.js", "viewer.js")
_THUMBNAIL = 220
_ASPECT_TOLERANCE = 0.02


def render_html(
    pages: Sequence[Page], image_of: ImageOf, title: str, *, image_size: int = 1600
) -> str:
    """Return one HTML file that shows ``pages`` and loads nothing from anywhere.

    Args:
        pages: In the order in which they are shown.
        image_of: Gives the image of a page, or None: then its layout is shown on blank paper.
        title: Of the report.
        image_size: Longest side of the images in the file, in pixels; they are never enlarged.
    """
    return "".join(html_parts(pages, image_of, title, image_size=image_size))


def html_parts(
    pages: Sequence[Page], image_of: ImageOf, title: str, *, image_size: int = 1600
) -> Iterator[str]:
    """Yield the file of :func:`render_html` piece by piece, with one page's image in memory.

    The script stands behind the first page's data, so that a browser shows that page while it is
    still reading the others.
    """
    style, script = _asset("viewer.css"), _script()
    summary = {
        "title": title,
        "low": LOW_CONFIDENCE,
        "middle": MIDDLE_CONFIDENCE,
        "pages": [page_summary(page) for page in pages],
    }
    values = {
        "policy": _policy(style, script),
        "generator": f"pagereader {__version__}",
        "title": html.escape(_valid(title)),
        "style": style,
        "script": script,
        "document": safe_json(summary),
    }
    blocks = (_page_blocks(index, page, image_of, image_size) for index, page in enumerate(pages))
    # Split before filling in: nothing that is filled in can be taken for a placeholder.
    for number, part in enumerate(re.split(r"\{\{(\w+)\}\}", _asset("page.html"))):
        if number % 2 == 0:
            yield part
        elif part == "first":
            yield next(blocks, "")
        elif part == "rest":
            yield from blocks
        else:
            yield values[part]


def _page_blocks(index: int, page: Page, image_of: ImageOf, image_size: int) -> str:
    pixels = image_of(page)
    notice, images = "", ""
    if pixels is None:
        if page.error is None:
            notice = "The image of this page was not found; its layout is shown on blank paper."
    else:
        image = scaled(as_image(pixels), image_size)
        width, height = page_size(page)
        if page.error is None and not _same_shape(image.size, (width, height)):
            notice = "The image has other proportions than the transcription: is it the right one?"
        images = _image_block(f"thumb-{index}", scaled(image, _THUMBNAIL))
        images += _image_block(f"image-{index}", image)
    data = safe_json(page_data(page, notice))
    return f'<script type="application/json" id="page-{index}">{data}</script>\n{images}'


def _image_block(name: str, image: Image.Image) -> str:
    file = packed(image)
    return (
        f'<script type="application/octet-stream" id="{name}" data-media="{file.media}">'
        f"{file.base64}</script>\n"
    )


def _same_shape(first: tuple[int, int], second: tuple[int, int]) -> bool:
    ratio = (first[0] / first[1]) / (second[0] / second[1])
    # A scaled-down side is a whole number of pixels: narrow strips may be off by half of one.
    return abs(ratio - 1) < _ASPECT_TOLERANCE + 1 / min(first)


def _policy(style: str, script: str) -> str:
    return (
        "default-src 'none'; img-src data: blob:; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'; "
        # No string can become markup or code, even by a slip in the script.
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _valid(text: str) -> str:
    """Return ``text`` without the halves of characters that undecodable file names leave."""
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


@cache
def _script() -> str:
    parts = "\n".join(_asset(name) for name in _SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8").replace("\r\n", "\n")
