"""Image files of every mode become the grey or RGB pixels a person would see."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from pagereader.errors import InputError, PageError, UsageError
from pagereader.options import Options
from pagereader.sources import InputFile, PageRef

RAMP = np.tile(np.arange(256, dtype=np.uint8), (20, 1))


def only_page(path: Path, **options: object) -> PageRef:
    (ref,) = InputFile(str(path), path.name).pages(Options.of(**options))
    return ref


def pixels(path: Path, **options: object) -> np.ndarray:
    return only_page(path).load(Options.of(**options)).pixels


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp", ".jp2"])
def test_grey_images_stay_grey_or_close(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ramp{suffix}"
    Image.fromarray(RAMP).save(path, quality=95)
    found = pixels(path)
    if suffix == ".webp":  # knows no grey
        assert found.shape == (20, 256, 3)
        found = found[..., 0]
    assert found.dtype == np.uint8
    assert found.shape == (20, 256)
    assert np.abs(found.astype(int) - RAMP).max() <= 8


def test_wrong_suffix_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    Image.fromarray(RAMP).save(path, "PNG")
    assert np.array_equal(pixels(path), RAMP)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_one_bit(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bits{suffix}"
    Image.fromarray(RAMP > 127).save(path)
    assert np.array_equal(pixels(path), np.where(RAMP > 127, 255, 0))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_grey_is_scaled(tmp_path: Path, suffix: str, compression: str | None) -> None:
    path = tmp_path / f"deep{suffix}"
    deep = RAMP.astype(np.uint16) * 257
    Image.fromarray(deep).save(path, compression=compression)
    assert np.array_equal(pixels(path), RAMP)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_fewer_bits_in_sixteen_are_no_black_page(tmp_path: Path, suffix: str, bits: int) -> None:
    path = tmp_path / f"deep{suffix}"
    deep = (RAMP.astype(float) * (2**bits - 1) / 255).round().astype(np.uint16)
    Image.fromarray(deep).save(path)
    assert np.array_equal(pixels(path), RAMP)


def test_big_endian_sixteen_bit(tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    deep = (RAMP.astype(np.uint16) * 257).astype(">u2")
    Image.frombytes("I;16B", (256, 20), deep.tobytes()).save(path)
    assert np.array_equal(pixels(path), RAMP)


def test_sixteen_bit_with_zero_as_white(tmp_path: Path) -> None:
    path = tmp_path / "negative.tif"
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(path, tiffinfo={262: 0})
    with Image.open(path) as image:
        assert image.tag_v2[262] == 0
    assert np.array_equal(pixels(path), 255 - RAMP)


@pytest.mark.parametrize(
    ("dtype", "factor"),
    [(np.int32, 1), (np.int32, 257), (np.float32, 1 / 255), (np.float32, 1), (np.float32, 257)],
)
def test_wide_integers_and_floats(tmp_path: Path, dtype: type, factor: float) -> None:
    path = tmp_path / "wide.tif"
    Image.fromarray((RAMP.astype(float) * factor).astype(dtype)).save(path)
    assert np.array_equal(pixels(path), RAMP)


def test_float_with_holes_reads_them_as_paper(tmp_path: Path) -> None:
    path = tmp_path / "holes.tif"
    values = (RAMP / 255).astype(np.float32)
    values[0, 0] = np.nan
    Image.fromarray(values).save(path)
    assert pixels(path)[0, 0] == 255


def test_palettes(tmp_path: Path) -> None:
    colour, grey = tmp_path / "colour.png", tmp_path / "grey.png"
    image = Image.fromarray(RAMP).convert("P")
    image.putpalette([0, 0, 255] * 128 + [255, 255, 0] * 128)
    image.save(colour)
    Image.fromarray(RAMP).convert("P").save(grey)
    assert pixels(colour)[0, 0].tolist() == [0, 0, 255]
    assert pixels(colour)[0, -1].tolist() == [255, 255, 0]
    assert np.array_equal(pixels(grey), RAMP)


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_transparency_is_white(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "clear.png"
    image = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (10, 10, 20, 20))
    if mode == "P":
        indexed = Image.new("P", (40, 30), 0)
        indexed.putpalette([0, 0, 0, 0, 0, 0])
        indexed.paste(1, (10, 10, 20, 20))
        indexed.save(path, transparency=b"\x00\xff")
    else:
        image.convert(mode).save(path)
    found = pixels(path)
    assert found.shape == (30, 40)
    assert found[0, 0] == 255
    assert found[15, 15] == 0


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_white_is_white(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"print{suffix}"
    image = Image.new("CMYK", (64, 32), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 32, 32))
    image.save(path)
    found = pixels(path)
    assert found.shape == (32, 64, 3)
    assert found[16, 48].min() >= 250
    assert found[16, 16].max() <= 5


def test_lab(tmp_path: Path) -> None:
    path = tmp_path / "lab.tif"
    srgb, lab = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
    image = Image.new("RGB", (40, 20), "white")
    image.paste("red", (0, 0, 20, 20))
    ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB").save(path)
    found = pixels(path).astype(int)
    assert np.abs(found[0, -1] - [255, 255, 255]).max() <= 5
    assert np.abs(found[0, 0] - [255, 0, 0]).max() <= 8


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_exif_orientation_is_applied(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"turned{suffix}"
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (60, 40), "white")
    image.paste("black", (0, 0, 20, 20))
    image.save(path, exif=exif, dpi=(100, 200), quality=95)
    page = only_page(path).load(Options())
    assert (page.width, page.height) == (40, 60)
    assert page.pixels[5, 35].max() < 40
    assert page.pixels[5, 5].min() > 200
    assert page.image_path == ""
    if suffix != ".webp":  # keeps no resolution
        assert page.dpi == pytest.approx((200, 100), abs=0.1)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_dpi_is_kept(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"page{suffix}"
    Image.fromarray(RAMP).save(path, dpi=(300, 600))
    page = only_page(path).load(Options())
    assert page.dpi == pytest.approx((300, 600), abs=0.1)
    assert page.image_path == str(path)


def test_unknown_dpi_is_none(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    Image.fromarray(RAMP).save(path)
    assert only_page(path).load(Options()).dpi is None


def test_source(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    Image.fromarray(RAMP).save(path)
    source = only_page(path).source
    assert (source.path, source.index, source.count) == (str(path), 0, 1)
    assert source.modified == datetime.fromtimestamp(path.stat().st_mtime, UTC)


def many_pages(path: Path, count: int, **save: object) -> None:
    frames = [Image.new("L", (30 + i, 20), i % 250) for i in range(count)]
    frames[0].save(path, save_all=True, append_images=frames[1:], **save)


@pytest.mark.parametrize("save", [{}, {"compression": "tiff_lzw"}, {"big_tiff": True}])
def test_tiff_pages_load_in_any_order(tmp_path: Path, save: dict[str, object]) -> None:
    path = tmp_path / "many.tif"
    many_pages(path, 12, **save)
    refs = InputFile(str(path), path.name).pages(Options())
    assert [ref.index for ref in refs] == list(range(12))
    for ref in reversed(refs):
        page = pickle.loads(pickle.dumps(ref)).load(Options())
        assert page.width == 30 + ref.index
        assert (page.pixels == ref.index).all()
        assert page.image_path == ""
        assert str(page.source) == f"{path}, page {ref.index + 1}"


def test_tiff_thumbnails_are_no_pages(tmp_path: Path) -> None:
    path = tmp_path / "thumb.tif"
    small = Image.new("L", (10, 10), 9)
    small.encoderinfo = {"tiffinfo": {254: 1}}
    Image.new("L", (100, 100), 5).save(path, save_all=True, append_images=[small])
    assert only_page(path).load(Options()).width == 100


def test_a_broken_tiff_page_spares_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "many.tif"
    many_pages(path, 3, compression="tiff_adobe_deflate")
    refs = InputFile(str(path), path.name).pages(Options())
    data = bytearray(path.read_bytes())
    with Image.open(path) as image:
        image.seek(1)
        start, length = image.tag_v2[273][0], image.tag_v2[279][0]
    data[start : start + length] = b"\xff" * length
    path.write_bytes(data)
    assert refs[0].load(Options()).width == 30
    with pytest.raises(PageError, match="page 2 "):
        refs[1].load(Options())
    assert refs[2].load(Options()).width == 32


def test_page_range(tmp_path: Path) -> None:
    path = tmp_path / "many.tif"
    many_pages(path, 5)
    refs = InputFile(str(path), path.name).pages(Options(pages="1,4-end"))
    assert [ref.index for ref in refs] == [0, 3, 4]
    with pytest.raises(UsageError, match="only 5 pages"):
        InputFile(str(path), path.name).pages(Options(pages="6"))


def test_threads_share_a_page(tmp_path: Path) -> None:
    path = tmp_path / "many.tif"
    many_pages(path, 20)
    refs = InputFile(str(path), path.name).pages(Options()) * 3
    with ThreadPoolExecutor(4) as pool:
        widths = list(pool.map(lambda ref: ref.load(Options()).width, refs))
    assert widths == [30 + ref.index for ref in refs]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp", ".jp2"])
def test_bombs_are_refused_before_decoding(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"large{suffix}"
    Image.new("L", (400, 300)).save(path)
    with pytest.raises(InputError, match=r"400 x 300 pixels.*--max-pixels"):
        pixels(path, max_pixels=100_000)
    assert pixels(path, max_pixels=120_000).shape[:2] == (300, 400)


def test_pillows_own_limit_does_not_interfere(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    Image.new("1", (14_000, 13_000)).save(path)  # Pillow refuses this
    assert pixels(path).shape == (13_000, 14_000)


def test_plugins_are_there() -> None:
    assert features.check("webp")
    assert features.check("jpg_2000")


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_further_pictures_of_an_animation_are_told(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"a{suffix}"
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("white", "black", "white")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert pixels(path).min() == 255
    assert "holds 3 pictures, of which only the first is read" in caplog.text
