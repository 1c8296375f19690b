"""PDF pages: the scan itself where there is one, else a rendering."""

from __future__ import annotations

import io
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from pagereader.document import PageImage
from pagereader.errors import InputError, PageError, UsageError
from pagereader.options import Options
from pagereader.sources import InputFile, PageRef


def picture(width: int = 850, height: int = 1100, mode: str = "RGB") -> Image.Image:
    """An image that no turn or flip leaves unchanged."""
    image = Image.new("RGB", (width, height), "white")
    image.paste((200, 30, 30), (width // 10, height // 10, width // 3, height // 5))
    image.paste((20, 20, 120), (width // 2, height // 2, width * 9 // 10, height * 6 // 10))
    return image.convert(mode)


def encoded(image: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **({"quality": 95} if form == "JPEG" else {}))
    return out.getvalue()


def scan_pdf(path: Path, image: Image.Image, form: str = "PNG", rotation: int = 0) -> None:
    document = pymupdf.open()
    page = document.new_page(width=612, height=792)
    page.insert_image(page.rect, stream=encoded(image, form), keep_proportion=False)
    page.insert_text((50, 50), "hidden reading", render_mode=3)
    page.set_rotation(rotation)
    document.save(path)


def text_pdf(path: Path, pages: int = 1, **save: object) -> None:
    document = pymupdf.open()
    for number in range(pages):
        document.new_page(width=200, height=100).insert_text((20, 50), f"page {number + 1}")
    document.save(path, **save)


def refs(path: Path, **options: object) -> list[PageRef]:
    return InputFile(str(path), path.name).pages(Options.of(**options))


def first(path: Path, **options: object) -> PageImage:
    return refs(path, **options)[0].load(Options.of(**options))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "JPEG2000", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "CMYK"])
def test_a_full_page_scan_is_taken_at_its_own_pixels(tmp_path: Path, form: str, mode: str) -> None:
    if (form, mode) in {("PNG", "CMYK"), ("JPEG", "1"), ("JPEG2000", "1"), ("JPEG2000", "CMYK")}:
        pytest.skip(f"{form} knows no {mode}")
    path = tmp_path / "scan.pdf"
    image = picture(mode=mode)
    scan_pdf(path, image, form)
    page = first(path)
    assert (page.width, page.height) == (850, 1100)
    assert page.dpi == (100.0, 100.0)
    assert page.pixels.ndim == (2 if mode in ("L", "1") else 3)
    wanted = np.asarray(image.convert("L" if mode in ("L", "1") else "RGB")).astype(int)
    slack = 60 if mode == "CMYK" else 12 if form != "PNG" else 2  # CMYK has no one true RGB
    assert np.percentile(np.abs(page.pixels - wanted), 99) <= slack


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_page_rotation(tmp_path: Path, rotation: int) -> None:
    path = tmp_path / "turned.pdf"
    scan_pdf(path, picture(mode="L"), rotation=rotation)
    page = first(path)
    wanted = np.rot90(np.asarray(picture(mode="L")), -rotation // 90)
    assert page.pixels.shape == wanted.shape
    assert np.array_equal(page.pixels, wanted)


@pytest.mark.parametrize(
    "matrix",
    ["612 0 0 792 0 0", "-612 0 0 792 612 0", "612 0 0 -792 0 792", "-612 0 0 -792 612 792"],
)
@pytest.mark.parametrize("rotation", [0, 90])
def test_placed_and_flipped_scans_look_like_the_page(
    tmp_path: Path, matrix: str, rotation: int
) -> None:
    path = tmp_path / "flipped.pdf"
    document = pymupdf.open()
    page = document.new_page(width=612, height=792)
    page.insert_image(page.rect, stream=encoded(picture(mode="L"), "PNG"), keep_proportion=False)
    contents = page.get_contents()[0]
    name = page.get_images()[0][7]
    document.update_stream(contents, f"q {matrix} cm /{name} Do Q".encode())
    page.set_rotation(rotation)
    document.save(path)
    rendered = pymupdf.open(path)[0].get_pixmap(dpi=100, colorspace=pymupdf.csGRAY)
    wanted = np.frombuffer(rendered.samples, np.uint8).reshape(rendered.height, rendered.width)
    found = first(path).pixels
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).mean() < 1
    assert set(np.unique(found)) == set(np.unique(np.asarray(picture(mode="L"))))  # not rendered


def test_a_decode_array_that_inverts(tmp_path: Path) -> None:
    path = tmp_path / "negative.pdf"
    document = pymupdf.open()
    page = document.new_page(width=612, height=792)
    page.insert_image(page.rect, stream=encoded(picture(mode="L"), "PNG"), keep_proportion=False)
    document.xref_set_key(page.get_images()[0][0], "Decode", "[1 0]")
    document.save(path)
    found = first(path).pixels
    assert (found.shape[1], found.shape[0]) == (850, 1100)
    assert np.array_equal(found, 255 - np.asarray(picture(mode="L")))


def test_masked_clipped_and_partial_images_are_rendered(tmp_path: Path) -> None:
    for name, rect, extra in (
        ("partial", pymupdf.Rect(100, 100, 500, 700), b""),
        ("clipped", pymupdf.Rect(0, 0, 612, 792), b"0 0 306 792 re W n\n"),
        ("painted", pymupdf.Rect(0, 0, 612, 792), b"0 0 50 50 re f\n"),
    ):
        path = tmp_path / f"{name}.pdf"
        document = pymupdf.open()
        page = document.new_page(width=612, height=792)
        page.insert_image(rect, stream=encoded(picture(), "PNG"), keep_proportion=False)
        contents = page.get_contents()[0]
        document.update_stream(contents, extra + document.xref_stream(contents))
        document.save(path)
        found = first(path, dpi=150)
        assert (found.width, found.height, found.dpi) == (1275, 1650, (150.0, 150.0)), name
    path = tmp_path / "masked.pdf"
    document = pymupdf.open()
    clear = picture().convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    page = document.new_page(width=612, height=792)
    page.insert_image(page.rect, stream=encoded(clear, "PNG"), keep_proportion=False)
    document.save(path)
    assert first(path, dpi=72).width == 612


def test_images_shared_by_all_pages_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "shared.pdf"
    document = pymupdf.open()
    values = (40, 90, 140)
    for value in values:
        page = document.new_page(width=612, height=792)
        image = Image.new("L", (425, 550), value)
        page.insert_image(page.rect, stream=encoded(image, "PNG"), keep_proportion=False)
    entries = [page.get_images()[0] for page in document]
    names = " ".join(f"/I{i} {entry[0]} 0 R" for i, entry in enumerate(entries))
    for i, page in enumerate(document):
        document.xref_set_key(page.xref, "Resources", f"<< /XObject << {names} >> >>")
        document.update_stream(page.get_contents()[0], f"q 612 0 0 792 0 0 cm /I{i} Do Q".encode())
    document.save(path)
    for ref, value in zip(refs(path), values, strict=True):
        page = ref.load(Options())
        assert (page.width, page.height) == (425, 550)
        assert (page.pixels == value).all()


def test_text_pages_are_rendered_grey_at_dpi(tmp_path: Path) -> None:
    path = tmp_path / "text.pdf"
    text_pdf(path)
    page = first(path, dpi=144)
    assert page.pixels.shape == (200, 400)
    assert page.pixels.min() < 100
    assert page.image_path == ""
    assert page.dpi == (144.0, 144.0)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    for name in ("a & b;\"'\n.pdf", "caf\udce9.pdf"):
        path = tmp_path / name
        try:
            text_pdf(tmp_path / "plain.pdf")
            (tmp_path / "plain.pdf").rename(path)
        except OSError:
            pytest.skip("this file system takes only UTF-8 names")
        assert first(path, dpi=72).width == 200
        path.write_bytes(b"%PDF-1.7\n")
        with pytest.raises(InputError) as caught:
            first(path)
        assert "\n" not in str(caught.value)


def test_encryption(tmp_path: Path) -> None:
    path = tmp_path / "secret.pdf"
    text_pdf(path, encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="open", owner_pw="own")
    with pytest.raises(InputError, match=r"is encrypted \(give its password with --password\)"):
        refs(path)
    with pytest.raises(InputError, match="password is wrong"):
        refs(path, password="shut")
    assert first(path, password="open", dpi=72).width == 200


def test_pages_past_the_end(tmp_path: Path) -> None:
    path = tmp_path / "three.pdf"
    text_pdf(path, 3)
    assert [ref.index for ref in refs(path, pages="2-end")] == [1, 2]
    with pytest.raises(UsageError, match="only 3 pages"):
        refs(path, pages="2-4")


def test_huge_renderings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.pdf"
    document = pymupdf.open()
    document.new_page(width=14_400, height=14_400).draw_circle((500, 500), 100)
    document.save(path)
    with pytest.raises(InputError, match=r"when rendered at 600 dpi \(lower --dpi"):
        first(path, dpi=600)
    assert first(path, dpi=30).width == 6000


def test_embedded_bombs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pdf"
    scan_pdf(path, picture(mode="L"))
    document = pymupdf.open(path)
    xref = document[0].get_images()[0][0]
    document.xref_set_key(xref, "Width", "1000000")
    document.xref_set_key(xref, "Height", "1000000")
    document.save(tmp_path / "grown.pdf")
    start = time.monotonic()
    with pytest.raises(InputError, match="--max-pixels"):
        first(tmp_path / "grown.pdf")
    assert time.monotonic() - start < 5


def test_a_jpeg_2000_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "liar.pdf"
    scan_pdf(path, picture(mode="L"), "JPEG2000")
    document = pymupdf.open(path)
    xref = document[0].get_images()[0][0]
    document.xref_set_key(xref, "Width", "8")
    document.xref_set_key(xref, "Height", "8")
    document.save(tmp_path / "small.pdf")
    with pytest.raises(InputError, match="850 x 1100 pixels"):
        first(tmp_path / "small.pdf", max_pixels=900_000)


def test_a_broken_page_spares_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "broken.pdf"
    text_pdf(path, 3)
    document = pymupdf.open(path)
    document.update_object(document[1].xref, "<< /Type /Page /MediaBox 7 /Contents [1 0 R 99] >>")
    document.save(tmp_path / "hurt.pdf")
    found = refs(tmp_path / "hurt.pdf")
    assert len(found) == 3
    outcomes = []
    for ref in found:
        try:
            outcomes.append(ref.load(Options(dpi=72)).width)
        except PageError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[2] == 200


def test_threads(tmp_path: Path) -> None:
    path = tmp_path / "many.pdf"
    text_pdf(path, 12)
    alone = [ref.load(Options(dpi=72)).pixels for ref in refs(path)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda ref: ref.load(Options(dpi=72)).pixels, refs(path) * 2))
    for one, other in zip(alone * 2, together, strict=True):
        assert np.array_equal(one, other)


def test_a_changed_file_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "changing.pdf"
    text_pdf(path, 2)
    assert len(refs(path)) == 2
    text_pdf(path, 5)
    assert len(refs(path)) == 5


def test_a_thousand_pages_open_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "thousand.pdf"
    text_pdf(path, 1000)
    start = time.monotonic()
    found = refs(path)
    assert len(found) == 1000
    for ref in found[::5]:
        ref.load(Options(dpi=30))
    assert time.monotonic() - start < 10


def damaged(tmp_path: Path, name: str, image: bytes, keys: dict[str, str] | None = None) -> Path:
    """A PDF of two pages, the first with an image stream that was replaced by ``image``."""
    path = tmp_path / f"{name}.pdf"
    with pymupdf.open() as document:
        for number in range(2):
            page = document.new_page(width=85, height=110)
            grey = Image.effect_noise((85, 110), 40 + number)
            page.insert_image(page.rect, stream=encoded(grey, "JPEG"), keep_proportion=False)
        xref = document[0].get_images()[0][0]
        if keys is None:
            document.update_stream(xref, image, compress=False)
        else:
            document.update_object(xref, "<</Type/XObject/Subtype/Image/Width 85/Height 110>>")
            document.update_stream(xref, image, compress=False)
            for key, value in keys.items():
                document.xref_set_key(xref, key, value)
        document.save(path)
    return path


def noise_jpeg() -> bytes:
    return encoded(Image.effect_noise((85, 110), 40), "JPEG")


FLATE = {"ColorSpace": "/DeviceGray", "BitsPerComponent": "8", "Filter": "/FlateDecode"}
JPEG = {"ColorSpace": "/DeviceGray", "BitsPerComponent": "8", "Filter": "/DCTDecode"}
JPX = {"ColorSpace": "/DeviceGray", "BitsPerComponent": "8", "Filter": "/JPXDecode"}


@pytest.mark.parametrize(
    ("keys", "data"),
    [
        (JPEG, noise_jpeg()[:3000]),
        (FLATE, zlib.compress(bytes(range(85)) * 60)),
        (FLATE, zlib.compress(Image.effect_noise((85, 110), 40).tobytes())[:4000]),
        (FLATE | {"Filter": "/FooDecode"}, b"what is this"),
        (JPX, encoded(Image.effect_noise((85, 110), 40), "JPEG2000")[:3000]),
    ],
)
def test_an_image_that_is_cut_off_is_no_blank_page(
    tmp_path: Path, keys: dict[str, str], data: bytes
) -> None:
    cut, whole = refs(damaged(tmp_path, "cut", data, keys))
    with pytest.raises(PageError, match=r"page 1 has an image that (ends too early|is damaged)"):
        cut.load(Options())
    assert whole.load(Options()).pixels.std() > 10


def test_a_fax_that_ends_a_row_early_is_read(tmp_path: Path) -> None:
    short = damaged(tmp_path, "short", zlib.compress(bytes(range(85)) * 107), FLATE)
    assert first(short).pixels.std() > 10


def test_a_whole_image_is_not_blamed_for_a_short_one(tmp_path: Path) -> None:
    whole = encoded(Image.effect_noise((85, 110), 40), "JPEG2000")
    path = damaged(tmp_path, "short", zlib.compress(bytes(range(85)) * 107), FLATE)
    with pymupdf.open(path) as document:
        document[0].insert_image((0, 0, 20, 20), stream=whole)
        document.save(tmp_path / "both.pdf")
    assert first(tmp_path / "both.pdf").pixels.std() > 10


def test_a_page_that_shows_nothing_for_its_errors_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "nothing.pdf"
    with pymupdf.open() as document:
        for content in (b"q 9 0 0 9 0 0 cm /Gone Do Q", b"", b"/Gone Do 0 0 9 9 re f"):
            page = document.new_page(width=90, height=90)
            xref = document.get_new_xref()
            document.update_object(xref, "<<>>")
            document.update_stream(xref, content, new=True)
            document.xref_set_key(page.xref, "Contents", f"{xref} 0 R")
        document.save(path)
    gone, empty, sloppy = refs(path)
    with pytest.raises(PageError, match="page 1 shows nothing, because it is damaged"):
        gone.load(Options())
    assert empty.load(Options()).pixels.min() == 255
    assert sloppy.load(Options()).pixels.min() == 0


def test_a_page_that_was_lost_from_the_file_is_not_blank(tmp_path: Path) -> None:
    path = tmp_path / "lost.pdf"
    text_pdf(path, 3)
    with pymupdf.open(path) as document:
        second = document[1].xref
    path.write_bytes(path.read_bytes().replace(b"\n%d 0 obj\n" % second, b"\n%% 0 obj\n"))
    before, lost, after = refs(path)
    with pytest.raises(PageError, match="page 2 is lost"):
        lost.load(Options(dpi=72))
    for ref in (before, after):
        assert ref.load(Options(dpi=72)).pixels.min() < 128
