"""Pages of a PDF as pixels: the scan itself where a page is one image, else a rendering.

MuPDF may not be entered by two threads at once, so all of it happens behind one lock. Documents
stay open between pages, because opening a PDF of a thousand pages a thousand times is quadratic.
"""

from __future__ import annotations

import math
import os
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagereader.mupdf import quiet_mupdf
from pagereader.sources.damage import check_damage
from pagereader.sources.jpeg import decode_jpeg
from pagereader.sources.kinds import Unreadable, check_pixels, jbig2_size, jpeg2000_size
from pagereader.sources.pdfimages import jpeg_bytes, listed_images, plain_jpeg

MAX_PAGES = 100_000
_OPEN_DOCUMENTS = 3
_FULL_PAGE = 0.02
"""How far, as a share of the page, an image's edges may lie from the page's."""

_CHECK_SIDE = 160
_CHECK_CELL = 48.0
"""Greatest difference of grey between scan and rendering in any cell of the check."""


@dataclass(frozen=True, slots=True)
class PdfFile:
    """A PDF to open.

    Attributes:
        path: Where it lies; empty if ``data`` holds it.
        data: The whole file, if it came from standard input.
        password: Tried if the file is encrypted.
        version: Changes when the file does.
    """

    path: str
    data: bytes | None = None
    password: str | None = None
    version: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class PdfPage:
    """One page as pixels.

    Attributes:
        pixels: uint8, shape (height, width) for grey or (height, width, 3) for RGB.
        dpi: Horizontal and vertical resolution.
        damage: What is wrong with the pixels, or empty.
        checked: Number of the JPEG that is known to be sound or damaged, or 0.
    """

    pixels: NDArray[np.uint8]
    dpi: tuple[float, float]
    damage: str = ""
    checked: int = 0


