"""Plain text: a line a line, an empty line between regions, a form feed between pages."""

from __future__ import annotations

from collections.abc import Sequence

from pagereader.document import Page
from pagereader.write.reflow import compounds, paragraphs
from pagereader.write.sanitise import clean_text


class TextWriter:
    """Writes the whole document as UTF-8 text.

    Lines without text leave no trace. A failed or empty page is empty, but its form feed stays,
    so that the n-th page of the text is the n-th page of the document.

    Args:
        reflow: Join the lines of each paragraph to one, and words cut at line ends.
    """

    format: str = "txt"
    suffix: str = ".txt"
    one_page_a_file: bool = False

    def __init__(self, reflow: bool = False) -> None:
        self._reflow = reflow

    def render(self, pages: Sequence[Page], image_names: Sequence[str]) -> bytes:  # noqa: ARG002
        """Return the file's content; see :class:`pagereader.stages.Writer`."""
        if not self._reflow:
            return "\f".join(_page_text(page) for page in pages).encode()
        known = compounds(pages)
        texts = ("\n".join(f"{p.text}\n" for p in paragraphs(page, known)) for page in pages)
        return "\f".join(texts).encode()


def _page_text(page: Page) -> str:
    blocks = []
    for region in page.regions:
        lines = [text for line in region.all_lines() if (text := clean_text(line.text))]
        if lines:
            blocks.append("".join(f"{line}\n" for line in lines))
    return "\n".join(blocks)
