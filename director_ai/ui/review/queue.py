"""Review queue: sessions that wait for a verdict, in order."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from director_ai.core.halting.reason import MECHANISMS
from director_ai.errors import UnknownSessionError
from director_ai.figures.theme import RULE_OF_MECHANISM
from director_ai.monitoring.audit_labels import audit_queue
from director_ai.storage.halt_evidence import halt_evidence
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery, SessionSummary
from director_ai.ui.review.incidents import incidents
from director_ai.ui.review.queue_query import LAST_VISIT, QueueQuery, ReviewOrder

MOST_QUEUED: Final = 500
N_SAMPLED: Final = 20
_SEED: Final = "review"

FAULT_HINTS: Final[Mapping[str, str]] = {
    "kernel_inactive": "kernel not re-armed after emergency_stop: call reset_state()",
    "cancelled": "the consumer went away, or its task was cancelled",
    "callback_timeout": "scorer unreachable: check its address, its load and its time limit",
    "callback_error": "the scorer raised: its traceback is in the log of director_ai",
    "invalid_score": "the scorer returned something other than a number in [0, 1]",
    "invalid_token": "the source yielded something other than a string",
    "source_error": "the connection to the model broke",
    "token_timeout": "no token, or no score of one, came within the time allowed",
    "total_timeout": "the stream took longer than the total time allowed",
    "limit": "the answer reached max_tokens or max_chars",
}
"""Hint by halt code: the cause of a halt that no limit gave."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Sessions of one review batch, in order.

    Attributes
    ----------
    cards
        Sessions to review.
    n_found
        Sessions that match; ``cards`` are the first of them.
    faults
        Infrastructure halts of the same time by code; nobody reviews those.
    incident_of
        Number of each session's incident by its id, from 0, the largest incident first; see
        :func:`director_ai.ui.review.incidents.incidents`.
    """

    cards: tuple[SessionSummary, ...] = ()
    n_found: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)
    incident_of: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_incidents(self) -> int:
        """Number of incidents."""
        return len(set(self.incident_of.values()))

    def alike(self, id: str) -> list[SessionSummary]:
        """Return the cards of the session's incident, in order; itself among them."""
        incident = self.incident_of.get(id)
        return [
            card
            for card in self.cards
            if card.id == id or (incident is not None and self.incident_of[card.id] == incident)
        ]


def open_queue(store: Store, query: QueueQuery, *, now_us: int) -> Queue:
    """Return the queue as it stands now."""
    if query.picked:
        cards = list(_picked(store, query))
        return Queue(tuple(cards), len(cards), incident_of=_numbers(_incidents(store, cards)))
    if query.is_blind:
        return _audit_queue(store, query.auditor)
    session_query = query.session_query(now_us)
    ids = store.ids(session_query)
    if query.second:
        authors = store.authors(session_query)
        ids = [name for name in ids if name in authors and query.second not in authors[name]]
    if query.at_random:
        ids.sort(key=_random_order)
    most = N_SAMPLED if query.kind == "completed" else MOST_QUEUED
    cards = _summaries(store, session_query, ids[:most])
    if query.kind != "completed":
        _rank(cards, query.order)
    causes = _incidents(store, cards)
    if query.order == "cause" and query.kind != "completed":
        cards = [card for members in causes for card in members]
    infrastructure = SessionQuery(since_us=session_query.since_us, outcomes=("infrastructure",))
    codes = Counter(
        card.halt_code or "unknown" for card in store.summaries(infrastructure, limit=10_000)
    )
    return Queue(tuple(cards), len(ids), dict(codes.most_common()), _numbers(causes))


def _audit_queue(store: Store, auditor: str) -> Queue:
    """Return one round of an audit, each session an incident of its own."""
    cards = []
    ids = audit_queue(store, author=auditor)
    for name in ids:
        # A session that was removed since it was drawn can be labelled no more.
        with suppress(UnknownSessionError):
            cards.append(store.summary(name))
        if len(cards) == N_SAMPLED:
            break
    return Queue(tuple(cards), len(ids), incident_of={card.id: n for n, card in enumerate(cards)})


