"""How good a reading is: error rates, lines found, and what goes wrong most."""

from __future__ import annotations

from pagereader.evaluate.compare import Evaluation, PageComparison, Scores, compare, evaluate
from pagereader.evaluate.confusions import Confusion, confusions
from pagereader.evaluate.normalise import TextRules
from pagereader.evaluate.rates import ErrorRate, Found, character_errors, word_errors
from pagereader.evaluate.report import html_report, summary, tsv
from pagereader.evaluate.transcripts import Transcript, TranscriptSet, read_transcripts

__all__ = [
    "Confusion",
    "ErrorRate",
    "Evaluation",
    "Found",
    "PageComparison",
    "Scores",
    "TextRules",
    "Transcript",
    "TranscriptSet",
    "character_errors",
    "compare",
    "confusions",
    "evaluate",
    "html_report",
    "read_transcripts",
    "summary",
    "tsv",
    "word_errors",
]
