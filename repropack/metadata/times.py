"""Times of a bundle: those of its commit, never of a clock."""

from __future__ import annotations

import datetime

#: The time of files whose source has no commit: the oldest that a zip archive can hold.
OLDEST_TIME_S = 315_532_800


def rfc3339(time_s: int) -> str:
    """Seconds since the epoch as an RFC 3339 time in UTC."""
    return datetime.datetime.fromtimestamp(time_s, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(time_s: int) -> str:
    """The day of it, in UTC."""
    return rfc3339(time_s)[:10]
