"""Bytes in: PDFs, image files, folders and standard input become pages, one at a time."""

from __future__ import annotations

from pagereader.sources.find import find_inputs, natural_order
from pagereader.sources.inputs import InputFile, PageRef, shown
from pagereader.sources.kinds import Kind

__all__ = ["InputFile", "Kind", "PageRef", "find_inputs", "natural_order", "shown"]
