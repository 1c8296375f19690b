"""From tokens to characters, each with the token that it came from."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Character:
    """One character of a reading.

    Attributes:
        text: The character.
        token: Which of the line's tokens it came from.
    """

    text: str
    token: int


class Vocabulary:
    """Spells tokens.

    Args:
        tokenizer: Of the checkpoint.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._special = frozenset(int(token) for token in tokenizer.all_special_ids)
        self._pieces: dict[int, str] = {}

    def is_special(self, token: int) -> bool:
        """Tell whether a token stands for no text."""
        return token in self._special

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of a line, cleaned as in :meth:`characters`."""
        return "".join(character.text for character in self.characters(tokens))

    def characters(self, tokens: Sequence[int]) -> list[Character]:
        """Return a line's characters in order.

        Space is one blank at most and never at the ends; what XML cannot hold is left out.
        """
        pieces = self.pieces(tokens)
        spelled = [
            Character(character, number)
            for number, piece in enumerate(pieces)
            for character in piece
        ]
        text = "".join(pieces)
        if text.isprintable() and text == " ".join(text.split()):  # most lines, and quickly told
            return spelled
        return clean(spelled)

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        """Return one string a token; together they are the line as the tokenizer decodes it."""
        known = [self._piece(token) for token in tokens]
        whole, joined = self._decode(tokens), "".join(known)
        if joined == whole:
            return known
        if joined == f" {whole}":  # sentencepiece's words begin with a blank, its lines do not
            first = next(number for number, piece in enumerate(known) if piece)
            known[first] = known[first][1:]
            return known
        return self._grown(tokens, whole)

    def _grown(self, tokens: Sequence[int], whole: str) -> list[str]:
        """Spell by decoding longer and longer beginnings: pieces that depend on neighbours."""
        pieces, done = [], 0
        for count in range(1, len(tokens) + 1):
            if self.is_special(tokens[count - 1]):
                pieces.append("")
                continue
            start = self._decode(tokens[:count])
            end = max(done, shared_start(start, whole))
            pieces.append(whole[done:end])
            done = end
        if pieces:
            pieces[-1] += whole[done:]
        return pieces

    def _piece(self, token: int) -> str:
        """Return what a token is inside a line: what it adds to itself."""
        if token not in self._pieces:
            self._pieces[token] = self._decode([token, token])[len(self._decode([token])) :]
        return self._pieces[token]

    def _decode(self, tokens: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text


def shared_start(first: str, second: str) -> int:
    """Return how many characters two strings have in common at their beginnings."""
    pairs = zip(first, second, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def clean(characters: Sequence[Character]) -> list[Character]:
    """Drop what XML cannot hold, make every run of space one blank, trim the ends."""
    kept: list[Character] = []
    for character in characters:
        if character.text.isspace():
            if kept and kept[-1].text != " ":
                kept.append(Character(" ", character.token))
        elif is_printable(character.text):
            kept.append(character)
    if kept and kept[-1].text == " ":
        kept.pop()
    return kept


def is_printable(character: str) -> bool:
    """Tell whether XML 1.0 allows a character that is not space."""
    code = ord(character)
    if code < 0x20 or 0x7F <= code < 0xA0 or code & 0xFFFE == 0xFFFE:
        return False
    return unicodedata.category(character) != "Cs"
