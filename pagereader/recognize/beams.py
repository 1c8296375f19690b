"""Beam search and other readings, through stock ``generate``.

The reading that wins is then walked by our own decoder, which gives its characters' confidence
and places as for greedy reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pagereader.recognize.checkpoint import Checkpoint, quiet_transformers
from pagereader.recognize.decoder import GreedyDecoder
from pagereader.recognize.decoding import DecodedLine


class BeamSearch:
    """Searches for the likeliest readings.

    Args:
        checkpoint: The model; its decoder is moved to where ``decoder`` runs.
        decoder: To walk the readings found.
        beams: Readings followed at once.
        alternatives: Readings to return beside the best; widens the search where needed.
    """

    def __init__(
        self, checkpoint: Checkpoint, decoder: GreedyDecoder, beams: int, alternatives: int
    ) -> None:
        from transformers import GenerationConfig

        self._model, self._decoder = checkpoint.model, decoder
        self._model.decoder.to(device=decoder.device, dtype=decoder.dtype)
        if decoder.project is not None:
            self._model.enc_to_dec_proj.to(device=decoder.device, dtype=decoder.dtype)
        self._ends = checkpoint.ends
        self._pad = checkpoint.pad
        self._alternatives = alternatives
        self.width = max(beams, alternatives + 1)
        # Nothing of the checkpoint's own settings is kept: they forbid repeated words, cut at
        # twenty tokens or switch the cache off.
        self._settings = GenerationConfig(
            max_new_tokens=checkpoint.max_new_tokens,
            num_beams=self.width,
            num_return_sequences=alternatives + 1,
            do_sample=False,
            early_stopping=True,
            length_penalty=1.0,
            use_cache=True,
            decoder_start_token_id=checkpoint.start,
            eos_token_id=sorted(checkpoint.ends),
            pad_token_id=checkpoint.pad,
            return_dict_in_generate=True,
            output_scores=True,
        )
        self._model.generation_config = self._settings

    @torch.inference_mode()
    def decode(self, states: Sequence[Tensor]) -> list[DecodedLine]:
        """Decode encoder states, each part of shape (lines, encoder tokens, hidden).

        Returns:
            One entry a line, in order, with the alternatives asked for.
        """
        return [line for part in states for line in self._decode_part(part)]

    def _decode_part(self, states: Tensor) -> list[DecodedLine]:
        from transformers.modeling_outputs import BaseModelOutput

        hidden = states.to(self._decoder.device, self._decoder.dtype)
        with quiet_transformers():
            found: Any = self._model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=hidden),
                generation_config=self._settings,
            )
        readings = [self._cut(row) for row in found.sequences[:, 1:].tolist()]
        if found.get("sequences_scores") is None:  # one beam is greedy and has no scores
            scores = [0.0] * len(readings)
        else:
            scores = found.sequences_scores.float().tolist()
        each = self._alternatives + 1
        best = [tokens for tokens, _ in readings[::each]]
        lines = self._decoder.score([hidden], best)
        for number, line in enumerate(lines):
            of_line = slice(number * each, (number + 1) * each)
            line.ended = readings[of_line][0][1]
            line.others = [
                (tokens, score)
                for (tokens, _), score in zip(readings[of_line], scores[of_line], strict=True)
            ][1:]
        return lines

    def _cut(self, tokens: list[int]) -> tuple[list[int], bool]:
        """Return a reading without end and padding, and whether it had ended."""
        for number, token in enumerate(tokens):
            if token in self._ends:
                return tokens[:number], True
        while tokens and tokens[-1] == self._pad:
            tokens = tokens[:-1]
        return tokens, False
