"""``pagereader train``: teach a recogniser an archive's own hands and types."""

from __future__ import annotations

import shlex
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from pagereader import log
from pagereader.errors import UsageError
from pagereader.training.settings import PRECISIONS, TrainingSettings

_DEFAULTS = TrainingSettings()
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("truth", nargs=-1, metavar="[TRUTH...]")
@click.option("-o", "--output", required=True, type=_FOLDER, help="Folder for the model.")
@click.option(
    "--from",
    "base",
    default=_DEFAULTS.base,
    show_default=True,
    metavar="MODEL",
    help="bundled, a folder, or a TrOCR model on the hub.",
)
@click.option("--new", is_flag=True, help="Start an untrained model of the bundled one's shape.")
@click.option("--val", multiple=True, metavar="TRUTH", help="Ground truth to validate with.")
@click.option(
    "--split",
    type=float,
    default=_DEFAULTS.split,
    show_default=True,
    help="Without --val: share of the pages to validate with.",
)
@click.option("--images", type=_FOLDER, help="Where the images are, if not beside the truth.")
@click.option(
    "--epochs", type=float, help="Passes over the lines; default: 20, or endless with --hours."
)
@click.option("--hours", type=float, help="Fit the whole run into this time.")
@click.option("--learning-rate", type=float, help="Default: 3e-4 by character, else 4e-5.")
@click.option(
    "-B",
    "--batch-size",
    type=int,
    help="Lines of full width a step. Default: 32 for strips, else 8.",
)
@click.option("--evaluate-every", type=int, metavar="STEPS", help="Default: each epoch.")
@click.option(
    "--patience",
    type=int,
    default=_DEFAULTS.patience,
    show_default=True,
    help="Stop after this many evaluations without a better CER.",
)
@click.option(
    "--augment",
    type=float,
    default=_DEFAULTS.augment,
    show_default=True,
    help="Share of the real lines that are varied: slanted, blurred, cut and so on.",
)
@click.option(
    "--average",
    type=int,
    default=_DEFAULTS.average,
    show_default=True,
    help="Steps whose weights are averaged.",
)
@click.option(
    "--ctc-weight",
    type=float,
    default=_DEFAULTS.ctc_weight,
    show_default=True,
    help="Share of the second goal, to spell along the line; by character only.",
)
@click.option(
    "--seed",
    type=int,
    default=_DEFAULTS.seed,
    show_default=True,
    help="Decides everything that is left to chance.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="auto",
    show_default=True,
    help="How exact the arithmetic is.",
)
@click.option("-d", "--device", default="auto", show_default=True, help="auto or cpu.")
@click.option("-j", "--workers", type=int, default=0, help="Processes that prepare lines.")
@click.option(
    "--fonts",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="With --text: also learn from lines drawn in these fonts.",
)
@click.option(
    "--text",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="With --fonts: what the drawn lines say; UTF-8 files or folders.",
)
@click.option(
    "--generated",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="Lines drawn each epoch, or below 1 their share of all. Default: 5000.",
)
@click.option("--skip-bad", is_flag=True, help="Leave out lines that cannot be learned.")
@click.option("--overwrite", is_flag=True, help="Replace a finished model or another run.")
@click.option("-v", "--verbose", count=True, help="Say more; twice for everything.")
def train_command(
    truth: tuple[str, ...],
    output: Path,
    new: bool,
    val: tuple[str, ...],
    images: Path | None,
    fonts: tuple[Path, ...],
    text: tuple[Path, ...],
    generated: float | None,
    overwrite: bool,
    verbose: int,
    **settings: Any,
) -> None:
    """Fine-tune a recogniser on TRUTH: PAGE, ALTO or hOCR with images, or lines.tsv.

    TRUTH are files or folders. Interrupted runs go on when called again. Several GPUs: put
    "accelerate launch -m" before "pagereader train".
    """
    log.configure(verbose)
    if bool(fonts) != bool(text):
        raise UsageError("--fonts and --text go together", "give both or neither")
    if new and settings["base"] != _DEFAULTS.base:
        raise UsageError("--new and --from exclude each other", "give one of them")
    from pagereader.training.run import Material, train

    names = {field.name for field in fields(TrainingSettings)}
    chosen = {name: value for name, value in settings.items() if name in names}
    if new:
        chosen["base"] = str(_new_model(output, chosen["seed"]))
    generator = _generator(fonts, text, chosen["seed"])
    drawn = (generated or 5000) if generator else 0
    material = Material(truth, val, images, generator, drawn)
    result = train(
        material,
        output,
        TrainingSettings(**chosen),
        say=lambda line: click.echo(line, err=True),
        overwrite=overwrite,
        command=shlex.join(["pagereader", *sys.argv[1:]]),
    )
    click.echo(f"{result.folder}: CER {result.cer:.4f} after {result.steps} steps")


def _new_model(output: Path, seed: int) -> Path:
    from pagereader.training.shape import new_checkpoint

    folder = output.with_name(output.name + ".untrained")
    if not (folder / "config.json").is_file():
        new_checkpoint(folder, seed=seed)
    return folder


def _generator(fonts: tuple[Path, ...], text: tuple[Path, ...], seed: int) -> Any:
    if not fonts:
        return None
    from pagereader.training.fonts import find_faces
    from pagereader.training.generator import LineGenerator
    from pagereader.training.text import TextSource

    source = TextSource.read(text)
    return LineGenerator(find_faces(fonts, source.characters), source, seed)
