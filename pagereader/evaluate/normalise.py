"""How texts are made comparable before they are compared."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from pagereader.errors import UsageError

FORMS = ("NFC", "NFD", "NFKC", "NFKD", "none")

TYPOGRAPHY = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u00ab": '"',
        "\u00bb": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u00ac": "-",
        "\u017f": "s",
        "\u00a0": " ",
    }
)
"""Quotes and dashes to their typewriter forms, the hyphen sign and long s to their modern ones."""

_BROKEN_WORD = re.compile(r"(?<=\w)[-\u00ac\u2010]\s*\n\s*(?=[^\W\d_])")


@dataclass(frozen=True, slots=True)
class TextRules:
    """What does not count as an error.

    Runs of white space, line ends among them, always count as one blank.

    Attributes:
        form: Unicode normalisation form, or "none".
        ignore_case: Whether case does not count.
        ignore_punctuation: Whether everything but letters, digits and space is left out.
        fold_typography: Whether quotes, dashes and long s count as their plain forms.
        join_hyphens: Whether words broken at a line end are joined, for truth in running text.
    """

    form: str = "NFC"
    ignore_case: bool = False
    ignore_punctuation: bool = False
    fold_typography: bool = False
    join_hyphens: bool = False

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise UsageError(
                f"{self.form!r} is no normalisation form", f"one of {', '.join(FORMS)}"
            )

    def apply(self, text: str) -> str:
        """Return ``text`` as it is compared."""
        if self.join_hyphens:
            text = _BROKEN_WORD.sub("", text)
        if self.form != "none":
            text = unicodedata.normalize(self.form, text)  # type: ignore[arg-type]
        if self.fold_typography:
            text = text.translate(TYPOGRAPHY).replace("--", "-")
        if self.ignore_case:
            text = text.casefold()
        if self.ignore_punctuation:
            text = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] in "LNM")
        return " ".join(text.split())
