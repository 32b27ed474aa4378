"""Limits of an import; a file beyond them is refused."""

from director_ai.errors import ImportRefusedError

MAX_LINE_BYTES = 2**20
"""A line of JSON or CSV; a session of some 20,000 tokens. Parquet has no lines."""

MAX_UPLOAD_BYTES = 64 * 2**20
"""A file as it lies on the disk, and a JSON document that spans several lines."""

MAX_DECODED_BYTES = 2**30
"""Size that a compressed file may decode to."""

MAX_COLUMNS = 10_000
MAX_SESSIONS = 50_000
MAX_TOKENS = 10_000_000
MAX_PROBLEMS = 1_000
"""Errors, and warnings, that are listed one by one; more are counted."""


def at_most(name: str, value: float, most: float, unit: str = "bytes", *, advice: str = "") -> None:
    """Refuse a file of which there is too much.

    >>> at_most("a line", 3_000_000, MAX_LINE_BYTES)
    Traceback (most recent call last):
    director_ai.errors.ImportRefusedError: a line must be at most 1,048,576 bytes, got 3,000,000
    """
    if value > most:
        message = f"{name} must be at most {most:,} {unit}, got {value:,}"
        raise ImportRefusedError(f"{message}; {advice}" if advice else message)
