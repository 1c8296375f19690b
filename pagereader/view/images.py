"""Page images for the viewer: found again, scaled down and packed."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from pagereader.document import Page
from pagereader.errors import PagereaderError
from pagereader.options import Options
from pagereader.sources import PageRef, find_inputs

_QUALITY = 68
_SCREEN_DPI = 150


@dataclass(frozen=True, slots=True)
class PackedImage:
    """An image as the HTML file carries it.

    Attributes:
        media: "image/webp" or "image/jpeg".
        base64: The encoded file, in base64.
    """

    media: str
    base64: str


class PageImages:
    """Finds the images of pages from where their transcriptions say they are.

    Args:
        folders: Where else to look for a file of the same name.
        options: Limits on reading the images.
    """

    def __init__(self, folders: Sequence[Path] = (), options: Options | None = None) -> None:
        self._folders = folders
        # Pages of a PDF without a scan behind them are drawn, finer than the report shows them.
        self._options = Options.of(options, pages=None, dpi=_SCREEN_DPI)
        self._opened: dict[str, list[PageRef]] = {}

    def __call__(self, page: Page, beside: Path | None = None) -> NDArray[np.uint8] | None:
        """Return the pixels of ``page``, grey or RGB, or None if no file can be read.

        Args:
            page: Any page.
            beside: The folder of the transcription, to which names of images are relative.
        """
        for path, index in self._candidates(page, beside):
            refs = self._pages(path)
            wanted = index if len(refs) > 1 else 0
            if wanted < len(refs):
                try:
                    return refs[wanted].load(self._options).pixels
                except PagereaderError:
                    continue
        return None

    def _candidates(self, page: Page, beside: Path | None) -> Iterator[tuple[str, int]]:
        for named in (page.image_path, page.source.path):
            name, index = without_fragment(named, page.source.index)
            if name in ("", "-"):
                continue
            if beside is not None:
                yield str(beside / name), index
            yield name, index
            if beside is not None:
                yield str(beside / Path(name).name), index
            for folder in self._folders:
                yield str(folder / Path(name).name), index

    def _pages(self, path: str) -> list[PageRef]:
        if path not in self._opened:
            try:
                found = list(find_inputs([path])) if Path(path).is_file() else []
                self._opened[path] = found[0].pages(self._options) if found else []
            except (PagereaderError, OSError, ValueError):
                self._opened[path] = []
        return self._opened[path]


def without_fragment(name: str, index: int) -> tuple[str, int]:
    """Return file and page of ``scan.pdf#page=3``, as our writers name pages of a document."""
    found = re.fullmatch(r"(.+)#page=(\d{1,9})", name, re.DOTALL)
    if found is None or Path(name).is_file():
        return name, index
    return found[1], max(0, int(found[2]) - 1)


def as_image(pixels: Image.Image | NDArray[np.uint8]) -> Image.Image:
    """Return ``pixels`` as a grey or RGB picture; transparency becomes white paper."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return image.convert("RGB")


def scaled(image: Image.Image, longest: int) -> Image.Image:
    """Return ``image`` with no side longer than ``longest`` pixels; never enlarged."""
    if max(image.size) <= longest:
        return image
    factor = longest / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def packed(image: Image.Image) -> PackedImage:
    """Encode ``image`` as WebP, or as JPEG where Pillow was built without WebP."""
    buffer = io.BytesIO()
    if features.check("webp"):
        image.save(buffer, "WEBP", quality=_QUALITY, method=2)
        media = "image/webp"
    else:
        image.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
        media = "image/jpeg"
    return PackedImage(media, base64.b64encode(buffer.getvalue()).decode("ascii"))
