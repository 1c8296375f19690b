"""Searchable PDFs, looked at with MuPDF, Poppler and qpdf."""

from __future__ import annotations

import re
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from pagereader import write
from pagereader.document import Line, Page, PageSource, Region, Word
from pagereader.errors import OutputError, PageError
from pagereader.geometry import bounds, rectangle
from pagereader.write.pdf import PdfWriter
from tests.write.pages import a_line

WIDTH, HEIGHT = 1000, 1400
TEXTS = ["The quick brown fox", "jumps over the lazy dog", "and says \u201cd\u00e9j\u00e0 vu\u201d"]


def noise(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (height, width), np.uint8))


def a_page(path: Path, lines: list[Line], **more) -> Page:
    source = PageSource(str(path), more.pop("index", 0), 1)
    region = Region(rectangle(10, 10, WIDTH - 10, HEIGHT - 10), lines=lines)
    return Page(more.pop("width", WIDTH), more.pop("height", HEIGHT), source, [region], **more)


def level_lines() -> list[Line]:
    return [a_line(60, 200 + 150 * i, text) for i, text in enumerate(TEXTS)]


WIDE_TEXTS = [
    "The quick brown fox jumps over the lazy dog and says that it",
    "knows every word of this old book which nobody else has read",
    "since 1871 when our library burned down one cold winter night",
]


def wide_lines(degrees: float, bend: float) -> list[Line]:
    """Lines of 20 px letters over the whole page, slanted about its left edge, or bent down."""

    def moved(points: np.ndarray) -> np.ndarray:
        x, y = points.T
        bent = y + bend * np.sin(np.pi * x / WIDTH)
        return np.column_stack([x, bent + np.tan(np.radians(degrees)) * x])

    lines = []
    for i, text in enumerate(WIDE_TEXTS):
        line = a_line(100, 600 + 200 * i, text)
        left, top, right, bottom = bounds(line.polygon * 0.35)
        columns = np.linspace(left, right, 20)
        above, below = (np.column_stack([columns, np.full(20, y)]) for y in (top, bottom))
        feet = np.column_stack([columns[1:-1], np.full(18, line.baseline[0, 1] * 0.35)])
        words = [Word(word.text, moved(word.polygon * 0.35)) for word in line.words]
        outline = np.concatenate([moved(above), moved(below)[::-1]])
        lines.append(Line(outline, moved(feet), text=text, words=words))
    return lines


def jpeg(path: Path, **more) -> Path:
    noise().save(path, quality=60, dpi=(100, 100), **more)
    return path


def pdf(path: Path, *, rotate: int = 0, crop: bool = False, before: str = "") -> Path:
    """A PDF of two full-page scans with oddities that real ones have."""
    with pymupdf.open() as document:
        for _ in range(2):
            page = document.new_page(width=500, height=700)
            stream = BytesIO()
            noise().save(stream, "JPEG", quality=60)
            page.insert_image(page.rect, stream=stream.getvalue())
            if before:
                xref = page.get_contents()[0]
                document.update_stream(xref, before.encode() + document.xref_stream(xref))
            if crop:
                document.xref_set_key(page.xref, "MediaBox", "[-100 -50 600 750]")
                document.xref_set_key(page.xref, "CropBox", "[0 0 500 700]")
                page = document.reload_page(page)
            page.set_rotation(rotate)
        document.save(path)
    return path


def words_of(data: bytes, index: int = 0) -> list[tuple[str, np.ndarray]]:
    """Words and boxes as MuPDF finds them, in points of the page as shown."""
    with pymupdf.open(stream=data, filetype="pdf") as document:
        page = document[index]
        return [
            (word[4], np.array(pymupdf.Rect(word[:4]) * page.rotation_matrix))
            for word in page.get_text("words", sort=False)
        ]


