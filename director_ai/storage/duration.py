"""Durations as people type them, such as ``36h`` or ``2w``."""

import re
from typing import Final

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_UNIT_US: Final = {
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}


def parse_duration(text: str) -> int | None:
    """Return a duration in microseconds; ``None`` if ``text`` is none.

    Parameters
    ----------
    text
        A positive integer of at most six digits and its unit: minutes, hours, days or weeks.

    Examples
    --------
    >>> parse_duration("36h"), parse_duration("2w"), parse_duration("yesterday")
    (129600000000, 1209600000000, None)
    """
    match = _DURATION.fullmatch(text)
    return None if match is None else int(match[1]) * _UNIT_US[match[2]]
