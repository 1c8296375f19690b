"""What can go wrong, and the exit code each failure ends with.

PagereaderError
├── UsageError        2   the call itself is wrong (page range past the end, unknown format)
├── InputError        3   a file cannot be read at all
├── PageError         1   one page of a readable file failed; its neighbours are fine
├── OutputError       4   a result cannot be written
├── ModelError        5   a model folder or an optional dependency is missing or broken
└── NothingReadError  6   no page at all could be read
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The process's exit codes: part of the stable interface."""

    OK = 0
    """Every page was read."""
    SOME_PAGES_FAILED = 1
    """Some pages failed; the others are written, the failures are listed on stderr."""
    USAGE = 2
    """The command line is wrong."""
    UNREADABLE_INPUT = 3
    """An input file is missing, encrypted, broken or of an unknown kind."""
    OUTPUT = 4
    """A result could not be written."""
    MODEL = 5
    """A model or an optional dependency is missing or broken."""
    NOTHING_READ = 6
    """There were pages, but none could be read."""
    INTERNAL = 70
    """A fault in pagereader itself: please report it."""
    INTERRUPTED = 130
    """Stopped by SIGINT."""
    TERMINATED = 143
    """Stopped by SIGTERM."""


class PagereaderError(Exception):
    """Base of every error raised on purpose.

    Args:
        message: One line saying what is wrong.
        advice: One line saying what to do about it, or empty.
    """

    exit_code: ExitCode = ExitCode.UNREADABLE_INPUT

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message, advice)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} ({self.advice})" if self.advice else self.message


class UsageError(PagereaderError):
    """The request itself makes no sense."""

    exit_code = ExitCode.USAGE


class InputError(PagereaderError):
    """An input file cannot be opened or holds no page."""

    exit_code = ExitCode.UNREADABLE_INPUT


class PageError(PagereaderError):
    """One page could not be read; the document goes on without it."""

    exit_code = ExitCode.SOME_PAGES_FAILED


class OutputError(PagereaderError):
    """A result could not be written."""

    exit_code = ExitCode.OUTPUT


class ModelError(PagereaderError):
    """A recogniser, or a package it needs, is missing or broken."""

    exit_code = ExitCode.MODEL


class NothingReadError(PagereaderError):
    """Not one page could be read."""

    exit_code = ExitCode.NOTHING_READ
