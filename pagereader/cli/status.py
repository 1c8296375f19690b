"""``pagereader status OUT``: how a run stands, also while it runs."""

from __future__ import annotations

from pathlib import Path

import click

from pagereader.archive.summary import status


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def status_command(folder: Path, as_json: bool) -> int:
    """Show the state of the last run into the folder OUT, its failures and its rate.

    Works while the run goes on, after it ended, and after it was killed. Exits with 0 if every
    page is done, 1 if some are failed, skipped or not read yet.
    """
    found = status(folder)
    if as_json:
        click.echo(found.as_json())
    else:
        from pagereader.cli.messages import one_line

        for line in found.lines():
            click.echo(one_line(line))
    bad = found.failed + found.failed_documents + found.skipped + found.pending
    unfinished = found.surveyed < found.inputs or found.outcome != "finished"
    return int(bool(bad) or unfinished)
