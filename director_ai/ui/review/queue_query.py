"""What a reviewer asks to see: which sessions, how far back, and in which order."""

import math
import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

from director_ai.core.halting.reason import MECHANISMS
from director_ai.core.records.record import Label
from director_ai.storage.summary import UNLABELLED, Order, Outcome, SessionQuery

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
PICKED: Final = "pick"
"""The address's word for a session picked by hand."""

ALL_TIME: Final = "all"
LAST_VISIT: Final = "visit"
SPANS: Final = (LAST_VISIT, ALL_TIME, "1h", "24h", "7d", "30d")
"""Times to choose from; any length such as ``36h`` will do."""

_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNIT_S: Final = {"m": 60, "h": 3600, "d": 86400}


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
    picked
        The ids of sessions picked by hand, in their order; of all the rest only ``second`` counts.
    visited_us
        When the reviewer's visit before this one began, which ``"visit"`` goes back to;
        ``None`` if this is the first, and so all time.
    """

    sought: Sought = "halted"
    label: str = UNLABELLED
    since: str = ALL_TIME
    order: ReviewOrder = "closest"
    second: str = ""
    picked: tuple[str, ...] = ()
    visited_us: int | None = None

    @property
    def at_random(self) -> bool:
        """Whether the part reviewed so far stands for the whole."""
        return not self.picked and (self.order == "random" or self.sought == "completed")

    def line(self) -> str:
        """Return the queue in words.

        >>> Wanted(since="24h").line()
        'halted · unlabelled · last 24h · closest first'
        """
        if self.picked:
            return f"{len(self.picked):,} picked by hand" + (
                " · labelled by others" if self.second else ""
            )
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
        if self.picked:
            return urlencode([(PICKED, name) for name in self.picked]) + second
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
