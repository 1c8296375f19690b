"""A real browser, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pagereader.document import Page
from pagereader.view import render_html

from .pages import drawn

# Without these Chromium asks its maker's servers for updates as soon as it starts.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium; skips the test where it or Playwright is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=chromium, args=list(_QUIET))
        yield launched
        launched.close()


@pytest.fixture
def report(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open a report of pages; whatever the console says fails the test in the end."""
    complaints: list[str] = []
    contexts = []

    def opened(
        pages: Sequence[Page],
        image_of: Callable[[Page], Any] = drawn,
        *,
        size: tuple[int, int] = (1440, 900),
        fragment: str = "",
        title: str = "Letters",
        **settings: Any,
    ) -> Any:
        file = tmp_path / "report.html"
        file.write_text(render_html(pages, image_of, title), "utf-8")
        viewport = {"width": size[0], "height": size[1]}
        contexts.append(browser.new_context(viewport=viewport, **settings))
        tab = contexts[-1].new_page()
        tab.set_default_timeout(15_000)
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append(dialog.message))
        tab.on("request", lambda request: _note_request(request.url, complaints))
        tab.goto(file.as_uri() + fragment)
        tab.wait_for_selector(".sheet-svg")
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def _note_request(url: str, complaints: list[str]) -> None:
    if not url.startswith(("file:///", "blob:", "data:")):
        complaints.append(f"asked for {url}")
