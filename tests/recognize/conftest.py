from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.recognize.layouts import Layout, save_checkpoint


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Layout], Path]:
    """Write each layout's random checkpoint once a session."""
    written: dict[str, Path] = {}

    def make(layout: Layout) -> Path:
        if layout.name not in written:
            folder = tmp_path_factory.mktemp(layout.name)
            written[layout.name] = save_checkpoint(layout, folder)
        return written[layout.name]

    return make
