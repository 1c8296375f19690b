"""What happens without the right to read or write, also where the tests are run by root."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_VERSION = 0x20080522
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1 << 1, 1 << 2


@contextmanager
def without_rights() -> Iterator[None]:
    """Let permissions count for this thread, as for any user; skip where that cannot be had."""
    if os.geteuid() != 0:
        yield
        return
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        header = (ctypes.c_uint32 * 2)(_VERSION, 0)
        all_rights = (ctypes.c_uint32 * 6)()
        refused = libc.capget(header, all_rights)
        fewer = (ctypes.c_uint32 * 6)(*all_rights)
        fewer[0] &= ~(_DAC_OVERRIDE | _DAC_READ_SEARCH)
        refused = refused or libc.capset(header, fewer)
    except (OSError, AttributeError):
        refused = 1
    if refused:
        pytest.skip("root may read everything")
    try:
        yield
    finally:
        libc.capset(header, all_rights)
