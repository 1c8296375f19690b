"""The image that a transcription belongs to: found from its name, and what its size tells."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

_SUFFIXES = (".tif", ".tiff", ".jpg", ".jpeg", ".png", ".jp2", ".webp")
_PAGE_OF = re.compile(r"(.+)#page=(\d{1,6})", re.DOTALL)


def find_image(name: str, transcription: Path) -> tuple[str, int | None]:
    """Return the path of the image called ``name`` and the page of it that is meant, from 0.

    The name is taken relative to the transcription. Where nothing is there, it is taken relative
    to the folder above (an OCR-D workspace), and the same file name is tried in both (Transkribus
    keeps its files in ``page/``). Only regular files count; a name with a scheme, such as a web
    address, is never fetched. The path is where the name points if nothing is found. Without a
    name it is the image that is called like the transcription (Gallica's ALTO), or empty.
    """
    if not name:
        return _image_beside(transcription), None
    plain = unquote(name, errors="surrogateescape")  # hOCR encodes what breaks its grammar
    candidates: list[tuple[str, int | None]] = [(name, None), (plain, None)]
    for said in (plain, name):
        fragment = _PAGE_OF.fullmatch(said)
        if fragment:
            candidates.append((fragment[1], int(fragment[2]) - 1))
    folder = transcription.parent
    above = folder.parent if folder.name not in ("", "..") else folder / ".."
    for candidate, page in candidates:
        bare = candidate.replace("\\", "/").rpartition("/")[2]
        for place in (
            folder / candidate,
            folder / bare,
            above / candidate,
            above / bare,
        ):
            if _is_file(place):
                return str(place), page
    return str(folder / candidates[-1][0]), candidates[-1][1]


def _image_beside(transcription: Path) -> str:
    """Return the image called like a transcription that names none; empty if there is none."""
    stem = transcription.name.partition(".")[0]
    folders = (transcription.parent, transcription.parent / "..")
    found = (folder / f"{stem}{suffix}" for folder in folders for suffix in _SUFFIXES)
    return next((str(place) for place in found if stem and _is_file(place)), "")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or with a NUL
        return False


def image_size(path: str) -> tuple[int, int] | None:
    """Return width and height of an image, from its header alone; None if that fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image.size
    except Exception:  # whatever a broken file makes a decoder raise
        return None
