"""Clock of the store: microseconds UTC, and the silence that makes a recording abandoned."""

import time

SILENT_US = 10_000_000
"""A recording silent for so long is taken for abandoned: recorders write every second."""


def now_us() -> int:
    """Return the time in microseconds since the Unix epoch."""
    return time.time_ns() // 1000
