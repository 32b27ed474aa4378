"""Timestamps: microseconds since the epoch as ``datetime``, within its range."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A day from either end, so that no time zone leads past it.
_FIRST_US: Final = (datetime(1, 1, 2, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_LAST_US: Final = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def moment(us: int) -> datetime:
    """Return the time in UTC; what lies outside the years 1 to 9999 becomes their end.

    A recorder's clock may say anything.

    >>> moment(1_762_336_800_000_000).isoformat()
    '2025-11-05T10:00:00+00:00'
    >>> moment(-(2**63)).year, moment(2**63).year
    (1, 9999)
    """
    return EPOCH + timedelta(microseconds=min(max(us, _FIRST_US), _LAST_US))
