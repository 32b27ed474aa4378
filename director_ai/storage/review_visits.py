"""Review visits of a person, told apart by the pauses between their labels."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from sqlalchemy import select

from director_ai.storage.engine.schema import annotations, sessions
from director_ai.storage.store import Store

HOUR_US: Final = 3_600_000_000
PAUSE_US: Final = 4 * HOUR_US
"""Labels further apart than this are of two visits."""


def label_times(store: Store, author: str) -> list[int]:
    """Return when a person labelled, the newest first; microseconds since the Unix epoch."""
    at_us = annotations.c.at_us
    statement = select(at_us).where(annotations.c.author == author).order_by(at_us.desc())
    with store.read() as connection:
        return list(connection.execute(statement).scalars())


def visit_before(times_us: Iterable[int], now: int) -> int | None:
    """Return when the visit before the one going on at ``now`` began.

    Parameters
    ----------
    times_us
        When the person labelled, the newest first.
    now
        The same unit.

    Returns
    -------
    int or None
        An hour before its first label, as what was still being recorded then had no halt to show;
        ``None`` without a visit before.

    Examples
    --------
    >>> hours = (40, 39, 18, 17)
    >>> visit_before([hour * HOUR_US for hour in hours], 41 * HOUR_US) == 16 * HOUR_US
    True
    """
    last, began = now, None
    for at_us in times_us:
        if last - at_us > PAUSE_US:
            if began is not None:
                break
            began = at_us
        elif began is not None:
            began = at_us
        last = at_us
    return None if began is None else began - HOUR_US


class LabelStep(NamedTuple):
    """Labels that one person gave in one step.

    Attributes
    ----------
    at_us
        Time in microseconds since the Unix epoch.
    keys, ids
        Keys of the annotations, and the ids of their sessions, in the same order.
    """

    at_us: int
    keys: tuple[int, ...]
    ids: tuple[str, ...]


def label_steps(store: Store, author: str, *, since_us: int, most: int = 50) -> list[LabelStep]:
    """Return the steps in which a person has labelled since a time, the oldest first.

    Labels of one time are of one step; at most the ``most`` newest steps.
    """
    given = annotations.c
    statement = (
        select(given.at_us, given.key, sessions.c.id)
        .join(sessions, sessions.c.key == given.session)
        .where(given.author == author, given.at_us >= since_us)
        .order_by(given.at_us, given.key)
    )
    with store.read() as connection:
        rows = list(connection.execute(statement))
    steps = [
        LabelStep(at_us, *zip(*((key, name) for _, key, name in labels), strict=True))
        for at_us, labels in groupby(rows, key=itemgetter(0))
    ]
    return steps[-most:]