def poppler_words(data: bytes, folder: Path) -> list[tuple[str, np.ndarray]]:
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext (poppler-utils)")
    (folder / "poppler.pdf").write_bytes(data)
    said = subprocess.run(
        ["pdftotext", "-bbox", "-l", "1", folder / "poppler.pdf", "-"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    found = re.findall(
        r'<word xMin="(.+?)" yMin="(.+?)" xMax="(.+?)" yMax="(.+?)">(.+?)</word>', said
    )
    return [(text, np.array([float(v) for v in box])) for *box, text in found]


def in_our_order(found: list[tuple[str, np.ndarray]], page: Page) -> list[tuple[str, np.ndarray]]:
    """Poppler's list of boxes goes by height; our texts have no word twice."""
    order = {word.text: i for i, word in enumerate(w for ln in page.lines for w in ln.words)}
    return sorted(found, key=lambda entry: order.get(entry[0], -1))


def poppler_lines(data: bytes, folder: Path) -> list[str]:
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext (poppler-utils)")
    (folder / "poppler.pdf").write_bytes(data)
    command = ["pdftotext", "-enc", "UTF-8", folder / "poppler.pdf", "-"]
    said = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    return [line for line in said.splitlines() if line.strip("\f ")]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.prod(np.maximum(high - low, 0))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))


def overlaps(found: list[tuple[str, np.ndarray]], page: Page, scale: float) -> list[float]:
    """How well each word lies where ours does; raises unless they are the same words."""
    ours = [(w.text, np.array(bounds(w.polygon)) * scale) for ln in page.lines for w in ln.words]
    assert [text for text, _ in found] == [text for text, _ in ours]
    return [overlap(a, b) for (_, a), (_, b) in zip(found, ours, strict=True)]


def check_with_qpdf(data: bytes, folder: Path) -> None:
    if shutil.which("qpdf"):
        (folder / "check.pdf").write_bytes(data)
        result = subprocess.run(["qpdf", "--check", folder / "check.pdf"], capture_output=True)
        assert result.returncode == 0, result.stdout + result.stderr


def test_a_jpeg_goes_in_as_it_is_with_its_words_in_place(tmp_path):
    path = jpeg(tmp_path / "a.jpg")
    page = a_page(path, level_lines(), dpi=(100.0, 100.0))
    data = PdfWriter().render([page], ["a.jpg"])
    check_with_qpdf(data, tmp_path)
    assert np.median(overlaps(words_of(data), page, 0.72)) > 0.9
    with pymupdf.open(stream=data, filetype="pdf") as document:
        assert document[0].rect == (0, 0, 720, 1008)
        (image,) = document[0].get_images()
        assert document.extract_image(image[0])["image"] == path.read_bytes()
        assert document[0].get_text().splitlines() == TEXTS
    assert len(data) < 1.02 * path.stat().st_size


def test_poppler_sees_the_same(tmp_path):
    page = a_page(jpeg(tmp_path / "a.jpg"), level_lines(), dpi=(100.0, 100.0))
    data = PdfWriter().render([page], ["a.jpg"])
    assert np.median(overlaps(poppler_words(data, tmp_path), page, 0.72)) > 0.9
    assert poppler_lines(data, tmp_path) == TEXTS


@pytest.mark.parametrize(
    ("degrees", "bend"), [(1, 0), (-1, 0), (3, 0), (-3, 0), (0, 10), (0, -10), (0, -40)]
)
def test_slanted_and_bent_lines(tmp_path, degrees, bend):
    lines = wide_lines(degrees, bend)
    page = a_page(jpeg(tmp_path / "a.jpg"), lines, dpi=(100.0, 100.0))
    data = PdfWriter().render([page], ["a.jpg"])
    assert np.median(overlaps(words_of(data), page, 0.72)) > 0.8
    with pymupdf.open(stream=data, filetype="pdf") as document:
        assert document[0].get_text().splitlines() == WIDE_TEXTS
    found = in_our_order(poppler_words(data, tmp_path), page)
    assert np.median(overlaps(found, page, 0.72)) > 0.8
    if abs(degrees) < 2 and abs(bend) < 20:  # steeper lines Poppler itself takes apart
        assert poppler_lines(data, tmp_path) == WIDE_TEXTS


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("before", ["", "q 0.5 0 0 0.5 9 9 cm ", "0.5 0 0 0.5 9 9 cm "])
def test_a_pdf_is_continued_and_not_rewritten(tmp_path, rotate, crop, before):
    path = pdf(tmp_path / "a.pdf", rotate=rotate, crop=crop, before=before)
    sideways = rotate in (90, 270)
    size = {"width": HEIGHT, "height": WIDTH} if sideways else {}
    page = a_page(path, level_lines(), index=1, **size)
    data = PdfWriter().render([page], ["a.pdf"])
    check_with_qpdf(data, tmp_path)
    original = path.read_bytes()
    assert data.startswith(original)
    assert len(data) < 1.03 * len(original)
    scale = (700 if sideways else 500) / page.width
    found = [(text, box) for text, box in words_of(data, 1)]
    assert words_of(data, 0) == []
    assert np.median(overlaps(found, page, scale)) > 0.9
    with (
        pymupdf.open(path) as before_us,
        pymupdf.open(stream=data, filetype="pdf") as after_us,
    ):
        assert before_us[1].get_pixmap().samples == after_us[1].get_pixmap().samples


