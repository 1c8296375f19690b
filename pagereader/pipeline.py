"""Reader: page images in, transcribed pages out, in order, with errors kept to their page.

CPU threads open, segment and crop pages ahead of the model; the model reads the lines of
several pages together in the caller's thread. At most a few pages are held at any time, so
memory does not grow with the number of pages.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagereader import __version__
from pagereader.ahead import ahead
from pagereader.document import Document, Page, PageImage, PageSource, ProcessingStep
from pagereader.errors import ModelError, PageError, PagereaderError, UsageError
from pagereader.failures import failed_page
from pagereader.inmemory import pixels_of
from pagereader.log import about_page, logger
from pagereader.options import Options, PageRange
from pagereader.parse import fitted, parse_transcription
from pagereader.placing import apply_reading
from pagereader.sources import InputFile, Kind, PageRef, find_inputs, shown
from pagereader.squarepixels import Stretch, bring_back, squared
from pagereader.stages import LineCrop, LineReading, Recognizer, Segmenter, check_stage, load_stage
from pagereader.upright import stands_on_head

OnError = Literal["raise", "keep"]
LINES_A_BATCH = 64
"""Lines that are read together, unless the recogniser's ``lines_a_batch`` asks for more."""
PAGES_A_BATCH = 16
"""Pages that are held at most until there are so many."""


@dataclass(slots=True)
class _Prepared:
    """A page that is ready for the model, or the reason why it is not.

    Attributes:
        page: Without text so far.
        crops: One a line.
        other_way_up: Prepares it again, turned round; None if it surely stands upright.
        stretch: How it was stretched to be read; its coordinates are brought back at the end.
    """

    page: Page
    crops: list[LineCrop] = field(default_factory=list)
    other_way_up: Callable[[], _Prepared] | None = None
    stretch: Stretch = Stretch()  # noqa: RUF009  never changes


