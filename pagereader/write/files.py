"""Files appear whole or not at all, and none is overwritten unasked."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from pagereader.errors import OutputError
from pagereader.write.sanitise import printable


def write_atomically(path: str | os.PathLike[str], data: bytes, overwrite: bool = False) -> None:
    """Write ``data`` to ``path`` so that no reader ever sees half a file.

    The data goes to a temporary file in the same folder, is flushed to the disk and then takes
    its name. Missing folders are made. A link is followed; a pipe or device is written directly.

    Raises:
        OutputError: if ``path`` exists and ``overwrite`` is False, or cannot be written. The
            temporary file is gone then, and what was at ``path`` is untouched.
    """
    target = Path(path)
    try:
        if _is_stream(target):  # before links are resolved: /dev/stdout leads to no path
            target.write_bytes(data)
            return
        if target.is_symlink():
            target = target.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not overwrite:
            raise FileExistsError
        _write_beside(target, data, overwrite)
    except FileExistsError:
        raise OutputError(f"{printable(path)} exists already", _HOW_TO_OVERWRITE) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise OutputError(
            f"cannot write {printable(path)}: {reason}", "choose another --output, or make room"
        ) from error


def is_taken(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file or folder is in the way; pipes and devices take whatever comes."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):  # nothing there, or nothing that could be: writing will tell
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


_HOW_TO_OVERWRITE = "choose another name, or pass --overwrite"


def _is_stream(target: Path) -> bool:
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "it is a folder")
    return not stat.S_ISREG(mode)


def _write_beside(target: Path, data: bytes, overwrite: bool) -> None:
    part = target.parent / f".{secrets.token_hex(8)}.part"
    try:
        # Opened like any new file, so that it gets the permissions the user's umask gives.
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            if target.exists():
                part.chmod(stat.S_IMODE(target.stat().st_mode))
            part.replace(target)
        else:
            _take_free_name(part, target)
        sync_folder(target.parent)
    finally:
        with suppress(OSError):
            part.unlink()


def _take_free_name(part: Path, target: Path) -> None:
    """Rename without the race between looking and renaming, where the file system has links."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        if target.exists():
            raise FileExistsError from None
        part.replace(target)


def sync_folder(folder: Path) -> None:
    """Force a folder's names to the disk."""
    with suppress(OSError):  # some file systems cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
