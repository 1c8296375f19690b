"""When an output says it was made: the same input gives the same bytes, so never the clock."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from pagereader.document import Page

UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
"""Written where neither SOURCE_DATE_EPOCH nor the input's own time is known."""


def made(page: Page) -> str:
    """Return the page's date as xs:dateTime in UTC.

    It is the environment's ``SOURCE_DATE_EPOCH`` (reproducible-builds.org) if set, else the time
    the input was last changed, else 1970-01-01.
    """
    return f"{_moment(page).astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def _moment(page: Page) -> datetime:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdecimal() and len(epoch) <= 11:
        return datetime.fromtimestamp(int(epoch), UTC)
    modified = page.source.modified
    if modified is None or not 1000 <= modified.year <= 9998:
        return UNKNOWN
    return modified if modified.tzinfo else modified.replace(tzinfo=UTC)
