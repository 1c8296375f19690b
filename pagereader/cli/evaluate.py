"""``pagereader evaluate``: how good a transcription, or a recogniser, is."""

from __future__ import annotations

import re
from pathlib import Path

import click

from pagereader import log
from pagereader.cli.messages import one_line
from pagereader.errors import ExitCode, InputError, UsageError
from pagereader.evaluate import Evaluation, TextRules, evaluate, html_report, read_transcripts
from pagereader.evaluate import summary as summary_of
from pagereader.evaluate import tsv as tsv_of
from pagereader.evaluate.normalise import FORMS
from pagereader.options import Options
from pagereader.write import write_atomically


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("truth", metavar="TRUTH")
@click.argument("result", required=False, metavar="[RESULT]")
@click.option("-m", "--model", help="Instead of RESULT: read the true lines with this recogniser.")
@click.option("-d", "--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option(
    "--images",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --model: where the images are, if not beside the truth.",
)
@click.option("--by", metavar="COLUMN", help="With --model and a line list: sum up by 'source'.")
@click.option(
    "--unicode",
    "form",
    type=click.Choice(FORMS),
    default="NFC",
    show_default=True,
    help="Unicode form of both texts, so that é counts as é however it is coded.",
)
@click.option("--ignore-case", is_flag=True, help="Capitals count as small letters.")
@click.option("--ignore-punctuation", is_flag=True, help="Punctuation does not count.")
@click.option(
    "--fold-typography", is_flag=True, help="Curly quotes, dashes and long s count as plain ones."
)
@click.option("--join-hyphens", is_flag=True, help="Join words that are broken at a line's end.")
@click.option("--tsv", type=click.Path(dir_okay=False, path_type=Path), help="Write a table here.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a report here."
)
@click.option("-v", "--verbose", count=True, help="Say more; twice for everything.")
def evaluate_command(
    truth: str,
    result: str | None,
    model: str | None,
    device: str,
    images: Path | None,
    by: str | None,
    form: str,
    ignore_case: bool,
    ignore_punctuation: bool,
    fold_typography: bool,
    join_hyphens: bool,
    tsv: Path | None,
    html: Path | None,
    verbose: int,
) -> int:
    """Compare RESULT with TRUTH: PAGE, ALTO, hOCR, JSON or text, files or folders.

    Files of two folders belong together by their names without suffix; a page with no result
    counts as an empty one. TRUTH may also be a table of line crops (lines.tsv) with --model.
    Exits with 1 if part of TRUTH could not be used: the figures are those of the rest.
    """
    log.configure(verbose)
    if (result is None) == (model is None):
        raise UsageError("give either a RESULT or a --model", "see pagereader evaluate --help")
    if by not in (None, "source", "page"):
        raise UsageError(f"lines cannot be summed up by {by!r}", "by 'source' or by 'page'")
    rules = TextRules(form, ignore_case, ignore_punctuation, fold_typography, join_hyphens)
    if result is not None:
        evaluation = evaluate(read_transcripts(truth), read_transcripts(result), rules)
    else:
        evaluation = _evaluate_model(truth, model or "", device, images, by or "page", rules)
    for line in summary_of(evaluation).split("\n"):
        click.echo(one_line(line))
    if model is not None and len(evaluation.pages) > 1:
        click.echo(_by_page(evaluation))
    if tsv:
        _write(tsv, tsv_of(evaluation))
    if html:
        _write(html, html_report(evaluation, f"{result or model} against {truth}"))
    for name, why in evaluation.unreadable.items():
        click.echo(f"pagereader: not counted: {one_line(name)}: {one_line(why)}", err=True)
    return int(ExitCode.SOME_PAGES_FAILED if evaluation.unreadable else ExitCode.OK)


def _evaluate_model(
    truth: str, model: str, device: str, images: Path | None, by: str, rules: TextRules
) -> Evaluation:
    from pagereader.evaluate.reading import evaluate_recognizer
    from pagereader.evaluate.truthlines import find_truth, read_truth
    from pagereader.stages import load_stage

    options = Options(model=model, device=device)
    recognizer = load_stage("recognizers", options.recognizer).from_options(options)
    files = list(find_truth([truth], images))
    lines = (line for file in files for line in read_truth(file, options))
    evaluation = evaluate_recognizer(
        lines, recognizer, rules, lambda line: line.group if by == "source" else line.page
    )
    if not evaluation.pages:
        raise InputError(f"{truth!r} holds no line with text and image", "check --images")
    evaluation.unreadable |= {
        name: "its image is missing (--images says where to look)"
        for file in files
        for name in file.missing
    }
    return evaluation


def _by_page(evaluation: Evaluation) -> str:
    rows = [
        f"{page.scores.characters.value:.4f}  {page.scores.words.value:.4f}  "
        f"{len(page.lines):6d}  {one_line(page.name)}"
        for page in evaluation.pages
    ]
    return "\n".join(["CER     WER      lines  page", *rows])


def _write(path: Path, text: str) -> None:
    known = re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", text)  # no bytes of a file's name
    write_atomically(path, known.encode("utf-8", "surrogateescape"), overwrite=True)
