"""Results appear whole under their names, and only inside the output folder."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from pagereader.errors import OutputError
from pagereader.sources import shown
from pagereader.write import write_atomically
from pagereader.write.files import sync_folder

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


class DiskError(OutputError):
    """The disk takes no more: going on would only fail page after page."""


class Placer:
    """Writes files into ``folder``, by way of a scratch folder that holds whatever is half done.

    Args:
        folder: Where results go; nothing outside it is ever written.
        scratch: A folder of our own on the same disk, emptied now.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._folder = os.path.realpath(folder)
        self._scratch = scratch
        self._made: set[Path] = set()
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True, exist_ok=True)

    def place(self, target: Path, data: bytes) -> None:
        """Write ``data`` to ``target``, replacing what is there, and force it to the disk.

        Raises:
            DiskError: if the disk is full, broken or read-only.
            OutputError: if this one file cannot be written.
        """
        try:
            self._place(target, data)
        except OutputError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _DISK:
                raise DiskError(error.message, error.advice) from error
            raise
        except OSError as error:
            kind = DiskError if error.errno in _DISK else OutputError
            raise kind(
                f"cannot write {shown(str(target))}: {error.strerror}",
                "make room, or choose another --output",
            ) from error

    def put_aside(self, target: Path, folder: Path) -> None:
        """Move a file that somebody changed out of the way of its new version, into ``folder``."""
        place = folder / os.path.relpath(target, self._folder)
        number = 1
        while place.with_name(f"{place.name}.{number}").exists():
            number += 1
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            target.rename(place.with_name(f"{place.name}.{number}"))

    def _place(self, target: Path, data: bytes) -> None:
        parent = target.parent
        if parent not in self._made:
            real = os.path.realpath(parent)
            if os.path.commonpath([real, self._folder]) != self._folder:
                raise OutputError(
                    f"{shown(str(parent))} leads out of the output folder", "remove the link"
                )
            parent.mkdir(parents=True, exist_ok=True)
            self._made.add(parent)
        part = self._scratch / "part"
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            part.replace(target)  # a link at that place is replaced, not followed
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            write_atomically(target, data, overwrite=True)
        sync_folder(parent)
