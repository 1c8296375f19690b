"""Searchable PDFs of images of odd kinds show the page that was read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from pagereader.document import Page, PageSource
from pagereader.options import Options
from pagereader.sources import InputFile
from pagereader.write.pdf import PdfWriter


def faint() -> np.ndarray:
    """A page of grey paper with faint ink."""
    grey = np.full((140, 100), 230, np.uint8)
    grey[30:60, 20:80] = 90
    return grey


def odd_images() -> dict[str, Callable[[Path], None]]:
    grey = faint()
    ink = np.dstack([np.zeros_like(grey)] * 3 + [255 - grey])
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    thumbnail = Image.fromarray(255 - grey).resize((50, 70))

    def with_thumbnail(path: Path) -> None:
        thumbnail.encoderinfo = {"tiffinfo": {254: 1}}
        pages = [Image.fromarray(grey), thumbnail, Image.fromarray(255 - grey)]
        pages[0].save(path, save_all=True, append_images=pages[1:])

    def only_thumbnails(path: Path) -> None:
        pages = [Image.fromarray(grey), Image.fromarray(255 - grey)]
        for each in pages:
            each.encoderinfo = {"tiffinfo": {254: 1}}
        pages[0].save(path, save_all=True, append_images=pages[1:], tiffinfo={254: 1})

    return {
        "only thumbnails.tif": only_thumbnails,
        "sixteen.png": deep.save,
        "sixteen.tif": deep.save,
        "twelve.tif": Image.fromarray((grey.astype(np.uint16) * 257) >> 4).save,
        "negative.tif": lambda path: Image.fromarray(65535 - np.asarray(deep)).save(
            path, tiffinfo={262: 0}
        ),
        "float.tif": Image.fromarray((grey / 255).astype(np.float32)).save,
        "transparent.png": Image.fromarray(ink).save,
        "transparent.webp": lambda path: Image.fromarray(ink).save(path, lossless=True),
        "two.png": Image.fromarray(ink[..., 2:]).save,
        "thumbnail.tif": with_thumbnail,
    }


@pytest.mark.parametrize("name", odd_images())
def test_the_picture_is_the_page_that_was_read(tmp_path, name):
    odd_images()[name](tmp_path / name)
    options = Options()
    refs = InputFile(str(tmp_path / name), name).pages(options)
    images = [ref.load(options) for ref in refs]
    pages = [Page(image.width, image.height, image.source) for image in images]
    data = PdfWriter().render(pages, [""] * len(pages))
    with pymupdf.open(stream=data, filetype="pdf") as document:
        for image, page in zip(images, document, strict=True):
            shown = page.get_pixmap(dpi=300, colorspace="gray", alpha=False)
            grey = np.frombuffer(shown.samples, np.uint8).reshape(shown.height, shown.width)
            assert grey.shape == image.grey.shape
            assert np.abs(grey.astype(int) - image.grey).mean() < 3


@pytest.mark.parametrize("orientation", [1, 2, 3, 5, 6, 8])
def test_photos_stand_upright(tmp_path, orientation):
    image = Image.new("L", (400, 200), 255)
    image.paste(0, (0, 0, 200, 100))  # the stored picture's upper left is black
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.jpg", exif=exif)
    size = (200, 400) if orientation >= 5 else (400, 200)
    page = Page(*size, PageSource(str(tmp_path / "a.jpg"), 0, 1), dpi=(72.0, 72.0))
    data = PdfWriter().render([page], ["a.jpg"])
    with pymupdf.open(stream=data, filetype="pdf") as document:
        pixmap = document[0].get_pixmap(colorspace="gray")
    shown = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.stride)
    black = {1: (0, 0), 2: (0, 1), 3: (1, 1), 5: (0, 0), 6: (0, 1), 8: (1, 0)}[orientation]
    halves = [np.array_split(half, 2, axis=1) for half in np.array_split(shown, 2)]
    assert halves[black[0]][black[1]].mean() < 10
    assert halves[1 - black[0]][1 - black[1]].mean() > 245
