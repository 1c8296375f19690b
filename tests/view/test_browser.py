"""The report in a real browser: every console message, request and dialog fails a test."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pagereader.document import Page, PageSource
from pagereader.errors import PageError

from .pages import HOSTILE, drawn, hostile, letter


def shown(tab: Any, selector: str) -> str:
    """What a person sees of the element."""
    return str(tab.locator(selector).first.inner_text())


def wait(tab: Any, condition: str) -> None:
    """Wait until ``condition`` holds; the report's policy stops Playwright's own waiting."""
    until = time.monotonic() + 15
    while not tab.evaluate(condition):
        assert time.monotonic() < until, condition
        tab.wait_for_timeout(20)


def wait_page(tab: Any, number: int) -> None:
    wait(tab, f"document.getElementById('number').value === '{number}'")


@pytest.fixture
def letters() -> list[Page]:
    return [letter(index) for index in range(3)]


def test_lines_and_words_are_linked_both_ways(report: Any, letters: list[Page]) -> None:
    tab = report(letters)
    tab.hover('#text .word[data-line="2"][data-word="1"]')
    assert tab.locator("#stage .line.hover").get_attribute("data-line") == "2"
    assert tab.locator("#stage .word.hover").get_attribute("data-word") == "1"
    tab.hover('#stage .word[data-line="3"][data-word="0"]')
    assert shown(tab, "#text .word.hover") == "tains"
    assert tab.locator("#text .line-text.hover").get_attribute("data-line") == "3"
    tab.click('#stage .word[data-line="4"][data-word="0"]')
    assert shown(tab, "#text .selected").startswith("who asked")
    tab.click('#text .line-text[data-line="1"]')
    assert tab.locator("#stage .selected").get_attribute("data-line") == "1"
    assert tab.locator("#text [aria-current]").get_attribute("data-line") == "1"
    tab.mouse.move(1, 1)
    assert tab.locator(".hover").count() == 0


def test_words_lie_where_the_page_has_them(report: Any, letters: list[Page]) -> None:
    tab = report(letters)
    drawn_box = tab.locator('#stage .word[data-line="1"][data-word="1"]').bounding_box()
    paper = tab.locator("#stage .paper").bounding_box()
    scale = paper["width"] / letters[0].width
    left, top = letters[0].lines[1].words[1].polygon.min(axis=0)
    assert drawn_box["x"] == pytest.approx(paper["x"] + left * scale, abs=1.5)
    assert drawn_box["y"] == pytest.approx(paper["y"] + top * scale, abs=1.5)


@pytest.mark.parametrize("orientation", [90, 180, 270])
def test_a_turned_page_is_shown_upright(report: Any, orientation: int) -> None:
    page = letter(0, 1)
    page.orientation = orientation
    tab = report([page])
    paper = tab.locator("#stage .paper").bounding_box()
    sheet = tab.locator("#stage svg").bounding_box()
    assert (paper["width"] > paper["height"]) == (orientation != 180)
    for key in ("x", "y", "width", "height"):
        assert paper[key] == pytest.approx(sheet[key], abs=1)


def test_the_keyboard_goes_through_lines_and_pages(report: Any, letters: list[Page]) -> None:
    tab = report(letters)
    tab.keyboard.press("ArrowDown")
    assert shown(tab, ":focus") == "Letter 1"
    tab.keyboard.press("ArrowDown")
    assert shown(tab, ":focus").startswith("The \u017fecond")
    assert tab.locator("#stage .selected").get_attribute("data-line") == "1"
    tab.keyboard.press("End")
    assert shown(tab, ":focus") == "cell 1.1"
    tab.keyboard.press("ArrowDown")
    wait_page(tab, 2)
    wait(tab, "document.activeElement.textContent === 'Letter 2'")
    tab.keyboard.press("ArrowUp")
    wait_page(tab, 1)
    wait(tab, "document.activeElement.textContent === 'cell 1.1'")
    tab.keyboard.press("n")
    wait_page(tab, 2)
    tab.keyboard.press("p")
    wait_page(tab, 1)
    tab.keyboard.press("?")
    assert tab.locator("#help").is_visible()
    tab.uncheck("#single-keys")
    tab.keyboard.press("Escape")
    tab.keyboard.press("n")
    assert tab.input_value("#number") == "1"


def test_tab_reaches_everything_in_order(report: Any, letters: list[Page]) -> None:
    tab = report(letters)
    seen = []
    for _ in range(30):
        tab.keyboard.press("Tab")
        seen.append(tab.evaluate("document.activeElement.id || document.activeElement.className"))
        if seen[-1] == "line-text selected":
            break
    # "previous" and the match buttons are disabled on the first page, before a search
    expected = ["skip", "pages-toggle", "number", "next", "zoom-out", "zoom-fit", "zoom-in"]
    expected += ["query", "next-doubt", "copy", "tool", "thumb", "thumb", "thumb", "stage"]
    assert seen == [*expected, "line-text selected"]


def test_every_control_has_a_name(report: Any, letters: list[Page]) -> None:
    tab = report(letters)
    tab.click("#menu summary")
    tree = tab.locator("body").aria_snapshot()
    controls = ("- button", "- checkbox", "- radio", "- textbox", "- searchbox", "- navigation")
    for row in tree.splitlines():
        if row.strip().startswith(controls):
            assert '"' in row, row
    for wanted in (
        'navigation "Pages"',
        "main",
        'region "Page image"',
        'region "Text"',
        'img "Page 1 of 3: 10 lines. The text is in the next section."',
        "status",
        'searchbox "Search the text"',
    ):
        assert wanted in tree


def test_search_finds_without_case_accents_or_long_s(report: Any, letters: list[Page]) -> None:
    tab = report(letters)
    tab.keyboard.press("/")
    tab.keyboard.type("JOSE")
    wait(tab, "document.getElementById('matches').textContent === '3'")
    assert shown(tab, "#text mark") == "José"
    assert tab.locator("#stage .found").count() == 1
    tab.keyboard.press("Enter")
    tab.keyboard.press("Enter")
    wait_page(tab, 2)
    assert shown(tab, "#matches") == "2/3"
    assert shown(tab, "mark.current") == "José"
    assert "Match 2 of 3" in shown(tab, "#status")
    tab.keyboard.press("Shift+Enter")
    wait_page(tab, 1)
    tab.fill("#query", "second  letter")
    wait(tab, "document.getElementById('matches').textContent === '3'")
    assert "".join(tab.locator("#text mark").all_inner_texts()) == "\u017fecond letter"
    tab.fill("#query", "nothing of the kind")
    wait(tab, "document.getElementById('matches').textContent === '0'")
    assert tab.locator("#match-next").is_disabled()
    tab.keyboard.press("Escape")
    wait(tab, "document.getElementById('matches').textContent === ''")
    assert tab.locator("mark").count() == 0


def test_pages_are_reached_by_buttons_number_thumbnails_and_address(
    report: Any, letters: list[Page]
) -> None:
    tab = report(letters, fragment="#2.3")
    wait_page(tab, 2)
    assert shown(tab, "#text .selected").startswith("was carried")
    tab.click("#next")
    wait_page(tab, 3)
    assert tab.locator("#next").is_disabled()
    tab.fill("#number", "1")
    tab.press("#number", "Enter")
    wait_page(tab, 1)
    tab.fill("#number", "77")
    tab.press("#number", "Enter")
    assert tab.input_value("#number") == "1"
    tab.click(".thumb >> nth=1")
    wait_page(tab, 2)
    assert tab.locator(".thumb[aria-current=page]").get_attribute("data-index") == "1"
    assert tab.evaluate("location.hash") == "#2"
    assert tab.title() == "Letters"
    tab.click("#pages-toggle")
    assert not tab.locator("#pages").is_visible()


def test_images_come_when_seen(report: Any) -> None:
    tab = report([letter(index, 40) for index in range(40)])
    tab.wait_for_selector("#stage image[href^='blob:']")
    tab.wait_for_selector(".thumb[data-index='0'] image[href^='blob:']")
    assert tab.locator(".thumb[data-index='39'] image[href]").count() == 0
    tab.evaluate("location.hash = '#40'")
    wait_page(tab, 40)
    tab.wait_for_selector("#stage image[href^='blob:']")
    tab.wait_for_selector(".thumb[data-index='39'] image[href^='blob:']")
    size = tab.evaluate(
        "new Promise((resolve, reject) => { const image = new Image();"
        "image.onload = () => resolve([image.naturalWidth, image.naturalHeight]);"
        "image.onerror = reject;"
        "image.src = document.querySelector('#stage image').getAttribute('href'); })"
    )
    assert size == [800, 1100]


def test_doubt_and_flags_are_shown(report: Any, letters: list[Page]) -> None:
    tab = report(letters)
    assert shown(tab, "#text .low") == "over"
    assert tab.locator("#stage .word.low").get_attribute("data-line") == "2"
    assert shown(tab, "#text .flag") == "truncated"
    assert shown(tab, "#doubts") == "6"
    tab.keyboard.press("u")
    assert "the end of the line may be missing" in shown(tab, "#detail")
    assert "tains by a man named Jose, 41 %" in shown(tab, "#detail")
    tab.keyboard.press("u")
    assert shown(tab, "#text .selected") == "not read"
    assert "no memory left" in shown(tab, "#detail")
    tab.keyboard.press("u")
    wait_page(tab, 2)


def test_layers_are_switched(report: Any, letters: list[Page]) -> None:
    tab = report(letters)
    tab.click("#menu summary")
    stroke = "getComputedStyle(document.querySelector('#stage .{}')).stroke"
    for layer, drawn_as in (("words", "word"), ("baselines", "baseline"), ("regions", "region")):
        assert tab.evaluate(stroke.format(drawn_as)) == "none"
        tab.check(f"[data-layer={layer}]")
        wait(tab, stroke.format(drawn_as) + " !== 'none'")
    assert not tab.locator("#stage .order text").first.is_visible()
    tab.check("[data-layer=order]")
    assert tab.locator("#stage .order text").all_text_contents() == [str(n) for n in range(1, 11)]
    tab.uncheck("[data-layer=doubt]")
    plain = "getComputedStyle(document.querySelector('#text .low')).backgroundColor"
    assert tab.evaluate(plain) == "rgba(0, 0, 0, 0)"
    tab.check("[value=text]")
    assert not tab.locator("#stage").is_visible()
    tab.keyboard.press("Escape")
    assert not tab.locator("#menu .sheet").is_visible()


def test_zoom_fits_and_grows(report: Any, letters: list[Page]) -> None:
    tab = report(letters)
    width = tab.locator("#stage svg").bounding_box()["width"]
    tab.click("#zoom-in")
    assert tab.locator("#stage svg").bounding_box()["width"] == pytest.approx(
        width * 1.25, rel=0.01
    )
    tab.keyboard.press("0")
    tab.keyboard.press("0")
    page = tab.locator("#stage svg").bounding_box()
    assert page["height"] < tab.locator("#stage").bounding_box()["height"]
    assert shown(tab, "#zoom-value") == "Page"


def test_text_is_copied_as_the_page_has_it(report: Any, letters: list[Page]) -> None:
    tab = report(letters, permissions=["clipboard-read", "clipboard-write"])
    tab.keyboard.press("c")
    tab.wait_for_selector("#status.toast")
    assert tab.evaluate("navigator.clipboard.readText()") == letters[0].text
    tab.click("#menu summary")
    tab.click("#copy-all")
    wait(tab, "document.getElementById('status').textContent.includes('all pages')")
    expected = "\n\n".join(page.text for page in letters)
    assert tab.evaluate("navigator.clipboard.readText()") == expected


def test_hostile_text_is_text(report: Any) -> None:
    tab = report([hostile(), letter(1)], title=HOSTILE[0])
    assert tab.title() == HOSTILE[0]
    assert shown(tab, "#title") == HOSTILE[0]
    lines = tab.locator("#text .line-text").all_text_contents()
    for found, text in zip(lines, HOSTILE, strict=True):
        assert found.startswith(text)
    tab.click('#text .line-text[data-line="0"]')
    assert HOSTILE[1] in shown(tab, "#detail")
    tab.fill("#query", "<script>")
    wait(tab, "document.getElementById('matches').textContent === '2'")
    assert tab.locator("body img, #text script, #text svg, #detail script").count() == 0
    assert tab.locator(".thumb").first.get_attribute("title").startswith("a'\"><img")


def test_the_policy_stops_what_it_should(browser: Any, report: Any, letters: list[Page]) -> None:
    report(letters)
    # Another tab, whose console may complain: that is what a policy is for.
    page = browser.contexts[-1].new_page()
    page.goto(browser.contexts[-1].pages[0].url)
    page.wait_for_selector(".sheet-svg")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            try { script.textContent = "document.title = 'run'"; } catch {}
            document.body.append(script);
            try { document.body.insertAdjacentHTML("beforeend", "<i onclick=1>"); } catch {}
            try { document.body.setAttribute("onclick", "document.title = 'run'"); } catch {}
            const image = document.createElement("img");
            image.src = "https://example.invalid/x.png";
            document.body.append(image);
        }"""
    )
    page.mouse.click(5, 5)
    assert page.title() == "Letters"
    assert page.locator("i").count() == 0
    assert page.evaluate("fetch('https://example.invalid/').catch(() => 'refused')") == "refused"


