"""Text matches: the sessions that hold a text, found once and kept for what is asked next."""

import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, Text, cast, func, or_, select, true

from director_ai.storage.engine.key_set import is_among
from director_ai.storage.engine.schema import bodies, sessions, tokens
from director_ai.storage.engine.text_search import holds_folded

_MOST_TEXTS: Final = 8
_MOST_LOOKED_UP: Final = 1 / 20
"""Share of the sessions up to which their rows are looked up one by one."""
_PRIME: Final = 2**31 - 1

_c = sessions.c
_UNSETTLED: Final = or_(_c.ended_by.is_(None), _c.ended_by == "abandoned")
"""Sessions that may still get tokens: their recorder goes on, or comes back."""

Limit = Callable[[ColumnElement[int]], ColumnElement[bool]]
"""Condition on the number of a session."""

Keys: TypeAlias = "array[int]"
"""Numbers of sessions, 8 bytes each: of a million, a set takes 100 MB."""


class Matches(NamedTuple):
    """Sessions that hold a text.

    Attributes
    ----------
    keys
        Their numbers, or those of all others where these are fewer.
    is_rest
        Whether they are those of all others.
    is_few
        Whether they are few among the sessions of the store.
    """

    keys: Sequence[int]
    is_rest: bool
    is_few: bool

    @property
    def is_all(self) -> bool:
        """Whether they are all sessions."""
        return self.is_rest and not self.keys

    def condition(self) -> ColumnElement[bool]:
        """Return the condition that a row of ``sessions`` is one of them."""
        if self.is_all:
            return true()
        if self.is_rest:
            return ~is_among(_c.key, self.keys, looked_up=False)
        return is_among(_c.key, self.keys, looked_up=self.is_few)


class _Look(NamedTuple):
    """Result of a search, and what tells whether it still stands.

    Attributes
    ----------
    found
        Numbers of the sessions that hold the text, in order.
    last
        Highest number of a session that was looked at.
    fingerprint
        See :func:`_fingerprint`.
    unsettled
        Numbers of those that might get more text.
    matches
        The same as ``found``.
    """

    found: Keys
    last: int
    fingerprint: tuple[int, int]
    unsettled: tuple[int, ...]
    matches: Matches


class TextMatches:
    """Searches of a store, each made once over all text and afterwards over new text alone.

    The text of a session that has ended never changes, so that a look reads the sessions that are
    new, and those that had not ended at the look before. Where one was removed since, or one of a
    lower number came late, as a server may have it, all are read again.
    """

    def __init__(self) -> None:
        self._looks: OrderedDict[str, _Look] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, connection: Connection, text: str) -> Matches:
        """Return the sessions that hold a text, whatever its case, as the connection sees them."""
        with self._lock:
            before = self._looks.get(text)
        known = None
        if before is not None and _fingerprint(connection, before.last) == before.fingerprint:
            known = before
            # Apart: both at once would make SQLite read every text.
            fresh = _search(connection, text, lambda key: key > known.last)
            fresh += _search(
                connection, text, lambda key: is_among(key, known.unsettled, looked_up=True)
            )
        else:
            fresh = _search(connection, text)
        last, unsettled = _open_end(connection)
        if known is not None and known.last == last:
            whole = known.fingerprint
        else:
            whole = _fingerprint(connection, last)
        found = fresh if known is None else _united(known.found, fresh)
        if known is not None and found is known.found and whole == known.fingerprint:
            matches = known.matches
        else:
            matches = _matches(connection, found, whole[0])
        with self._lock:
            self._looks[text] = _Look(found, last, whole, unsettled, matches)
            self._looks.move_to_end(text)
            while len(self._looks) > _MOST_TEXTS:
                self._looks.popitem(last=False)
        return matches


def _search(connection: Connection, text: str, limit: Limit = lambda _: true()) -> Keys:
    """Return the numbers of the sessions within a limit whose prompt or answer holds a text."""
    coming = (
        select(tokens.c.session, tokens.c.text)
        .where(limit(tokens.c.session))
        .order_by(tokens.c.session, tokens.c.position)
        .subquery()
    )
    so_far = func.aggregate_strings(coming.c.text, "")
    statements = (
        select(_c.key).where(holds_folded(_c.prompt, text), limit(_c.key)),
        select(bodies.c.session).where(holds_folded(bodies.c.text, text), limit(bodies.c.session)),
        select(coming.c.session).group_by(coming.c.session).having(holds_folded(so_far, text)),
    )
    return array("q", sorted({key for each in statements for key in _numbers(connection, each)}))


def _united(keys: Keys, more: Keys) -> Keys:
    """Return the numbers of both, in order; ``keys`` themselves where they have them all.

    >>> _united(array("q", [1, 3]), array("q", [2, 3, 4]))
    array('q', [1, 2, 3, 4])
    """
    united = keys
    for key in more:
        place = bisect_left(united, key)
        if place == len(united) or united[place] != key:
            # Others may be reading what was found before.
            united = array("q", united) if united is keys else united
            # Nearly all come at the end: only a session that was not over may have a lower number.
            united.insert(place, key)
    return united


def _numbers(connection: Connection, statement: Select[tuple[int]]) -> Iterable[int]:
    """Return the numbers that a statement selects; in one row, as many rows take far longer."""
    (number,) = statement.subquery().c
    together = select(func.aggregate_strings(cast(number, Text), ","))
    text = connection.execute(together).scalar_one()
    return map(int, text.split(",")) if text else ()


def _open_end(connection: Connection) -> tuple[int, tuple[int, ...]]:
    """Return the highest number of a session, and those of the sessions that may still grow."""
    last = connection.execute(select(func.coalesce(func.max(_c.key), 0))).scalar_one()
    return last, tuple(connection.execute(select(_c.key).where(_UNSETTLED)).scalars())


def _fingerprint(connection: Connection, last: int) -> tuple[int, int]:
    """Return the count of the sessions up to a number and a sum that tells them from others."""
    statement = select(func.count(), func.coalesce(func.sum(_c.key * _c.key % _PRIME), 0))
    # Looked for by its own index, every row of the table would be read.
    n_sessions, mixed = connection.execute(statement.where(_c.key + 0 <= last)).one()
    return int(n_sessions), int(mixed)


def _matches(connection: Connection, keys: Keys, n_sessions: int) -> Matches:
    if 2 * len(keys) <= n_sessions:
        return Matches(keys, is_rest=False, is_few=len(keys) <= _MOST_LOOKED_UP * n_sessions)
    if len(keys) == n_sessions:
        return Matches((), is_rest=True, is_few=False)
    others = select(_c.key).where(~is_among(_c.key, keys, looked_up=False))
    rest = array("q", connection.execute(others).scalars())
    return Matches(rest, is_rest=True, is_few=False)
