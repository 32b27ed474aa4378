"""One visit to the review queue: where the reviewer is, what was said, and how to take it back."""

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Literal, NamedTuple

from director_ai.core.records.record import Label
from director_ai.storage.summary import SessionSummary
from director_ai.storage.transfer.csv_cells import guard
from director_ai.ui.review.queue import Queue, similar
from director_ai.ui.review.queue_query import Wanted

Verdict = Literal["right", "false", "late", "unsure", "missed", "passed"]

LABEL_OF: Final[Mapping[Verdict, Label]] = {
    "right": "bad",
    "false": "good",
    "late": "bad",
    "unsure": "unsure",
    "missed": "bad",
    "passed": "good",
}
"""What each verdict on a halt says of the answer."""

VERDICT_NAME: Final[Mapping[Verdict, str]] = {
    "right": "right halt",
    "false": "false halt",
    "late": "too late",
    "unsure": "unsure",
    "missed": "missed",
    "passed": "right to complete",
}


@dataclass(frozen=True, slots=True)
class Given:
    """A verdict as it was given.

    Attributes
    ----------
    verdict, onset, note, author, at_us
        What was said, by whom and when.
    """

    verdict: Verdict
    onset: int | None
    note: str
    author: str
    at_us: int


class Step(NamedTuple):
    """What one undo takes back.

    Attributes
    ----------
    id
        Of the session whose card was on screen.
    keys, author
        Annotations that were written, and by whom.
    before
        What had been given until then to each session concerned.
    note, onset
        The draft that the step used up.
    """

    id: str
    keys: tuple[int, ...]
    author: str
    before: dict[str, Given | None]
    note: str
    onset: int | None


@dataclass(slots=True)
class Visit:
    """A queue that stays as it was when it was opened, and the work on it.

    Attributes
    ----------
    wanted, queue
        What was asked for, and what was found.
    started_s, shown_s
        When the visit began, and when a verdict last brought up a card: monotonic seconds.
    position
        Of the card on screen; the number of cards once the reviewer is through.
    given
        Verdicts by session.
    steps
        What can be undone, oldest first; also of the queues that were open before this one.
    onsets, notes
        Drafts by session.
    cursor
        Token the reviewer points at; ``None`` until it was moved.
    relieved, grouped
        Whether the card shows what it would take, and whether a verdict is for all like it.
    problem
        What the reviewer should hear before going on, or ``""``.
    """

    wanted: Wanted
    queue: Queue
    started_s: float
    shown_s: float = 0.0
    position: int = 0
    given: dict[str, Given] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    onsets: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    cursor: int | None = None
    relieved: bool = False
    grouped: bool = False
    problem: str = ""

    @property
    def card(self) -> SessionSummary | None:
        """The session on screen."""
        cards = self.queue.cards
        return cards[self.position] if self.position < len(cards) else None

    def upcoming(self) -> SessionSummary | None:
        """Return the session that a verdict would bring up."""
        place = self._open_after(self.position)
        return None if place is None else self.queue.cards[place]

    def alike(self) -> list[SessionSummary]:
        """Return the card and those like it that still have no verdict."""
        if self.card is None:
            return []
        card = self.card
        waiting = (one for one in self.queue.cards if one.id == card.id or one.id not in self.given)
        return similar(waiting, card)

    def go(self, position: int) -> None:
        """Show the card at ``position``, as near as there is one."""
        self.position = min(max(0, position), len(self.queue.cards))
        self.cursor = None
        self.relieved = self.grouped = False
        self.problem = ""

    def give(self, ids: Sequence[str], given: Given, keys: Sequence[int]) -> None:
        """Note a verdict that was written, and go on to the next open card."""
        assert self.card is not None
        onset, note = self.onsets.pop(self.card.id, None), self.notes.pop(self.card.id, "")
        before = {name: self.given.get(name) for name in ids}
        self.steps.append(Step(self.card.id, tuple(keys), given.author, before, note, onset))
        self.given.update(dict.fromkeys(ids, given))
        place = self._open_after(self.position)
        self.go(len(self.queue.cards) if place is None else place)

    def undo(self) -> None:
        """Return to the card of the last step, as it was before it, if it is in this queue."""
        step = self.steps.pop()
        places = {card.id: place for place, card in enumerate(self.queue.cards)}
        for name, given in step.before.items():
            if given is None:
                self.given.pop(name, None)
            elif name in places:
                self.given[name] = given
        if step.id not in places:
            self.problem = f"Taken back: what you said of {step.id}, which is not in this queue."
            return
        self.go(places[step.id])
        self.notes[step.id] = step.note
        if step.onset is not None:
            self.onsets[step.id] = step.onset

    def _open_after(self, position: int) -> int | None:
        """Return the next card without a verdict; those skipped come again at the end."""
        cards = self.queue.cards
        for place in chain(range(position + 1, len(cards)), range(min(position, len(cards)))):
            if cards[place].id not in self.given:
                return place
        return None


