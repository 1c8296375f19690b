"""Scanned pages and PDFs in; PAGE-XML, ALTO, hOCR and text out."""

from __future__ import annotations

__version__ = "0.1.0"
