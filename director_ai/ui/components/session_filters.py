"""Filters of sessions in an address: those of the Sessions page, and of a slice on Tune."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from director_ai.figures.theme import RULE_NAME, RULE_OF_MECHANISM
from director_ai.figures.timestamps import EPOCH, moment
from director_ai.storage.duration import parse_duration
from director_ai.storage.summary import LABELS, ORDERS, OUTCOMES, Order, SessionQuery

RULES: Final = tuple(RULE_OF_MECHANISM)
MINUTE_US: Final = 60_000_000

COLUMNS: Final = (
    "Outcome",
    "When",
    "Coherence",
    "Rules",
    "Halt",
    "Would halt",
    "Closest call",
    "Label",
    "Onset",
    "Delay",
    "Shadow",
    "Model",
    "Source",
    "Tags",
    "Answer",
    "Id",
    "Link",
)
"""Columns of the list, in their usual order."""

_RANGE: Final = re.compile(r"([0-9]{0,9})-([0-9]{0,9})")
_COUNT: Final = re.compile(r" \([0-9,]+\)$")
LONGEST: Final = 300
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Filters:
    """Filters of sessions; every field is a query parameter of an address.

    Attributes
    ----------
    since
        ``"all"``, a span up to now such as ``"36h"`` (m, h, d, w), or an instant in ISO 8601.
    until
        An instant in ISO 8601, or ``""``.
    outcome, rule, label, model, source, tag, group, scorer, author
        Accepted values; see :class:`director_ai.storage.summary.SessionQuery`.
    enforced, shadow, would
        ``"true"``, ``"false"`` or ``""``.
    tokens
        ``"10-200"``, ``"10-"``, ``"-200"`` or ``""``.
    margin
        Closest call at most this; a number or ``""``.
    q
        Text to look for.
    sort
        Order of the list.
    page
        Page of the list, from 1.
    column
        Columns of the list, in this order; empty for all.
    view
        Name of the saved view that the others come from, or ``""``.
    """

    since: str = "all"
    until: str = ""
    outcome: tuple[str, ...] = ()
    rule: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    scorer: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    enforced: str = ""
    shadow: str = ""
    would: str = ""
    tokens: str = ""
    margin: str = ""
    q: str = ""
    sort: Order = "newest"
    page: str = "1"
    column: tuple[str, ...] = ()
    view: str = ""

    def query(self, now_us: int) -> SessionQuery:
        """Return the store query; a relative time span ends at ``now_us``."""
        least, most = _tokens(self.tokens)
        return SessionQuery(
            since_us=_since(self.since, now_us),
            until_us=instant_us(self.until) if self.until else None,
            outcomes=self.outcome,  # type: ignore[arg-type]  # checked when read
            rules=self.rule,
            labels=self.label,
            models=self.model,
            sources=self.source,
            tags=self.tag,
            groups=self.group,
            scorers=self.scorer,
            authors=self.author,
            enforced=_truth(self.enforced),
            shadow_halted=_truth(self.shadow),
            would_halt=_truth(self.would),
            least_tokens=least,
            most_tokens=most,
            most_margin=float(self.margin) if self.margin else None,
            text=self.q,
            order=self.sort,
        )

    def narrowing(self) -> list[str]:
        """Return the names of the filters that exclude sessions.

        >>> Filters(rule=("hard_limit",), sort="closest").narrowing()
        ['rule']
        """
        kept = {"page", "column", "view"}
        if self.sort != "nearest_misses":
            kept.add("sort")
        # Both ends of a range of time go together.
        names = [each.name for each in fields(self) if each.name not in kept | {"until"}]
        return [name for name in names if self.without(name) != self]

    def without(self, name: str) -> "Filters":
        """Return the filters with one parameter at its default."""
        untouched = Filters()
        names = ("since", "until") if name == "since" else (name,)
        return replace(self, **{each: getattr(untouched, each) for each in names})

    def parameters(self) -> dict[str, str | list[str]]:
        """Return the query parameters: only values that differ from the defaults.

        >>> Filters(rule=("hard_limit",), since="7d").parameters()
        {'since': '7d', 'rule': ['hard_limit']}
        """
        untouched = Filters()
        written: dict[str, str | list[str]] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value != getattr(untouched, each.name):
                written[each.name] = list(value) if isinstance(value, tuple) else value
        return written


def read(parameters: Mapping[str, Sequence[str]]) -> tuple[Filters, list[str]]:
    """Parse the query parameters of an address; also return the ones that are invalid.

    Examples
    --------
    >>> read({"rule": ["trend", "nonsense"], "since": ["soon"]})
    (Filters(since='all', until='', outcome=(), rule=('downward_trend',), label=(), model=(), \
source=(), tag=(), group=(), scorer=(), author=(), enforced='', shadow='', would='', tokens='', \
margin='', q='', sort='newest', page='1', column=(), view=''), ["rule 'nonsense'", "since 'soon'"])
    """
    names = {each.name for each in fields(Filters)}
    filters: dict[str, Any] = {}
    problems: list[str] = []
    for name, values in parameters.items():
        if name not in names:
            problems.append(_quoted("parameter", name))
            continue
        good = []
        for value in values:
            read_as = _read_value(name, value)
            if read_as is None:
                problems.append(_quoted(name, value))
            else:
                good.append(read_as)
        if name in _LISTS:
            filters[name] = tuple(dict.fromkeys(good))
        elif good:
            filters[name] = good[-1]
    return Filters(**filters), problems


def choice_values(labels: Mapping[str, str], choice: Sequence[str]) -> tuple[str, ...]:
    """Map chosen labels to their values; a label may carry an outdated count.

    >>> choice_values({"bad": "● Bad"}, ["● Bad (6)"])
    ('bad',)
    """
    value_of = {label: value for value, label in labels.items()}
    return tuple(
        value if value in labels else value_of.get(_COUNT.sub("", value), value) for value in choice
    )


def describe(filters: Filters, name: str, zone: tzinfo = UTC) -> str:
    """Describe one filter in words; the text may quote untrusted values.

    >>> describe(Filters(rule=("hard_limit", "window_avg")), "rule")
    'rule = hard limit or window'
    >>> describe(Filters(since="36h"), "since")
    'time = last 36h'
    """
    if name == "since":
        return f"time = {describe_time(filters.since, filters.until, zone)}"
    value = getattr(filters, name)
    words = value if isinstance(value, tuple) else (value,)
    if name == "rule":
        words = tuple(RULE_NAME[RULE_OF_MECHANISM[word]] for word in words)
    if value in ("true", "false"):
        words = ("yes" if value == "true" else "no",)
    text = " or ".join(words).replace("nearest_misses", "nearest misses")
    return f"{_DISPLAY_NAME.get(name, name)} {'≤' if name == 'margin' else '='} {text}"


def describe_time(since: str, until: str, zone: tzinfo = UTC) -> str:
    """Return a range of time in words, in the reader's time zone.

    >>> describe_time("2026-11-05T10:00:00Z", "2026-11-05T12:30:00Z")
    '2026-11-05 10:00 to 2026-11-05 12:30'
    """
    is_duration = parse_duration(since) is not None
    if since == "all":
        text = ""
    elif is_duration:
        text = f"last {since}"
    else:
        text = _wall_clock(since, zone)
    if until:
        return f"{text} to {_wall_clock(until, zone)}".strip()
    return text if is_duration or not text else f"since {text}"


def instant_us(text: str) -> int | None:
    """Return an ISO 8601 instant in µs since the epoch, or ``None``; without a zone it is UTC."""
    try:
        read_as = datetime.fromisoformat(text)
    except ValueError:
        return None
    if read_as.tzinfo is None:
        read_as = read_as.replace(tzinfo=UTC)
    return (read_as - EPOCH) // timedelta(microseconds=1)


def instant(moment_us: int) -> str:
    """Return an instant as the address has it.

    >>> instant(1_762_336_800_000_000)
    '2025-11-05T10:00:00Z'
    """
    return moment(moment_us).replace(tzinfo=None).isoformat() + "Z"


_LISTS: Final = {each.name for each in fields(Filters) if each.default == ()}
_ALLOWED: Final[Mapping[str, Sequence[str]]] = {
    "outcome": OUTCOMES,
    "rule": RULES,
    "label": LABELS,
    "enforced": ("true", "false"),
    "shadow": ("true", "false"),
    "would": ("true", "false"),
    "column": COLUMNS,
    "sort": ORDERS,
}
_SHORT: Final[Mapping[str, str]] = {
    rule: mechanism for mechanism, rule in RULE_OF_MECHANISM.items()
}
_DISPLAY_NAME: Final = {
    "q": "text",
    "author": "labelled by",
    "shadow": "shadow would halt",
    "would": "would halt",
    "margin": "closest call",
}


def _read_value(name: str, value: str) -> str | None:
    """Normalize a query parameter's value; ``None`` if it is invalid."""
    if not value or len(value) > LONGEST:
        return None
    if name == "rule":
        # Links are written by hand, too.
        value = _SHORT.get(value, value)
    if name in _ALLOWED:
        return value if value in _ALLOWED[name] else None
    if name == "since":
        is_time = value == "all" or parse_duration(value) is not None or _is_instant(value)
        return value if is_time else None
    if name == "until":
        return value if _is_instant(value) else None
    if name == "tokens":
        return value if _RANGE.fullmatch(value) and value != "-" else None
    if name == "margin":
        return value if _is_number(value) else None
    if name == "page":
        return value if re.fullmatch(r"[1-9][0-9]{0,6}", value) else None
    return value


def _is_instant(text: str) -> bool:
    return instant_us(text) is not None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _since(since: str, now_us: int) -> int | None:
    duration_us = parse_duration(since)
    if duration_us is None:
        return None if since == "all" else instant_us(since)
    # Whole minutes, so that the same question is asked more than once.
    return now_us // MINUTE_US * MINUTE_US - duration_us


def _tokens(text: str) -> tuple[int | None, int | None]:
    least, _, most = text.partition("-")
    return int(least) if least else None, int(most) if most else None


def _truth(text: str) -> bool | None:
    return None if not text else text == "true"


def _wall_clock(text: str, zone: tzinfo) -> str:
    return f"{moment(instant_us(text) or 0).astimezone(zone):%Y-%m-%d %H:%M}"


def _quoted(name: str, value: str) -> str:
    return f"{name} {value[:_SHOWN]!r}" + ("…" if len(value) > _SHOWN else "")
