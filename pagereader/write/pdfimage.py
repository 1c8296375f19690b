"""An image file as a page of a PDF, with its own bytes where PDF can hold them."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from PIL import Image, ImageOps, TiffImagePlugin

from pagereader.deepgrey import in_8_bits, sample_levels
from pagereader.document import Page
from pagereader.errors import OutputError
from pagereader.tiffpages import SUBFILE_TYPE, page_frames
from pagereader.write.sanitise import printable

_AS_IT_IS = frozenset({"JPEG", "JPEG2000"})
_EXIF_TURNS = {1: 0, 3: 180, 6: 270, 8: 90}
"""EXIF orientation to PyMuPDF's counter-clockwise degrees; mirrored ones are missing."""

_DPI = 300.0
_LARGEST = 14_400.0  # points a side, by the PDF specification
_A4 = (595.0, 842.0)


class ImageSource:
    """An image file that stays open: each opening would walk over all pages of a TIFF again.

    Args:
        data: The file.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._image: Image.Image | None = None
        self._frames: list[int] = []
        self._more_frames: Iterator[int] = iter(())

    def picture(self, index: int) -> Image.Image:
        """Return the picture of page ``index``.

        Raises:
            EOFError: if the file has no such page.
        """
        if self._image is None:
            self._image, self._frames = Image.open(BytesIO(self.data)), []
            if isinstance(self._image, TiffImagePlugin.TiffImageFile):
                self._more_frames = page_frames(_subfile_types(self._image))
        image = self._image
        if not isinstance(image, TiffImagePlugin.TiffImageFile):
            return image
        while len(self._frames) <= index:
            frame = next(self._more_frames, None)
            if frame is None:
                raise EOFError(f"there is no page {index + 1}")
            self._frames.append(frame)
        image.seek(self._frames[index])
        return image

    def close(self) -> None:
        """Forget the open image; it is opened again when needed."""
        if self._image is not None:
            self._image.close()
            self._image = None


def _subfile_types(image: TiffImagePlugin.TiffImageFile) -> Iterator[int]:
    number = 0
    while True:
        try:
            image.seek(number)
        except EOFError:
            return
        yield int(image.tag_v2.get(SUBFILE_TYPE, 0))
        number += 1


def add_image_page(document: Any, file: ImageSource, page: Page) -> None:
    """Append ``page`` to a PyMuPDF document, as large as its resolution says (else at 300 dpi).

    A failed page whose image cannot be opened stays empty, so that no page is lost.

    Raises:
        OutputError: if the image of a page that was read cannot be opened.
    """
    width, height = _size(page)
    added = document.new_page(width=width, height=height)
    try:
        stream, turn = _stream(file, page.source.index)
    except Exception as error:  # Pillow raises whatever its decoders meet
        file.close()
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


def _stream(file: ImageSource, index: int) -> tuple[bytes, int]:
    """Return the bytes to embed and the degrees to turn them by."""
    image = file.picture(index)
    orientation = image.getexif().get(0x0112, 1)
    if image.format in _AS_IT_IS and image.mode != "CMYK":
        turn = _EXIF_TURNS.get(orientation) if image.format == "JPEG" else 0
        if turn is not None:
            return file.data, turn
    levels = sample_levels(image)
    upright = ImageOps.exif_transpose(image)
    packed = BytesIO()
    if upright.mode.startswith(("I", "F")):
        upright = Image.fromarray(in_8_bits(upright, *levels))
    elif upright.mode not in ("1", "L", "LA", "RGB", "RGBA", "P"):
        upright = upright.convert("RGBA" if upright.mode in ("La", "PA", "RGBa") else "RGB")
    upright.save(packed, "PNG", optimize=upright.mode == "1")
    return packed.getvalue(), 0
