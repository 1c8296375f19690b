"""How a checkpoint spells: its tokenizer, what it lacks, and giving it more characters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pagereader.training.fonts import bare


class Spelling:
    """Turns text into the tokens that a decoder is taught.

    Args:
        tokenizer: Of the checkpoint.
        end: Token that ends a line.
        pad: Token that fills up.
    """

    def __init__(self, tokenizer: Any, end: int, pad: int) -> None:
        self.tokenizer = tokenizer
        self.end = end
        self.pad = pad
        self._known: dict[str, bool] = {}

    def __len__(self) -> int:
        return len(self.tokenizer)

    @property
    def by_character(self) -> bool:
        """Whether every token is one character."""
        return _is_by_character(self.tokenizer)

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a line, without start and end.

        Microsoft's checkpoints were taught lines without a start token among the labels, which
        processors add today; it is left out here too.
        """
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def text(self, tokens: Iterable[int]) -> str:
        """Return the text of predicted or taught tokens, up to the end token."""
        kept = []
        for token in tokens:
            if token == self.end:
                break
            if token >= 0:
                kept.append(token)
        decoded: str = self.tokenizer.decode(
            kept, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return " ".join(decoded.split())

    def lacking(self, text: str) -> Counter[str]:
        """Return the characters of ``text`` that would be lost, with their counts."""
        return Counter(c for c in text if not self._is_known(c))

    def _is_known(self, character: str) -> bool:
        if character not in self._known:
            around = f"a{character}a"
            spelled = self.tokenizer.decode(
                self.tokens(around), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
            self._known[character] = character in spelled
        return self._known[character]


def extend(tokenizer: Any, model: Any, characters: Iterable[str]) -> Any:
    """Teach a character-level tokenizer more characters and give the decoder room for them.

    Letters start as what they are without their accents, others as the mean of all.

    Returns:
        The new tokenizer; the model is changed in place.
    """
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    rules = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary: dict[str, int] = rules["model"]["vocab"]
    for character in sorted(set(characters) - vocabulary.keys()):
        vocabulary[character] = len(vocabulary)
    decoder = model.decoder
    old = len(decoder.get_input_embeddings().weight)
    grown = decoder.resize_token_embeddings(len(vocabulary), mean_resizing=False)
    head = decoder.get_output_embeddings()
    for weight in {layer.weight.data_ptr(): layer.weight for layer in (grown, head)}.values():
        with torch.no_grad():
            weight[old:] = weight[:old].mean(dim=0)
            for token, letter in bare_letters(vocabulary, old).items():
                weight[token] = weight[letter]
    model.config.decoder.vocab_size = len(vocabulary)
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(rules)),
        pad_token=tokenizer.pad_token,
        bos_token=tokenizer.bos_token,
        eos_token=tokenizer.eos_token,
        unk_token=tokenizer.unk_token,
        clean_up_tokenization_spaces=False,
    )


def bare_letters(vocabulary: Mapping[str, int], first: int) -> dict[int, int]:
    """Return tokens from ``first`` on, with those of the same letters without accents."""
    letters = {token: bare(c) for c, token in vocabulary.items() if token >= first}
    return {
        token: vocabulary[letter]
        for token, letter in letters.items()
        if vocabulary.get(letter, first) < first
    }


def _is_by_character(tokenizer: Any) -> bool:
    if not hasattr(tokenizer, "backend_tokenizer"):
        return False
    special = set(tokenizer.all_special_tokens)
    words = [word for word in tokenizer.get_vocab() if word not in special]
    rules = json.loads(tokenizer.backend_tokenizer.to_str())
    one_each = all(len(word) == 1 for word in words)
    return bool(words) and one_each and rules["model"]["type"] == "WordLevel"
