"""How errors are told: one line saying what is wrong, one saying what to do."""

from __future__ import annotations

import click

from pagereader.errors import PagereaderError


def complain(error: PagereaderError) -> None:
    """Print what is wrong and what to do about it, on stderr."""
    click.echo(f"pagereader: error: {one_line(error.message)}", err=True)
    if error.advice:
        click.echo(f"  {one_line(error.advice)}", err=True)


def one_line(text: str) -> str:
    """Return ``text`` on one line, with what a terminal could misread made visible."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
