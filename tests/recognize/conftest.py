from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.recognize.layouts import SQUARE, Layout, save_checkpoint


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


@pytest.fixture
def copy(checkpoint_folder: Callable[[Layout], Path], tmp_path: Path) -> Path:
    """A checkpoint of one's own to break."""
    return Path(shutil.copytree(checkpoint_folder(SQUARE), tmp_path / "model"))
