"""Session summary, the row of a list, and the query that selects sessions."""

import json
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import RowMapping

from director_ai.core.halting.reason import MECHANISMS
from director_ai.core.records.record import Ending, Label
from director_ai.core.scoring.identity import ScorerIdentity, as_identity
from director_ai.errors import InvalidQueryError
from director_ai.storage.engine.clock import SILENT_US, now_us
from director_ai.storage.sparkline import curve

Outcome = Literal["halted", "completed", "infrastructure", "recording", "abandoned"]
"""Policy halts; streams that ended by themselves; faults and operator stops, which are never
counted as halts; sessions still coming; and those whose recorder fell silent."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

Order = Literal["newest", "oldest", "closest", "nearest_misses", "lowest", "longest"]
"""Closest: smallest absolute margin first. Nearest misses: those that completed, by margin."""

ORDERS: tuple[Order, ...] = get_args(Order)

UNLABELLED = "none"
"""Stands among labels for a session nobody has annotated."""

LABELS = (*get_args(Label), UNLABELLED)


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """One row of a list of sessions.

    Attributes
    ----------
    key
        Number of the session in its store.
    id, started_us, ended_us, source, model, prompt, group, tags, enforced, text_kept, scorer
        See :class:`director_ai.core.records.record.SessionRecord`.
    ended_by
        How it ended; ``None`` while it is being recorded.
    outcome
        The same in the words of a list.
    n_tokens, n_dropped
        Tokens kept, and tokens the recorder had to drop.
    halt_index, halt_code, rules
        Where it was halted, or would have been, the reason's code, and every rule that held.
    shadow_index
        Where its shadow policy would have halted.
    lowest, average
        Of its scores; ``None`` without any.
    margin, margin_index, margin_rule
        Its closest call: see :func:`director_ai.core.halting.closest_call.closest_call`.
    sparkline
        At most 60 scores, each the lowest of its stretch.
    excerpt
        The first characters of its text.
    label, onset
        Of the newest annotation.
    changed_us
        When its row last changed.
    """

    key: int
    id: str
    started_us: int
    ended_us: int
    source: str
    model: str
    prompt: str
    group: str
    tags: tuple[str, ...]
    enforced: bool
    text_kept: bool
    ended_by: Ending | None
    outcome: Outcome
    n_tokens: int
    n_dropped: int
    halt_index: int | None
    halt_code: str | None
    rules: tuple[str, ...]
    shadow_index: int | None
    lowest: float | None
    average: float | None
    margin: float | None
    margin_index: int | None
    margin_rule: str | None
    sparkline: tuple[float, ...]
    excerpt: str
    label: Label | None
    onset: int | None
    changed_us: int
    scorer: ScorerIdentity

    @classmethod
    def of(cls, row: RowMapping) -> "SessionSummary":
        """Return the summary of a row of ``sessions``."""
        values = {
            entry.name: row[entry.name]
            for entry in fields(cls)
            if entry.name not in ("group", "outcome")
        }
        return cls(
            **{
                **values,
                "group": row["prompt_family"],
                "tags": tuple(json.loads(row["tags"])),
                "rules": tuple(filter(None, row["rules"].split(","))),
                "sparkline": tuple(curve(row["sparkline"])),
                "outcome": outcome(_heard_of(row)),
                "scorer": as_identity(row["scorer"]),
            }
        )


def _time_text(at_us: int) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _heard_of(row: RowMapping) -> Ending | None:
    """Return how a session ended; one whose recorder fell silent is abandoned."""
    ended: Ending | None = row["ended_by"]
    silent = ended is None and row["changed_us"] < now_us() - SILENT_US
    return "abandoned" if silent else ended


def outcome(ended_by: Ending | None) -> Outcome:
    """Return how a session ended in the words of a list.

    >>> outcome("soft_halted"), outcome("fault"), outcome(None)
    ('halted', 'infrastructure', 'recording')
    """
    if ended_by is None:
        return "recording"
    if ended_by in ("halted", "soft_halted"):
        return "halted"
    if ended_by in ("fault", "operator"):
        return "infrastructure"
    return "abandoned" if ended_by == "abandoned" else "completed"


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """Filter and order of sessions. Fields that are empty or ``None`` ask for nothing.

    Attributes
    ----------
    since_us, until_us
        Started at or after, and before; microseconds since the Unix epoch.
    outcomes, rules, labels, models, sources, tags, groups, scorers
        Any of these. ``labels`` may name ``"none"``. A session has the rules that held at its
        halt. Scorers as they print; ``"unknown"`` for sessions that do not tell theirs.
    authors
        Labelled by any of these, whoever labelled it last; ``""`` for labels nobody signed.
    enforced
        Recorded while a kernel was enforcing its limits, or not.
    shadow_halted
        Whether its shadow policy would have halted it.
    would_halt
        Whether the limits it was recorded under break on its scores, enforced or not; the default
        limits where none were recorded. A session without scores is in neither.
    least_tokens, most_tokens
        Tokens, inclusive.
    most_margin
        Closest call at most this.
    text
        Words that stand in its prompt or its answer, whatever their case.
    order
        Which come first.

    Raises
    ------
    InvalidQueryError
        If an outcome, a rule, a label or the order is none there is.

    Examples
    --------
    >>> SessionQuery(order="newest", outcomes=("halted",)).labels
    ()
    >>> SessionQuery(order="best")
    Traceback (most recent call last):
    director_ai.errors.InvalidQueryError: order must be one of newest, oldest, closest, \
