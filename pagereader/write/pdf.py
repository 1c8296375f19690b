"""Searchable PDF: the scan as it is, with the text invisibly over it.

A PDF is not rewritten but continued (an incremental update), so every byte of the original,
signatures included, stays where it was. Of images, JPEG and JPEG 2000 files go in as they are;
others are packed without loss.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shapely.geometry import Polygon, box
from shapely.ops import unary_union

from pagereader.document import Page
from pagereader.errors import OutputError
from pagereader.mupdf import quiet_mupdf
from pagereader.write.glyphless import GlyphlessFont
from pagereader.write.pdfimage import ImageSource, add_image_page
from pagereader.write.placed import PlacedLine, place
from pagereader.write.sanitise import printable
from pagereader.write.textlayer import FONT, all_lines, text_layer

_INVISIBLE = 3
_FULL_PAGE = 0.02  # how far from the page's edges a scan may end, as a share of the page
_COVERED = 0.5
"""A line that real text covers by more than this share needs no invisible text."""


class PdfWriter:
    """Writes the whole document. Failed pages stay in, without text.

    Args:
        password: For encrypted PDFs; the result is encrypted as its source is.
        stdin: The input itself, if it came from standard input.
    """

    format: str = "pdf"
    suffix: str = ".pdf"
    one_page_a_file: bool = False

    def __init__(self, password: str | None = None, stdin: bytes | None = None) -> None:
        self._password = password
        self._stdin = stdin

    def render(self, pages: Sequence[Page], image_names: Sequence[str]) -> bytes:  # noqa: ARG002
        """Return the file's content; see :class:`pagereader.stages.Writer`.

        The images are read from where the pages came from, not from ``image_names``.

        Raises:
            OutputError: if the original cannot be read any more, or there is none.
        """
        sources = {_source(page) for page in pages}
        name = printable(min(sources, default="nothing"))
        with _complaining(name):
            contents = {path: self._read(path) for path in sources}
            if len(sources) == 1 and all(_is_pdf(data) for data in contents.values()):
                return self._continue(contents.popitem()[1], pages)
            return self._assemble(contents, pages)

    def _read(self, path: str) -> bytes:
        if path == "-":
            if self._stdin is None:
                raise OutputError(
                    "no searchable PDF can be made of standard input", "save it to a file first"
                )
            return self._stdin
        try:
            return Path(path).read_bytes()
        except (OSError, ValueError) as error:
            raise OutputError(
                f"{printable(path)} is needed for the PDF and cannot be read", "check the path"
            ) from error

    def _open(self, data: bytes | None, path: str = "") -> Any:
        import pymupdf

        document = pymupdf.open(path or None, stream=data, filetype="pdf")
        if document.needs_pass and not document.authenticate(self._password or ""):
            raise OutputError("the PDF is encrypted", "give its password with --password")
        return document

    def _continue(self, data: bytes, pages: Sequence[Page]) -> bytes:
        """Append the text to a copy of the file: its pages, all of them, stay as they are."""
        import pymupdf

        with tempfile.TemporaryDirectory(prefix="pagereader-") as folder:
            copy = Path(folder) / "copy.pdf"
            copy.write_bytes(data)
            with self._open(None, str(copy)) as document:
                layers = _Layers(document)
                for page in pages:
                    if page.source.index < document.page_count:
                        layers.add(page, document[page.source.index])
                layers.finish()
                if document.can_save_incrementally():
                    document.save(
                        str(copy),
                        incremental=True,
                        encryption=pymupdf.PDF_ENCRYPT_KEEP,
                        no_new_id=True,
                    )
                    return copy.read_bytes()
                return bytes(document.tobytes(encryption=pymupdf.PDF_ENCRYPT_KEEP))

    def _assemble(self, contents: Mapping[str, bytes], pages: Sequence[Page]) -> bytes:
        import pymupdf

        with pymupdf.open() as document:
            layers = _Layers(document)
            images = {path: ImageSource(data) for path, data in contents.items()}
            for page in pages:
                data = contents[_source(page)]
                if _is_pdf(data):
                    with self._open(data) as original:
                        index = page.source.index
                        document.insert_pdf(original, from_page=index, to_page=index)
                else:
                    add_image_page(document, images[_source(page)], page)
                layers.add(page, document[-1])
            layers.finish()
            return bytes(document.tobytes(deflate=True, no_new_id=True))


def _source(page: Page) -> str:
    return page.image_path or page.source.path


def _is_pdf(data: bytes) -> bool:
    return b"%PDF-" in data[:1024]


@contextmanager
def _complaining(name: str) -> Iterator[None]:
    """Make MuPDF's complaints our own."""
    with quiet_mupdf():
        try:
            yield
        except (OutputError, MemoryError):
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise OutputError(
                f"no searchable PDF can be made of {name}: {reason}", "choose another format"
            ) from error