def test_a_page_rendered_at_another_size_than_its_scan(tmp_path):
    path = pdf(tmp_path / "a.pdf")
    with pymupdf.open(path) as document:
        document[0].insert_text((50, 600), "Born digital", fontsize=40)
        document.save(tmp_path / "b.pdf")
    lines = [*level_lines(), a_line(100, 1200, "Born digital")]
    page = a_page(tmp_path / "b.pdf", lines)
    data = PdfWriter().render([page], ["b.pdf"])
    text = words_of(data)
    assert [word for word, _ in text].count("Born") == 1  # it is text already
    assert "quick" in [word for word, _ in text]


def test_an_older_invisible_layer_is_replaced(tmp_path):
    path = pdf(tmp_path / "a.pdf")
    worse = [a_line(60, 200 + 150 * i, "misread words") for i in range(3)]
    first = PdfWriter().render([a_page(path, worse)], ["a.pdf"])
    (tmp_path / "b.pdf").write_bytes(first)
    page = a_page(tmp_path / "b.pdf", level_lines())
    second = PdfWriter().render([page], ["b.pdf"])
    check_with_qpdf(second, tmp_path)
    assert np.median(overlaps(words_of(second), page, 0.5)) > 0.9
    with pymupdf.open(path) as before, pymupdf.open(stream=second, filetype="pdf") as after:
        images = [d.extract_image(d[0].get_images()[0][0])["image"] for d in (before, after)]
    assert images[0] == images[1]


def test_an_encrypted_pdf_stays_encrypted(tmp_path):
    path = pdf(tmp_path / "a.pdf")
    with pymupdf.open(path) as document:
        document.save(
            tmp_path / "b.pdf",
            encryption=pymupdf.PDF_ENCRYPT_AES_256,
            user_pw="secret",
            owner_pw="other",
        )
    page = a_page(tmp_path / "b.pdf", level_lines())
    with pytest.raises(OutputError, match="--password"):
        PdfWriter().render([page], ["b.pdf"])
    data = PdfWriter(password="secret").render([page], ["b.pdf"])
    with pymupdf.open(stream=data, filetype="pdf") as document:
        assert document.needs_pass
        assert document.authenticate("secret")
        assert document[0].get_text().splitlines() == TEXTS


def test_images_of_every_kind_become_pages(tmp_path):
    first = noise()
    second = first.point(lambda v: 255 if v > 128 else 0).convert("1")
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second], dpi=(300, 300))
    soft = noise(100, 140).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
    soft.convert("RGBA").save(tmp_path / "b.png")
    soft.convert("CMYK").save(tmp_path / "c.jpg")
    soft.convert("P").save(tmp_path / "d.webp", lossless=True)
    pages = [
        a_page(tmp_path / "a.tif", level_lines()),
        a_page(tmp_path / "a.tif", level_lines(), index=1),
        *(a_page(tmp_path / name, level_lines()) for name in ("b.png", "c.jpg", "d.webp")),
    ]
    data = PdfWriter().render(pages, [""] * 5)
    check_with_qpdf(data, tmp_path)
    with pymupdf.open(stream=data, filetype="pdf") as document:
        assert document.page_count == 5
        for page in document:
            assert page.rect == (0, 0, 240, 336)  # 300 dpi where none is known
            assert page.get_text().splitlines() == TEXTS
            grey = np.frombuffer(page.get_pixmap(dpi=300, colorspace="gray").samples, np.uint8)
            assert grey.std() > 40  # the picture is there
        pixels = pymupdf.Pixmap(document, document[1].get_images()[0][0])
        assert set(pixels.samples) == {0, 255}


