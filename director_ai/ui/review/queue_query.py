"""Query of the review queue: kind of session, label, time span and order."""

import math
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

from director_ai.core.halting.reason import MECHANISMS
from director_ai.core.records.record import Label
from director_ai.storage.duration import parse_duration
from director_ai.storage.summary import UNLABELLED, Order, Outcome, SessionQuery
from director_ai.ui.components.page_links import PICKED

SessionKind = Literal["halted", "watched", "completed", "audit"]
"""Halts; halts of a kernel that only watched; completed sessions, to look for misses; and what
monitoring has drawn."""

ReviewOrder = Literal["cause", "closest", "newest", "rule", "random"]

KIND_NAME: Final[dict[SessionKind, str]] = {
    "halted": "halted",
    "watched": "would have halted",
    "completed": "20 completed, at random",
    "audit": "drawn for the audit",
}
LABELS: Final[tuple[Label, ...]] = ("good", "bad", "unsure")
LABEL_WORDS: Final = {UNLABELLED: "unlabelled", "any": "any label"} | {
    label: f"labelled {label}" for label in LABELS
}
ORDERS: Final[dict[ReviewOrder, str]] = {
    "cause": "by cause",
    "closest": "closest first",
    "newest": "newest first",
    "rule": "by rule",
    "random": "random",
}
ALL_TIME: Final = "all"
LAST_VISIT: Final = "visit"
SPAN_WORDS: Final = {
    LAST_VISIT: "since my last visit",
    ALL_TIME: "at any time",
    "1h": "in the last hour",
    "24h": "in the last 24 hours",
    "7d": "in the last 7 days",
    "30d": "in the last 30 days",
}
"""Spans on offer; any duration such as ``36h`` is accepted."""


@dataclass(frozen=True, slots=True)
class QueueQuery:
    """Selection and order of the review queue.

    Attributes
    ----------
    kind
        Halted, would-be halted or completed sessions, or those drawn for an audit: the oldest day
        first, without their verdict, whatever else is chosen.
    label
        ``"none"``, ``"any"``, or their label.
    since
        Earliest start, before now: ``"36h"``, ``"7d"``, ``"all"``, or ``"visit"``.
    order
        Order of the cards; a sample of completed sessions is always random.
    second
        Second reviewer: only sessions that others labelled and this reviewer did not; ``""`` for
        none. Replaces ``label``.
    picked
        Ids of sessions picked by hand, in their order; beside them only ``second`` is used.
    auditor
        Who labels, for an audit: sessions that this person labelled are left out.
    visited_us
        Start of the reviewer's previous visit, in µs since the epoch, for ``since="visit"``;
        ``None`` on the first visit: all time.
    """

    kind: SessionKind = "halted"
    label: str = UNLABELLED
    since: str = ALL_TIME
    order: ReviewOrder = "cause"
    second: str = ""
    picked: tuple[str, ...] = ()
    auditor: str = ""
    visited_us: int | None = None

    @property
    def at_random(self) -> bool:
        """Whether the part reviewed so far stands for the whole."""
        return not self.picked and (self.order == "random" or self.kind == "completed")

    @property
    def is_blind(self) -> bool:
        """Whether a card hides what the limits made of its session until it has a label."""
        return self.kind == "audit" and not self.picked

    def description(self) -> str:
        """Describe the query in words.

        >>> QueueQuery(since="24h").description()
        'halted · unlabelled · last 24h · by cause'
        """
        if self.picked:
            return f"{len(self.picked):,} picked by hand" + (
                " · labelled by others" if self.second else ""
            )
        if self.is_blind:
            return "drawn for the audit · oldest day first"
        label = "labelled by others" if self.second else LABEL_WORDS[self.label]
        order = [] if self.kind == "completed" else [ORDERS[self.order]]
        return " · ".join([KIND_NAME[self.kind], label, self._time(), *order])

    def _time(self) -> str:
        if self.since == ALL_TIME or (self.since == LAST_VISIT and self.visited_us is None):
            return "all time"
        return "since your last visit" if self.since == LAST_VISIT else f"last {self.since}"

    def query_string(self, now_us: int) -> str:
        """Return the query string of the Review page for this query, valid for any reviewer.

        >>> QueueQuery(since="24h", order="random").query_string(0)
        'q=halted&label=none&since=24h&order=random'
        """
        since = self.since
        if since == LAST_VISIT:
            # The visit before is another one to another person.
            back_us = None if self.visited_us is None else now_us - self.visited_us
            since = ALL_TIME if back_us is None else f"{math.ceil(back_us / 3.6e9)}h"
        second = "&second=true" if self.second else ""
        if self.picked:
            return urlencode([(PICKED, name) for name in self.picked]) + second
        if self.is_blind:
            return "q=audit"
        return f"q={self.kind}&label={self.label}&since={since}&order={self.order}{second}"

    def session_query(self, now_us: int) -> SessionQuery:
        """Return the part of the query that the store answers."""
        outcomes: tuple[Outcome, ...] = ("halted",) if self.kind == "halted" else ("completed",)
        labels: tuple[str, ...] = LABELS if self.second else (self.label,)
        if self.label == "any" and not self.second:
            labels = ()
        orders: dict[ReviewOrder, Order] = dict.fromkeys(("cause", "closest", "rule"), "closest")
        return SessionQuery(
            since_us=self.visited_us if self.since == LAST_VISIT else since_us(self.since, now_us),
            outcomes=outcomes,
            rules=MECHANISMS if self.kind == "watched" else (),
            labels=labels,
            # That order leaves out those a watching kernel would have halted.
            order="nearest_misses"
            if self.kind == "completed"
            else orders.get(self.order, "newest"),
        )


def is_span(text: str) -> bool:
    """Return whether ``text`` is a time span of a queue.

    >>> is_span("36h"), is_span("2w"), is_span("all"), is_span("yesterday")
    (True, True, True, False)
    """
    return text in (ALL_TIME, LAST_VISIT) or parse_duration(text) is not None


def since_us(since: str, now_us: int) -> int | None:
    """Return when ``since`` began, in microseconds since the epoch; ``None`` for all time.

    >>> since_us("36h", 200_000_000_000)
    70400000000
    """
    duration_us = parse_duration(since)
    return None if duration_us is None else now_us - duration_us
