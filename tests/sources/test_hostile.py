"""Bad files end in one line that says what is wrong, quickly, and nothing else happens."""

from __future__ import annotations

import contextlib
import io
import os
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pymupdf
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from pagereader.errors import InputError, PagereaderError
from pagereader.options import Options
from pagereader.sources import InputFile
from pagereader.sources.kinds import jbig2_size, jpeg2000_size, kind_of, webp_size

SMALL = Options(dpi=50, max_pixels=2_000_000)


def read_all(path: Path, options: Options = SMALL) -> int:
    """Load every page; return how many there are."""
    refs = InputFile(str(path), path.name).pages(options)
    for ref in refs:
        page = ref.load(options)
        assert 0 < page.width * page.height <= options.max_pixels
    return len(refs)


def survives(path: Path) -> None:
    """Read a file that may be anything: at worst it ends in one line."""
    message = ""
    try:
        read_all(path)
    except PagereaderError as error:
        message = str(error)
    assert "\n" not in message


def image_bytes(form: str, mode: str = "L", **save: object) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert(mode).save(out, form, **save)
    return out.getvalue()


def pdf_bytes(pages: int = 2) -> bytes:
    document = pymupdf.open()
    for number in range(pages):
        page = document.new_page(width=120, height=90)
        page.insert_text((10, 40), f"page {number}")
        page.insert_image(pymupdf.Rect(60, 50, 110, 80), stream=image_bytes("PNG"))
    return bytes(document.tobytes())


VALID: dict[str, Callable[[], bytes]] = {
    "pdf": pdf_bytes,
    "tiff": lambda: image_bytes("TIFF"),
    "lzw": lambda: image_bytes("TIFF", compression="tiff_lzw"),
    "g4": lambda: image_bytes("TIFF", "1", compression="group4"),
    "jpeg": lambda: image_bytes("JPEG"),
    "png": lambda: image_bytes("PNG", "RGBA"),
    "webp": lambda: image_bytes("WEBP"),
    "jp2": lambda: image_bytes("JPEG2000"),
}


def expect(tmp_path: Path, data: bytes, message: str, name: str = "bad.bin") -> None:
    path = tmp_path / name
    path.write_bytes(data)
    start = time.monotonic()
    with pytest.raises(InputError, match=message) as caught:
        read_all(path)
    assert "\n" not in str(caught.value)
    assert caught.value.advice
    assert time.monotonic() - start < 5


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_all(tmp_path / "absent.pdf")


def test_zero_bytes(tmp_path: Path) -> None:
    expect(tmp_path, b"", r"is empty \(0 bytes\)", "empty.pdf")