def _incidents(store: Store, cards: Sequence[SessionSummary]) -> list[list[SessionSummary]]:
    return incidents(cards, halt_evidence(store, [card.id for card in cards]))


def _numbers(causes: Iterable[Sequence[SessionSummary]]) -> dict[str, int]:
    return {card.id: number for number, members in enumerate(causes) for card in members}


def _picked(store: Store, query: QueueQuery) -> Iterator[SessionSummary]:
    """Yield the sessions picked by hand that are there and over."""
    for name in query.picked[:MOST_QUEUED]:
        try:
            card = store.summary(name)
        except UnknownSessionError:
            continue
        if card.outcome != "recording" and (
            not query.second or _needs_second_review(store, name, query)
        ):
            yield card


def _needs_second_review(store: Store, id: str, query: QueueQuery) -> bool:
    """Tell whether others have labelled a session and the second reviewer has not."""
    authors = {entry.annotation.author for entry in store.annotations(id)}
    return bool(authors) and query.second not in authors


def n_waiting(store: Store, visited_us: int | None = None) -> int:
    """Count the sessions of the queue that the page opens with."""
    return store.count(QueueQuery(since=LAST_VISIT, visited_us=visited_us).session_query(0))


def queue_sentence(queue: Queue, query: QueueQuery) -> str:
    """Summarize the queue in one or two sentences."""
    n = len(queue.cards)
    if query.is_blind:
        return f"{n} of {queue.n_found} drawn sessions. Is the answer good or bad?"
    if query.kind == "completed":
        sentence = (
            f"{n} of {queue.n_found} completed sessions, drawn at random: did one miss a halt?"
        )
    else:
        rules = Counter(
            RULE_OF_MECHANISM.get(card.halt_code, "other") if card.halt_code else card.outcome
            for card in queue.cards
        )
        sentence = f"{n} to review: {counts_text(rules)}." if n else "Nothing to review."
        if 0 < queue.n_incidents < n:
            causes = "1 cause" if queue.n_incidents == 1 else f"{queue.n_incidents} causes"
            sentence = f"{n} to review, of {causes}: {counts_text(rules)}."
        if n < len(query.picked):
            sentence += f" {len(query.picked) - n:,} of those picked cannot be reviewed now."
        elif queue.n_found > n:
            sentence = f"{sentence[:-1]} (the first of {queue.n_found:,})."
    if not queue.faults:
        return sentence
    n_faults = sum(queue.faults.values())
    kind = "wiring fault" if list(queue.faults) == ["kernel_inactive"] else "fault"
    return f"{sentence} {n_faults:,} {kind}{'s' * (n_faults != 1)}, see below."


def counts_text(counts: Mapping[str, int]) -> str:
    """Return counts in words, the largest first.

    >>> counts_text({"window": 8, "trend": 31})
    '31 trend, 8 window'
    """
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{n} {name}" for name, n in ranked)


def _rank(cards: list[SessionSummary], order: ReviewOrder) -> None:
    """Sort by distance to the limit with the rarer rule first, or by rule."""
    codes = Counter(card.halt_code for card in cards)
    ranks: dict[str, int] = {name: rank for rank, name in enumerate(MECHANISMS)}
    if order == "rule":
        cards.sort(key=lambda card: ranks.get(card.halt_code or "", len(ranks)))
    elif order in ("cause", "closest"):
        cards.sort(
            key=lambda card: (
                math.inf if card.margin is None else abs(card.margin),
                codes[card.halt_code],
            )
        )


def _random_order(id: str) -> bytes:
    # By the id alone: what is labelled meanwhile leaves the rest in the order it was drawn in.
    return hashlib.sha256(f"{_SEED}:{id}".encode("utf-8", "surrogatepass")).digest()


def _summaries(
    store: Store, session_query: SessionQuery, ids: Sequence[str]
) -> list[SessionSummary]:
    """Return the summaries of these ids, in their order."""
    if len(ids) <= N_SAMPLED:
        return [store.summary(name) for name in ids]
    cards = {card.id: card for card in store.summaries(session_query, limit=10 * MOST_QUEUED)}
    return [cards.get(name) or store.summary(name) for name in ids]
