"""Review batch: a fixed queue, its verdicts so far, and their undo steps."""

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
from director_ai.ui.review.queue import Queue
from director_ai.ui.review.queue_query import QueueQuery

Verdict = Literal["right", "false", "late", "unsure", "missed", "passed"]

LABEL_OF: Final[Mapping[Verdict, Label]] = {
    "right": "bad",
    "false": "good",
    "late": "bad",
    "unsure": "unsure",
    "missed": "bad",
    "passed": "good",
}
"""Label of the answer that each verdict implies."""

VERDICT_NAME: Final[Mapping[Verdict, str]] = {
    "right": "right halt",
    "false": "false halt",
    "late": "too late",
    "unsure": "unsure",
    "missed": "missed",
    "passed": "right to complete",
}


@dataclass(frozen=True, slots=True)
class VerdictEntry:
    """Verdict of one reviewer on one session.

    Attributes
    ----------
    verdict, onset, note
        Judgement, token where the answer goes wrong, and remark.
    author, at_us
        Reviewer, and time in µs since the epoch.
    """

    verdict: Verdict
    onset: int | None
    note: str
    author: str
    at_us: int


class UndoStep(NamedTuple):
    """Change that one undo reverts.

    Attributes
    ----------
    id
        Session whose card was on screen.
    keys, author
        Keys of the annotations written, and their author.
    before
        Earlier verdict of each session concerned.
    note, onset
        Draft that the step consumed.
    """

    id: str
    keys: tuple[int, ...]
    author: str
    before: dict[str, VerdictEntry | None]
    note: str
    onset: int | None


