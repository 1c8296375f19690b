"""Damaged files are never passed off as read from sound pixels; sound ones are never blamed."""

from __future__ import annotations

import contextlib
import io
import logging
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw

from pagereader.document import PageImage
from pagereader.errors import ExitCode, InputError
from pagereader.options import Options
from pagereader.pipeline import Reader
from pagereader.sources import InputFile
from pagereader.sources.jpeg import decode_jpeg
from pagereader.sources.kinds import jbig2_is_cut
from tests.command import Run


def page(width: int = 402, height: int = 555) -> Image.Image:
    """A page of letters on paper that is not quite even, in colour."""
    paper = Image.radial_gradient("L").resize((width, height)).point(lambda v: 250 - v // 6)
    draw = ImageDraw.Draw(paper)
    for y in range(20, height - 30, 24):
        draw.text((20 + y % 7, y), "the quick brown fox jumps over the lazy dog " * 2, fill=20)
    return Image.merge("RGB", (paper, paper.point(lambda v: v * 9 // 10), paper))


def encoded(image: Image.Image, form: str, **save: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **save)
    return out.getvalue()


def load(path: Path, data: bytes) -> PageImage:
    path.write_bytes(data)
    (ref,) = InputFile(str(path), path.name).pages(Options())
    return ref.load(Options())


def overwritten(data: bytes, share: float, by: bytes) -> bytes:
    at = int(len(data) * share)
    return data[:at] + by + data[at + len(by) :]


JPEGS = {
    "colour": lambda image: encoded(image, "JPEG"),
    "full colour": lambda image: encoded(image, "JPEG", subsampling=0, quality=95),
    "half colour": lambda image: encoded(image, "JPEG", subsampling=1),
    "optimised": lambda image: encoded(image, "JPEG", optimize=True),
    "progressive": lambda image: encoded(image, "JPEG", progressive=True),
    "grey": lambda image: encoded(image.convert("L"), "JPEG"),
    "grey, progressive": lambda image: encoded(image.convert("L"), "JPEG", progressive=True),
    "restarts": lambda image: encoded(image, "JPEG", restart_marker_rows=1),
    "many restarts": lambda image: encoded(image, "JPEG", restart_marker_blocks=5),
    "print": lambda image: encoded(image.convert("CMYK"), "JPEG"),
}


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("size", [(402, 555), (400, 544), (401, 553), (60, 900), (17, 16)])
def test_sound_jpegs_are_not_blamed(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    for image in (page(*size), Image.new("RGB", size, "white"), Image.new("RGB", size, "#808080")):
        data = JPEGS[name](image)
        found = load(tmp_path / "a.jpg", data + b"more behind the end" + bytes(40))
        assert found.damage == ""
        with Image.open(io.BytesIO(data)) as opened:
            if opened.mode != "CMYK":  # the last row's colours may take on those of a next one
                wanted = np.asarray(opened)[:-1].astype(int)
                assert np.abs(found.pixels[:-1] - wanted).max(initial=0) == 0


@pytest.mark.parametrize("by", [bytes(16), bytes(512), bytes(range(7, 256)) * 2])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.93])
@pytest.mark.parametrize("name", [name for name in JPEGS if "progressive" not in name])
def test_overwritten_jpegs_are_damaged(tmp_path: Path, name: str, share: float, by: bytes) -> None:
    data = overwritten(JPEGS[name](page()), share, by)
    damage = ""
    with contextlib.suppress(InputError):  # a marker that no decoder goes on after
        damage = load(tmp_path / "a.jpg", data).damage
        assert damage
    assert damage or b"\xff" in by


@pytest.mark.parametrize("name", ["colour", "grey", "progressive", "optimised"])
def test_blocks_lost_from_the_middle_are_missed(name: str) -> None:
    data = JPEGS[name](page())
    for share in (0.4, 0.5, 0.6, 0.7):
        at = int(len(data) * share)
        assert decode_jpeg(data[:at] + data[at + 900 :], 10**6).complaint


def test_padding_before_the_end_is_no_damage() -> None:
    for name in ("colour", "grey"):
        data = JPEGS[name](page())
        for padding in (b"\0", b"\xff", b"\xff\xff\xff", b"\0\0\0"):
            assert not decode_jpeg(data[:-2] + padding + data[-2:], 10**6).complaint


def test_coarse_progressive_jpegs_are_not_blamed() -> None:
    """Their last byte is filled up with bits that may move the means of some blocks far."""
    for width in range(100, 400, 4):
        image = page(width, 100).convert("L")
        data = encoded(image, "JPEG", quality=9, progressive=True)
        assert not decode_jpeg(data, 10**6).complaint


def test_heads_that_say_anything_are_survived() -> None:
    dice = random.Random(3)
    for name in ("colour", "progressive", "restarts"):
        sound = JPEGS[name](page(90, 70))
        for _ in range(300):
            data = bytearray(sound)
            for _ in range(dice.choice((1, 3, 9))):
                data[dice.randrange(2, 700)] = dice.randrange(256)
            del data[dice.choice((len(data), dice.randrange(len(data)))) :]
            decode_jpeg(bytes(data), 10**6)


def with_image(image: Image.Image, keys: dict[str, str], stream: bytes, part: float = 1) -> bytes:
    """A PDF of a page that shows an image stream over ``part`` of its height."""
    with pymupdf.open() as document:
        added = document.new_page(width=image.width / 2, height=image.height / 2)
        xref = document.get_new_xref()
        size = f"/Width {image.width}/Height {image.height}"
        document.update_object(xref, f"<</Type/XObject/Subtype/Image{size}>>")
        document.update_stream(xref, stream, compress=False)
        for key, value in keys.items():
            document.xref_set_key(xref, key, value)
        document.xref_set_key(added.xref, "Resources", f"<</XObject<</I {xref} 0 R>>>>")
        content = document.get_new_xref()
        document.update_object(content, "<<>>")
        place = f"q {added.rect.width} 0 0 {added.rect.height * part} 0 0 cm /I Do Q"
        document.update_stream(content, place.encode(), new=True)
        document.xref_set_key(added.xref, "Contents", f"{content} 0 R")
        return bytes(document.tobytes())


RGB = {"ColorSpace": "/DeviceRGB", "BitsPerComponent": "8"}
GREY = {"ColorSpace": "/DeviceGray", "BitsPerComponent": "8"}
BITS = {"ColorSpace": "/DeviceGray", "BitsPerComponent": "1"}


@pytest.mark.parametrize("part", [1, 0.5])
@pytest.mark.parametrize("name", ["colour", "grey", "restarts"])
def test_jpegs_in_pdfs(tmp_path: Path, name: str, part: float) -> None:
    image = page()
    data = JPEGS[name](image)
    keys = (GREY if name == "grey" else RGB) | {"Filter": "/DCTDecode"}
    sound = load(tmp_path / "a.pdf", with_image(image, keys, data, part))
    assert sound.damage == ""
    if part == 1:  # the same pixels as those of the file itself
        assert np.array_equal(sound.pixels, load(tmp_path / "a.jpg", data).pixels)
    hurt = with_image(image, keys, overwritten(data, 0.5, bytes(200)), part)
    assert load(tmp_path / "a.pdf", hurt).damage


def test_a_jpeg_behind_another_filter(tmp_path: Path) -> None:
    image = page()
    keys = RGB | {"Filter": "[/FlateDecode /DCTDecode]"}
    for hurt in (False, True):
        data = overwritten(JPEGS["colour"](image), 0.5, bytes(200 * hurt))
        found = load(tmp_path / "a.pdf", with_image(image, keys, zlib.compress(data)))
        assert bool(found.damage) is hurt


def fax(image: Image.Image, **save: object) -> bytes:
    return encoded(image.convert("1"), "TIFF", **save)


FAXES: dict[str, dict[str, object]] = {
    "group 4": {"compression": "group4"},
    "group 4, one strip": {"compression": "group4", "strip_size": 10**8},
    "group 4, zero is black": {"compression": "group4", "tiffinfo": {262: 1}},
    "group 4, zero is white": {"compression": "group4", "tiffinfo": {262: 0}},
    "group 4, turned bits": {"compression": "group4", "tiffinfo": {266: 2}},
    "group 4, turned": {"compression": "group4", "tiffinfo": {274: 6}},
    "group 3": {"compression": "group3"},
    "group 3, two-dimensional": {"compression": "group3", "tiffinfo": {292: 1}},
    "group 3, filled": {"compression": "group3", "tiffinfo": {292: 4}},
    "run length": {"compression": "tiff_ccitt"},
    "run length, turned": {"compression": "tiff_ccitt", "tiffinfo": {274: 8}},
}


@pytest.mark.parametrize("name", FAXES)
@pytest.mark.parametrize("size", [(402, 555), (400, 544), (7, 30)])
def test_sound_faxes(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    for image in (page(*size), Image.new("RGB", size, "white"), Image.new("RGB", size, "black")):
        data = fax(image, **FAXES[name])
        found = load(tmp_path / "a.tif", data)
        assert found.damage == ""
        with Image.open(io.BytesIO(data)) as opened:
            opened.load()
            assert np.array_equal(found.pixels, np.asarray(opened.convert("L")))


@pytest.mark.parametrize("name", FAXES)
def test_damaged_faxes(tmp_path: Path, name: str) -> None:
    data = fax(page(), **FAXES[name])
    found = load(tmp_path / "a.tif", overwritten(data, 0.85, b"\x55\xaa" * 40))
    assert "fax codes are damaged" in found.damage
    assert found.pixels.min() == 0


def test_a_fax_of_which_little_is_left_is_refused(tmp_path: Path) -> None:
    data = fax(page(), compression="group4", strip_size=10**8)
    with pytest.raises(InputError, match="rows are lost"):
        load(tmp_path / "a.tif", overwritten(data, 0.3, bytes(99)))


TIFFS: dict[str, tuple[str, dict[str, object]]] = {
    "deflate": ("RGB", {"compression": "tiff_adobe_deflate"}),
    "deflate, old code": ("L", {"compression": "tiff_deflate"}),
    "deflate, differences": ("RGB", {"compression": "tiff_adobe_deflate", "tiffinfo": {317: 2}}),
    "deflate, turned": ("L", {"compression": "tiff_adobe_deflate", "tiffinfo": {274: 6}}),
    "deflate, one strip": ("L", {"compression": "tiff_adobe_deflate", "strip_size": 10**8}),
    "deflate, print": ("CMYK", {"compression": "tiff_adobe_deflate"}),
    "deflate, one bit": ("1", {"compression": "tiff_adobe_deflate"}),
    "JPEG": ("RGB", {"compression": "jpeg"}),
    "JPEG, grey": ("L", {"compression": "jpeg"}),
    "JPEG, one strip": ("L", {"compression": "jpeg", "strip_size": 10**8}),
}


@pytest.mark.parametrize("name", TIFFS)
def test_strips_of_tiffs(tmp_path: Path, name: str) -> None:
    mode, save = TIFFS[name]
    data = encoded(page().convert(mode), "TIFF", **save)
    found = load(tmp_path / "a.tif", data)
    assert found.damage == ""
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        wanted = opened.convert("RGB" if mode == "CMYK" else "L" if mode == "1" else mode)
        assert np.array_equal(found.pixels, np.asarray(wanted))
    damage = ""
    with contextlib.suppress(InputError):  # bytes that no decoder goes on after
        damage = load(tmp_path / "a.tif", overwritten(data, 0.6, bytes(30))).damage
        assert damage
    assert damage or "deflate" in name


def group4(image: Image.Image) -> bytes:
    data = fax(image, compression="group4", strip_size=10**8)
    with Image.open(io.BytesIO(data)) as opened:
        (at,), (count,) = opened.tag_v2[273], opened.tag_v2[279]
    return data[at : at + count]


def jbig2(image: Image.Image) -> bytes:
    """An embedded JBIG2 stream: page information, and one region in the codes of a fax."""
    codes = group4(image)
    size = struct.pack(">2I", *image.size)
    region = size + bytes(8) + b"\0\1" + codes
    return (
        struct.pack(">IBBBI", 0, 48, 0, 1, 19)
        + size
        + bytes(11)
        + struct.pack(">IBBBI", 1, 38, 0, 1, len(region))
        + region
    )


def test_jbig2_that_is_cut_off_is_no_blank_page(tmp_path: Path) -> None:
    image = page()
    data = jbig2(image)
    keys = BITS | {"Filter": "/JBIG2Decode"}
    sound = load(tmp_path / "a.pdf", with_image(image, keys, data))
    assert sound.damage == ""
    assert sound.pixels.std() > 10
    assert not jbig2_is_cut(data + b"\r\n")
    for end in (60, 200, len(data) - 1):
        assert jbig2_is_cut(data[:end])
        with pytest.raises(InputError, match="ends too early"):
            load(tmp_path / "a.pdf", with_image(image, keys, data[:end]))


def test_shared_jbig2_symbols_that_are_cut_off(tmp_path: Path) -> None:
    image = page()
    keys = BITS | {"Filter": "/JBIG2Decode"}
    with pymupdf.open(stream=with_image(image, keys, jbig2(image))) as document:
        xref = document[0].get_images()[0][0]
        shared = document.get_new_xref()
        document.update_object(shared, "<<>>")
        symbols = struct.pack(">IBBBI", 0, 0, 0, 1, 90)  # a dictionary that never comes
        document.update_stream(shared, symbols, new=True, compress=False)
        document.xref_set_key(xref, "DecodeParms", f"<</JBIG2Globals {shared} 0 R>>")
        data = bytes(document.tobytes())
    with pytest.raises(InputError, match=r"ends too early|cannot decode"):
        load(tmp_path / "a.pdf", data)


def test_fax_in_a_pdf_that_breaks_off_late_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    image = page()
    parameters = f"<</K -1/Columns {image.width}/Rows {image.height}>>"
    keys = BITS | {"Filter": "/CCITTFaxDecode", "DecodeParms": parameters}
    codes = group4(image)
    assert load(tmp_path / "a.pdf", with_image(image, keys, codes)).damage == ""
    found = load(tmp_path / "a.pdf", with_image(image, keys, codes[: len(codes) * 9 // 10]))
    assert "ends too early" in found.damage
    with pytest.raises(InputError, match="ends too early"):
        load(tmp_path / "a.pdf", with_image(image, keys, codes[: len(codes) // 2]))


def test_flate_whose_checksum_is_wrong(tmp_path: Path) -> None:
    image = page().convert("L")
    keys = GREY | {"Filter": "/FlateDecode"}
    data = zlib.compress(image.tobytes())
    assert load(tmp_path / "a.pdf", with_image(image, keys, data)).damage == ""
    stored = zlib.compress(image.tobytes(), 0)  # only the checksum tells what was overwritten
    for hurt in (data[:-1] + bytes([data[-1] ^ 1]), overwritten(stored, 0.5, bytes(40))):
        assert "zlib" in load(tmp_path / "a.pdf", with_image(image, keys, hurt)).damage


def test_lzw_that_does_not_fit(tmp_path: Path) -> None:
    image = page().convert("L")
    data = encoded(image, "TIFF", compression="tiff_lzw", strip_size=10**8)
    with Image.open(io.BytesIO(data)) as opened:
        (at,), (count,) = opened.tag_v2[273], opened.tag_v2[279]
    keys, codes = GREY | {"Filter": "/LZWDecode"}, data[at : at + count]
    assert load(tmp_path / "a.pdf", with_image(image, keys, codes)).damage == ""
    hurt = overwritten(codes, 0.6, bytes(30))
    assert "do not fit" in load(tmp_path / "a.pdf", with_image(image, keys, hurt)).damage


def test_drawing_commands_with_a_wrong_checksum(tmp_path: Path) -> None:
    with pymupdf.open() as document:
        added = document.new_page(width=200, height=100)
        added.insert_text((20, 50), "Hello")
        xref = added.get_contents()[0]
        data = zlib.compress(document.xref_stream(xref))
        for end, is_hurt in ((data[-1], False), (data[-1] ^ 1, True)):
            document.update_stream(xref, data[:-1] + bytes([end]), compress=False)
            document.xref_set_key(xref, "Filter", "/FlateDecode")
            found = load(tmp_path / "a.pdf", bytes(document.tobytes()))
            assert bool(found.damage) is is_hurt
            assert found.pixels.min() < 100


def test_a_damaged_page_is_read_and_reported(
    tmp_path: Path, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "hurt.jpg"
    path.write_bytes(overwritten(JPEGS["colour"](page()), 0.6, bytes(64)))
    logging.getLogger("pagereader").propagate = True
    with caplog.at_level(logging.WARNING, "pagereader"):
        (read,) = Reader(recognizer="null").read(path)
    assert "is damaged and is read as far as it can be" in caplog.text
    assert read.damage
    assert read.error is None
    assert read.steps[0].name == "loading"
    assert dict(read.steps[0].settings)["damage"] == read.damage
    result = run(path, "-o", tmp_path / "out.json", "--recognizer", "null")
    assert result.code == ExitCode.SOME_PAGES_FAILED
    assert "hurt.jpg is damaged and was read as far as it can be" in result.err
    assert read.damage in (tmp_path / "out.json").read_text()
