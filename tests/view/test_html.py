from __future__ import annotations

import base64
import hashlib
import html.parser
import io
import json
import re
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pagereader.document import Page, PageSource
from pagereader.errors import PageError
from pagereader.view import html_parts, render_html
from pagereader.view.pagedata import page_data, page_label, safe_json

from .pages import HEIGHT, WIDTH, drawn, hostile, letter


class Elements(html.parser.HTMLParser):
    """Collects every element of a page, with the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts.append((self.found[-1][1], data))
        if self.found and self.cdata_elem == "style":
            self.styles.append(data)

    def script(self, name: str) -> str:
        return "".join(text for attrs, text in self.scripts if attrs.get("id") == name)

    def policy(self) -> str:
        found = [a for tag, a in self.found if tag == "meta" and a.get("http-equiv")]
        return str(found[0]["content"])


def no_image(_page: Page) -> None:
    return None


@given(st.text(st.characters(), max_size=60))
def test_json_survives_and_cannot_leave_its_element(text: str) -> None:
    written = safe_json({"text": text})
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert json.loads(written) == {"text": joined}
    assert not set("<>&\u2028\u2029") & set(written)
    written.encode("utf-8")  # lone surrogates are escaped


def test_json_refuses_what_a_browser_cannot_read() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        safe_json(float("nan"))


@given(st.text(st.sampled_from(string.printable + "\u2028\udcff<>&'\"é"), max_size=40))
def test_any_title_and_text_leave_the_same_elements(text: str) -> None:
    plain, odd = letter(0, 1), letter(0, 1, path=text or "x")
    odd.regions[0].lines[0].text = text
    odd.language = text
    expected = Elements(render_html([plain], no_image, "A title"))
    found = Elements(render_html([odd], no_image, text))
    assert [tag for tag, _ in found.found] == [tag for tag, _ in expected.found]
    assert [attrs for tag, attrs in found.found if tag == "script"] == [
        attrs for tag, attrs in expected.found if tag == "script"
    ]


def test_hostile_strings_arrive_as_they_are() -> None:
    page = hostile()
    elements = Elements(render_html([page], no_image, "</title><script>alert(1)</script>"))
    data = json.loads(elements.script("page-0"))
    lines = data["regions"][0]["lines"]
    assert [line["text"] for line in lines] == [line.text for line in page.lines]
    kinds = [attrs.get("type") for tag, attrs in elements.found if tag == "script"]
    assert kinds.count(None) == 1  # our own script, and no other


def test_policy_allows_our_style_and_script_alone() -> None:
    elements = Elements(render_html([letter()], drawn, "Letters"))
    policy = dict(part.strip().split(" ", 1) for part in elements.policy().split(";"))
    ours = "".join(text for attrs, text in elements.scripts if "type" not in attrs)
    for directive, text in (("script-src", ours), ("style-src", "".join(elements.styles))):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data: blob:"
    assert "unsafe" not in elements.policy()


def test_nothing_is_loaded_from_anywhere() -> None:
    text = render_html([letter()], drawn, "Letters")
    elements = Elements(text)
    for _tag, attrs in elements.found:
        assert not {"src", "style", "srcset", "action"} & set(attrs)
        assert str(attrs.get("href", "#")).startswith("#")
        assert not [name for name in attrs if name.startswith("on")]
    assert not re.search(r"url\(|@import", "".join(elements.styles))
    assert set(re.findall(r"https?://[^\"' )]+", text)) <= {"http://www.w3.org/2000/svg"}


def image_of(text: str, name: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(Elements(text).script(name))))


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((2200, 1600), 200, np.uint8),
        np.full((2200, 1600, 3), 200, np.uint8),
        Image.new("1", (1600, 2200), 1),
        Image.new("RGBA", (1600, 2200), (0, 0, 0, 0)),
        Image.new("P", (1600, 2200), 0),
        Image.new("CMYK", (1600, 2200), (0, 0, 0, 0)),
    ],
)
def test_images_of_any_kind_are_scaled_and_packed(pixels: np.ndarray | Image.Image) -> None:
    text = render_html([letter()], lambda _page: pixels, "Letters", image_size=1000)
    assert image_of(text, "image-0").size == (727, 1000)
    assert max(image_of(text, "thumb-0").size) == 220


def test_images_are_not_enlarged() -> None:
    text = render_html([letter()], lambda _page: Image.new("L", (80, 110)), "Letters")
    assert image_of(text, "image-0").size == (80, 110)


def notice_of(text: str) -> str:
    return str(json.loads(Elements(text).script("page-0"))["notice"])


def test_a_missing_or_foreign_image_is_said() -> None:
    assert "not found" in notice_of(render_html([letter()], no_image, "Letters"))
    foreign = render_html([letter()], lambda _page: Image.new("L", (500, 500)), "Letters")
    assert "proportions" in notice_of(foreign)
    assert notice_of(render_html([letter()], drawn, "Letters")) == ""


def test_a_failed_page_is_shown_with_its_reason() -> None:
    page = Page(0, 0, PageSource("a.tif", 4, 9), error=PageError("a.tif, page 5 is cut short"))
    elements = Elements(render_html([letter(), page], no_image, "Letters"))
    assert json.loads(elements.script("page-1"))["error"] == "a.tif, page 5 is cut short"
    assert json.loads(elements.script("document"))["pages"][1]["error"] is True


def test_no_pages_make_a_report_all_the_same() -> None:
    assert (
        json.loads(Elements(render_html([], no_image, "Empty")).script("document"))["pages"] == []
    )


def test_labels_tell_no_folders() -> None:
    def label(path: str, index: int, count: int | None, image: str = "") -> str:
        return page_label(Page(1, 1, PageSource(path, index, count), image_path=image))

    assert label("/home/ann/letters.pdf", 2, 7) == "letters.pdf, page 3"
    assert label("box/a.png", 0, 1) == "a.png"
    assert label("box/a.xml", 0, None, "/scans/a.jpg") == "a.jpg"
    assert label("-", 0, 1) == "-"


def test_numbers_that_are_none_do_no_harm() -> None:
    page = letter()
    page.lines[0].polygon[0, 0] = np.nan
    page.lines[0].confidence = float("inf")
    first = page_data(page)["regions"][0]["lines"][0]
    assert first["polygon"] == []
    assert first["confidence"] is None
    safe_json(page_data(page))


def test_pages_are_packed_one_after_the_other() -> None:
    asked: list[int] = []

    def counted(page: Page) -> Image.Image:
        asked.append(page.source.index)
        return Image.new("L", (WIDTH, HEIGHT), 255)

    parts = html_parts([letter(index) for index in range(3)], counted, "Letters")
    for part in parts:
        if 'id="page-1"' in part:
            break
    assert asked == [0, 1]
    assert "".join(parts).count('id="image-') == 1