class _Documents:
    """The PDFs opened last, by this process."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def get(self, file: PdfFile) -> Any:
        # A forked child shares its parent's file position, so the process is part of the key.
        key = (os.getpid(), file.path, id(file.data), file.password, file.version)
        if key in self._open:
            self._open.move_to_end(key)
            return self._open[key][0]
        document = _open(file)
        self._open[key] = (document, file.data)
        while len(self._open) > _OPEN_DOCUMENTS:
            self._open.popitem(last=False)[1][0].close()
        return document


_documents = _Documents()


def count_pages(file: PdfFile) -> int:
    """Return how many pages the file has.

    Raises:
        Unreadable: if it cannot be opened, or has no page.
    """
    with _mupdf():
        return int(_documents.get(file).page_count)


def load_page(file: PdfFile, index: int, dpi: int, max_pixels: int) -> PdfPage:
    """Return page ``index``, from 0.

    Raises:
        Unreadable: if this page is broken or too large.
    """
    with _mupdf() as pymupdf:
        document = _documents.get(file)
        if index >= document.page_count:
            raise Unreadable("is missing", "the file changed or is damaged")
        page = document.load_page(index)
        pymupdf.TOOLS.reset_mupdf_warnings()  # what the file says of other pages
        try:
            _check_images(document, page, max_pixels)
            found = _scan(pymupdf, document, page, max_pixels)
            found = found or _render(pymupdf, page, dpi, max_pixels)
            damage = check_damage(pymupdf, document, page)
            damage = damage or found.damage or _hurt_jpeg(document, page, found.checked, max_pixels)
            return replace(found, damage=damage)
        finally:
            if page.get_images():  # MuPDF would keep up to 256 MB of decoded images; fonts may stay
                pymupdf.TOOLS.store_shrink(100)


@contextmanager
def _mupdf() -> Iterator[Any]:
    """Hold the lock, keep MuPDF quiet, and turn what it throws at broken bytes into one line."""
    with quiet_mupdf() as pymupdf:
        try:
            yield pymupdf
        except Unreadable:
            raise
        except MemoryError:
            raise Unreadable("needs more memory than there is", "lower --dpi") from None
        except Exception as error:
            reason = re.sub(r"^code=\d+:\s*", "", " ".join(str(error).split()))
            raise Unreadable(
                f"is damaged: {reason[:200] or type(error).__name__}",
                "export it again, or repair it (mutool clean)",
            ) from error


def _open(file: PdfFile) -> Any:
    import pymupdf

    try:
        if file.data is None and file.path.isprintable():
            document = pymupdf.open(file.path, filetype="pdf")
        else:  # MuPDF takes neither bytes that are no UTF-8 in a name nor an open file
            data = Path(file.path).read_bytes() if file.data is None else file.data
            document = pymupdf.open(stream=data, filetype="pdf")
    except OSError:
        raise
    except Exception as error:
        raise Unreadable(
            "is no readable PDF: it is truncated or damaged",
            "copy it again from where it came from, or repair it (mutool clean)",
        ) from error
    try:
        _check_document(document, file)
    except BaseException:
        document.close()
        raise
    return document


def _check_document(document: Any, file: PdfFile) -> None:
    if document.needs_pass:
        if file.password is None:
            raise Unreadable("is encrypted", "give its password with --password")
        if not document.authenticate(file.password):
            raise Unreadable("is encrypted and the password is wrong", "check --password")
    if document.is_repaired and not _has_end(file):
        raise Unreadable(
            "ends too early (truncated): pages are missing",
            "copy it again, or save what is left with mutool clean",
        )
    count = document.page_count
    if count < 1:
        raise Unreadable("is a PDF without pages", "export it again")
    if count > MAX_PAGES:
        raise Unreadable(f"claims {count:,} pages, more than {MAX_PAGES:,}", "split the file")


def _has_end(file: PdfFile) -> bool:
    """Tell whether the file ends as a PDF does; junk after the end is common."""
    if file.data is not None:
        return b"%%EOF" in file.data[-4096:]
    with Path(file.path).open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(0, size - 4096))
        return b"%%EOF" in opened.read()


def _check_images(document: Any, page: Any, max_pixels: int) -> None:
    """Refuse bombs from the images' dictionaries, and from streams that carry sizes of their own.

    Raises:
        Unreadable: if any image of the page is too large.
    """
    for xref, mask, width, height, *_, filter_name, _ in page.get_images(full=True):
        # An image without a size is drawn as nothing; only a large one does harm.
        check_pixels(max(1, width), max(1, height), max_pixels)
        if mask > 0:
            sizes = (document.xref_get_key(mask, name) for name in ("Width", "Height"))
            values = [int(value) if kind == "int" else 1 for kind, value in sizes]
            check_pixels(max(1, values[0]), max(1, values[1]), max_pixels)
        measure = {"JPXDecode": jpeg2000_size, "JBIG2Decode": jbig2_size}.get(filter_name)
        if measure is not None:
            own = measure(document.xref_stream_raw(xref) or b"")
            if own is not None and 0xFFFFFFFF not in own:
                check_pixels(max(1, own[0]), max(1, own[1]), max_pixels)


def _hurt_jpeg(document: Any, page: Any, checked: int, max_pixels: int) -> str:
    """Return what is wrong with a JPEG among a page's images but one, or nothing."""
    for image in listed_images(page):
        data = jpeg_bytes(document, image.xref) if image.xref != checked else b""
        complaint = decode_jpeg(data, max_pixels, as_grey=True).complaint if data else ""
        if complaint:
            return f"an image: {complaint}"
    return ""


def _scan(pymupdf: Any, document: Any, page: Any, max_pixels: int) -> PdfPage | None:
    """Return the page's one full-page image, or None if the page is anything else.

    The image must be all that is painted, upright in multiples of 90 degrees, and look like the
    rendered page; masks, clips, blending and odd colours therefore fall back to rendering.
    """
    painted = [kind for kind, _ in page.get_bboxlog() if not kind.startswith("ignore")]
    if painted != ["fill-image"] or page.first_annot or page.first_widget:
        return None
    shown = page.get_image_info()
    if len(shown) != 1 or shown[0]["has-mask"] or page.rect.is_empty:
        return None
    matrix = pymupdf.Matrix(*shown[0]["transform"]) * page.rotation_matrix
    xref = _xref_of(page, shown[0])
    if xref is None or not _covers(matrix, page.rect):
        return None
    jpeg = plain_jpeg(document, xref, max_pixels)
    try:
        stored = jpeg.pixels if jpeg is not None else None
        if stored is None:
            stored = _grey_or_rgb(pymupdf, pymupdf.Pixmap(document, xref))
        pixels = _turned(stored, matrix)
    except Exception:  # MuPDF names no exceptions; the rendering will tell if the page is broken
        return None
    if pixels is None or not _looks_like(pymupdf, page, pixels):
        return None
    height, width = pixels.shape[:2]
    dpi = (width * 72 / page.rect.width, height * 72 / page.rect.height)
    damage, checked = (jpeg.complaint, xref) if jpeg is not None else ("", 0)
    rounded = round(dpi[0], 2), round(dpi[1], 2)
    return PdfPage(np.ascontiguousarray(pixels), rounded, damage, checked)


