"""The one lock for MuPDF: it may not be entered by two threads at once, whoever they work for."""

from __future__ import annotations

import threading

LOCK = threading.RLock()
"""Hold this around every use of :mod:`pymupdf`."""
