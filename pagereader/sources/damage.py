"""What of a PDF page is lost: MuPDF draws on after damage, and only its warnings tell."""

from __future__ import annotations

from typing import Any

from pagereader.log import logger
from pagereader.sources.kinds import Unreadable

_CUT_JPEG = "premature end of file in jpeg"
_HURT_IMAGE = ("padding truncated image", "Ignoring error during interpretation")
_CONTENT = ("syntax error", "unknown filter name", *_HURT_IMAGE)
_ENOUGH = 0.95
"""Share of its bytes with which an image still counts: fax rows often end a little early."""

_ADVICE = "export it again from where it came from"


def check_damage(pymupdf: Any, document: Any, page: Any) -> None:
    """Refuse a page that was drawn without something that belongs on it.

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
        raise Unreadable("has an image that ends too early (truncated)", _ADVICE)
    if any(sign in said for sign in _HURT_IMAGE):
        _check_images(pymupdf, document, page)
    complaint = next((line for line in said.splitlines() if line.startswith(_CONTENT)), "")
    if not complaint:
        return
    if not any(not kind.startswith("ignore") for kind, _ in page.get_bboxlog()):
        raise Unreadable(f"shows nothing, because it is damaged: {complaint[:200]}", _ADVICE)
    logger.warning("the page may be drawn incompletely: %s", complaint[:200])


def _check_images(pymupdf: Any, document: Any, page: Any) -> None:
    """Refuse a page with an image that cannot be decoded, or has fewer bytes than its size asks."""
    for xref, _, width, height, bits, colours, _, _, coding, _ in page.get_images(full=True):
        try:
            image = pymupdf.Pixmap(document, xref)
        except Exception:  # MuPDF names no exceptions
            raise Unreadable("has an image that is damaged", _ADVICE) from None
        if coding == "JPXDecode":  # does not come decoded
            continue
        samples = 1 if colours in ("", "Indexed") else image.n - image.alpha
        needed = (width * samples * bits + 7) // 8 * height
        if len(document.xref_stream(xref) or b"") < _ENOUGH * needed:
            raise Unreadable("has an image that ends too early (truncated)", _ADVICE)