class Reader:
    """Reads pages with one model, loaded on first use and kept.

    Args:
        options: Settings; the defaults if None.
        segmenter: Replaces the segmenter that the options name; or the name of another.
        recognizer: Replaces the recogniser that the options name; or the name of another.
        **changes: Single settings that differ from ``options``.

    Raises:
        UsageError: if a setting is wrong.
    """

    def __init__(
        self,
        options: Options | None = None,
        *,
        segmenter: Segmenter | str | None = None,
        recognizer: Recognizer | str | None = None,
        **changes: Any,
    ) -> None:
        if isinstance(segmenter, str):
            changes["segmenter"], segmenter = segmenter, None
        if isinstance(recognizer, str):
            changes["recognizer"], recognizer = recognizer, None
        check_stage("segmenter", segmenter)
        check_stage("recognizer", recognizer)
        self.options = Options.of(options, **changes)
        self._segmenter = segmenter
        self._recognizer = recognizer

    @property
    def segmenter(self) -> Segmenter:
        """The segmenter, made on first use."""
        if self._segmenter is None:
            stage = load_stage("segmenters", self.options.segmenter)
            self._segmenter = stage.from_options(self.options)
        return self._segmenter

    @property
    def recognizer(self) -> Recognizer:
        """The recogniser, loaded on first use.

        Raises:
            ModelError: if the model is missing or broken.
        """
        if self._recognizer is None:
            stage = load_stage("recognizers", self.options.recognizer)
            self._recognizer = stage.from_options(self.options)
        return self._recognizer

    def read(
        self, *inputs: str | os.PathLike[str], recursive: bool = False, on_error: OnError = "raise"
    ) -> Iterator[Page]:
        """Yield the pages of files and folders in order; each is there before the next is opened.

        Args:
            *inputs: Files, folders, or "-" for standard input.
            recursive: Whether to enter folders within folders.
            on_error: "raise" the error of a page that fails, once the pages before it are out;
                or "keep" such pages, with ``page.error`` set and no regions.

        Raises:
            UsageError: if an input is no path, or ``on_error`` something else.
            InputError: if a file cannot be read (``on_error="raise"``).
            PageError: if a page cannot be read (``on_error="raise"``).
            ModelError: if the recogniser is missing or broken.
        """
        for path in inputs:
            if not isinstance(path, (str, bytes, os.PathLike)):
                raise UsageError(
                    f"{type(path).__name__} is no path",
                    "read(*paths) takes each path by itself; read_image takes images in memory",
                )
        return self.read_files(find_inputs(inputs, recursive=recursive), on_error=on_error)

    def read_files(
        self, files: Iterable[InputFile], *, on_error: OnError = "raise"
    ) -> Iterator[Page]:
        """Yield the pages of input files, as :meth:`read` does."""
        refs = (ref for file in files for ref in self.page_refs(file))
        return self.read_pages(refs, on_error=on_error)

    def read_pages(
        self, refs: Iterable[PageRef | Page], *, on_error: OnError = "raise"
    ) -> Iterator[Page]:
        """Yield the pages that ``refs`` point to, in order; failed pages pass through.

        Raises:
            UsageError: if ``on_error`` is neither "raise" nor "keep".
        """
        if on_error not in get_args(OnError):
            raise UsageError(f"on_error {on_error!r} is unknown", "raise or keep")
        return self._read_pages(refs, on_error)

    def _read_pages(self, refs: Iterable[PageRef | Page], on_error: OnError) -> Iterator[Page]:
        tasks = (self._task(ref) for ref in refs)
        self.segmenter  # noqa: B018  made here, before threads could race to make it
        with closing(ahead(tasks, self.options.jobs)) as prepared:
            for group in self._groups(prepared):
                for page in self._recognize(group):
                    if page.error is not None and on_error == "raise":
                        raise page.error
                    yield page

    def read_image(
        self,
        image: NDArray[np.uint8] | Image.Image | PageImage,
        *,
        dpi: float | tuple[float, float] | None = None,
        name: str | os.PathLike[str] = "image",
    ) -> Page:
        """Return the transcription of one image in memory.

        Args:
            image: uint8, (height, width) grey or (height, width, 3) RGB; or a Pillow image.
            dpi: Resolution if known, one number or horizontal and vertical.
            name: Stands for the file name in outputs.

        Raises:
            UsageError: if ``image`` is of another type or shape.
            PageError: if the page cannot be read.
        """
        if not isinstance(image, PageImage):
            if isinstance(dpi, (int, float)):
                dpi = (float(dpi), float(dpi))
            image = PageImage(pixels_of(image), PageSource(os.fspath(name), count=1), dpi)
        loaded = image
        (page,) = self._recognize([_guarded(image.source, lambda: self._prepare(lambda: loaded))])
        if page.error is not None:
            raise page.error
        return page

    def page_refs(self, file: InputFile) -> list[PageRef | Page]:
        """Return what to read of ``file``: its chosen pages, or one failed page if it is broken."""
        try:
            refs = file.pages(Options.of(self.options, pages=None))
            if refs and refs[0].kind is Kind.TRANSCRIPTION:
                count = len(parse_transcription(file.path))
                refs = [replace(refs[0], index=i, count=count) for i in range(count)]
            if self.options.pages is not None:
                refs = [
                    refs[i]
                    for i in PageRange.parse(self.options.pages).indices(
                        len(refs), shown(file.path)
                    )
                ]
            return list(refs)
        except Exception as error:
            return [failed_page(PageSource(file.path), error)]

    def load(self, ref: PageRef) -> PageImage:
        """Return a page's pixels; for a transcription, its image with what is known of it.

        A transcription that knows no line, because its page failed or nobody has drawn lines yet,
        is not taken for one of a blank page: lines are found.

        Raises:
            PageError: if the page, or the image of a transcription, cannot be read.
            InputError: if the whole file cannot be read.
        """
        if ref.kind is not Kind.TRANSCRIPTION:
            return ref.load(self.options)
        known = parse_transcription(ref.path)[ref.index]
        if not known.image_path:
            advice = "put the image's file name into it"
            raise PageError(f"{shown(ref.path)} names no image", advice)
        try:
            image = self._image_of(known)
        except PagereaderError as error:
            message = f"{shown(ref.path)}: its image {error.message}"
            raise type(error)(message, error.advice) from error
        if known.lines and not self.options.resegment:
            image.known = fitted(known, image.width, image.height)
        image.source = ref.source
        return image

    def _image_of(self, known: Page) -> PageImage:
        image_file = InputFile(known.image_path, Path(known.image_path).name)
        refs = image_file.pages(Options.of(self.options, pages=None))
        index = known.source.index if len(refs) > 1 else 0
        if index >= len(refs):
            raise PageError(f"{known.image_path} has no page {index + 1}", "check the image's name")
        return refs[index].load(self.options)

    def _task(self, ref: PageRef | Page) -> Callable[[], _Prepared]:
        if isinstance(ref, Page):
            return lambda: _Prepared(ref)
        return lambda: _guarded(ref.source, lambda: self._prepare(lambda: self.load(ref)))

    def _prepare(
        self, load: Callable[[], PageImage], segmenter: Segmenter | None = None
    ) -> _Prepared:
        """Find and cut the lines of a page, with another segmenter than the usual if given."""
        stored, other_way_up = load(), None
        image, stretch = squared(stored)
        page = Page(
            stored.width,
            stored.height,
            stored.source,
            dpi=stored.dpi,
            image_path=stored.image_path,
            language=self.options.language,
            damage=image.damage,
        )
        if image.known is not None:
            page.regions = image.known.regions
            page.orientation, page.skew = image.known.orientation, image.known.skew
            page.language = page.language or image.known.language
            page.steps = list(image.known.steps)
        else:
            found = (segmenter or self.segmenter).segment(image)
            page.regions, page.orientation, page.skew = found.regions, found.orientation, found.skew
            page.steps = [self.segmenter.describe()]
            if found.may_be_on_head:
                turned = str((found.orientation + 180) % 360)
                other_way_up = partial(self._prepare_turned, load, turned)
        if page.damage:
            tool, settings = f"pagereader.sources {__version__}", (("damage", page.damage),)
            page.steps.insert(0, ProcessingStep("loading", tool, settings))
        crops = self.segmenter.cut(image, page.regions)
        if len(crops) != len(page.lines):
            raise PageError("the segmenter cut another number of crops than lines", "report this")
        return _Prepared(page, crops, other_way_up, stretch)

    def _prepare_turned(self, load: Callable[[], PageImage], orientation: str) -> _Prepared:
        maker: Any = type(self.segmenter)
        return self._prepare(
            load, maker.from_options(replace(self.options, orientation=orientation))
        )

    def _upright(
        self, prepared: _Prepared, readings: list[LineReading]
    ) -> tuple[_Prepared, list[LineReading]]:
        """Return a page with its readings, turned round if its lines read better so."""
        turn = prepared.other_way_up
        if turn is not None and stands_on_head(self.recognizer, prepared.crops, readings):
            turned = _guarded(prepared.page.source, turn)
            if turned.page.error is None:
                return turned, self.recognizer.read(turned.crops)
        return prepared, readings

    def _groups(self, prepared: Iterable[_Prepared]) -> Iterator[list[_Prepared]]:
        """Gather pages until they hold enough lines to keep the model busy."""
        group: list[_Prepared] = []
        lines = 0
        for item in prepared:
            group.append(item)
            lines += len(item.crops)
            # A recogniser that is not loaded yet is not waited for.
            wanted = getattr(self._recognizer, "lines_a_batch", 0)
            if lines >= max(LINES_A_BATCH, wanted) or len(group) >= PAGES_A_BATCH:
                yield group
                group, lines = [], 0
        if group:
            yield group

    def _recognize(self, group: Sequence[_Prepared]) -> Iterator[Page]:
        if any(prepared.page.error is None for prepared in group):
            self.recognizer  # noqa: B018  a model that cannot load is no page's fault
        crops = [crop for prepared in group for crop in prepared.crops]
        try:
            readings = iter(self.recognizer.read(crops) if crops else [])
            read = [
                self._upright(prepared, list(islice(readings, len(prepared.crops))))
                for prepared in group
            ]
        except (ModelError, MemoryError):
            raise
        except Exception as error:
            if len(group) == 1:
                yield failed_page(group[0].page.source, error)
                return
            logger.warning(
                "reading %d pages together failed, one by one now: %s", len(group), error
            )
            for prepared in group:
                yield from self._recognize([prepared])
            return
        for prepared, own in read:
            yield self._finish(prepared, own)

    def _finish(self, prepared: _Prepared, readings: Sequence[LineReading]) -> Page:
        page = prepared.page
        if page.error is not None:
            return page
        for line, crop, reading in zip(page.lines, prepared.crops, readings, strict=True):
            apply_reading(line, crop.warp, reading)
        bring_back(page, prepared.stretch)
        if readings:
            page.steps.append(self.recognizer.describe())
        return page


def read(
    *inputs: str | os.PathLike[str],
    options: Options | None = None,
    recursive: bool = False,
    on_error: OnError = "raise",
    **changes: Any,
) -> Iterator[Page]:
    """Yield the transcribed pages of files and folders, in order and one by one.

    ``for page in pagereader.read("scan.pdf"): print(page.text)``. See :class:`Reader` for the
    settings and :meth:`Reader.read` for the rest. To read many files, keep one Reader.
    """
    return Reader(options, **changes).read(*inputs, recursive=recursive, on_error=on_error)


def read_document(path: str | os.PathLike[str], **changes: Any) -> Document:
    """Return all pages of one file at once; raises as :func:`read` does."""
    return Document(list(read(path, **changes)), os.fspath(path))


def _guarded(source: PageSource, work: Callable[[], _Prepared]) -> _Prepared:
    with about_page(source):
        try:
            return work()
        except Exception as error:
            return _Prepared(failed_page(source, error))
