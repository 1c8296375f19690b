"""True lines with their pixels: what recognisers are trained and measured on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagereader.document import Page, PageImage
from pagereader.errors import InputError, PageError
from pagereader.evaluate.transcripts import LINE_LISTS, files_in, page_name, read_line_list
from pagereader.options import Options
from pagereader.parse import fitted, parse_transcription
from pagereader.sources import find_inputs
from pagereader.stages import load_stage

TRUTH_SUFFIXES = (".xml", ".hocr", ".html", ".json", *LINE_LISTS)
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".jp2", ".gif", ".bmp")
IMAGE_FOLDERS = (".", "..", "images", "../images", "img", "../img")
"""Where an image may lie, seen from its transcription."""


@dataclass(frozen=True, slots=True)
class TruthLine:
    """A line as it looks and what it says.

    Attributes:
        page: Name of its page.
        id: Its name on the page.
        text: What it says.
        pixels: uint8 grey, shape (height, width), cut as at reading time.
        group: What kind of line it is, if the ground truth tells, else empty.
    """

    page: str
    id: str
    text: str
    pixels: NDArray[np.uint8]
    group: str = ""


@dataclass(frozen=True, slots=True)
class TruthFile:
    """A file of ground truth that was found to be readable.

    Attributes:
        path: Of the file.
        name: Of its page: the path without suffix, below the folder that was named.
        images: For a transcription, the image of each page; for a list, that of each line.
        texts: How many lines with text it has.
    """

    path: Path
    name: str
    images: tuple[Path | None, ...]
    texts: int

    @property
    def missing(self) -> list[str]:
        """What has no image: ids of lines for a list, the file itself for a transcription."""
        if self.path.suffix.lower() in LINE_LISTS:
            rows = read_line_list(self.path)
            return [
                row["image"] for row, image in zip(rows, self.images, strict=True) if image is None
            ]
        return [str(self.path) for image in self.images if image is None]


def find_truth(paths: Sequence[str | Path], images: Path | None = None) -> Iterator[TruthFile]:
    """Open every file of ground truth among files and folders, and look for its images.

    A page that a folder holds in several formats comes once.

    Args:
        paths: PAGE, ALTO, hOCR or JSON files, line lists, or folders of them.
        images: Folder to look for images in first.

    Raises:
        InputError: if a named path does not exist or a file cannot be read.
    """
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{str(path)!r} does not exist", "check the path")
        root = path if path.is_dir() else path.parent
        best = {page_name(file, root): file for file in reversed(_files(path))}
        for name, file in sorted(best.items(), key=lambda item: item[1]):
            yield _open(file, name, images)


def read_truth(file: TruthFile, options: Options | None = None) -> Iterator[TruthLine]:
    """Cut the lines of a file; those without text, and pages without image, are left out.

    Raises:
        InputError: if an image cannot be read.
        PageError: likewise.
    """
    options = options or Options()
    if file.path.suffix.lower() in LINE_LISTS:
        yield from _listed_lines(file, options)
        return
    pages = parse_transcription(file.path)
    segmenter = load_stage("segmenters", options.segmenter).from_options(options)
    for number, (page, image) in enumerate(zip(pages, file.images, strict=True), 1):
        if image is None:
            continue
        name = file.name if len(pages) == 1 else f"{file.name}#{number}"
        pixels = load_image(image, options, page.source.index)
        # A page of a PDF may have been read at another resolution, a scan from a smaller copy.
        crops = segmenter.cut(pixels, fitted(page, pixels.width, pixels.height).regions)
        for line, crop in zip(page.lines, crops, strict=True):
            if line.text.strip():
                yield TruthLine(name, line.id, line.text, crop.pixels)


def load_image(path: Path, options: Options, index: int = 0) -> PageImage:
    """Load a page of an image file: its only one, or of several the one at ``index``, from 0.

    Raises:
        InputError: if it cannot be read, or has no such page.
        PageError: if the page cannot be read.
    """
    file = next(iter(find_inputs([str(path)])))
    pages = file.pages(options)
    index = index if len(pages) > 1 else 0
    if index >= len(pages):
        raise InputError(f"{path} has no page {index + 1}", "check the image's name")
    return pages[index].load(options)


def _files(path: Path) -> list[Path]:
    """The ground truth at ``path``; of several files for one page, the best comes first."""
    if not path.is_dir():
        return [path] if path.suffix.lower() in TRUTH_SUFFIXES else []
    return [file for file in files_in(path) if file.suffix.lower() in TRUTH_SUFFIXES]


def _open(file: Path, name: str, images: Path | None) -> TruthFile:
    folders = [images] if images else []
    if file.suffix.lower() in LINE_LISTS:
        rows = read_line_list(file)
        found = tuple(
            _first_file([f / row["image"] for f in (*folders, file.parent)]) for row in rows
        )
        return TruthFile(file, name, found, sum(bool(row["text"].strip()) for row in rows))
    pages = parse_transcription(file)
    texts = sum(bool(line.text.strip()) for page in pages for line in page.lines)
    return TruthFile(file, name, tuple(_image_of(p, file, folders) for p in pages), texts)


def _image_of(page: Page, file: Path, folders: list[Path]) -> Path | None:
    """Find a page's image: where the transcription says, or by the transcription's own name."""
    places = [*folders, *(file.parent / folder for folder in IMAGE_FOLDERS)]
    if page.image_path:
        named = Path(page.image_path)
        direct = [named, file.parent / named]
        found = _first_file([*direct, *(place / named.name for place in places)])
        if found:
            return found
    stem = page_name(file, file.parent)
    return _first_file([place / f"{stem}{suffix}" for place in places for suffix in IMAGE_SUFFIXES])


def _first_file(candidates: Sequence[Path]) -> Path | None:
    return next((path for path in candidates if path.is_file()), None)


def _listed_lines(file: TruthFile, options: Options) -> Iterator[TruthLine]:
    before: Path | None = None
    for row, image in zip(read_line_list(file.path), file.images, strict=True):
        if image is None or not row["text"].strip():
            continue
        if image != before:  # rows are repeated to give them weight
            try:
                pixels = load_image(image, options).grey
            except PageError as error:
                raise InputError(error.message, error.advice) from None
        before = image
        page = row.get("page") or file.name
        yield TruthLine(page, row["image"], row["text"], pixels, row.get("source", ""))
