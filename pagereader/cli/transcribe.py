"""``pagereader INPUT... -o OUTPUT``: the main command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from pagereader import log
from pagereader.archive import MODES, run_archive
from pagereader.archive import progress as progress_display
from pagereader.archive.ledger import results_in
from pagereader.archive.workers import Workers
from pagereader.batch import transcribe
from pagereader.cli.messages import one_line
from pagereader.cli.progress import progress_bar
from pagereader.errors import NothingReadError, OutputError, UsageError
from pagereader.options import ON_ERROR, ORIENTATIONS, PRECISIONS, Options
from pagereader.outputs import STDOUT, OutputPlan, folder_name
from pagereader.pipeline import Reader
from pagereader.sources import InputFile, find_inputs

_DEFAULTS = Options()
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _option(*names: str, help: str, **settings: Any) -> Callable[[_Command], _Command]:
    """A click option whose default is the one of :class:`Options`."""
    key = next(name for name in names if name.startswith("--")).lstrip("-").replace("-", "_")
    if hasattr(_DEFAULTS, key):
        settings.setdefault("default", getattr(_DEFAULTS, key))
        settings.setdefault("show_default", settings["default"] not in (None, "", False))
    return click.option(*names, help=help, **settings)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "-o",
    "--output",
    default=STDOUT,
    metavar="FILE|DIR|-",
    help="Where results go. A name ending in / or an existing folder, several inputs or a "
    "folder as input make it a folder. '-' (the default) is standard output.",
)
@click.option(
    "-f",
    "--format",
    "formats",
    multiple=True,
    metavar="NAME[,NAME...]",
    help="page, alto, hocr, txt, md, json, pdf. Default: by the output's suffix (.xml is PAGE); "
    "page for folders; txt for standard output.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing files; by default they are kept.")
@click.option("-r", "--recursive", is_flag=True, help="Enter folders within folders.")
@_option("--pages", metavar="RANGE", help="Pages of each input, from 1: 1,3-5,8-end.")
@_option("--password", help="Password of encrypted PDFs.")
@_option(
    "--dpi", type=int, help="Resolution at which PDF pages are rendered that are not one image."
)
@_option("--max-pixels", type=int, metavar="N", help="Refuse images with more pixels than this.")
@_option(
    "--orientation",
    type=click.Choice(ORIENTATIONS),
    help="Degrees by which pages must be turned clockwise to be upright.",
)
@_option("--spread", is_flag=True, help="Pages are two-page spreads; the left page is read first.")
@_option("--resegment", is_flag=True, help="Find lines anew where the input already has them.")
@_option("-m", "--model", metavar="NAME", help="bundled, a folder, or a TrOCR model on the hub.")
@_option("-d", "--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.")
@_option("--precision", type=click.Choice(PRECISIONS), help="How exact the arithmetic is.")
@_option("-B", "--batch-size", type=int, metavar="N", help="Lines decoded together.")
@_option("--beams", type=int, metavar="N", help="Beam search width; 1 is greedy and fastest.")
@_option("--alternatives", type=int, metavar="N", help="Keep N other readings of each line.")
@_option(
    "--second-look",
    type=float,
    metavar="SHARE",
    help="Read words of less confidence again, wider and clearer; 0 for never.",
)
@_option("-j", "--jobs", type=int, metavar="N", help="Pages prepared at once. Default: one a core.")
@_option(
    "--reflow",
    is_flag=True,
    help="In plain text, join the lines of a paragraph and words cut at line ends.",
)
@_option("--language", metavar="CODE", help="ISO 639-1 code to note in the results.")
@_option("--segmenter", metavar="NAME", hidden=True, help="Name of an installed segmenter.")
@_option("--recognizer", metavar="NAME", hidden=True, help="Name of an installed recogniser.")
@_option("--on-error", type=click.Choice(ON_ERROR), help="What a failed page does to the run.")
@_option(
    "--max-failed",
    type=float,
    metavar="SHARE",
    help="Into a folder: give up when more than this share of the pages failed.",
)
@_option("--retries", type=int, metavar="N", help="Into a folder: try a failed page N times more.")
@_option(
    "--page-timeout",
    type=float,
    metavar="SECONDS",
    help="Into a folder: longest time for one page.",
)
@click.option(
    "--overlay",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also draw what was found on each page and save it here as PNG.",
)
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Into a folder: leave alone what an earlier run did with the same input, model "
    "and settings.",
)
@click.option(
    "--progress",
    type=click.Choice(MODES),
    default="auto",
    show_default=True,
    help="Into a folder: how to show what happens.",
)
@click.option(
    "--ray",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value="",
    help="Into a folder: spread the pages over a Ray cluster; without an address the one "
    "at hand, or a new one on this machine.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
@click.option("-v", "--verbose", count=True, help="Say more; twice for everything.")
def transcribe_command(
    inputs: tuple[str, ...],
    output: str,
    formats: tuple[str, ...],
    overwrite: bool,
    recursive: bool,
    overlay: Path | None,
    resume: bool,
    progress: str,
    ray: str | None,
    quiet: bool,
    verbose: int,
    **settings: Any,
) -> int:
    """Transcribe scans: PDF, TIFF, JPEG, PNG, WebP, JPEG 2000, or folders of them.

    Several formats come from one reading: -f page,hocr,txt. PAGE and ALTO hold one page a file,
    so a document of several pages gives OUT_0001.xml, OUT_0002.xml and so on; hOCR, text and
    JSON hold the whole document.

    Into a folder, a ledger beside the results accounts for every page: whatever stops a run, the
    same command goes on with what is left. See pagereader status.
    """  # fmt: skip
    log.configure(-1 if quiet else verbose)
    names = {field.name for field in fields(Options)}
    options = Options.of(**{key: value for key, value in settings.items() if key in names})
    files = list(find_inputs(inputs, recursive=recursive))
    if output != STDOUT and any(os.path.isdir(name) for name in inputs):  # noqa: PTH112
        output = folder_name(output)  # however few pages the input holds
    chosen = [name for part in formats for f in part.split(",") if (name := f.strip().lower())]
    plan = OutputPlan(output, chosen, files)
    if plan.folder is not None:
        files = _without_results(files, plan.folder, inputs)
        plan = OutputPlan(output, chosen, files)
    if not files:
        raise NothingReadError(
            f"no page was found in {', '.join(inputs)}", "-r looks into folders within folders, too"
        )
    if plan.folder is not None and overlay is None:
        shown = "quiet" if quiet else progress
        return _into_folder(files, plan, options, overwrite, resume, ray, shown)
    if ray is not None:
        raise UsageError("--ray reads into a folder", "name one with -o FOLDER/")
    with _standard_output(plan.to_stdout) as stdout, progress_bar(quiet) as on_page:
        tally = transcribe(
            Reader(options),
            files,
            plan,
            overwrite=overwrite,
            overlay=overlay,
            stdout=stdout,
            on_page=on_page,
        )
    for failure in tally.failures:
        click.echo(f"pagereader: failed: {one_line(str(failure))}", err=True)
    return int(tally.exit_code)


def _without_results(
    files: Sequence[InputFile], folder: Path, named: Sequence[str]
) -> list[InputFile]:
    """Leave out what an earlier run wrote: an output folder may lie in the input's, or be it."""
    own = results_in(folder)
    return [file for file in files if file.path in named or os.path.realpath(file.path) not in own]


