"""The command line: ``pagereader INPUT... -o OUTPUT`` and its sibling commands."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NoReturn

import click

from pagereader import __version__, log
from pagereader.cli.messages import complain
from pagereader.errors import ExitCode, OutputError, PagereaderError, UsageError

EXIT_CODES = """\b
Exit codes: 0 every page read; 1 some pages failed, the others are written;
2 usage; 3 unreadable input; 4 output cannot be written; 5 model or
dependency missing; 6 nothing could be read; 70 internal error;
130 interrupted; 143 terminated."""


COMMANDS = {
    "transcribe": "Transcribe scans; the command meant when none is named.",
    "status": "Show how far a run over a folder is, and what failed.",
    "view": "Make a page to look at results beside their scans.",
    "evaluate": "Compare results, or a model, with ground truth.",
    "train": "Train a recogniser on ground truth.",
    "lines": "Look at generated training lines.",
}


class _DefaultGroup(click.Group):
    """A group in which ``pagereader FILE`` means ``pagereader transcribe FILE``.

    Each command is imported when it is called, so that none pays for another's packages.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"pagereader.cli.{cmd_name}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Go quietly when nobody reads on (``| head``); click would say 1, some pages failed."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)  # for what Python flushes at its end
            os.close(nowhere)
            raise click.exceptions.Exit(int(ExitCode.OUTPUT)) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version"}
        if args and args[0] not in COMMANDS:
            _refuse_misspelt(args[0])
        if args and args[0] not in COMMANDS and args[0] not in own:
            args = ["transcribe", *args]
        return super().parse_args(ctx, args)


def _refuse_misspelt(name: str) -> None:
    """Refuse what can only be meant as a command: ``stauts out/`` would read the folder anew."""
    if name.isalpha() and not os.path.lexists(name):
        for meant in get_close_matches(name.lower(), COMMANDS, 1, 0.75):
            raise UsageError(f"no command or file is called {name!r}", f"{meant!r} is a command")


@click.group(
    cls=_DefaultGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, package_name="pagereader")
def cli() -> None:
    """Turn scanned pages and PDFs into PAGE-XML, ALTO, hOCR and text.

    \b
    pagereader scan.pdf -o scan.xml            one PAGE-XML file a page
    pagereader scan.pdf -o scan.txt            plain text
    pagereader archive/ -r -o out/ -f page,txt  a whole folder, resumable

    Without a command's name, "transcribe" is meant; see pagereader transcribe --help.
    """  # noqa: D301  \b keeps click from refilling the lines


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code; every error becomes one clear line."""
    signal.signal(signal.SIGTERM, _terminate)
    _stand_in_for_closed_streams()
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
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            complain(OutputError(f"cannot write: {error.strerror}", "make room on the disk"))
            sys.exit(int(ExitCode.OUTPUT))
        log.logger.debug("internal error", exc_info=error)
        click.echo(f"pagereader: internal error: {type(error).__name__}: {error}", err=True)
        click.echo("  Please report this; -vv shows where it happened.", err=True)
        code = ExitCode.INTERNAL
    sys.exit(int(code))


def _stand_in_for_closed_streams() -> None:
    """Keep the descriptors 0 to 2 from going to files, into which libraries would print."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def _terminate(*_: object) -> None:
    raise SystemExit(int(ExitCode.TERMINATED))
