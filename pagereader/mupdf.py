"""The one way into MuPDF: it may not be entered by two threads at once, whoever they work for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOCK = threading.RLock()
"""Hold this around every use of :mod:`pymupdf`."""


@contextmanager
def quiet_mupdf() -> Iterator[Any]:
    """Hold the lock, and keep MuPDF from printing what it thinks of a file; yields pymupdf."""
    import pymupdf

    with LOCK:
        tools = pymupdf.TOOLS
        shown = tools.mupdf_display_errors(), tools.mupdf_display_warnings()
        tools.mupdf_display_errors(False)
        tools.mupdf_display_warnings(False)
        try:
            yield pymupdf
        finally:
            tools.reset_mupdf_warnings()
            tools.mupdf_display_errors(bool(shown[0]))
            tools.mupdf_display_warnings(bool(shown[1]))