def _into_folder(
    files: Sequence[InputFile],
    plan: OutputPlan,
    options: Options,
    overwrite: bool,
    resume: bool,
    ray: str | None,
    mode: str,
) -> int:
    """Read with a ledger, so that the run can go on after whatever stops it."""
    summary = run_archive(
        files,
        plan,
        options,
        overwrite=overwrite,
        resume=resume,
        workers=None if ray is None else _ray_workers(ray),
        progress=progress_display(mode),
    )
    if mode != "json":
        # Failures were told when they happened; what is left to say is how it all went.
        lines = [line for line in summary.lines() if not line.startswith(("failed:", "skipped:"))]
        in_full = mode != "quiet" and (mode != "auto" or sys.stderr.isatty())
        worth_a_line = bool(summary.exit_code or summary.skipped + summary.pending)
        for line in lines if in_full else lines[:worth_a_line]:
            click.echo(f"pagereader: {one_line(line)}", err=True)
    return int(summary.exit_code)


def _ray_workers(address: str) -> Callable[[Options, Sequence[str]], Workers]:
    from pagereader.archive.ray import RayWorkers

    return lambda options, formats: RayWorkers(options, formats, address=address or None)


@contextmanager
def _standard_output(wanted: bool) -> Iterator[BinaryIO | None]:
    """Give out the real stdout, and send whatever libraries print there to stderr meanwhile."""
    if not wanted:
        yield None
        return
    if sys.stdout is None:
        raise OutputError("standard output is closed", "give -o FILE")
    sys.stdout.flush()
    real = os.dup(1)
    os.dup2(2, 1)
    stream = os.fdopen(os.dup(real), "wb")
    try:
        yield stream
    finally:
        with suppress(OSError):  # what could not be written was told already
            stream.close()
        sys.stdout.flush()
        os.dup2(real, 1)
        os.close(real)
