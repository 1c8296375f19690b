"""``pagereader lines``: look at the lines that training would draw."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click

from pagereader.errors import OutputError


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("fonts", type=click.Path(exists=True, path_type=Path))
@click.argument("texts", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="PNG file to write the sheet to.",
)
@click.option(
    "-n",
    "--count",
    default=24,
    show_default=True,
    type=click.IntRange(1, 2000),
    help="Lines to draw.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Decides which lines and how they are drawn.",
)
def lines_command(
    fonts: Path, texts: tuple[Path, ...], output: Path, count: int, seed: int
) -> None:
    """Draw lines of TEXTS in FONTS, degraded as scans are, and save a sheet of them.

    FONTS is a font file or a folder of them, TEXTS are UTF-8 files or folders.
    The texts of the lines are printed in the order of the sheet.
    """
    from pagereader.training.fonts import find_faces
    from pagereader.training.generator import LineGenerator, save_png, sheet
    from pagereader.training.text import TextSource

    source = TextSource.read(texts)
    generator = LineGenerator(find_faces([fonts], source.characters), source, seed)
    drawn = list(islice(generator.lines(), count))
    try:
        output.write_bytes(save_png(sheet(drawn)))
    except OSError as error:
        raise OutputError(
            f"{str(output)!r} cannot be written: {error.strerror}", "check the folder"
        ) from None
    for line in drawn:
        click.echo(line.text)
