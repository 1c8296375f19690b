"""``python -m pagereader``."""

from __future__ import annotations

from pagereader.cli import main

main()
