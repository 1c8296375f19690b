"""The command line: ``pagereader INPUT... -o OUTPUT`` and its sibling commands."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from pagereader import __version__, log
from pagereader.cli.transcribe import transcribe_command
from pagereader.errors import ExitCode, PagereaderError

EXIT_CODES = """\b
Exit codes: 0 every page read; 1 some pages failed, the others are written;
2 usage; 3 unreadable input; 4 output cannot be written; 5 model or
dependency missing; 6 nothing could be read; 70 internal error;
130 interrupted; 143 terminated."""


class _DefaultGroup(click.Group):
    """A group in which ``pagereader FILE`` means ``pagereader transcribe FILE``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version"}
        if args and args[0] not in self.commands and args[0] not in own:
            args = ["transcribe", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_DefaultGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, package_name="pagereader")
def cli() -> None:
    r"""Turn scanned pages and PDFs into PAGE-XML, ALTO, hOCR and text.

    \b
    pagereader scan.pdf -o scan.xml            one PAGE-XML file a page
    pagereader scan.pdf -o scan.txt            plain text
    pagereader archive/ -r -o out/ -f page,txt  a whole folder, resumable

    Without a command's name, "transcribe" is meant; see pagereader transcribe --help.
    """


cli.add_command(transcribe_command, "transcribe")


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code; every error becomes one clear line."""
    signal.signal(signal.SIGTERM, _terminate)
    arguments = list(sys.argv[1:] if args is None else args)
    try:
        result = cli.main(arguments, prog_name="pagereader", standalone_mode=False)
        code = result if isinstance(result, int) else ExitCode.OK
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except PagereaderError as error:
        complain(error)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("pagereader: interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        code = ExitCode.OUTPUT
    except Exception as error:
        log.logger.debug("internal error", exc_info=error)
        click.echo(f"pagereader: internal error: {type(error).__name__}: {error}", err=True)
        click.echo("  Please report this; -vv shows where it happened.", err=True)
        code = ExitCode.INTERNAL
    sys.exit(int(code))


def complain(error: PagereaderError) -> None:
    """Print what is wrong and what to do about it, on stderr."""
    click.echo(f"pagereader: error: {one_line(error.message)}", err=True)
    if error.advice:
        click.echo(f"  {one_line(error.advice)}", err=True)


def one_line(text: str) -> str:
    """Return ``text`` on one line, with what a terminal could misread made visible."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _terminate(*_: object) -> None:
    raise SystemExit(int(ExitCode.TERMINATED))