@pytest.mark.parametrize(
    "text",
    [
        "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
        "\U00010330\U00010331 \U0001d504",
        "\u4f60\u597d",
        "e\u0301t\u0301 x",
    ],
)
def test_any_script_comes_out_again(tmp_path, text):
    words = text.split()
    line = a_line(60, 200, text)
    if words[0][0] == "\u05e9":  # the first word stands on the right
        right = 900
        for word in line.words:
            width = np.ptp(word.polygon[:, 0])
            word.polygon = rectangle(right - width, 150, right, 215)
            right -= width + 20
        line.polygon = rectangle(50, 140, 910, 220)
    page = a_page(jpeg(tmp_path / "a.jpg"), [line], dpi=(100.0, 100.0))
    data = PdfWriter().render([page], ["a.jpg"])
    with pymupdf.open(stream=data, filetype="pdf") as document:
        assert document[0].get_text().strip() == text
    found = {word for word, _ in poppler_words(data, tmp_path)}
    assert len(found) == len(words)


def test_more_characters_than_a_byte_can_number(tmp_path):
    signs = "".join(chr(0x4E00 + i) for i in range(3000))
    lines = [a_line(10, 30 + 10 * i, signs[60 * i : 60 * i + 60]) for i in range(50)]
    page = a_page(jpeg(tmp_path / "a.jpg"), lines)
    data = PdfWriter().render([page], ["a.jpg"])
    with pymupdf.open(stream=data, filetype="pdf") as document:
        assert "".join(document[0].get_text().split()) == signs


def test_lines_without_words_and_blank_lines(tmp_path):
    lines = level_lines()
    for line in lines:
        line.words = []
    lines.append(Line(rectangle(60, 900, 500, 950), rectangle(60, 940, 500, 940)[:2]))
    data = PdfWriter().render([a_page(jpeg(tmp_path / "a.jpg"), lines)], ["a.jpg"])
    with pymupdf.open(stream=data, filetype="pdf") as document:
        assert document[0].get_text().splitlines() == TEXTS


def test_failed_pages_stay_in(tmp_path):
    failed = Page(0, 0, PageSource(str(tmp_path / "broken.png")), error=PageError("broken"))
    (tmp_path / "broken.png").write_bytes(b"not an image")
    page = a_page(jpeg(tmp_path / "a.jpg"), level_lines())
    data = PdfWriter().render([page, failed, page], [""] * 3)
    with pymupdf.open(stream=data, filetype="pdf") as document:
        assert [bool(p.get_text().strip()) for p in document] == [True, False, True]


def test_the_same_pages_give_the_same_bytes(tmp_path):
    for path in (jpeg(tmp_path / "a.jpg"), pdf(tmp_path / "a.pdf")):
        page = a_page(path, level_lines())
        assert PdfWriter().render([page], [""]) == PdfWriter().render([page], [""])


def test_what_cannot_be_done_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="standard input"):
        PdfWriter().render([a_page(Path("-"), [])], [""])
    with pytest.raises(OutputError, match="cannot be read"):
        PdfWriter().render([a_page(tmp_path / "gone.pdf", [])], [""])
    (tmp_path / "page.xml").write_text("<PcGts/>")
    with pytest.raises(OutputError, match="holds no image"):
        PdfWriter().render([a_page(tmp_path / "page.xml", level_lines())], [""])
    (tmp_path / "fake.pdf").write_bytes(b"%PDF-1.4 nothing else")
    with pytest.raises(OutputError, match="no searchable PDF"):
        PdfWriter().render([a_page(tmp_path / "fake.pdf", level_lines())], [""])


def test_standard_input_works_if_its_bytes_are_at_hand(tmp_path):
    path = pdf(tmp_path / "a.pdf")
    page = a_page(Path("-"), level_lines())
    assert PdfWriter(stdin=path.read_bytes()).render([page], [""]).startswith(path.read_bytes())


def test_the_format_is_known_by_name():
    assert write.writer("pdf").format == write.format_of("a.pdf") == "pdf"
