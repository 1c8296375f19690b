"""A loaded TrOCR with its encoder and decoder, and the way of a crop through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import groupby
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from pagereader.document import Flag, ProcessingStep
from pagereader.errors import ModelError
from pagereader.options import Options
from pagereader.recognize.batching import HalvingBatch, chunks, is_out_of_memory
from pagereader.recognize.beams import BeamSearch
from pagereader.recognize.checking import check
from pagereader.recognize.checkpoint import Checkpoint, load_checkpoint
from pagereader.recognize.decoder import GreedyDecoder
from pagereader.recognize.decoding import ROWS, DecodedLine, round_up
from pagereader.recognize.device import DeviceDecoder
from pagereader.recognize.drafts import TRUSTED, Draft, draft
from pagereader.recognize.encoder import Encoder
from pagereader.recognize.ink import Pixels, is_blank
from pagereader.recognize.layers import LinearFactory, plain_linear
from pagereader.recognize.packed import PackedLinear, packing_pays
from pagereader.recognize.precision import (
    Precision,
    choose_device,
    choose_precision,
    memory_for_caches,
)
from pagereader.recognize.preprocess import FittedLine, fit
from pagereader.recognize.quantized import Int8Linear
from pagereader.recognize.readings import Readings, failed
from pagereader.recognize.repeats import loop_at_end
from pagereader.recognize.search import search as search_lines
from pagereader.recognize.spelling import Speller
from pagereader.recognize.vocabulary import Vocabulary
from pagereader.recognize.wide import Piece, merge, split
from pagereader.recognize.workers import Workers
from pagereader.stages import LineReading

ENCODER_BATCH = {"cpu": 8, "cuda": 64, "mps": 16}
DECODER_BATCH = {"cpu": 96, "cuda": 512, "mps": 64}
Item = TypeVar("Item")
Result = TypeVar("Result")
USUAL_TOKENS = 64
"""Length that most lines stay below; the caches grow for those that do not."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of a line (mostly the whole) on its way through the model.

    Attributes:
        line: Number of the crop it belongs to.
        piece: Where it lies on that crop.
        fitted: As the model sees it.
    """

    line: int
    piece: Piece
    fitted: FittedLine


class Engine:
    """Reads crops in batches.

    Args:
        checkpoint: The model; for beams or alternatives, as transformers has it.
        device: Where to run it.
        precision: What to compute in.
        batch_size: Lines decoded together; None to choose.
        beams: Readings followed at once; 1 is greedy.
        alternatives: Other readings to give beside the best.
        trusting: Whether lines of which the columns are certain need not be checked.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: torch.device,
        precision: Precision,
        batch_size: int | None = None,
        beams: int = 1,
        alternatives: int = 0,
        trusting: bool = False,
    ) -> None:
        self.checkpoint, self.device, self.precision = checkpoint, device, precision
        self.rules = checkpoint.image
        linear, self.products = _products(device, precision)
        self.decoder = GreedyDecoder(
            checkpoint.model,
            checkpoint.start,
            checkpoint.ends,
            device=device,
            dtype=precision.dtype,
            linear=linear,
            uneven=self.rules.strip,
        )
        self.encoder = Encoder(checkpoint.model, self.rules, device, precision.dtype, linear)
        vocabulary = Vocabulary(checkpoint.tokenizer)
        self.readings = Readings(vocabulary, self.rules, self.encoder.prefix)
        self.on_device: DeviceDecoder | None = None
        if device.type == "cuda":
            self.on_device = DeviceDecoder(self.decoder, self._encoder_tokens())
        self.beams: BeamSearch | None = None
        if beams > 1 or alternatives:
            self.beams = BeamSearch(checkpoint, self.decoder, beams, alternatives)
        hidden = int(checkpoint.model.config.encoder.hidden_size)
        self.speller: Speller | None = None
        if self.rules.strip and self.beams is None:
            shape = (int(checkpoint.model.config.decoder.vocab_size), hidden)
            self.speller = Speller.load(
                checkpoint.folder,
                shape,
                checkpoint.pad,
                self.encoder.prefix,
                device,
                precision.dtype,
                linear,
            )
        self.trusting = trusting and self.speller is not None and device.type == "cpu"
        self.workers = Workers(device)
        self.encoding = HalvingBatch(min(ENCODER_BATCH[device.type], batch_size or 1 << 30))
        width = max(beams, alternatives + 1)
        # Of twice as many lines those that columns leave in doubt fill the decoder's batch.
        self._gathered = 2 if self.trusting else 1
        together = batch_size or max(1, self._decoder_batch() // width)
        self.decoding = HalvingBatch(self._gathered * together)

    @classmethod
    def from_options(cls, options: Options) -> Engine:
        """Load the model and choose device and precision.

        Raises:
            ModelError: if the model is missing or broken.
            UsageError: if device or precision are not to be had here.
        """
        device = choose_device(options.device)
        stock = options.beams > 1 or options.alternatives > 0
        checkpoint = load_checkpoint(options.model, stock=stock)
        width = int(checkpoint.model.config.encoder.hidden_size)
        precision = choose_precision(options.precision, device, width)
        return cls(
            checkpoint,
            device,
            precision,
            batch_size=options.batch_size,
            beams=options.beams,
            alternatives=options.alternatives,
            trusting=options.precision != "exact",
        )

    def describe(self) -> ProcessingStep:
        """Return what decides the readings."""
        from pagereader import __version__

        settings = (
            ("model", self.checkpoint.name),
            ("fingerprint", self.checkpoint.fingerprint),
            ("precision", self.precision.name),
            ("precision-reason", self.precision.reason),
            ("device", str(self.device)),
            ("beams", str(self.beams.width if self.beams else 1)),
            ("products", self.products),
            ("columns", "ctc" if self.speller else "none"),
            ("columns-trusted-from", f"{TRUSTED:g}" if self.trusting else "none"),
            ("torch", torch.__version__),
            ("transformers", version("transformers")),
        )
        return ProcessingStep("recognition", f"pagereader.trocr {__version__}", settings)

    def read(self, crops: Sequence[Pixels], *, search: bool = False) -> list[LineReading]:
        """Return one reading a crop, in the same order.

        Args:
            crops: uint8 grey, shape (height, width).
            search: Whether to follow several readings of a line at once, for the likeliest.

        Raises:
            ModelError: if the model itself is broken.
        """
        readings: list[LineReading | None] = [None] * len(crops)
        jobs: list[Job] = []
        for number, found in enumerate(self._prepare(crops)):
            if isinstance(found, LineReading):
                readings[number] = found
            else:
                jobs.extend(found)
        pieces: dict[int, list[tuple[Piece, LineReading]]] = {}
        for job, reading in self._run(jobs, search):
            pieces.setdefault(job.line, []).append((job.piece, reading))
        for number, parts in pieces.items():
            if readings[number] is None:
                readings[number] = merge(parts)
        return [reading or failed("the line was lost") for reading in readings]

    def _prepare(self, crops: Sequence[Pixels]) -> Iterable[list[Job] | LineReading]:
        """Return for each crop what the model is to read, or why it reads nothing."""
        if self.on_device is None:
            return map(self._prepared, range(len(crops)), crops)
        # A GPU reads a line in less time than one core needs to shrink it.
        with ThreadPoolExecutor(thread_name_prefix="fit") as pool:
            return list(pool.map(self._prepared, range(len(crops)), crops))

    def _prepared(self, number: int, pixels: Pixels) -> list[Job] | LineReading:
        try:
            if is_blank(pixels):
                return LineReading(flags=frozenset({Flag.BLANK}))
            return self._jobs(number, pixels)
        except Exception as error:  # whatever a strange crop does, its neighbours are read
            return failed(error)

    def _jobs(self, number: int, pixels: Pixels) -> list[Job]:
        pieces = split(pixels, self.rules.widest_aspect)
        return [Job(number, piece, fit(piece.pixels, self.rules)) for piece in pieces]

    def _run(self, jobs: Sequence[Job], search: bool) -> list[tuple[Job, LineReading]]:
        """Read jobs, those of like width together."""
        order = sorted(jobs, key=lambda job: (job.fitted.pixels.shape[1], job.fitted.used))
        readings = self.decoding.run(partial(self._read_safely, search=search), order)
        if readings and all(Flag.FAILED in reading.flags for reading in readings):
            self._prove_working()
        return list(zip(order, readings, strict=True))

    def _read_safely(self, jobs: Sequence[Job], search: bool) -> list[LineReading]:
        """Read a batch; if it breaks, line by line, so that one line costs no other."""
        try:
            return self._read_batch(jobs, search)
        except Exception as error:
            if len(jobs) > 1 and is_out_of_memory(error):
                raise  # the batch is halved
            if len(jobs) == 1:
                return [failed(error)]
        return [reading for job in jobs for reading in self._read_safely([job], search)]

    def _prove_working(self) -> None:
        """Read a plain pattern, to tell a broken model from strange lines.

        Raises:
            ModelError: if even that cannot be read.
        """
        plain = np.full((self.rules.height, 2 * self.rules.height), 255, np.uint8)
        plain[self.rules.height // 4 : -self.rules.height // 4, :: self.rules.height // 4] = 0
        try:
            self._read_batch(self._jobs(0, plain), search=False)
        except Exception as error:
            raise ModelError(
                f"the model {self.checkpoint.name!r} does not run: {error}",
                "try --device cpu --precision exact, or another --model",
            ) from error

    def _read_batch(self, jobs: Sequence[Job], search: bool) -> list[LineReading]:
        states = self._encode(jobs)
        lines = self._decode(states, search)
        return [
            self.readings.reading(job.piece.pixels, job.fitted, line)
            for job, line in zip(jobs, lines, strict=True)
        ]

    def _decode(self, states: Sequence[Tensor], search: bool) -> list[DecodedLine]:
        """Decode the encoder's states, one tensor a line."""
        if self.beams is not None:
            return self.beams.decode(_stacked(states))
        if self.on_device is not None and not search:
            longest = self.checkpoint.max_new_tokens
            return self.on_device.decode(_stacked(states), longest, stop=_loops)
        if search:
            return self._each(self._search, states)
        if self.speller is None or self.device.type != "cpu":
            return self._each(self._write, states)
        drafts = self._each(self._draft, states)
        certain = [self.trusting and spelled.certain for spelled in drafts]
        doubtful = [
            pair
            for pair, sure in zip(zip(states, drafts, strict=True), certain, strict=True)
            if not sure
        ]
        checked = iter(self._each(self._check, doubtful))
        prefix = self.speller.prefix
        return [
            spelled.line(len(state), prefix) if sure else next(checked)
            for state, spelled, sure in zip(states, drafts, certain, strict=True)
        ]

    def _search(self, states: Sequence[Tensor]) -> list[DecodedLine]:
        longest = self.checkpoint.max_new_tokens
        return search_lines(self.decoder, _stacked(states), longest, speller=self.speller)

    def _write(self, states: Sequence[Tensor]) -> list[DecodedLine]:
        longest = self.checkpoint.max_new_tokens
        return self.decoder.decode(_stacked(states), longest, stop=_loops)

    def _draft(self, states: Sequence[Tensor]) -> list[Draft]:
        assert self.speller is not None
        return draft(self.speller, _stacked(states))

    def _check(self, pairs: Sequence[tuple[Tensor, Draft]]) -> list[DecodedLine]:
        assert self.speller is not None
        states, drafts = zip(*pairs, strict=True)
        longest, prefix = self.checkpoint.max_new_tokens, self.speller.prefix
        return check(self.decoder, _stacked(states), drafts, longest, prefix=prefix, stop=_loops)

    def _each(
        self, work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item]
    ) -> list[Result]:
        """Return what comes of lines in parts of like size, some for each worker."""
        if not items:
            return []
        rounds = -(-len(items) // max(1, self.decoding.size // self._gathered))
        share = -(-len(items) // (rounds * self.workers.count))
        parts = list(chunks(items, round_up(share, ROWS)))
        return [result for part in self.workers.map(work, parts) for result in part]

    def _encode(self, jobs: Sequence[Job]) -> list[Tensor]:
        """Return the encoder's states, one tensor a job, in order."""
        parts: list[Sequence[Job]] = []
        size = min(self.encoding.size, self._share(len(jobs)))
        for _, run in groupby(jobs, key=lambda job: job.fitted.pixels.shape[1]):
            parts.extend(chunks(list(run), size))
        states = self.workers.map(lambda part: self.encoding.run(self._encode_batch, part), parts)
        return [state for part in states for state in part]

    def _share(self, count: int) -> int:
        """Return how many of so many lines each worker gets."""
        return -(-count // self.workers.count)

    def _encode_batch(self, jobs: Sequence[Job]) -> list[Tensor]:
        pixels = torch.from_numpy(np.stack([job.fitted.pixels for job in jobs]))
        if self.device.type == "cuda":  # so that the copy runs beside the kernels
            pixels = pixels.pin_memory()
        return list(self.encoder(pixels))

    def _encoder_tokens(self) -> int:
        """Return how many encoder tokens the widest line has."""
        rules = self.rules
        grid = (rules.height // rules.patch_height) * (rules.width // rules.patch_width)
        return grid + self.encoder.prefix

    def _decoder_batch(self) -> int:
        """Return how many lines, of all workers together, are decoded at once."""
        usual = min(USUAL_TOKENS, self.decoder.room)
        tokens = usual if self.on_device is None else self.checkpoint.max_new_tokens
        line = self.decoder.line_bytes(self._encoder_tokens(), tokens)
        most = DECODER_BATCH[self.device.type] * self.workers.count
        room = min(most, memory_for_caches(self.device) // line)
        return max(1, room - room % ROWS if room > ROWS else room)


def _stacked(states: Sequence[Tensor]) -> list[Tensor]:
    """Return neighbours of one shape as one tensor."""
    return [torch.stack(list(run)) for _, run in groupby(states, key=lambda state: state.shape)]


def _products(device: torch.device, precision: Precision) -> tuple[LinearFactory, str]:
    """Return how weights are multiplied with, and its name."""
    if precision.int8:
        return Int8Linear, "int8"
    if device.type == "cpu" and packing_pays(precision.dtype):
        return PackedLinear, "oneDNN"
    return plain_linear, "torch"


def _loops(line: int, tokens: list[int]) -> bool:
    """Tell now and then whether a line has fallen into a loop."""
    del line
    return len(tokens) % 8 == 0 and loop_at_end(tokens) is not None
