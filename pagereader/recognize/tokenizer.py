"""Spell tokens with the tokenizers library alone, where transformers would add nothing to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

CLASSES = ("TokenizersBackend", "PreTrainedTokenizerFast")
"""What transformers calls a tokenizer that is all in its tokenizer.json."""
NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
IDLE = {
    "backend",
    "clean_up_tokenization_spaces",
    "is_local",
    "local_files_only",
    "model_max_length",
    "processor_class",
    "tokenizer_class",
}
"""Settings that have no part in how tokens are spelled."""
LEGACY = ("special_tokens_map.json", "added_tokens.json")


class PlainTokenizer:
    """A tokenizer that spells, and does nothing else.

    Args:
        folder: Of the checkpoint.

    Raises:
        Exception: of any kind, if there is anything unusual about it, as from ``load_weights``.
    """

    def __init__(self, folder: Path) -> None:
        settings = json.loads((folder / "tokenizer_config.json").read_bytes())
        special = [settings[name] for name in NAMED if settings.get(name) is not None]
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        plain = (
            settings["tokenizer_class"] in CLASSES
            and settings.keys() <= IDLE | {*NAMED}
            and all(isinstance(token, str) for token in special)
            and not any((folder / name).exists() for name in LEGACY)
            and self._tokenizer.padding is None  # it may name a token, too
            and not settings.get("clean_up_tokenization_spaces")
        )
        if not plain:
            raise ValueError("more than names of tokens")
        self._tokenizer.add_special_tokens(special)
        self.all_special_ids = [self._tokenizer.token_to_id(token) for token in special]

    def __len__(self) -> int:
        """Count the tokens, added ones included."""
        return int(self._tokenizer.get_vocab_size())

    def decode(self, tokens: Sequence[int], *, skip_special_tokens: bool) -> str:
        """Return the text of tokens, as transformers does."""
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=skip_special_tokens)
        return text
