"""Second curves of a store's sessions: the same tokens judged again by another scorer."""

from array import array
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import InvalidRecordError, InvalidScoreError
from director_ai.storage import codec
from director_ai.storage.engine.clock import now_us
from director_ai.storage.engine.schema import rescores, sessions
from director_ai.storage.query import rescore_counts
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.storage.writer import refresh_labels


class Rescore(NamedTuple):
    """A session's scores by another scorer than the one it was recorded with.

    Attributes
    ----------
    id
        The session.
    scorer
        Identity of the scorer.
    scores
        One a token, in [0, 1].
    facts
        Digest of the facts that the scorer had.
    us_a_token
        Microseconds of processor time that a token took.
    """

    id: str
    scorer: ScorerIdentity
    scores: Sequence[float]
    facts: str
    us_a_token: float


def add_rescores(store: Store, batch: Collection[Rescore]) -> None:
    """Keep second curves, all or none; one by the same scorer is replaced.

    The recorded curve stays as it is. A session that was removed meanwhile is passed over.

    Raises
    ------
    InvalidScoreError
        If a score is outside [0, 1] or nan.
    InvalidRecordError
        If there are more or fewer scores than tokens, the session is still being recorded, or
        was recorded with this very scorer.
    """

    def work(connection: Connection) -> None:
        for each in batch:
            _add(connection, each)

    store.transaction(work, durable=True)


def _add(connection: Connection, rescore: Rescore) -> None:
    of = sessions.c
    columns = select(of.key, of.n_tokens, of.ended_by, of.scorer).where(of.id == rescore.id)
    row = connection.execute(columns).one_or_none()
    if row is None:
        return
    key, n_tokens, ended_by, own = row
    scorer = str(rescore.scorer)
    if ended_by is None:
        raise InvalidRecordError(f"session {rescore.id!r} must have ended, it is being recorded")
    if own == scorer:
        raise InvalidRecordError(
            f"scorer must be another than session {rescore.id!r} was recorded with, got {scorer}"
        )
    if len(rescore.scores) != n_tokens:
        raise InvalidRecordError(
            f"scores must be one for each of the {n_tokens:,} tokens of session {rescore.id!r}, "
            f"got {len(rescore.scores):,}"
        )
    for index, score in enumerate(rescore.scores):
        # Written so that nan fails too.
        if not 0.0 <= score <= 1.0:
            raise InvalidScoreError(f"scores[{index}] must be in [0, 1], got {score!r}")
    values = {
        "session": key,
        "scorer": scorer,
        "scores": codec.packed_scores(rescore.scores),
        "facts": rescore.facts,
        "us_a_token": rescore.us_a_token,
        "at_us": now_us(),
    }
    same = (rescores.c.session == key, rescores.c.scorer == scorer)
    connection.execute(delete(rescores).where(*same))
    connection.execute(insert(rescores), {**values, "seal": codec.rescore_seal_of(values)})
    # The session has changed, for whoever keeps its curves in memory.
    refresh_labels(connection, key)


def rescores_of(store: Store, id: str) -> list[Rescore]:
    """Return the second curves of a session, by scorer."""
    of = rescores.c
    statement = (
        select(of.scorer, of.scores, of.facts, of.us_a_token)
        .join(sessions, sessions.c.key == of.session)
        .where(sessions.c.id == id)
        .order_by(of.scorer)
    )
    with store.read() as connection:
        return [
            Rescore(
                id, ScorerIdentity.parse(scorer), codec.unpacked_scores(scores), facts, us_a_token
            )
            for scorer, scores, facts, us_a_token in connection.execute(statement)
        ]


def n_rescored(store: Store, query: SessionQuery | None = None) -> Counter[str]:
    """Return how many sessions of a query have a second curve by each scorer, as it prints."""
    with store.read() as connection:
        return rescore_counts(connection, store.selected(connection, query))


def rescored_ids(store: Store, scorer: ScorerIdentity, facts: str | None) -> set[str]:
    """Return the sessions that have a second curve by a scorer and these facts.

    Parameters
    ----------
    store
        The store.
    scorer
        The scorer.
    facts
        Digest of the facts; ``None`` for those that each session was recorded with.
    """
    of = rescores.c
    statement = (
        select(sessions.c.id)
        .join(rescores, sessions.c.key == of.session)
        .where(of.scorer == str(scorer), of.facts == (sessions.c.facts if facts is None else facts))
    )
    with store.read() as connection:
        return set(connection.execute(statement).scalars())


def costs(store: Store) -> dict[str, float]:
    """Return the median microseconds that a token took each scorer of second curves."""
    of = rescores.c
    by_scorer: dict[str, array[float]] = {}
    with store.read() as connection:
        for scorer, cost in connection.execute(select(of.scorer, of.us_a_token)):
            by_scorer.setdefault(scorer, array("d")).append(cost)
    return {scorer: sorted(values)[len(values) // 2] for scorer, values in by_scorer.items()}
