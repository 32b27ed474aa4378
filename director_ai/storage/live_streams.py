"""Streams that are being recorded now, by any process, with their newest scores."""

import json
from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from director_ai.core.halting.policy import HaltPolicy
from director_ai.storage.codec import unpacked_scores
from director_ai.storage.engine.clock import SILENT_US, now_us
from director_ai.storage.engine.schema import bodies, sessions, tokens
from director_ai.storage.recording.session_delta import Token
from director_ai.storage.store import Store
from director_ai.storage.summary import Outcome, outcome

LINGER_US = 10_000_000
"""How long a stream that has ended is still shown among those that have not."""

_c = sessions.c


@dataclass(frozen=True, slots=True)
class LiveStream:
    """A stream that is being recorded, or was a moment ago.

    Attributes
    ----------
    id, source, model, started_us, enforced
        See :class:`director_ai.core.records.record.SessionRecord`.
    policy
        The limits it is judged by.
    outcome
        ``"recording"``, or how it ended.
    n_tokens
        Tokens so far.
    halt_index
        Where it was halted, or would have been; known once it has ended.
    first
        Index of the first score here.
    scores
        The newest scores, oldest first, each in [0, 1].
    silent_s
        Seconds since its recorder wrote of it; more than one or two while it lags.
    """

    id: str
    source: str
    model: str
    started_us: int
    enforced: bool
    policy: HaltPolicy
    outcome: Outcome
    n_tokens: int
    halt_index: int | None
    first: int
    scores: tuple[float, ...]
    silent_s: float = 0.0


def live_streams(store: Store, *, n_last: int = 160) -> list[LiveStream]:
    """Return the streams being recorded and those that ended within ``LINGER_US``.

    Parameters
    ----------
    store
        Where they are recorded. One whose recorder has been silent for ``SILENT_US`` is left out.
    n_last
        Scores to read of each, the newest.

    Returns
    -------
    list of LiveStream
        In the order in which they began.

    Examples
    --------
    >>> from director_ai import StreamingKernel
    >>> from director_ai.storage.recording.recorder import Recorder
    >>> kernel, file = StreamingKernel(), getfixture("tmp_path") / "sessions.db"
    >>> with Recorder(file) as recorder, Store(file) as store:
    ...     stream = kernel.stream(["The", " sky"], lambda text: 0.9)
    ...     event = next(recorder.record(stream, kernel.policy, id="a"))
    ...     done = recorder.flush()
    ...     [(live.id, live.outcome, live.scores) for live in live_streams(store)]
    [('a', 'recording', (0.9,))]
    """
    now = now_us()
    active = _c.changed_us >= now - max(SILENT_US, LINGER_US)
    recording = and_(_c.ended_by.is_(None), _c.changed_us >= now - SILENT_US)
    shown = and_(active, or_(recording, _c.ended_us >= now - LINGER_US))
    names = ("key", "id", "source", "model", "started_us", "enforced", "policy", "ended_by")
    columns = [_c[name] for name in (*names, "n_tokens", "halt_index", "changed_us")]
    newest = (
        select(tokens.c.session, tokens.c.position, tokens.c.score)
        .join(sessions, _c.key == tokens.c.session)
        .where(recording, tokens.c.position >= _c.n_tokens - n_last, tokens.c.score.is_not(None))
        .order_by(tokens.c.session, tokens.c.position)
    )
    ended = select(bodies.c.session, bodies.c.scores).join(sessions, _c.key == bodies.c.session)
    scores: dict[int, tuple[int, list[float]]] = {}
    with store.read() as connection:
        rows = connection.execute(select(*columns).where(shown).order_by(_c.started_us, _c.key))
        streams = rows.mappings().all()
        if not streams:
            return []
        for key, position, score in connection.execute(newest):
            scores.setdefault(key, (position, []))[1].append(score)
        for key, packed in connection.execute(ended.where(shown)):
            whole = unpacked_scores(packed)
            scores[key] = max(0, len(whole) - n_last), list(whole[-n_last:])
    listed = []
    for row in streams:
        first, values = scores.get(row["key"], (0, []))
        listed.append(
            LiveStream(
                id=row["id"],
                source=row["source"],
                model=row["model"],
                started_us=row["started_us"],
                enforced=bool(row["enforced"]),
                policy=HaltPolicy.from_dict(json.loads(row["policy"])),
                outcome=outcome(row["ended_by"]),
                n_tokens=row["n_tokens"],
                halt_index=row["halt_index"],
                first=first,
                scores=tuple(values),
                silent_s=max(0.0, (now - row["changed_us"]) / 1e6),
            )
        )
    return listed


def tokens_from(store: Store, id: str, start: int) -> list[Token]:
    """Return the tokens of a session being recorded, from position ``start`` on.

    None are left here once it is sealed: then :meth:`Store.get` has them all.
    """
    statement = (
        select(*(tokens.c[name] for name in Token._fields))
        .join(sessions, _c.key == tokens.c.session)
        .where(_c.id == id, tokens.c.position >= start)
        .order_by(tokens.c.position)
    )
    with store.read() as connection:
        return [Token(*row) for row in connection.execute(statement)]
