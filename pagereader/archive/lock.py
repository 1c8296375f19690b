"""One run a folder: a lock that the system lets go of when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pagereader.errors import OutputError

_PATIENCE = 1.0
"""Seconds: ``pagereader status`` holds the lock for a moment to see whether it is free."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at ``path`` for the length of the block.

    Raises:
        OutputError: if another process holds it, or it cannot be made.
    """
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}", "choose another --output"
        ) from error
    with file:
        if not _take(file, _PATIENCE):
            raise OutputError(
                f"another run is writing into {path.parent.parent}{_holder(file)}",
                "wait for it, stop it, or choose another --output",
            )
        file.truncate(0)
        json.dump({"pid": os.getpid(), "host": socket.gethostname()}, file)
        file.flush()
        yield


def is_locked(path: Path) -> bool:
    """Tell whether some process holds the lock at ``path``."""
    try:
        with path.open("r", encoding="utf-8") as file:
            return not _take(file, 0, fcntl.LOCK_SH)
    except OSError:
        return False


def _take(file: IO[str], patience: float, mode: int = fcntl.LOCK_EX) -> bool:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, mode | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        else:
            return True


def _holder(file: IO[str]) -> str:
    try:
        file.seek(0)
        holder = json.load(file)
        return f" (process {int(holder['pid'])} on {holder['host']})"
    except (ValueError, KeyError, TypeError, OSError):
        return ""
