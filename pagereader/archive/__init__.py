"""Archive batches: every page accounted for, resumable, on many processes or machines."""

from __future__ import annotations

from pagereader.archive.progress import MODES, Progress, progress
from pagereader.archive.runner import run_archive
from pagereader.archive.summary import Summary, status

__all__ = ["MODES", "Progress", "Summary", "progress", "run_archive", "status"]