def test_fake_suffix(tmp_path: Path) -> None:
    expect(
        tmp_path, b"Dear Sir,\n", r"nothing that can be read, whatever its suffix \.jpg", "a.jpg"
    )


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "JPEG2000", "TIFF"])
def test_truncated_images(tmp_path: Path, form: str) -> None:
    data = image_bytes(form)
    expect(tmp_path, data[: len(data) // 2], "truncated|cannot be decoded|broken")


def test_truncated_pdf(tmp_path: Path) -> None:
    data = pdf_bytes(30)
    for share in (0.05, 0.3, 0.6, 0.9, 0.98):
        expect(tmp_path, data[: int(len(data) * share)], "truncated")


def test_a_pdf_with_junk_around_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mailed.pdf"
    path.write_bytes(b"junk\r\n" * 9 + pdf_bytes() + b"\0" * 900)
    assert read_all(path) == 2


def test_pdf_without_pages(tmp_path: Path) -> None:
    body = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Count 0/Kids[]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
    )
    expect(tmp_path, body, "without pages")


def page_tree(kids: str, count: int) -> bytes:
    return (
        f"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        f"2 0 obj<</Type/Pages/Count {count}/Kids[{kids}]>>endobj\n"
        f"3 0 obj<</Type/Pages/Count {count}/Kids[2 0 R 3 0 R]/Parent 2 0 R>>endobj\n"
        f"4 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 90 90]>>endobj\n"
        f"trailer<</Root 1 0 R/Size 5>>\n%%EOF\n"
    ).encode()


@pytest.mark.parametrize("count", [1, 7, 2**31 - 1])
@pytest.mark.parametrize("kids", ["2 0 R", "3 0 R", "3 0 R 4 0 R 2 0 R", "9 0 R"])
def test_cyclic_and_lying_page_trees(tmp_path: Path, kids: str, count: int) -> None:
    path = tmp_path / "cycle.pdf"
    path.write_bytes(page_tree(kids, count))
    start = time.monotonic()
    try:
        refs = InputFile(str(path), path.name).pages(SMALL)
    except InputError:
        refs = []
    assert len(refs) <= 100_000
    for ref in refs[:20]:
        with contextlib.suppress(PagereaderError):
            ref.load(SMALL)
    assert time.monotonic() - start < 10


def test_a_form_that_draws_itself(tmp_path: Path) -> None:
    path = tmp_path / "form.pdf"
    path.write_bytes(
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 90 90]/Contents 5 0 R"
        b"/Resources<</XObject<</F 4 0 R>>>>>>endobj\n"
        b"4 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 90 90]/Resources<</XObject<</F 4 0 R>>>>"
        b"/Length 5>>stream\n/F Do\nendstream endobj\n"
        b"5 0 obj<</Length 11>>stream\n/F Do /F Do\nendstream endobj\n"
        b"trailer<</Root 1 0 R/Size 6>>\n%%EOF\n"
    )
    start = time.monotonic()
    assert read_all(path) == 1
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "box", ["0 0 1e9 1e9", "0 0 0 0", "5 5 5 5", "nan 0 1 1", "-9e30 0 9e30 1"]
)
def test_absurd_page_sizes(tmp_path: Path, box: str) -> None:
    path = tmp_path / "absurd.pdf"
    path.write_bytes(page_tree("4 0 R", 1).replace(b"0 0 90 90", box.encode()))
    survives(path)


def test_tiff_whose_pages_go_round_in_circles(tmp_path: Path) -> None:
    data = bytearray(image_bytes("TIFF"))
    (at,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * entries, at)
    expect(tmp_path, bytes(data), "point back at each other")


def test_tiff_without_pages(tmp_path: Path) -> None:
    expect(tmp_path, b"II*\0\0\0\0\0", "without pages")


def with_png_size(width: int, height: int) -> bytes:
    import zlib

    data = bytearray(image_bytes("PNG"))
    struct.pack_into(">2I", data, 16, width, height)
    struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    return bytes(data)


def test_no_pixels(tmp_path: Path) -> None:
    expect(tmp_path, with_png_size(0, 0), "no pixels|cannot be decoded|truncated")


@pytest.mark.parametrize("side", [60_000, 2**31 - 1])
def test_png_bomb(tmp_path: Path, side: int) -> None:
    expect(tmp_path, with_png_size(side, side), "--max-pixels|cannot be decoded")


def test_tiff_bomb(tmp_path: Path) -> None:
    data = bytearray(image_bytes("TIFF", compression="tiff_lzw"))
    (at,) = struct.unpack_from("<I", data, 4)
    for entry in range(struct.unpack_from("<H", data, at)[0]):
        place = at + 2 + 12 * entry
        if struct.unpack_from("<H", data, place)[0] in (256, 257):
            struct.pack_into("<HII", data, place + 2, 4, 1, 1_000_000)
    expect(tmp_path, bytes(data), "1000000 x 1000000 pixels")


def test_webp_bomb(tmp_path: Path) -> None:
    data = bytearray(image_bytes("WEBP", "RGBA", lossless=True))
    at = data.find(b"VP8L") + 9
    struct.pack_into("<I", data, at, 16382 | 16382 << 14)
    if data[12:16] == b"VP8X":
        data[24:30] = (16382).to_bytes(3, "little") * 2
    expect(tmp_path, bytes(data), "16383 x 16383 pixels")


