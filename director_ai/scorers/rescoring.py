"""Rescoring: the stored texts of a store judged again, for a second curve of each session."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from multiprocessing import get_context
from typing import Final, NamedTuple

from director_ai.core.halting.score import as_score
from director_ai.core.records.record import SessionRecord
from director_ai.core.runtime.judged_callback import JudgedCallback
from director_ai.core.scoring.fact_set import FactSet
from director_ai.core.scoring.identity import ScorerIdentity, identity_of
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.errors import DamagedSessionError, InvalidRequestError, UnknownSessionError
from director_ai.storage.rescores import Rescore, add_rescores, rescored_ids
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery

BATCH: Final = 20
"""Sessions that are kept together: as many are judged again after an interruption."""

_SENT_TOGETHER: Final = 5

Make = Callable[[GroundTruthStore, str], Callable[[str], float]]
"""Makes the callback of one stream from its facts and its prompt."""

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
    without_facts
        Have no facts in the store to be held against.
    damaged
        Ids of those that are not what was sealed.
    """

    done: int
    own: int
    without_text: int
    without_facts: int
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


def rescore(
    store: Store,
    open_scorer: Open,
    query: SessionQuery | None = None,
    *,
    facts: GroundTruthStore | None = None,
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
    query
        The sessions; all by default.
    facts
        Facts for all of them. By default each is held against those that it was recorded with, and
        one without any is left out.
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

    Examples
    --------
    >>> from director_ai.core.records.record_json import from_line
    >>> from director_ai.scorers.scorer_string import StreamScorer
    >>> line = '{"id": "a", "tokens": ["Bees", " sing."], "scores": [0.9, 0.8],'
    >>> line += '"facts": {"texts": {"bees": "Bees make honey."}}}'
    >>> with Store(getfixture("tmp_path") / "sessions.db") as store:
    ...     store.add([from_line(line)])
    ...     rescore(store, lambda: StreamScorer("lexical")).n_sessions
    1
    1
    """
    make = open_scorer()
    scorer = identity_of(make(GroundTruthStore.with_demo_facts(), ""))
    if not scorer.is_known:
        raise InvalidRequestError(
            "scorer must tell its identity, or nobody could choose its curves; "
            "give its callback the attribute scorer_identity"
        )
    given = None if facts is None else facts.fact_set
    reading = _Reading(store, scorer, given, query or SessionQuery(), on_session)
    judged = (
        map(_Judge(make, given), reading.records())
        if n_processes == 1
        else _judged_apart(reading.records(), open_scorer, given, n_processes)
    )
    kept: list[Rescore] = []
    n_sessions = n_tokens = 0
    elapsed_us = 0.0
    try:
        for each in judged:
            n_sessions, n_tokens = n_sessions + 1, n_tokens + len(each.scores)
            elapsed_us += each.us_a_token * len(each.scores)
            kept.append(each)
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
        facts: FactSet | None,
        query: SessionQuery,
        on_skipped: Callable[[], None],
    ) -> None:
        self._store = store
        self._scorer = scorer
        self._ids = store.ids(query)
        # Whoever judges has their texts: they are not sent along with each session.
        self._facts = None if facts is None else facts.without_texts()
        self._done = rescored_ids(store, scorer, None if facts is None else facts.digest)
        self._on_skipped = on_skipped
        self._n: Counter[str] = Counter()
        self._damaged: list[str] = []

    @property
    def skipped(self) -> Skipped:
        """Those that were passed over so far."""
        n = self._n
        return Skipped(
            n["done"], n["own"], n["without_text"], n["without_facts"], tuple(self._damaged)
        )

    def records(self) -> Iterator[SessionRecord]:
        """Yield the sessions to judge, each as it is needed, with the facts to judge it by."""
        for name in self._ids:
            if name in self._done:
                self._n["done"] += 1
                self._on_skipped()
                continue
            try:
                record = self._store.get(name)
            except UnknownSessionError:
                # Removed by someone else meanwhile.
                self._on_skipped()
                continue
            except DamagedSessionError:
                self._damaged.append(name)
                self._on_skipped()
                continue
            if self._facts is not None:
                record = replace(record, facts=self._facts)
            reason = self._reason_to_skip(record)
            if reason is None:
                yield record
            else:
                self._n[reason] += 1
                self._on_skipped()

    def _reason_to_skip(self, record: SessionRecord) -> str | None:
        if record.scorer == self._scorer:
            return "own"
        if record.ended_by is None or not record.text_kept or not record.tokens:
            return "without_text"
        has_facts = self._facts is not None or (record.facts is not None and record.facts.texts)
        return None if has_facts else "without_facts"


def _judged_apart(
    records: Iterable[SessionRecord], open_scorer: Open, facts: FactSet | None, n_processes: int
) -> Iterator[Rescore]:
    """Yield what other processes make of sessions, in the order in which they are done."""
    waiting = iter(records)
    # Not forked: a model has threads.
    with get_context("spawn").Pool(n_processes, _begin, (open_scorer, facts)) as pool:
        # A block at a time, as a pool takes all it is given into memory.
        while block := list(islice(waiting, BATCH * n_processes)):
            # Of several that are sent together, the facts that they share are sent once.
            yield from pool.imap_unordered(_judge, block, _SENT_TOGETHER)


class _Judge:
    """Judges sessions one after the other, by their own facts or by these."""

    def __init__(self, make: Make, facts: FactSet | None) -> None:
        self._make = make
        self._facts = None if facts is None else _opened(facts)

    def __call__(self, record: SessionRecord) -> Rescore:
        assert record.facts is not None
        facts = _opened(record.facts) if self._facts is None else self._facts
        started_ns = time.process_time_ns()
        callback = self._make(facts, record.prompt)
        scores = scores_of(record.tokens, callback)
        us = (time.process_time_ns() - started_ns) / 1e3
        scorer, digest = identity_of(callback), record.facts.digest
        return Rescore(record.id, scorer, scores, digest, us / len(scores))


@lru_cache(maxsize=8)
def _opened(facts: FactSet) -> GroundTruthStore:
    assert facts.texts is not None
    return GroundTruthStore.from_mapping(facts.texts)


_own: list[_Judge] = []
"""Of a process that judges for another."""


def _begin(open_scorer: Open, facts: FactSet | None) -> None:
    _own[:] = [_Judge(open_scorer(), facts)]


def _judge(record: SessionRecord) -> Rescore:
    return _own[0](record)