def _xref_of(page: Any, shown: dict[str, Any]) -> int | None:
    size = shown["width"], shown["height"]
    candidates = [entry for entry in page.get_images(full=True) if entry[2:4] == size]
    if len(candidates) > 1:  # all images of a document may be listed on every page
        names = set(re.findall(rb"/([^\s/<>\[\]()]+)\s+Do\b", page.read_contents()))
        candidates = [entry for entry in candidates if entry[7].encode() in names]
    xrefs = {entry[0] for entry in candidates}
    return xrefs.pop() if len(xrefs) == 1 else None


def _covers(matrix: Any, rect: Any) -> bool:
    a, b, c, d, e, f = matrix
    span = max(abs(v) for v in (a, b, c, d))
    if min(abs(a) + abs(d), abs(b) + abs(c)) > 1e-3 * span:
        return False  # not turned by a multiple of 90 degrees
    left, right = sorted((e, e + a + c))
    top, bottom = sorted((f, f + b + d))
    slack_x, slack_y = _FULL_PAGE * rect.width, _FULL_PAGE * rect.height
    return bool(
        abs(left - rect.x0) <= slack_x
        and abs(right - rect.x1) <= slack_x
        and abs(top - rect.y0) <= slack_y
        and abs(bottom - rect.y1) <= slack_y
    )


def _turned(pixels: NDArray[np.uint8], matrix: Any) -> NDArray[np.uint8]:
    """Return the stored image as it lies on the page."""
    a, b, c, d, *_ = matrix
    if abs(b) > abs(a):
        pixels = pixels.swapaxes(0, 1)
        flip_x, flip_y = c < 0, b < 0
    else:
        flip_x, flip_y = a < 0, d < 0
    return pixels[:: -1 if flip_y else 1, :: -1 if flip_x else 1]


def _looks_like(pymupdf: Any, page: Any, pixels: NDArray[np.uint8]) -> bool:
    """Compare the scan with a small rendering of the page."""
    import cv2

    zoom = _CHECK_SIDE / max(page.rect.width, page.rect.height)
    small = page.get_pixmap(
        matrix=pymupdf.Matrix(zoom, zoom), colorspace=pymupdf.csGRAY, alpha=False
    )
    rendered = _array(small)
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    size = rendered.shape[1], rendered.shape[0]
    scan = cv2.resize(np.ascontiguousarray(grey), size, interpolation=cv2.INTER_AREA)
    # Two resamplings differ at edges; a moved, clipped or recoloured image differs over areas.
    difference = cv2.blur(rendered.astype(np.float32) - scan.astype(np.float32), (5, 5))
    return bool(np.abs(difference).max() < _CHECK_CELL)


def _render(pymupdf: Any, page: Any, dpi: int, max_pixels: int) -> PdfPage:
    width, height = page.rect.width * dpi / 72, page.rect.height * dpi / 72
    if not (math.isfinite(width) and math.isfinite(height)):
        raise Unreadable("has no finite size", "export the file again")
    try:
        check_pixels(round(width), round(height), max_pixels)
    except Unreadable as error:
        raise Unreadable(
            f"{error.reason} when rendered at {dpi} dpi", "lower --dpi, or raise --max-pixels"
        ) from None
    zoom = dpi / 72
    image = page.get_pixmap(
        matrix=pymupdf.Matrix(zoom, zoom), colorspace=pymupdf.csRGB, alpha=False
    )
    pixels = _array(image)
    if bool((pixels[..., :1] == pixels[..., 1:]).all()):
        pixels = pixels[..., 0]
    return PdfPage(np.ascontiguousarray(pixels), (float(dpi), float(dpi)))


def _grey_or_rgb(pymupdf: Any, image: Any) -> NDArray[np.uint8]:
    if image.colorspace is None or image.alpha:
        raise ValueError("a mask is no page")
    if image.n > 1 and image.colorspace.n != 3:
        image = pymupdf.Pixmap(pymupdf.csRGB, image)
    elif image.colorspace.name not in ("DeviceGray", "DeviceRGB"):
        image = pymupdf.Pixmap(pymupdf.csGRAY if image.n == 1 else pymupdf.csRGB, image)
    return _array(image)


def _array(image: Any) -> NDArray[np.uint8]:
    """Copy a pixmap's samples, because they die with it."""
    rows = np.frombuffer(image.samples_mv, np.uint8).reshape(image.height, image.stride)
    pixels = rows[:, : image.width * image.n].reshape(image.height, image.width, image.n)
    return np.array(pixels[..., 0] if image.n == 1 else pixels)
