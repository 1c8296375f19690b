"""Scanned pages and PDFs in; PAGE-XML, ALTO, hOCR and text out.

``for page in pagereader.read("scan.pdf"): print(page.text)``

Names are imported when first used, so that ``import pagereader`` costs nothing and torch loads
only with a model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pagereader.document import (
        Alternative,
        Document,
        Flag,
        Line,
        Page,
        PageImage,
        PageSource,
        ProcessingStep,
        Region,
        RegionType,
        Word,
    )
    from pagereader.errors import (
        ExitCode,
        InputError,
        ModelError,
        NothingReadError,
        OutputError,
        PageError,
        PagereaderError,
        UsageError,
    )
    from pagereader.options import Options
    from pagereader.pipeline import Reader, read, read_document
    from pagereader.stages import (
        LineCrop,
        LineReading,
        Recognizer,
        Segmentation,
        Segmenter,
        WordSpan,
        Writer,
    )

_HOMES = {
    "pagereader.document": "Alternative Document Flag Line Page PageImage PageSource "
    "ProcessingStep Region RegionType Word",
    "pagereader.errors": "ExitCode InputError ModelError NothingReadError "
    "OutputError PageError PagereaderError UsageError",
    "pagereader.options": "Options",
    "pagereader.pipeline": "Reader read read_document",
    "pagereader.stages": "LineCrop LineReading Recognizer Segmentation Segmenter WordSpan Writer",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Alternative",
    "Document",
    "ExitCode",
    "Flag",
    "InputError",
    "Line",
    "LineCrop",
    "LineReading",
    "ModelError",
    "NothingReadError",
    "Options",
    "OutputError",
    "Page",
    "PageError",
    "PageImage",
    "PageSource",
    "PagereaderError",
    "ProcessingStep",
    "Reader",
    "Recognizer",
    "Region",
    "RegionType",
    "Segmentation",
    "Segmenter",
    "UsageError",
    "Word",
    "WordSpan",
    "Writer",
    "__version__",
    "read",
    "read_document",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'pagereader' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