def test_pages_without_image_or_reading_are_shown(report: Any) -> None:
    failed = Page(0, 0, PageSource("a.tif", 1, 2), error=PageError("a.tif is <b>cut</b> short"))
    tab = report([letter(0, 2), failed], lambda _page: None)
    assert "blank paper" in shown(tab, "#notice")
    assert tab.locator("#stage .line").count() == 10
    tab.click("#next")
    wait_page(tab, 2)
    assert "a.tif is <b>cut</b> short" in shown(tab, "#notice")
    assert shown(tab, "#text") == "This page was not read."


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (820, 1180), (390, 844)])
def test_everything_fits_on_screens_of_all_sizes(
    report: Any, letters: list[Page], size: tuple[int, int], scheme: str
) -> None:
    tab = report(letters, size=size, color_scheme=scheme, fragment="#1.4")
    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
    for selector in ("#stage svg", "#text .selected", "#query", "#menu summary", "#copy", "#next"):
        box = tab.locator(selector).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0] + 0.5
    assert tab.locator("#stage").bounding_box()["height"] > 0.25 * size[1]
    assert tab.locator(".reading").bounding_box()["height"] > 0.3 * size[1]
    tab.click("#menu summary")
    sheet = tab.locator("#menu .sheet").bounding_box()
    assert sheet["x"] >= 0
    assert sheet["x"] + sheet["width"] <= size[0]
    assert sheet["y"] + sheet["height"] <= size[1]
    paper = tab.evaluate("getComputedStyle(document.querySelector('.reading')).backgroundColor")
    ink = tab.evaluate("getComputedStyle(document.querySelector('.line-text')).color")
    assert contrast(paper, ink) > 10
    soft = tab.evaluate("getComputedStyle(document.querySelector('.region-name')).color")
    assert contrast(paper, soft) > 4.5


def test_a_choice_of_colours_overrules_the_system(report: Any, letters: list[Page]) -> None:
    tab = report(letters, color_scheme="light")
    tab.click("#menu summary")
    tab.check("[value=dark]")
    paper = tab.evaluate("getComputedStyle(document.querySelector('.reading')).backgroundColor")
    assert luminance(paper) < 0.05


def test_ten_pages_open_within_a_second(report: Any) -> None:
    tab = report([letter(index, 10) for index in range(10)], drawn)
    taken = []
    while len(taken) < 6 and min(taken, default=1000) >= 1000:  # a busy machine gets more chances
        tab.reload()
        tab.wait_for_selector("#stage image[href]")
        taken.append(tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    assert min(taken) < 1000, taken


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(r, g, b)`` (WCAG 2)."""
    parts = colour[colour.index("(") + 1 : -1].split(",")[:3]
    linear = []
    for part in parts:
        value = float(part) / 255
        linear.append(value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
