"""Limits of an import; a file beyond them is refused."""

from director_ai.errors import ImportRefusedError

MAX_LINE_BYTES = 2**20
"""A line of JSON or CSV; a session of some 20,000 tokens. Parquet has no lines."""

MAX_UPLOAD_BYTES = 64 * 2**20
"""A file that comes as bytes, and a JSON document that spans several lines."""

MAX_FILE_BYTES = 4 * 2**30
"""A file on the disk, read a piece at a time."""

MAX_DECODED_BYTES = 2**30
"""Size that a compressed file may decode to."""

MAX_EXPANSION = 20
"""Times its own size that a Parquet file may decode to, where that is more."""

MAX_COLUMNS = 10_000
MAX_SESSIONS = 2_000_000
MAX_TOKENS = 400_000_000
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