class _Layers:
    """Adds text to the pages of one document; the font follows once all its text is known."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._font = GlyphlessFont()
        self._save: int | None = None
        self._fonts: list[tuple[int, str]] = []

    def add(self, page: Page, target: Any) -> None:
        """Lay the text of ``page`` over ``target``, except where real text is already."""
        if page.error is not None or not page.width or not page.height:
            return
        matrix = _to_page(page, target)
        lines = _without_real_text(all_lines(place(page)), matrix, target)
        if not any(line.text for line in lines):
            return
        target.wrap_contents()
        to_user = matrix * target.derotation_matrix * ~target.transformation_matrix
        stream = b"Q\n" + text_layer(lines, tuple(to_user), self._font)
        if self._save is None:
            self._save = self._add_stream(b"q\n")
        order = [self._save, *target.get_contents(), self._add_stream(stream)]
        references = " ".join(f"{xref} 0 R" for xref in order)
        self._document.xref_set_key(target.xref, "Contents", f"[{references}]")
        self._fonts.append(_font_place(self._document, target.xref))

    def finish(self) -> None:
        """Add the font to every page that has text."""
        if not self._fonts:
            return
        font = self._font.add_to(self._document)
        for xref, key in dict.fromkeys(self._fonts):
            self._document.xref_set_key(xref, key, f"{font} 0 R")

    def _add_stream(self, data: bytes) -> int:
        xref = int(self._document.get_new_xref())
        self._document.update_object(xref, "<<>>")
        self._document.update_stream(xref, data, new=True, compress=True)
        return xref


def _to_page(page: Page, target: Any) -> Any:
    """The matrix from pixels to the page as it is shown, in points.

    A scan may fill its page only nearly: then its own place on the page counts.
    """
    import pymupdf

    rect = target.rect
    shown = target.get_image_info()
    if len(shown) == 1 and {shown[0]["width"], shown[0]["height"]} == {page.width, page.height}:
        image = pymupdf.Rect(shown[0]["bbox"]) * target.rotation_matrix
        slack = _FULL_PAGE * max(rect.width, rect.height)
        if all(abs(a - b) <= slack for a, b in zip(image, rect, strict=True)):
            rect = image
    return pymupdf.Matrix(
        rect.width / page.width, 0, 0, rect.height / page.height, rect.x0, rect.y0
    )


def _without_real_text(lines: list[PlacedLine], matrix: Any, target: Any) -> list[PlacedLine]:
    """Drop lines that are text already; take away an older invisible layer."""
    import pymupdf

    spans = [
        span for span in target.get_texttrace() if any(chr(c[0]).strip() for c in span["chars"])
    ]
    real = [span for span in spans if span["type"] != _INVISIBLE]
    if spans and not real:
        target.add_redact_annot(target.rect)
        target.apply_redactions(
            images=pymupdf.PDF_REDACT_IMAGE_NONE, graphics=pymupdf.PDF_REDACT_LINE_ART_NONE
        )
    if not real:
        return lines
    back = target.rotation_matrix * ~matrix
    boxes = [pymupdf.Rect(span["bbox"]) * back for span in real]
    covered = unary_union([box(*rect) for rect in boxes if not rect.is_empty])
    return [line for line in lines if _share_under(line.shape, covered) <= _COVERED]


def _share_under(shape: Polygon, covered: Any) -> float:
    return float(shape.intersection(covered).area) / float(shape.area)


def _font_place(document: Any, page: int) -> tuple[int, str]:
    """Where in which object the page's font belongs; resources may be inherited or shared."""
    holder = page
    for _ in range(50):  # a broken file's pages may be their own parents
        kind, value = document.xref_get_key(holder, "Resources")
        if kind in ("xref", "dict"):
            break
        kind, value = document.xref_get_key(holder, "Parent")
        if kind != "xref":
            break
        holder = int(value.split()[0])
    kind, value = document.xref_get_key(holder, "Resources")
    prefix = "Resources/"
    if kind == "xref":
        holder, prefix = int(value.split()[0]), ""
    elif kind != "dict":
        holder = page
        document.xref_set_key(page, "Resources", "<<>>")
    kind, value = document.xref_get_key(holder, f"{prefix}Font")
    if kind == "xref":
        return int(value.split()[0]), FONT
    if kind != "dict":
        document.xref_set_key(holder, f"{prefix}Font", "<<>>")
    return holder, f"{prefix}Font/{FONT}"
