"""The time as stores keep it, and how long a recording may be silent."""

import time

SILENT_US = 10_000_000
"""A recording not heard of for so long is taken for abandoned: recorders write every second."""


def now_us() -> int:
    """Return the time in microseconds since the Unix epoch."""
    return time.time_ns() // 1000
