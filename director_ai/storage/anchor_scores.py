"""Scores of the anchor set in a store: those that a scorer gave when it was first looked at."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from director_ai.storage.codec import row_seal_of
from director_ai.storage.engine.clock import now_us
from director_ai.storage.engine.schema import settings
from director_ai.storage.store import Store


class KeptScores(NamedTuple):
    """Scores as a store keeps them.

    Attributes
    ----------
    at_us
        When they were taken, in microseconds since the Unix epoch.
    scores
        One a token of the set, each in [0, 1].
    is_first
        Whether they are those that were just handed over.
    """

    at_us: int
    scores: tuple[float, ...]
    is_first: bool


def first_scores(store: Store, name: str, scores: Sequence[float]) -> KeptScores:
    """Return the scores that a store keeps under a name; these, if it keeps none yet.

    Parameters
    ----------
    store
        Where they are kept.
    name
        Of the scorer, and of the version of the set.
    scores
        As they are now.
    """

    def work(connection: Connection) -> KeptScores:
        key = f"anchors {name}"
        statement = select(settings.c.value).where(settings.c.name == key)
        kept: str | None = connection.execute(statement).scalar()
        if kept is not None:
            values = json.loads(kept)
            return KeptScores(values["at_us"], tuple(values["scores"]), is_first=False)
        at_us = now_us()
        row = {"name": key, "value": json.dumps({"at_us": at_us, "scores": list(scores)})}
        connection.execute(insert(settings), {**row, "seal": row_seal_of(row)})
        return KeptScores(at_us, tuple(scores), is_first=True)

    return store.transaction(work)
