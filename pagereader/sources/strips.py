"""The strips and tiles of a TIFF, looked at for damage that libtiff passes over in silence."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from pagereader.sources.jpeg import decode_jpeg

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIPS, _SAMPLES, _COUNTS, _PLANES, _PREDICTOR = 273, 277, 279, 284, 317
_TILES, _TILE_COUNTS, _JPEG_TABLES = 324, 325, 347
_JPEG, _DEFLATE = 7, (8, 32946)
_MOST = 100_000
_CHUNK = 1 << 20


def strip_damage(image: TiffImagePlugin.TiffImageFile, file: BinaryIO, max_pixels: int) -> str:
    """Return what is wrong with the coded bytes of a TIFF's page, or nothing.

    Args:
        image: Opened; its size is checked.
        file: The whole file.
        max_pixels: Most in one strip or tile.
    """
    coding = int(image.tag_v2.get(_COMPRESSION, 1))
    if coding in _DEFLATE:
        is_hurt = any(not inflates(strip) for strip in _strips(image, file))
        return "its compressed data fail their checksum" if is_hurt else ""
    if coding == _JPEG:
        tables = bytes(image.tag_v2.get(_JPEG_TABLES, b""))[2:-2]
        for strip in _strips(image, file):
            whole = strip[:2] + tables + strip[2:]
            complaint = decode_jpeg(whole, max_pixels, as_grey=True).complaint
            if complaint:
                return complaint
    return ""


def sound_pixels(image: TiffImagePlugin.TiffImageFile, file: BinaryIO) -> NDArray[np.uint8] | None:
    """Inflate a TIFF's page in plain grey or RGB, which tells by itself whether it is sound.

    Returns:
        The pixels as stored, or None if they are of another kind or damaged.
    """
    tags = image.tag_v2
    samples = {("L", 1): 1, ("RGB", 2): 3}.get((image.mode, int(tags.get(_PHOTOMETRIC, -1))))
    predictor = int(tags.get(_PREDICTOR, 1))
    is_plain = tags.get(_COMPRESSION) in _DEFLATE and tags.get(_PLANES, 1) == 1
    is_plain = is_plain and set(tags.get(_BITS, ())) == {8} and predictor in (1, 2)
    if samples is None or tags.get(_SAMPLES, 1) != samples or not is_plain or _TILES in tags:
        return None
    width, height = int(tags.get(_WIDTH, 0)), int(tags.get(_HEIGHT, 0))
    if (width, height) not in (image.size, image.size[::-1]):
        return None
    needed = width * height * samples
    data = bytearray()
    for strip in _strips(image, file):
        inflate = zlib.decompressobj()
        try:
            data += inflate.decompress(strip, needed - len(data) + 1)
            inflate.decompress(inflate.unconsumed_tail, 1)  # nothing but the checksum
        except zlib.error:
            return None
        if not inflate.eof or len(data) > needed:
            return None
    if len(data) != needed:
        return None
    shape = (height, width, samples) if samples > 1 else (height, width)
    pixels = np.frombuffer(data, np.uint8).reshape(shape)
    return np.cumsum(pixels, axis=1, dtype=np.uint8) if predictor == 2 else pixels


def _strips(image: TiffImagePlugin.TiffImageFile, file: BinaryIO) -> Iterator[bytes]:
    """Yield the coded strips or tiles; none if their list makes no sense, as libtiff will say."""
    for at, length in ((_STRIPS, _COUNTS), (_TILES, _TILE_COUNTS)):
        starts, counts = image.tag_v2.get(at, ()), image.tag_v2.get(length, ())
        if len(starts) != len(counts) or len(starts) > _MOST:
            return
        for start, count in zip(starts, counts, strict=True):
            file.seek(start)
            yield file.read(count)


def inflates(data: bytes) -> bool:
    """Tell whether the bytes are sound to their end, where their checksum is."""
    inflate = zlib.decompressobj()
    try:
        while data and not inflate.eof:
            inflate.decompress(data, _CHUNK)
            data = inflate.unconsumed_tail
    except zlib.error:
        return False
    return inflate.eof