@dataclass(frozen=True, slots=True)
class Tally:
    """A visit in numbers.

    Attributes
    ----------
    n
        Verdicts of each kind.
    lateness
        Median of halt minus onset over those too late, in tokens; ``None`` without any.
    alone
        False halts by the one rule that held, where only one did.
    minutes
        Since the visit began.
    """

    n: dict[Verdict, int]
    lateness: int | None
    alone: dict[str, int]
    minutes: float

    @classmethod
    def of(cls, visit: Visit, now_s: float) -> "Tally":
        """Return the numbers of a visit."""
        n: dict[Verdict, int] = {}
        alone: dict[str, int] = {}
        late = []
        for card in visit.queue.cards:
            given = visit.given.get(card.id)
            if given is None:
                continue
            n[given.verdict] = n.get(given.verdict, 0) + 1
            if given.verdict == "false" and len(card.rules) == 1:
                alone[card.rules[0]] = alone.get(card.rules[0], 0) + 1
            if given.verdict == "late" and given.onset is not None and card.halt_index is not None:
                late.append(card.halt_index - given.onset)
        lateness = round(statistics.median(late)) if late else None
        return cls(n, lateness, alone, (now_s - visit.started_s) / 60)


def duration(seconds: float) -> str:
    """Return a length of time as people say it.

    >>> duration(8.2), duration(130)
    ('8 s', '2 min 10 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def standup_line(tally: Tally, names: Mapping[str, str]) -> str:
    """Return what happened, in one line; ``names`` says what to call a mechanism.

    >>> tally = Tally({"right": 29, "false": 11, "late": 3}, 14, {"downward_trend": 9}, 17.2)
    >>> standup_line(tally, {"downward_trend": "trend"})
    '43 reviewed in 17 min: 29 right, 11 false (9 by trend alone), 3 late (median 14 tokens).'
    """
    alone = ", ".join(
        f"{count} by {names.get(rule, rule)} alone"
        for rule, count in sorted(tally.alone.items(), key=lambda item: -item[1])
    )
    words = {
        "right": "right",
        "false": "false" + (f" ({alone})" if alone else ""),
        "late": "late" + ("" if tally.lateness is None else f" (median {tally.lateness} tokens)"),
        "missed": "missed",
        "passed": "right to complete",
        "unsure": "unsure",
    }
    said = [f"{tally.n[verdict]} {word}" for verdict, word in words.items() if verdict in tally.n]
    minutes = f"{tally.minutes:.0f} min" if tally.minutes >= 1 else "under a minute"
    return f"{sum(tally.n.values())} reviewed in {minutes}: {', '.join(said) or 'nothing yet'}."


def labels_csv(visit: Visit) -> str:
    """Return the verdicts of a visit as CSV, safe to open in a spreadsheet."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["id", "verdict", "label", "onset", "halt", "rules", "author", "at_us", "note"])
    for card in visit.queue.cards:
        given = visit.given.get(card.id)
        if given is not None:
            table.writerow(
                [
                    guard(card.id),
                    given.verdict,
                    LABEL_OF[given.verdict],
                    given.onset,
                    card.halt_index,
                    " ".join(card.rules),
                    guard(given.author),
                    given.at_us,
                    guard(given.note),
                ]
            )
    return out.getvalue()
