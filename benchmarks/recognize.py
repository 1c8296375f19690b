"""How fast we run a TrOCR against stock ``generate``, in one run on the same lines.

    OMP_NUM_THREADS=1 python benchmarks/recognize.py bundled small base
    python benchmarks/recognize.py base --device cuda --lines 2048

Models: ``bundled`` (or any folder, with --model) reads generated lines of page-like lengths;
``small`` and ``base`` have the shapes of microsoft/trocr-small and -base with random weights and
are made to stop at page-like lengths. Times are CPU seconds of all threads, where stock runs in
fp32 as it does by itself, or seconds on a GPU, where it runs in the number format of ours. Trust
the ratios of one run, not times across runs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from transformers import (
    DeiTConfig,
    GenerationConfig,
    StoppingCriteria,
    StoppingCriteriaList,
    TrOCRConfig,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
)

from pagereader.options import Options
from pagereader.recognize.checkpoint import Checkpoint, load_checkpoint
from pagereader.recognize.engine import Engine
from pagereader.recognize.precision import FP32, choose_device, choose_precision
from pagereader.recognize.preprocess import ImageRules, fit

CPU = torch.device("cpu")
LINES = {
    "cpu": {"bundled": 192, "small": 48, "base": 16},
    "cuda": {"bundled": 2048, "small": 1024, "base": 1024},
}
STOCK_BATCHES = {"cpu": [8, 16, 32], "cuda": [16, 64, 256]}
WORDS = (
    "the of and to in that was his he it with is for as had you not be her on at by which have "
    "or from this him but all she they were my are me one their so an said them we who would "
    "been will no when there if more out up into do any your what has man could other than our "
    "some very time upon about may its only now like little then can made should did us such "
    "great before must two these see know over much down after first good men own never most "
    "government parliament circumstances observation particularly understanding neighbourhood"
)


@dataclass(frozen=True)
class Result:
    """One way of reading: its name, seconds, and what it read."""

    name: str
    seconds: float
    read: list[Any]


def texts(count: int, seed: int = 0) -> list[str]:
    """Return lines as they stand on pages: most of them full, some short ends."""
    random = np.random.default_rng(seed)
    vocabulary, lines = WORDS.split(), []
    for _ in range(count):
        wanted = random.integers(10, 40) if random.random() < 0.3 else random.integers(40, 62)
        words: list[str] = []
        while len(" ".join(words)) < wanted:
            words.append(str(random.choice(vocabulary)))
        lines.append(" ".join(words))
    return lines


def render(text: str, size: int = 30) -> np.ndarray:
    """Return a grey line with a little noise."""
    font = ImageFont.load_default(size=size)
    width = round(font.getlength(text)) + 20
    image = Image.new("L", (width, round(1.5 * size)), 240)
    ImageDraw.Draw(image).text((10, 0.1 * size), text, fill=25, font=font)
    noise = np.random.default_rng(len(text)).normal(0, 4, (image.height, width))
    return (np.asarray(image, np.float32) + noise).clip(0, 255).astype(np.uint8)


def token_counts(count: int, seed: int = 0) -> list[int]:
    """Return lengths in tokens as on pages: 10 to 75, 33 in the mean."""
    random = np.random.default_rng(seed)
    return [int(n) for n in np.clip(random.gamma(5.0, 6.6, count), 10, 75)]


def random_checkpoint(name: str) -> Checkpoint:
    """Return a checkpoint with the true shape of a hub model and random weights."""
    torch.manual_seed(0)
    if name == "base":
        encoder: Any = ViTConfig(image_size=384, qkv_bias=False)
        decoder = TrOCRConfig(cross_attention_hidden_size=768)
    else:
        encoder = DeiTConfig(
            image_size=384,
            hidden_size=384,
            num_attention_heads=6,
            intermediate_size=1536,
        )
        decoder = TrOCRConfig(
            vocab_size=64044,
            d_model=256,
            decoder_layers=6,
            decoder_attention_heads=8,
            decoder_ffn_dim=1024,
            activation_function="relu",
            scale_embedding=True,
            cross_attention_hidden_size=384,
            tie_word_embeddings=False,
        )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 2, 1, 2
    config.tie_word_embeddings = name == "base"
    model = VisionEncoderDecoderModel(config).eval().requires_grad_(False)
    return Checkpoint(
        name=name,
        folder=None,  # type: ignore[arg-type]
        model=model,
        tokenizer=NoTokenizer(),
        image=ImageRules(384, 384, 16, 16),
        start=2,
        ends=frozenset({10**9}),
        pad=1,
        max_new_tokens=80,
        fingerprint="",
    )


class NoTokenizer:
    """Stands in where no text is wanted."""

    all_special_ids = (0, 1, 2)


class StopAt(StoppingCriteria):
    """Ends each line of a stock batch at its own length."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = torch.tensor(lengths)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        """Return which lines are done."""
        del scores
        return input_ids.shape[1] - 1 >= self.lengths.to(input_ids.device)


def timed(name: str, work: Callable[[], list[Any]], device: torch.device) -> Result:
    """Run once and take the processor's time: other programs on the machine count little."""
    start = now(device)
    read = work()
    result = Result(name, now(device) - start, read)
    print(f"  {name}: {result.seconds:.1f} s", file=sys.stderr, flush=True)
    return result


