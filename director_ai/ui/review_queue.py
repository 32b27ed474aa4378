"""The reviewer's queue: which sessions wait to be looked at, and in which order."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from director_ai.core.halting.reason import MECHANISMS
from director_ai.core.runtime.record import Label
from director_ai.figures.theme import RULE_OF_MECHANISM
from director_ai.storage.store import Store
from director_ai.storage.summary import UNLABELLED, Order, Outcome, SessionQuery, SessionSummary

Sought = Literal["halted", "watched", "completed"]
"""Halts; halts of a kernel that only watched; and completed sessions, to look for misses."""

ReviewOrder = Literal["closest", "newest", "rule", "random"]

SOUGHT: Final[dict[Sought, str]] = {
    "halted": "halted",
    "watched": "would have halted",
    "completed": "20 completed, at random",
}
LABELS: Final[tuple[Label, ...]] = ("good", "bad", "unsure")
LABEL_WORDS: Final = {UNLABELLED: "unlabelled", "any": "any label"} | {
    label: f"labelled {label}" for label in LABELS
}
ORDERS: Final[dict[ReviewOrder, str]] = {
    "closest": "closest first",
    "newest": "newest first",
    "rule": "by rule",
    "random": "random",
}
ALL_TIME: Final = "all"
LAST_VISIT: Final = "visit"
SPANS: Final = (LAST_VISIT, ALL_TIME, "1h", "24h", "7d", "30d")
"""Times to choose from; any length such as ``36h`` will do."""

MOST_QUEUED: Final = 500
N_SAMPLED: Final = 20
BAND: Final = 0.05
_SEED: Final = "review"
_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNIT_S: Final = {"m": 60, "h": 3600, "d": 86400}

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
class Wanted:
    """What a reviewer asked to see.

    Attributes
    ----------
    sought
        Which sessions.
    label
        ``"none"``, ``"any"``, or the one they bear.
    since
        How far back they started: ``"36h"``, ``"7d"``, ``"all"``, or ``"visit"``.
    order
        Which come first; a sample of completed sessions is always random.
    second
        The reviewer who wants those that others labelled and they did not; ``""`` for none. It
        stands in place of ``label``.
    visited_us
        When the reviewer's visit before this one began, which ``"visit"`` goes back to;
        ``None`` if this is the first, and so all time.
    """

    sought: Sought = "halted"
    label: str = UNLABELLED
    since: str = ALL_TIME
    order: ReviewOrder = "closest"
    second: str = ""
    visited_us: int | None = None

    @property
    def at_random(self) -> bool:
        """Whether the part reviewed so far stands for the whole."""
        return self.order == "random" or self.sought == "completed"

    def line(self) -> str:
        """Return the queue in words.

        >>> Wanted(since="24h").line()
        'halted · unlabelled · last 24h · closest first'
        """
        label = "labelled by others" if self.second else LABEL_WORDS[self.label]
        order = [] if self.sought == "completed" else [ORDERS[self.order]]
        return " · ".join([SOUGHT[self.sought], label, self._time(), *order])

    def _time(self) -> str:
        if self.since == ALL_TIME or (self.since == LAST_VISIT and self.visited_us is None):
            return "all time"
        return "since your last visit" if self.since == LAST_VISIT else f"last {self.since}"

    def address(self, now_us: int) -> str:
        """Return the query string of a page that shows it, to whoever follows it.

        >>> Wanted(since="24h", order="random").address(0)
        'q=halted&label=none&since=24h&order=random'
        """
        since = self.since
        if since == LAST_VISIT:
            # The visit before is another one to another person.
            back_us = None if self.visited_us is None else now_us - self.visited_us
            since = ALL_TIME if back_us is None else f"{math.ceil(back_us / 3.6e9)}h"
        second = "&second=true" if self.second else ""
        return f"q={self.sought}&label={self.label}&since={since}&order={self.order}{second}"

    def query(self, now_us: int) -> SessionQuery:
        """Return the store's part of it."""
        outcomes: tuple[Outcome, ...] = ("halted",) if self.sought == "halted" else ("completed",)
        labels: tuple[str, ...] = LABELS if self.second else (self.label,)
        if self.label == "any" and not self.second:
            labels = ()
        orders: dict[ReviewOrder, Order] = {"closest": "closest", "rule": "closest"}
        return SessionQuery(
            since_us=self.visited_us if self.since == LAST_VISIT else since_us(self.since, now_us),
            outcomes=outcomes,
            rules=MECHANISMS if self.sought == "watched" else (),
            labels=labels,
            # That order leaves out those a watching kernel would have halted.
            order="nearest_misses"
            if self.sought == "completed"
            else orders.get(self.order, "newest"),
        )


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


def n_waiting(store: Store, visited_us: int | None = None) -> int:
    """Return how many sessions the queue holds that the page opens with."""
    return store.count(Wanted(since=LAST_VISIT, visited_us=visited_us).query(0))


def is_span(text: str) -> bool:
    """Return whether ``text`` says how far back a queue goes.

    >>> is_span("36h"), is_span("all"), is_span("yesterday")
    (True, True, False)
    """
    return text in (ALL_TIME, LAST_VISIT) or _SPAN.fullmatch(text) is not None


def since_us(since: str, now_us: int) -> int | None:
    """Return when ``since`` began, in microseconds since the epoch; ``None`` for all time.

    >>> since_us("36h", 200_000_000_000)
    70400000000
    """
    found = _SPAN.fullmatch(since)
    if found is None:
        return None
    return now_us - int(found[1]) * _UNIT_S[found[2]] * 1_000_000


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
        rules = Counter(RULE_OF_MECHANISM.get(c.halt_code or "", "other") for c in queue.cards)
        said = f"{n} to review: {listed(rules)}." if n else "Nothing to review."
        if queue.n_found > n:
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
