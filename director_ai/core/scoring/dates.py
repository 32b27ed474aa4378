"""Dates written with the name of a month: ``5 May 1821``, ``May 5th, 1821``, ``May 1821``."""

import re
from typing import Final, NamedTuple, Self

_MONTHS: Final = frozenset(
    (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    )
)  # fmt: skip
_JOIN: Final = re.compile(r"[\s,]*")
ORDINAL_ENDINGS: Final = frozenset(("st", "nd", "rd", "th"))
_MAX_DAY: Final = 31


class Date(NamedTuple):
    """A date or the parts of it that the text gives; the year keeps the digits as written."""

    month: str
    day: int | None = None
    year: str | None = None

    def agrees(self, other: Self) -> bool:
        """Return whether both may be the same day: nothing that both say differs.

        >>> Date("May", 5, "1821").agrees(Date("May", None, "1821"))
        True
        >>> Date("May", 5, "1821").agrees(Date("June", 5, "1821"))
        False
        """
        return (
            self.month == other.month
            and (self.day == other.day or self.day is None or other.day is None)
            and (self.year == other.year or self.year is None or other.year is None)
        )


class DateReader:
    """Reads the date that the latest words of a text make up.

    A day counts from its month on where it stands before it. Dates in digits alone are numbers.
    """

    __slots__ = ("_date", "_day")

    def __init__(self) -> None:
        self._day: int | None = None
        self._date: Date | None = None

    def read(self, gap: str, word: str) -> Date | None:
        """Return the date up to and with ``word``; none where the word is no part of a date.

        Parameters
        ----------
        gap
            What stands between the word before and this one.
        word
            As it is written.
        """
        day, date = self._day, self._date
        self._day = self._date = None
        if (day is not None or date is not None) and not _JOIN.fullmatch(gap):
            day = date = None
        if word in _MONTHS:
            self._date = Date(word, day)
        elif word.isdecimal() and len(word) <= 4:
            self._read_number(word, date)
        elif (word in ("of", "the") and date is None) or (word in ORDINAL_ENDINGS and not gap):
            self._day, self._date = day, date
        return self._date

    def _read_number(self, word: str, date: Date | None) -> None:
        is_day = len(word) <= 2 and 1 <= int(word) <= _MAX_DAY
        if date is not None and date.year is None:
            if is_day and date.day is None:
                self._date = date._replace(day=int(word))
            elif len(word) >= 3:
                self._date = date._replace(year=word)
        elif is_day:
            self._day = int(word)
