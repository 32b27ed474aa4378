"""The reviewer's queue: which sessions wait to be looked at, and in which order."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from director_ai.core.halting.reason import MECHANISMS
from director_ai.errors import UnknownSessionError
from director_ai.figures.theme import RULE_OF_MECHANISM
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery, SessionSummary
from director_ai.ui.review.queue_query import LAST_VISIT, ReviewOrder, Wanted

MOST_QUEUED: Final = 500
N_SAMPLED: Final = 20
BAND: Final = 0.05
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
"""What to look at for each reason that is not a limit's."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The sessions of one visit, in order.

    Attributes
    ----------
    cards
        Sessions to review.
    n_found
        How many there are, of which ``cards`` are the first.
    faults
        Infrastructure halts of the same time by code; nobody reviews those.
    """

    cards: tuple[SessionSummary, ...] = ()
    n_found: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)


def open_queue(store: Store, wanted: Wanted, *, now_us: int) -> Queue:
    """Return the queue as it stands now."""
    if wanted.picked:
        cards = list(_picked(store, wanted))
        return Queue(tuple(cards), len(cards))
    query = wanted.query(now_us)
    ids = store.ids(query)
    if wanted.second:
        authors = store.authors(query)
        ids = [name for name in ids if name in authors and wanted.second not in authors[name]]
    if wanted.at_random:
        ids.sort(key=_drawn)
    most = N_SAMPLED if wanted.sought == "completed" else MOST_QUEUED
    cards = _summaries(store, query, ids[:most])
    if wanted.sought != "completed":
        _rank(cards, wanted.order)
    infrastructure = SessionQuery(since_us=query.since_us, outcomes=("infrastructure",))
    codes = Counter(
        card.halt_code or "unknown" for card in store.summaries(infrastructure, limit=10_000)
    )
    return Queue(tuple(cards), len(ids), dict(codes.most_common()))


def _picked(store: Store, wanted: Wanted) -> Iterator[SessionSummary]:
    """Yield the sessions picked by hand that are there and over."""
    for name in wanted.picked[:MOST_QUEUED]:
        try:
            card = store.summary(name)
        except UnknownSessionError:
            continue
        if card.outcome != "recording" and (not wanted.second or _seconded(store, name, wanted)):
            yield card


def _seconded(store: Store, id: str, wanted: Wanted) -> bool:
    """Tell whether others have labelled a session and the second reviewer has not."""
    authors = {said.annotation.author for said in store.annotations(id)}
    return bool(authors) and wanted.second not in authors


def n_waiting(store: Store, visited_us: int | None = None) -> int:
    """Return how many sessions the queue holds that the page opens with."""
    return store.count(Wanted(since=LAST_VISIT, visited_us=visited_us).query(0))


def similar(cards: Iterable[SessionSummary], one: SessionSummary) -> list[SessionSummary]:
    """Return the cards halted by the same rule, by about as much, on the same kind of prompt.

    ``one`` is among them. A session of which neither group nor prompt is known is like no other.
    """
    kind = _kind(one)
    return [card for card in cards if card.id == one.id or (kind and _kind(card) == kind)]


def opening(queue: Queue, wanted: Wanted) -> str:
    """Return what lies ahead, in a sentence or two."""
    n = len(queue.cards)
    if wanted.sought == "completed":
        said = f"{n} of {queue.n_found} completed sessions, drawn at random: did one miss a halt?"
    else:
        rules = Counter(
            RULE_OF_MECHANISM.get(card.halt_code, "other") if card.halt_code else card.outcome
            for card in queue.cards
        )
        said = f"{n} to review: {listed(rules)}." if n else "Nothing to review."
        if n < len(wanted.picked):
            said += f" {len(wanted.picked) - n:,} of those picked cannot be reviewed now."
        elif queue.n_found > n:
            said = f"{said[:-1]} (the first of {queue.n_found:,})."
    if not queue.faults:
        return said
    one = sum(queue.faults.values()) == 1
    wiring = list(queue.faults) == ["kernel_inactive"]
    kind = "a wiring fault" if wiring else "a fault" if one else "faults"
    return f"{said} {listed(queue.faults)} {'is' if one else 'are'} {kind}, see below."


def listed(counts: Mapping[str, int]) -> str:
    """Return counts in words, the largest first.

    >>> listed({"window": 8, "trend": 31})
    '31 trend, 8 window'
    """
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{n} {name}" for name, n in ranked)


def _rank(cards: list[SessionSummary], order: ReviewOrder) -> None:
    """Put halts that are alike by margin with the rarer rule first, or all by rule."""
    codes = Counter(card.halt_code for card in cards)
    ranks: dict[str, int] = {name: rank for rank, name in enumerate(MECHANISMS)}
    if order == "rule":
        cards.sort(key=lambda card: ranks.get(card.halt_code or "", len(ranks)))
    elif order == "closest":
        cards.sort(
            key=lambda card: (
                math.inf if card.margin is None else abs(card.margin),
                codes[card.halt_code],
            )
        )


def _drawn(id: str) -> bytes:
    # By the id alone: what is labelled meanwhile leaves the rest in the order it was drawn in.
    return hashlib.sha256(f"{_SEED}:{id}".encode("utf-8", "surrogatepass")).digest()


def _summaries(store: Store, query: SessionQuery, ids: Sequence[str]) -> list[SessionSummary]:
    """Return the summaries of these ids, in their order."""
    if len(ids) <= N_SAMPLED:
        return [store.summary(name) for name in ids]
    found = {card.id: card for card in store.summaries(query, limit=10 * MOST_QUEUED)}
    return [found.get(name) or store.summary(name) for name in ids]


def _kind(card: SessionSummary) -> tuple[str, int, str] | None:
    family = card.group or card.prompt
    if card.halt_code is None or card.margin is None or not family:
        return None
    return card.halt_code, math.floor(card.margin / BAND), family
