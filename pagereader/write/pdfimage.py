"""An image file as a page of a PDF, with its own bytes where PDF can hold them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin

from pagereader.document import Page
from pagereader.errors import OutputError
from pagereader.write.sanitise import printable

_AS_IT_IS = frozenset({"JPEG", "JPEG2000"})
_EXIF_TURNS = {1: 0, 3: 180, 6: 270, 8: 90}
"""EXIF orientation to PyMuPDF's counter-clockwise degrees; mirrored ones are missing."""

_DPI = 300.0
_LARGEST = 14_400.0  # points a side, by the PDF specification
_SUBFILE_TYPE, _PHOTOMETRIC = 254, 262
_DEPTHS = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)
_A4 = (595.0, 842.0)


def add_image_page(document: Any, data: bytes, page: Page) -> None:
    """Append ``page`` to a PyMuPDF document, as large as its resolution says (else at 300 dpi).

    A failed page whose image cannot be opened stays empty, so that no page is lost.

    Raises:
        OutputError: if the image of a page that was read cannot be opened.
    """
    width, height = _size(page)
    added = document.new_page(width=width, height=height)
    try:
        stream, turn = _stream(data, page.source.index)
    except Exception as error:  # Pillow raises whatever its decoders meet
        if page.error is not None:
            return
        raise OutputError(
            f"{printable(page.image_path or page.source.path)} holds no image to make a PDF of",
            "give the PDF or the images themselves",
        ) from error
    added.insert_image(added.rect, stream=stream, rotate=turn, keep_proportion=False)


def _size(page: Page) -> tuple[float, float]:
    if not page.width or not page.height:
        return _A4
    x, y = page.dpi or (_DPI, _DPI)
    size = page.width * 72 / max(x, 1.0), page.height * 72 / max(y, 1.0)
    shrink = min(1.0, _LARGEST / max(size))
    return max(3.0, size[0] * shrink), max(3.0, size[1] * shrink)


def _stream(data: bytes, index: int) -> tuple[bytes, int]:
    """Return the bytes to embed and the degrees to turn them by."""
    with Image.open(BytesIO(data)) as image:
        _turn_to(image, index)
        orientation = image.getexif().get(0x0112, 1)
        if image.format in _AS_IT_IS and image.mode != "CMYK":
            turn = _EXIF_TURNS.get(orientation) if image.format == "JPEG" else 0
            if turn is not None:
                return data, turn
        zero_is_white = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
        upright = ImageOps.exif_transpose(image)
        packed = BytesIO()
        if upright.mode.startswith(("I", "F")):
            upright = _flattened(upright, zero_is_white)
        elif upright.mode not in ("1", "L", "LA", "RGB", "RGBA", "P"):
            upright = upright.convert("RGBA" if upright.mode in ("La", "PA", "RGBa") else "RGB")
        upright.save(packed, "PNG", optimize=upright.mode == "1")
        return packed.getvalue(), 0


def _turn_to(image: Image.Image, index: int) -> None:
    """Turn to the picture of page ``index``; thumbnails are no pages, unless all are."""
    count = getattr(image, "n_frames", 1)
    if count == 1 or not isinstance(image, TiffImagePlugin.TiffImageFile):
        return
    pages = -1
    for frame in range(count):
        image.seek(frame)
        pages += not image.tag_v2.get(_SUBFILE_TYPE, 0) & 1
        if pages == index:
            return
    image.seek(min(index, count - 1))


def _flattened(image: Image.Image, zero_is_white: bool) -> Image.Image:
    """Return deep grey in 8 bits, by the bits that its values use: Pillow cuts off above 255."""
    values = np.nan_to_num(np.asarray(image, np.float32), nan=np.inf, posinf=np.inf)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low >= 0:
        low = 0.0
        depths = _DEPTHS if image.mode != "F" else (1.0, *_DEPTHS)
        high = next((depth for depth in depths if high <= depth), high)
    share = np.clip((values - low) / max(high - low, 1e-30), 0, 1)
    grey = np.rint(255 * (1 - share if zero_is_white else share)).astype(np.uint8)
    return Image.fromarray(grey)
