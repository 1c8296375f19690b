"""The recogniser: line crops in, text with confidence and word boxes out.

Nothing here imports torch before a :class:`TrOCRRecognizer` is made.
"""

from __future__ import annotations

from pagereader.recognize.null import NullRecognizer
from pagereader.recognize.recognizer import TrOCRRecognizer

__all__ = ["NullRecognizer", "TrOCRRecognizer"]