def now(device: torch.device) -> float:
    """Return the seconds that have passed, for the processor or, with a GPU, by the clock."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def forced_stock(checkpoint: Checkpoint, pixels: torch.Tensor, counts: list[int], size: int) -> Any:
    """Read with stock generate in page order, batch by batch."""
    settings = GenerationConfig(
        max_new_tokens=80,
        num_beams=1,
        do_sample=False,
        use_cache=True,
        pad_token_id=1,
        eos_token_id=None,
        decoder_start_token_id=2,
    )
    checkpoint.model.generation_config = settings
    lines: list[list[int]] = []
    for start in range(0, len(counts), size):
        part = counts[start : start + size]
        model = checkpoint.model
        with torch.inference_mode():
            out = model.generate(
                pixels[start : start + size].to(model.device, model.dtype),
                generation_config=settings,
                stopping_criteria=StoppingCriteriaList([StopAt(part)]),
            )
        lines += [row[1 : 1 + n].tolist() for row, n in zip(out, part, strict=True)]
    return lines


def forced_ours(engine: Engine, crops: list[np.ndarray], counts: list[int]) -> list[list[int]]:
    """Read with our encoder and decoder, ending each line at its length."""
    jobs = [job for found in engine._prepare(crops) if isinstance(found, list) for job in found]
    decode = (engine.on_device or engine.decoder).decode
    lines: list[list[int]] = []
    for start in range(0, len(jobs), engine.decoding.size):
        part = jobs[start : start + engine.decoding.size]
        first = start
        decoded = decode(
            [torch.stack(engine._encode(part))],
            80,
            stop=lambda line, tokens, first=first: len(tokens) >= counts[first + line],
        )
        lines += [line.tokens for line in decoded]
    return [line[:count] for line, count in zip(lines, counts, strict=True)]


def compare_shape(name: str, count: int, device: torch.device) -> list[Result]:
    """Compare on a hub model's shape."""
    counts = token_counts(count)
    crops = [render(text) for text in texts(count)]
    engines = engines_for(lambda: random_checkpoint(name), device)
    stock = random_checkpoint(name)
    stock.model.to(device, stock_format(device))
    plain = Engine(random_checkpoint(name), CPU, FP32).encoder
    pixels = torch.cat(
        [plain.normalise(torch.from_numpy(fit(c, plain.rules).pixels)[None]) for c in crops]
    )
    forced_stock(stock, pixels[:2], counts[:2], 2)
    results = [
        timed(
            f"stock, batch {size}",
            lambda size=size: forced_stock(stock, pixels, counts, size),
            device,
        )
        for size in stock_batches(device, count)
    ]
    for title, engine in engines.items():
        warm_up(engine, crops, counts)
        results.append(timed(title, lambda e=engine: forced_ours(e, crops, counts), device))
    return results


def engines_for(load: Callable[[], Checkpoint], device: torch.device) -> dict[str, Engine]:
    """Return ours in the number formats that it has here: exact, by itself, and fast."""
    engines: dict[str, Engine] = {}
    built: set[tuple[str, bool]] = set()
    for name in ("exact", "auto", "fast") if device.type == "cpu" else ("auto",):
        checkpoint = load()
        width = int(checkpoint.model.config.encoder.hidden_size)
        precision, trusting = choose_precision(name, device, width), name != "exact"
        if (precision.name, trusting) in built:
            continue
        built.add((precision.name, trusting))
        engine = Engine(checkpoint, device, precision, trusting=trusting)
        title = f"ours ({precision.name}{', certain lines unchecked' if engine.trusting else ''})"
        engines.setdefault(title, engine)
    return engines


def stock_format(device: torch.device) -> torch.dtype:
    """Return what stock computes in."""
    return choose_precision("exact" if device.type == "cpu" else "auto", device).dtype


