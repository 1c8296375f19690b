"""Image files to grey or RGB pixels, through Pillow, with the size checked before decoding."""

from __future__ import annotations

import io
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import (
    Image,
    ImageChops,
    ImageCms,
    ImageFile,
    ImageOps,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from pagereader.deepgrey import in_8_bits, sample_levels
from pagereader.log import logger
from pagereader.sources.fax import decode_fax
from pagereader.sources.jpeg import decode_jpeg
from pagereader.sources.kinds import (
    HEAD,
    Kind,
    Unreadable,
    check_pixels,
    jpeg2000_size,
    webp_size,
)
from pagereader.sources.strips import sound_pixels, strip_damage
from pagereader.sources.tiff import FrameFile

_ORIENTATION = 0x0112
_HEADERS, _BYTES_A_PIXEL = 64 << 20, 8  # a JPEG may hold no more; what follows its end is not read
_PILLOW = threading.Lock()  # warnings.catch_warnings is not safe in threads


@dataclass(frozen=True, slots=True)
class Raster:
    """Decoded pixels.

    Attributes:
        pixels: uint8, shape (height, width) for grey or (height, width, 3) for RGB.
        dpi: Horizontal and vertical resolution of ``pixels``, if the file tells.
        as_stored: Whether the file holds the pixels in this orientation.
        damage: What is wrong with the pixels, or empty.
    """

    pixels: NDArray[np.uint8]
    dpi: tuple[float, float] | None
    as_stored: bool
    damage: str = ""


def decode(file: BinaryIO, kind: Kind, max_pixels: int, offset: int = 0) -> Raster:
    """Decode one image.

    Args:
        file: Open at any place.
        kind: What it holds.
        max_pixels: More are refused before decoding.
        offset: For a TIFF, where its page's directory lies.

    Raises:
        Unreadable: if the image is too large, broken or of an unknown form.
    """
    _check_before_opening(file, kind, max_pixels)
    with _pillow_reasons():
        with _PILLOW, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = _open(file, kind, offset)
            check_pixels(*image.size, max_pixels)
            orientation = image.getexif().get(_ORIENTATION, 1)
            dpi = _dpi(image)
            levels = sample_levels(image)
        frames = getattr(image, "n_frames", 1) if kind in (Kind.WEBP, Kind.PNG) else 1
        if frames > 1:
            logger.warning("holds %d pictures, of which only the first is read", frames)
        pixels, damage = _decoded(image, file, kind, max_pixels, orientation)
        if pixels is None:
            pixels = _to_uint8(image, *levels)
    if dpi is not None and orientation in (5, 6, 7, 8):
        dpi = dpi[::-1]
    return Raster(np.ascontiguousarray(pixels), dpi, orientation in (0, 1), damage)


def _decoded(
    image: ImageFile.ImageFile, file: BinaryIO, kind: Kind, max_pixels: int, orientation: int
) -> tuple[NDArray[np.uint8] | None, str]:
    """Decode, with whoever notices damage where that is not Pillow, and tell what is damaged.

    Returns:
        No pixels if Pillow has loaded the image.
    """
    pixels, damage, fax = None, "", None
    if kind is Kind.JPEG:
        pixels, damage = _decoded_jpeg(image, file, max_pixels)
    elif isinstance(image, TiffImagePlugin.TiffImageFile):
        fax = decode_fax(image, file)
        if fax is not None and fax.is_group4:
            fax.check()
            pixels, damage = fax.pixels, fax.complaint
        elif fax is None:
            pixels = sound_pixels(image, file)
            damage = "" if pixels is not None else strip_damage(image, file, max_pixels)
    if pixels is not None:
        return _upright(pixels, orientation), damage
    image.load()
    # A TIFF turns itself on loading and then forgets its tag.
    ImageOps.exif_transpose(image, in_place=True)
    if fax is not None:
        turned = replace(fax, pixels=_upright(fax.pixels, orientation))
        damage = turned.damage(np.asarray(image.convert("L"), np.uint8))
    return None, damage


def _decoded_jpeg(
    image: Image.Image, file: BinaryIO, max_pixels: int
) -> tuple[NDArray[np.uint8] | None, str]:
    at = file.tell()
    file.seek(0)
    most = _HEADERS + _BYTES_A_PIXEL * image.width * image.height
    found = decode_jpeg(file.read(most), max_pixels, as_grey=image.mode == "L")
    file.seek(at)
    pixels = found.pixels
    fits = pixels is not None and pixels.shape[1::-1] == image.size
    return (pixels if fits and image.mode in ("L", "RGB") else None), found.complaint


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return pixels as their EXIF orientation wants them shown."""
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    return pixels.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else pixels


def _check_before_opening(file: BinaryIO, kind: Kind, max_pixels: int) -> None:
    if kind not in (Kind.WEBP, Kind.JPEG2000):
        return  # Pillow reads these headers without allocating the image
    file.seek(0)
    head = file.read(HEAD)
    size = webp_size(head) if kind is Kind.WEBP else jpeg2000_size(head)
    if size is not None:
        check_pixels(*size, max_pixels)


def _open(file: BinaryIO, kind: Kind, offset: int) -> ImageFile.ImageFile:
    """Open with the one plugin that fits: ``Image.open`` would try others and apply its own cap."""
    file.seek(0)
    if kind is Kind.TIFF:
        view = cast(Any, FrameFile(file, offset) if offset else file)
        return TiffImagePlugin.TiffImageFile(view)
    plugin = {
        Kind.JPEG: JpegImagePlugin.JpegImageFile,
        Kind.PNG: PngImagePlugin.PngImageFile,
        Kind.WEBP: WebPImagePlugin.WebPImageFile,
        Kind.JPEG2000: Jpeg2KImagePlugin.Jpeg2KImageFile,
    }[kind]
    return plugin(file)


@contextmanager
def _pillow_reasons() -> Iterator[None]:
    """Turn whatever a decoder throws at broken bytes into one line."""
    try:
        yield
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("needs more memory than there is", "lower --max-pixels") from None
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if "truncated" in reason.lower() or isinstance(error, EOFError):
            raise Unreadable(
                "ends too early (truncated)", "copy it again from where it came from"
            ) from error
        raise Unreadable(f"cannot be decoded: {reason[:200]}", "scan or export it again") from error


def _dpi(image: ImageFile.ImageFile) -> tuple[float, float] | None:
    found = image.info.get("dpi") or ()
    try:
        x, y = (float(value) for value in found)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not (math.isfinite(x) and math.isfinite(y) and 1 < x < 100_000 and 1 < y < 100_000):
        return None
    return x, y


def _to_uint8(image: Image.Image, bits: int | None, zero_is_white: bool) -> NDArray[np.uint8]:
    if image.mode.startswith("I") or image.mode == "F":
        return in_8_bits(image, bits, zero_is_white)
    return np.asarray(_grey_or_rgb(image), np.uint8)


def _grey_or_rgb(image: Image.Image) -> Image.Image:
    """Return the image as L or RGB, laid on white where it is transparent."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        is_grey = image.mode in ("L", "LA", "La", "1")
        flat = _on_white(image.convert("RGBA"))
        return flat.getchannel("R") if is_grey or _is_grey(flat) else flat
    if image.mode == "LAB":
        return _from_lab(image)
    rgb = image.convert("RGB")
    return rgb.getchannel("R") if image.mode == "P" and _is_grey(rgb) else rgb


def _on_white(image: Image.Image) -> Image.Image:
    """Return an RGBA image as RGB, on white paper where it is transparent."""
    if image.getchannel("A").getextrema() != (255, 255):
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _is_grey(image: Image.Image) -> bool:
    red, green, blue = image.split()
    return all(ImageChops.difference(red, other).getbbox() is None for other in (green, blue))


def _from_lab(image: Image.Image) -> Image.Image:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if converted is None:
        raise Unreadable("has colours that cannot be converted", "export it as RGB")
    return converted


def in_memory(data: bytes) -> BinaryIO:
    """Return ``data`` as an open file."""
    return io.BytesIO(data)