nearest_misses, lowest, longest, got 'best'
    """

    since_us: int | None = None
    until_us: int | None = None
    outcomes: tuple[Outcome, ...] = ()
    rules: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    scorers: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    enforced: bool | None = None
    shadow_halted: bool | None = None
    would_halt: bool | None = None
    least_tokens: int | None = None
    most_tokens: int | None = None
    most_margin: float | None = None
    text: str = ""
    order: Order = "newest"

    def __post_init__(self) -> None:
        for name, allowed in (("outcomes", OUTCOMES), ("rules", MECHANISMS), ("labels", LABELS)):
            for value in getattr(self, name):
                if value not in allowed:
                    raise InvalidQueryError(
                        f"{name} must be among {', '.join(allowed)}, got {value!r}"
                    )
        if self.order not in ORDERS:
            raise InvalidQueryError(f"order must be one of {', '.join(ORDERS)}, got {self.order!r}")

    @property
    def slice(self) -> str:
        """The filter of one scorer's sessions, in words; empty where it keeps all of them.

        >>> SessionQuery(models=("small",), scorers=("lexical:coherence@2",)).slice
        'model = small'
        """
        return replace(self, scorers=()).words

    @property
    def words(self) -> str:
        """The filter in words; empty where it keeps every session.

        >>> SessionQuery(models=("small", "large"), since_us=0, most_tokens=200).words
        'from 1970-01-01 00:00 UTC · model = small or large · at most 200 tokens'
        >>> SessionQuery(order="oldest").words
        ''
        """
        parts = [
            *(f"{word} {_time_text(at)}" for word, at in self._times() if at is not None),
            *(f"{word} = {' or '.join(values)}" for word, values in self._lists() if values),
        ]
        if self.enforced is not None:
            parts.append("limits were enforced" if self.enforced else "limits were only watched")
        if self.shadow_halted is not None:
            parts.append(f"shadow policy {'would' if self.shadow_halted else 'would not'} halt")
        if self.least_tokens is not None:
            parts.append(f"at least {self.least_tokens:,} tokens")
        if self.most_tokens is not None:
            parts.append(f"at most {self.most_tokens:,} tokens")
        if self.most_margin is not None:
            parts.append(f"closest call at most {self.most_margin:g}")
        if self.text:
            parts.append(f"text = {self.text}")
        return " · ".join(parts)

    def _times(self) -> tuple[tuple[str, int | None], ...]:
        return ("from", self.since_us), ("until", self.until_us)

    def _lists(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return (
            ("outcome", self.outcomes),
            ("rule", self.rules),
            ("label", self.labels),
            ("model", self.models),
            ("source", self.sources),
            ("tag", self.tags),
            ("group", self.groups),
            ("scorer", self.scorers),
            ("labelled by", tuple(author or "nobody named" for author in self.authors)),
        )

    def of_rates(self) -> "SessionQuery":
        """Return the query for the sessions that rates of halts are taken over.

        Where limits are only watched nothing is halted, and a question about halts, rules or
        labels would choose its own rate: such filters do not count.
        """
        return replace(
            self,
            outcomes=("halted", "completed"),
            enforced=True,
            rules=(),
            labels=(),
            authors=(),
            most_margin=None,
            shadow_halted=None,
            order="newest",
        )


JUDGED = SessionQuery(outcomes=("halted", "completed", "abandoned"))
"""Sessions that limits can be judged by: no faults or operator stops, and none still recording."""

EVERY_SESSION = SessionQuery()
"""Every session there is."""
