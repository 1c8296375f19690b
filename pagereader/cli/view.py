"""``pagereader view RESULT... -o report.html``: look at what was read."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pagereader.document import Page
from pagereader.errors import ExitCode, NothingReadError, OutputError

_EXAMPLES = """\b
pagereader view out/ -o report.html
pagereader view letter_0001.xml letter_0002.xml --open"""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXAMPLES,
)
@click.argument("results", nargs=-1, required=True, metavar="RESULT...")
@click.option(
    "-o",
    "--output",
    default="report.html",
    show_default=True,
    metavar="FILE|-",
    help="The report to write; '-' is standard output.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing report.")
@click.option("--title", metavar="TEXT", help="Title of the report. Default: the results' name.")
@click.option(
    "--images",
    multiple=True,
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look here, too, for page images that are not where the results say.",
)
@click.option(
    "--image-size",
    default=1600,
    show_default=True,
    metavar="N",
    type=click.IntRange(200, 10_000),
    help="Longest side of the images in the report, in pixels.",
)
@click.option("--open", "open_it", is_flag=True, help="Open the report in the web browser.")
def view_command(
    results: tuple[str, ...],
    output: str,
    overwrite: bool,
    title: str | None,
    images: tuple[Path, ...],
    image_size: int,
    open_it: bool,
) -> int:
    """Make one HTML file that shows page images, text and how they belong together.

    RESULT is PAGE-XML, ALTO, hOCR or JSON, or a folder of them; a page that a folder holds in
    several formats is shown once. The report needs no network and no other file.
    """
    from pagereader.view import PageImages, html_parts
    from pagereader.view.results import read_results
    from pagereader.write import write_atomically

    pages = read_results(results)
    folders = {id(result.page): result.file.parent for result in pages}
    find = PageImages(images)
    parts = html_parts(
        [result.page for result in pages],
        lambda page: find(page, folders[id(page)]),
        title if title is not None else _title(results),
        image_size=image_size,
    )
    data = "".join(parts).encode()
    if output == "-":
        if sys.stdout is None:
            raise OutputError("standard output is closed", "give -o FILE")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_atomically(output, data, overwrite)
    if open_it and output != "-":
        click.launch(output)
    return int(_report([result.page for result in pages]))


def _title(results: tuple[str, ...]) -> str:
    first = Path(results[0])
    name = first.stem if first.is_file() else first.resolve().name
    return name if len(results) == 1 else f"{name} and {len(results) - 1} more"


def _report(pages: list[Page]) -> ExitCode:
    """Say which pages cannot be shown with their text, and what the run comes to."""
    from pagereader.cli.messages import one_line

    failed = [page for page in pages if page.error is not None]
    for page in failed:
        click.echo(f"pagereader: failed: {one_line(str(page.error))}", err=True)
    if failed and len(failed) == len(pages):
        raise NothingReadError("no page of these results can be shown", "see the messages above")
    return ExitCode.SOME_PAGES_FAILED if failed else ExitCode.OK
