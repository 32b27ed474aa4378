"""Rescoring: the stored texts of a store judged again, for a second curve of each session."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from multiprocessing import get_context
from typing import Final, NamedTuple

from director_ai.core.halting.score import as_score
from director_ai.core.records.record import SessionRecord
from director_ai.core.runtime.judged_callback import JudgedCallback
from director_ai.core.scoring.identity import ScorerIdentity, digest_of_parts, identity_of
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.errors import DamagedSessionError, InvalidRequestError, UnknownSessionError
from director_ai.storage.rescores import Rescore, add_rescores, rescored_ids
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery

BATCH: Final = 20
"""Sessions that are kept together: as many are judged again after an interruption."""

Make = Callable[[str], Callable[[str], float]]
"""Makes the callback of one stream from its prompt."""

Open = Callable[[], Make]
"""Opens a scorer, once a process."""


class Skipped(NamedTuple):
    """Sessions of a query that are not judged again, and why.

    Attributes
    ----------
    done
        Have a second curve by the scorer and these facts.
    own
        Were recorded with this scorer.
    without_text
        Were recorded without text or without a token, or are still being recorded.
    damaged
        Ids of those that are not what was sealed.
    """

    done: int
    own: int
    without_text: int
    damaged: tuple[str, ...]


class Rescored(NamedTuple):
    """Result of rescoring.

    Attributes
    ----------
    scorer
        Whose second curves there are now.
    n_sessions
        Sessions that were judged.
    skipped
        The others.
    us_a_token
        Mean microseconds of processor time a token; nan where none was judged.
    """

    scorer: ScorerIdentity
    n_sessions: int
    skipped: Skipped
    us_a_token: float


def scores_of(tokens: Sequence[str], callback: Callable[[str], float]) -> list[float]:
    """Return the score of each token of a finished text, as a stream without delays has them.

    Where a model judges sentences, the last token has the score of the finished text.

    Raises
    ------
    InvalidScoreError
        If a score is none.

    Examples
    --------
    >>> scores_of(["Not", " so."], lambda text: 1 / len(text))
    [0.3333333333333333, 0.14285714285714285]
    """
    scores, text = [], ""
    for token in tokens:
        text += token
        scores.append(as_score(callback(text)))
    if scores and isinstance(callback, JudgedCallback):
        scores[-1] = as_score(callback.final_score(text))
    return scores


def facts_digest(facts: GroundTruthStore) -> str:
    """Return the digest of facts, by which a session's second curve names them.

    >>> facts_digest(GroundTruthStore.from_mapping({"a": "Bees make honey."}))
    '86177c298cb650ed'
    """
    return digest_of_parts(json.dumps(facts.facts, sort_keys=True).encode())


def rescore(
    store: Store,
    open_scorer: Open,
    facts: str,
    query: SessionQuery | None = None,
    *,
    n_processes: int = 1,
    on_session: Callable[[], None] = lambda: None,
) -> Rescored:
    """Judge the sessions of a store again, and keep a second curve of each.

    The recorded curves stay. What is done stays done: after an interruption the rest is judged.

    Parameters
    ----------
    store
        Opened to write.
    open_scorer
        Opens the scorer. Several processes call it each, so that it must be picklable.
    facts
        Digest of the facts that it judges by; see :func:`facts_digest`.
    query
        The sessions; all by default.
    n_processes
        Processes that judge, each with a model of its own.
    on_session
        Called after each session, judged or not.

    Raises
    ------
    InvalidRequestError
        If the scorer does not tell its identity.
    Exception
        Whatever the scorer raises; the sessions judged before are kept.
    """
    make = open_scorer()
    scorer = identity_of(make(""))
    if not scorer.is_known:
        raise InvalidRequestError(
            "scorer must tell its identity, or nobody could choose its curves; "
            "give its callback the attribute scorer_identity"
        )
    reading = _Reading(store, scorer, facts, query or SessionQuery(), on_session)
    judged = (
        map(_Judge(make), reading.records())
        if n_processes == 1
        else _judged_apart(reading.records(), open_scorer, n_processes)
    )
    kept: list[Rescore] = []
    n_sessions = n_tokens = 0
    elapsed_us = 0.0
    try:
        for record, scores, us in judged:
            n_sessions, n_tokens = n_sessions + 1, n_tokens + len(scores)
            elapsed_us += us
            kept.append(Rescore(record.id, scorer, scores, facts, us / len(scores)))
            if len(kept) == BATCH:
                add_rescores(store, kept)
                kept = []
            on_session()
    finally:
        add_rescores(store, kept)
    return Rescored(
        scorer, n_sessions, reading.skipped, elapsed_us / n_tokens if n_tokens else float("nan")
    )


class _Reading:
    """The sessions of a query that are to be judged, and a count of the others."""

    def __init__(
        self,
        store: Store,
        scorer: ScorerIdentity,
        facts: str,
        query: SessionQuery,
        on_skipped: Callable[[], None],
    ) -> None:
        self._store = store
        self._scorer = scorer
        self._ids = store.ids(query)
        self._done = rescored_ids(store, scorer, facts)
        self._on_skipped = on_skipped
        self._n_done = self._n_own = self._n_without_text = 0
        self._damaged: list[str] = []

    @property
    def skipped(self) -> Skipped:
        """Those that were passed over so far."""
        damaged = tuple(self._damaged)
        return Skipped(self._n_done, self._n_own, self._n_without_text, damaged)

    def records(self) -> Iterator[SessionRecord]:
        """Yield the sessions to judge, each as it is needed."""
        for name in self._ids:
            record = self._to_judge(name)
            if record is None:
                self._on_skipped()
            else:
                yield record

    def _to_judge(self, name: str) -> SessionRecord | None:
        if name in self._done:
            self._n_done += 1
            return None
        try:
            record = self._store.get(name)
        except UnknownSessionError:
            # Removed by someone else meanwhile.
            return None
        except DamagedSessionError:
            self._damaged.append(name)
            return None
        if record.scorer == self._scorer:
            self._n_own += 1
            return None
        if record.ended_by is None or not record.text_kept or not record.tokens:
            self._n_without_text += 1
            return None
        return record


_Judged = tuple[SessionRecord, list[float], float]


def _judged_apart(
    records: Iterable[SessionRecord], open_scorer: Open, n_processes: int
) -> Iterator[_Judged]:
    """Yield what other processes make of sessions, in the order in which they are done."""
    waiting = iter(records)
    # Not forked: a model has threads.
    with get_context("spawn").Pool(n_processes, _begin, (open_scorer,)) as pool:
        # A block at a time, as a pool takes all it is given into memory.
        while block := list(islice(waiting, BATCH * n_processes)):
            yield from pool.imap_unordered(_judge, block)


class _Judge:
    """Judges sessions one after the other."""

    def __init__(self, make: Make) -> None:
        self._make = make

    def __call__(self, record: SessionRecord) -> _Judged:
        started_ns = time.process_time_ns()
        scores = scores_of(record.tokens, self._make(record.prompt))
        return record, scores, (time.process_time_ns() - started_ns) / 1e3


_own: list[_Judge] = []
"""Of a process that judges for another."""


def _begin(open_scorer: Open) -> None:
    _own[:] = [_Judge(open_scorer())]


def _judge(record: SessionRecord) -> _Judged:
    return _own[0](record)