def stock_batches(device: torch.device, lines: int) -> list[int]:
    """Return the batches that stock is run with, the smallest first."""
    first, *more = STOCK_BATCHES[device.type]
    return [first, *(size for size in more if size <= lines)]


def warm_up(engine: Engine, crops: list[np.ndarray], counts: list[int]) -> None:
    """Read some lines; on a GPU all of them, so that its graphs are recorded."""
    some = 2 if engine.device.type == "cpu" else len(crops)
    forced_ours(engine, crops[:some], counts[:some])


def read_stock(checkpoint: Checkpoint, crops: list[np.ndarray], size: int) -> list[str]:
    """Read with the stock processor and generate, lines padded to the model's shape."""
    from transformers import TrOCRProcessor

    processor = TrOCRProcessor.from_pretrained(checkpoint.folder)
    settings = GenerationConfig(
        max_new_tokens=checkpoint.max_new_tokens,
        num_beams=1,
        use_cache=True,
        pad_token_id=checkpoint.pad,
        eos_token_id=sorted(checkpoint.ends),
        decoder_start_token_id=checkpoint.start,
    )
    rules = checkpoint.image
    read: list[str] = []
    for start in range(0, len(crops), size):
        images = [padded(crop, rules) for crop in crops[start : start + size]]
        pixels = processor(images=images, return_tensors="pt").pixel_values
        with torch.inference_mode():
            model = checkpoint.model
            out = model.generate(pixels.to(model.device, model.dtype), generation_config=settings)
        read += processor.batch_decode(out, skip_special_tokens=True)
    return read


def padded(crop: np.ndarray, rules: ImageRules) -> Image.Image:
    """Pad a crop on the right to the model's proportions, for code that squashes."""
    height, width = crop.shape
    whole = max(width, round(height * rules.width / rules.height)) if rules.strip else width
    paper = int(np.percentile(crop, 85))
    return Image.fromarray(
        np.pad(crop, ((0, 0), (0, whole - width)), constant_values=paper)
    ).convert("RGB")


def compare_reading(model: str, count: int, device: torch.device) -> list[Result]:
    """Compare whole readings of generated lines with a trained model."""
    crops = [render(text) for text in texts(count)]
    engines = engines_for(lambda: load_checkpoint(model), device)
    stock = load_checkpoint(model)
    stock.model.to(device, stock_format(device))
    for engine in engines.values():
        engine.read(crops[:8] if device.type == "cpu" else crops)
    read_stock(stock, crops[:8], 8)
    results = [
        timed(f"stock, batch {size}", lambda size=size: read_stock(stock, crops, size), device)
        for size in stock_batches(device, count)
    ]
    for name, engine in engines.items():
        results.append(
            timed(name, lambda e=engine: [reading.text for reading in e.read(crops)], device)
        )
    return results


def show(title: str, results: list[Result], lines: int, truth: list[str] | None) -> None:
    """Print a table: lines a second, ratio to stock at its first batch and at its best."""
    stock = [r.seconds for r in results if r.name.startswith("stock")]
    print(f"\n{title}: {lines} lines, {torch.get_num_threads()} threads")
    print(f"{'':24}{'lines/s':>12}{'x first':>11}{'x best':>8}{'same as stock':>15}{'CER':>8}")
    for result in results:
        same = np.mean([a == b for a, b in zip(result.read, results[0].read, strict=True)])
        rate = f"{error_rate(result.read, truth):8.4f}" if truth else ""
        print(
            f"{result.name:24}{lines / result.seconds:12.2f}{stock[0] / result.seconds:11.2f}"
            f"{min(stock) / result.seconds:8.2f}{same:14.0%} {rate}",
            flush=True,
        )


def error_rate(read: list[str], truth: list[str]) -> float:
    """Return the character error rate."""
    from rapidfuzz.distance import Levenshtein

    wrong = sum(Levenshtein.distance(a, b) for a, b in zip(read, truth, strict=True))
    return wrong / sum(map(len, truth))


def main() -> None:
    """Run the comparisons that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["bundled", "small"])
    parser.add_argument("--model", default=Options().model, help="folder for 'bundled'")
    parser.add_argument("--lines", type=int, default=0, help="0 for a number that fits the model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = choose_device(arguments.device)
    for name in arguments.models:
        count = arguments.lines or LINES[device.type][name]
        if name == "bundled":
            results = compare_reading(arguments.model, count, device)
            show(arguments.model, results, count, texts(count))
        else:
            results = compare_shape(name, count, device)
            show(f"trocr-{name}, random weights", results, count, None)


if __name__ == "__main__":
    main()
