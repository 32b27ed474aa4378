"""Ledger of labels: those of all sealed sessions, of which only what changed is read again."""

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
        self._columns = StoredLabels._make(map(list, labels))
        self._mixed = sum(time % PRIME for time in labels.changed_us)
        self._place()

    def _place(self) -> None:
        keys = self._columns.keys
        self._places = dict(zip(keys, range(len(keys)), strict=True))

    def _take(self, labels: StoredLabels) -> None:
        rows = list(zip(*labels, strict=True))
        if len(rows) > _MOST_CHANGES:
            return
        fresh = [row for row in rows if row[0] not in self._places]
        for row in rows:
            if row[0] in self._places:
                self._replace(self._places[row[0]], row)
        for row in fresh:
            self._insert(row)
        if fresh:
            self._place()

    def _replace(self, place: int, row: tuple[Any, ...]) -> None:
        self._mixed += row[2] % PRIME - self._columns.changed_us[place] % PRIME
        for column, value in zip(self._columns, row, strict=True):
            column[place] = value  # type: ignore[index]  # lists here

    def _insert(self, row: tuple[Any, ...]) -> None:
        key, started_us, changed_us = row[:3]
        keys, starts = self._columns.keys, self._columns.started_us
        place = bisect_left(starts, started_us)
        while place < len(keys) and starts[place] == started_us and keys[place] < key:
            place += 1
        self._mixed += changed_us % PRIME
        for column, value in zip(self._columns, row, strict=True):
            column.insert(place, value)  # type: ignore[attr-defined]  # lists here