def test_jpeg_2000_bomb(tmp_path: Path) -> None:
    data = bytearray(image_bytes("JPEG2000"))
    struct.pack_into(">2I", data, data.find(b"\xff\x4f\xff\x51") + 8, 2**31, 2**31)
    expect(tmp_path, bytes(data), "2147483648 x 2147483648 pixels")


def test_sizes_told_by_streams() -> None:
    assert jpeg2000_size(image_bytes("JPEG2000")) == (256, 256)
    assert webp_size(image_bytes("WEBP")) == (256, 256)
    assert webp_size(image_bytes("WEBP", lossless=True)) == (256, 256)
    page_information = struct.pack(">IBBBI", 0, 48, 0, 1, 19) + struct.pack(">2I", 90_000, 80_000)
    assert jbig2_size(page_information + bytes(11)) == (90_000, 80_000)
    dictionary = struct.pack(">IBBBI", 0, 0, 0, 1, 4) + b"....."[:4]
    assert jbig2_size(dictionary + page_information + bytes(11)) == (90_000, 80_000)


def test_folders_and_pipes_are_no_files(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(InputError, match="not a regular file"):
            read_all(path)


def test_a_file_that_vanishes_between_counting_and_loading(tmp_path: Path) -> None:
    for name in ("pdf", "png"):
        path = tmp_path / f"gone.{name}"
        path.write_bytes(VALID[name]())
        refs = InputFile(str(path), path.name).pages(SMALL)
        path.unlink()
        with pytest.raises(InputError, match="does not exist"):
            refs[0].load(SMALL)


def test_mupdf_is_silent_and_left_as_it_was(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = pymupdf.TOOLS.mupdf_display_errors()
    expect(
        tmp_path, b"%PDF-1.7\n" + b"1 0 obj <<>> stream\n" * 50, "truncated or damaged|truncated"
    )
    assert capfd.readouterr() == ("", "")
    assert pymupdf.TOOLS.mupdf_display_errors() == before


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=300), start=st.sampled_from([*VALID, ""]))
@example(data=b"\xff\xd8\xff", start="")
def test_random_bytes(tmp_path: Path, data: bytes, start: str) -> None:
    path = tmp_path / "fuzz"
    path.write_bytes((VALID[start]()[:40] if start else b"") + data)
    survives(path)


@pytest.mark.parametrize("name", VALID)
def test_mutated_files(tmp_path: Path, name: str) -> None:
    original = VALID[name]()
    dice = random.Random(name)
    for _ in range(int(os.environ.get("PAGEREADER_FUZZ", "60"))):
        data = bytearray(original)
        for _ in range(dice.choice((1, 1, 2, 8, 40))):
            at = dice.randrange(len(data))
            change = dice.random()
            if change < 0.5:
                data[at] = dice.choice((0, 1, 127, 128, 255, dice.randrange(256)))
            elif change < 0.75:
                del data[at : at + dice.randrange(1, 60)]
            else:
                data[at:at] = data[dice.randrange(len(data)) :][: dice.randrange(60)]
            if not data:
                break
        path = tmp_path / f"{name}.mutated"
        path.write_bytes(data)
        survives(path)


def test_kinds() -> None:
    assert [kind_of(make()) for make in VALID.values()] == [
        "pdf", "tiff", "tiff", "tiff", "jpeg", "png", "webp", "jpeg2000",
    ]  # fmt: skip
    for known in (
        b'<?xml version="1.0"?><PcGts xmlns="x">',
        b"\xef\xbb\xbf<alto>",
        '<?xml version="1.0" encoding="UTF-16"?><p:PcGts>'.encode("utf-16"),
        b"<html><div class='ocr_page' title=''>",
    ):
        assert kind_of(known) == "transcription"
    for unknown in (b"", b"<html><p>PcGts</p></html>", b"<svg/>", b"{}", b"GIF89a"):
        assert kind_of(unknown) is None
