"""What of a PDF page is lost: MuPDF draws on after damage, and only its warnings tell."""

from __future__ import annotations

import re
from typing import Any

from pagereader.log import logger
from pagereader.sources.kinds import Unreadable, jbig2_is_cut
from pagereader.sources.pdfimages import ListedImage, listed_images, xref_of_key
from pagereader.sources.strips import inflates

_CUT_JPEG = "premature end of file in jpeg"
_PADDED = "padding truncated image"
_CONTENT = ("syntax error", "unknown filter name", _PADDED, "Ignoring error during interpretation")
_DECODERS = re.compile(
    r"faxd|lzw decode|zlib error|flate filter|run length|jbig2dec (?:error|warning: failed)"
    r"|openjpeg error|png predictor|read error|premature end"
)
_ENOUGH, _MOST = 0.99, 0.75
"""Shares of its bytes with which an image counts as whole (fax rows often end a little early), and
with which it is worth reading."""

_UNCHECKED, _EXACT, _TOO_MUCH = ("LZWDecode", "RunLengthDecode"), 0.99999, 1.01

_ADVICE = "export it again from where it came from"
_TRUNCATED = "has an image that ends too early (truncated)"


def check_damage(pymupdf: Any, document: Any, page: Any) -> str:
    """Return what of a drawn page is damaged, or refuse it if too little is left.

    A page that shows part of what it should, because of some broken drawing command, is read with
    a warning: many programs write such files.

    Args:
        pymupdf: The module; its warnings are those of this page.
        document: The page's document.
        page: A page that was drawn.

    Raises:
        Unreadable: if the page itself, all it shows or most of an image is lost.
    """
    said = str(pymupdf.TOOLS.mupdf_warnings())
    if not document.xref_get_keys(page.xref):  # an empty page stands in for what is no page
        raise Unreadable("is lost: the file is damaged there", _ADVICE)
    if _CUT_JPEG in said:
        raise Unreadable(_TRUNCATED, _ADVICE)
    damage = ""
    for image in listed_images(page):
        if image.coding == "JBIG2Decode" and _is_cut(document, image.xref):
            raise Unreadable(_TRUNCATED, _ADVICE)
    has_said = _DECODERS.search(said) or any(sign in said for sign in _CONTENT)
    if has_said or any(_is_suspect(document, image) for image in listed_images(page)):
        damage = _of_images(pymupdf, document, page) or _of_contents(pymupdf, document, page)
    complaint = next((line for line in said.splitlines() if line.startswith(_CONTENT)), "")
    if complaint and not any(not kind.startswith("ignore") for kind, _ in page.get_bboxlog()):
        raise Unreadable(f"shows nothing, because it is damaged: {complaint[:200]}", _ADVICE)
    if complaint and not damage:
        logger.warning("the page may be drawn incompletely: %s", complaint[:200])
    return damage


def _is_suspect(document: Any, image: ListedImage) -> bool:
    """Tell whether an image must be decoded to its end to know: MuPDF stops when it has enough."""
    if image.coding in _UNCHECKED:
        return True
    if image.coding != "FlateDecode" or document.xref_get_key(image.xref, "Filter")[0] != "name":
        return False
    return not inflates(document.xref_stream_raw(image.xref) or b"")


def _is_cut(document: Any, xref: int) -> bool:
    """Tell whether a JBIG2 image, or what it shares with others, ends early: it is left blank."""
    shared = xref_of_key(document, xref, "DecodeParms/JBIG2Globals")
    streams = [xref] + ([shared] if shared else [])
    return any(jbig2_is_cut(document.xref_stream_raw(each) or b"") for each in streams)


def _of_images(pymupdf: Any, document: Any, page: Any) -> str:
    """Decode a page's images one by one; refuse one that cannot be, or of which much is missing."""
    damage = ""
    for image in listed_images(page):
        pymupdf.TOOLS.reset_mupdf_warnings()
        pymupdf.TOOLS.store_shrink(100)  # what is decoded already would say nothing
        try:
            pixmap = pymupdf.Pixmap(document, image.xref)
        except Exception:  # MuPDF names no exceptions
            raise Unreadable("has an image that is damaged", _ADVICE) from None
        # A JPEG 2000 does not come decoded.
        share = 1.0 if image.coding == "JPXDecode" else _share(document, image, pixmap)
        said = str(pymupdf.TOOLS.mupdf_warnings())
        if share < _MOST:
            raise Unreadable(_TRUNCATED, _ADVICE)
        if share < _ENOUGH:
            damage = damage or f"an image ends too early, after {share:.0%}"
        if image.coding in _UNCHECKED and not _EXACT <= share <= _TOO_MUCH:
            damage = damage or "an image's data do not fit its size"
        found = next((line for line in said.splitlines() if _DECODERS.search(line)), "")
        damage = damage or (found and f"an image: {found[:200]}")
    return damage


def _share(document: Any, image: ListedImage, pixmap: Any) -> float:
    """Return how many of the bytes that an image needs are there."""
    samples = 1 if image.colours in ("", "Indexed") else pixmap.n - pixmap.alpha
    needed = (image.width * samples * image.bits + 7) // 8 * image.height
    return len(document.xref_stream(image.xref) or b"") / max(1, needed)


def _of_contents(pymupdf: Any, document: Any, page: Any) -> str:
    """Return what is wrong with the bytes of the drawing commands."""
    for xref in page.get_contents():
        pymupdf.TOOLS.reset_mupdf_warnings()
        document.xref_stream(xref)
        said = str(pymupdf.TOOLS.mupdf_warnings())
        found = next((line for line in said.splitlines() if _DECODERS.search(line)), "")
        if found:
            return f"its drawing commands: {found[:200]}"
    return ""
