"""German as it was printed in broken letters: long s, older spelling, no capitals for stress."""

from __future__ import annotations

import re

LONG_S = "\u017f"
ROUND_BEFORE = "bdfghklmnrvwz"
"""Letters before which an s within a word mostly ends a part of it (Ausgang, Wirtshaus)."""
_LONG = re.compile(
    rf"(?<![^\W\d_])s(?=[^\W\d_])|(?<=[^\W\d_])s(?=[^\W\d_{ROUND_BEFORE}])|(?<=[Uu]n)s(?=r)"
)
OLDER = (
    *(("Tier", "Thier"), ("Teil", "Theil"), ("teil", "theil"), ("T\u00fcr", "Th\u00fcr")),
    *(("Tr\u00e4n", "Thr\u00e4n"), ("Tat", "That"), ("Tal", "Thal"), ("Tor", "Thor")),
    *(("tun", "thun"), ("tut", "thut"), ("Heimat", "Heimath"), ("Rat", "Rath"), ("Mut", "Muth")),
    *(("Wert", "Werth"), ("Not", "Noth"), ("rot", "roth"), ("Armut", "Armuth")),
    *(("dass", "da\u00df"), ("muss", "mu\u00df"), ("gibt", "giebt"), ("nis", "ni\u00df")),
    *(("ieren", "iren"), ("iert", "irt"), ("Ae", "\u00c4"), ("sein", "seyn"), ("bei", "bey")),
)
"""Spellings of today and of the nineteenth century, whole words or their ends."""
_OLDER = [(re.compile(rf"\b{new}\b|(?<=\w{{3}}){new}\b"), old) for new, old in OLDER]


def long_s(text: str) -> str:
    """Write the long s by rule: all but those that end a word or, mostly, a part of one.

    A double s is long twice; before a hyphen, at a line's end too, it is round.
    """
    return _LONG.sub(LONG_S, text)


def older_spelling(text: str) -> str:
    """Spell some words as the nineteenth century did."""
    for new, old in _OLDER:
        text = new.sub(old, text)
    return text
