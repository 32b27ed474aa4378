"""Ledger of labels: those of all sealed sessions, of which only what changed is read again."""

from array import array
from bisect import bisect_left
from typing import Any, Final

from director_ai.core.records.stored_curve import StoredLabels
from director_ai.storage.reader import PRIME
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery

_MOST_CHANGES: Final = 1_000
"""Sessions that are put in one by one; of more, all are read anew."""


class LabelLedger:
    """Labels of the sessions of a query, kept as of the last look.

    A look reads what changed since the last one, by the time of the change. Where a session was
    removed, or a clock was set back, the sum of all times is another than that of the store, and
    everything is read anew.

    Parameters
    ----------
    store, query
        The sessions.
    """

    def __init__(self, store: Store, query: SessionQuery) -> None:
        self._store, self._query = store, query
        self._take_all(StoredLabels((), (), (), (), (), ()))

    def look(self) -> StoredLabels:
        """Return the labels as they stand; what is returned changes with the next look."""
        store, query = self._store, self._query
        n_sessions, _, mixed = store.stamp(query)
        if self._columns.keys:
            self._take(store.labels(query, since_us=max(self._columns.changed_us)))
        if (len(self._columns.keys), self._mixed) != (n_sessions, mixed):
            self._take_all(store.labels(query))
        return self._columns

    def _take_all(self, labels: StoredLabels) -> None:
        # As numbers of Python they would take five times the room.
        keys, started_us, changed_us = (array("q", column) for column in labels[:3])
        self._columns = StoredLabels(
            *(keys, started_us, changed_us),
            *([*labels.labels], [*labels.onsets], [*labels.tags]),
        )
        self._mixed = sum(time % PRIME for time in labels.changed_us)

    def _take(self, labels: StoredLabels) -> None:
        rows = list(zip(*labels, strict=True))
        if len(rows) > _MOST_CHANGES:
            return
        for row in rows:
            place = self._place_of(*row[:2])
            if place < len(self._columns.keys) and self._columns.keys[place] == row[0]:
                self._replace(place, row)
            else:
                self._insert(place, row)

    def _place_of(self, key: int, started_us: int) -> int:
        """Return where a session is, or would be if it were here."""
        keys, starts = self._columns.keys, self._columns.started_us
        place = bisect_left(starts, started_us)
        while place < len(keys) and starts[place] == started_us and keys[place] < key:
            place += 1
        return place

    def _replace(self, place: int, row: tuple[Any, ...]) -> None:
        self._mixed += row[2] % PRIME - self._columns.changed_us[place] % PRIME
        for column, value in zip(self._columns, row, strict=True):
            column[place] = value  # type: ignore[index]  # arrays and lists here

    def _insert(self, place: int, row: tuple[Any, ...]) -> None:
        self._mixed += row[2] % PRIME
        for column, value in zip(self._columns, row, strict=True):
            column.insert(place, value)  # type: ignore[attr-defined]  # arrays and lists here