@dataclass(slots=True)
class ReviewBatch:
    """Queue fixed when it was opened, with the reviewer's progress.

    Attributes
    ----------
    query, queue
        Query, and the sessions that matched it.
    started_s, shown_s
        Start of the batch, and last time a verdict changed the card: monotonic seconds.
    position
        Index of the card on screen; the number of cards once all are done.
    verdicts
        Verdicts by session id.
    steps
        Undo steps, oldest first; those of earlier batches included.
    onsets, notes
        Drafts by session id.
    cursor
        Token under the cursor; ``None`` until it was moved.
    shows_counterfactual, grouped
        Whether the card shows its counterfactual, and whether a verdict is for its whole incident.
    message
        Message to show before going on, or ``""``.
    """

    query: QueueQuery
    queue: Queue
    started_s: float
    shown_s: float = 0.0
    position: int = 0
    verdicts: dict[str, VerdictEntry] = field(default_factory=dict)
    steps: list[UndoStep] = field(default_factory=list)
    onsets: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    cursor: int | None = None
    shows_counterfactual: bool = False
    grouped: bool = False
    message: str = ""

    @property
    def card(self) -> SessionSummary | None:
        """The session on screen."""
        cards = self.queue.cards
        return cards[self.position] if self.position < len(cards) else None

    def next_card(self) -> SessionSummary | None:
        """Return the session that a verdict would show next."""
        place = self._open_after(self.position)
        return None if place is None else self.queue.cards[place]

    def similar_cards(self) -> list[SessionSummary]:
        """Return the card, and those of its incident that have no verdict yet."""
        if self.card is None:
            return []
        card = self.card
        return [
            other
            for other in self.queue.alike(card.id)
            if other.id == card.id or other.id not in self.verdicts
        ]

    def show(self, position: int) -> None:
        """Show the card at ``position``, as near as there is one.

        Of a queue by cause the first card of an incident stands for all of it, until it is
        labelled.
        """
        self.position = min(max(0, position), len(self.queue.cards))
        self.cursor = None
        self.shows_counterfactual = False
        self.message = ""
        similar = self.similar_cards()
        self.grouped = (
            self.query.order == "cause"
            and not self.query.picked
            and not self.query.is_blind
            and len(similar) > 1
            and self.card == similar[0]
            and similar[0].id not in self.verdicts
        )

    def add_verdict(self, ids: Sequence[str], entry: VerdictEntry, keys: Sequence[int]) -> None:
        """Add a stored verdict, and show the next open card."""
        assert self.card is not None
        onset, note = self.onsets.pop(self.card.id, None), self.notes.pop(self.card.id, "")
        before = {name: self.verdicts.get(name) for name in ids}
        self.steps.append(UndoStep(self.card.id, tuple(keys), entry.author, before, note, onset))
        self.verdicts.update(dict.fromkeys(ids, entry))
        place = self._open_after(self.position)
        self.show(len(self.queue.cards) if place is None else place)
        if len(ids) > 1:
            self.message = (
                f"{len(ids)} sessions labelled {VERDICT_NAME[entry.verdict]}. U takes it back; "
                "K goes back to them one by one, for the exceptions."
            )

    def undo(self) -> None:
        """Return to the card of the last step, as it was before it, if it is in this queue."""
        step = self.steps.pop()
        places = {card.id: place for place, card in enumerate(self.queue.cards)}
        for name, entry in step.before.items():
            if entry is None:
                self.verdicts.pop(name, None)
            elif name in places:
                self.verdicts[name] = entry
        if step.id not in places:
            self.message = f"Taken back: your verdict on {step.id}, which is not in this queue."
            return
        self.show(places[step.id])
        self.notes[step.id] = step.note
        if step.onset is not None:
            self.onsets[step.id] = step.onset

    def _open_after(self, position: int) -> int | None:
        """Return the next card without a verdict; those skipped come again at the end."""
        cards = self.queue.cards
        for place in chain(range(position + 1, len(cards)), range(min(position, len(cards)))):
            if cards[place].id not in self.verdicts:
                return place
        return None


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of a review batch.

    Attributes
    ----------
    n
        Verdicts of each kind.
    lateness
        Median of halt minus onset over those too late, in tokens; ``None`` without any.
    alone
        False halts by the one rule that held, where only one did.
    minutes
        Since the batch began.
    """

    n: dict[Verdict, int]
    lateness: int | None
    alone: dict[str, int]
    minutes: float

    @classmethod
    def of(cls, batch: ReviewBatch, now_s: float) -> "Tally":
        """Count the verdicts of a batch."""
        n: dict[Verdict, int] = {}
        alone: dict[str, int] = {}
        late = []
        for card in batch.queue.cards:
            entry = batch.verdicts.get(card.id)
            if entry is None:
                continue
            n[entry.verdict] = n.get(entry.verdict, 0) + 1
            if entry.verdict == "false" and len(card.rules) == 1:
                alone[card.rules[0]] = alone.get(card.rules[0], 0) + 1
            if entry.verdict == "late" and entry.onset is not None and card.halt_index is not None:
                late.append(card.halt_index - entry.onset)
        lateness = round(statistics.median(late)) if late else None
        return cls(n, lateness, alone, (now_s - batch.started_s) / 60)


def duration(seconds: float) -> str:
    """Format a duration.

    >>> duration(8.2), duration(130)
    ('8 s', '2 min 10 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def standup_line(tally: Tally, names: Mapping[str, str]) -> str:
    """Summarize a batch in one line; ``names`` maps mechanisms to display names.

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
    parts = [f"{tally.n[verdict]} {word}" for verdict, word in words.items() if verdict in tally.n]
    minutes = f"{tally.minutes:.0f} min" if tally.minutes >= 1 else "under a minute"
    return f"{sum(tally.n.values())} reviewed in {minutes}: {', '.join(parts) or 'nothing yet'}."


def labels_csv(batch: ReviewBatch) -> str:
    """Return the verdicts of a batch as CSV, safe to open in a spreadsheet."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["id", "verdict", "label", "onset", "halt", "rules", "author", "at_us", "note"])
    for card in batch.queue.cards:
        entry = batch.verdicts.get(card.id)
        if entry is not None:
            table.writerow(
                [
                    guard(card.id),
                    entry.verdict,
                    LABEL_OF[entry.verdict],
                    entry.onset,
                    card.halt_index,
                    " ".join(card.rules),
                    guard(entry.author),
                    entry.at_us,
                    guard(entry.note),
                ]
            )
    return out.getvalue()
