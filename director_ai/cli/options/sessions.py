"""Options that select sessions, and the store query they make."""

import argparse
import math
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from director_ai.core.halting.reason import MECHANISMS
from director_ai.storage.duration import parse_duration

if TYPE_CHECKING:
    from argparse import _ArgumentGroup

    from director_ai.storage.summary import SessionQuery

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORT = {"hard": MECHANISMS[0], "window": MECHANISMS[1], "trend": MECHANISMS[2]}
_MOST = 2**31 - 1


def add_slice(parser: ArgumentParser, *, by_scorer: bool = True) -> None:
    """Add the options that select a part of an archive, by its origin and not by its results.

    Parameters
    ----------
    parser, by_scorer
        As of :func:`add_filters`.
    """
    _add_slice(_group(parser), by_scorer=by_scorer)


def add_filters(parser: ArgumentParser, *, by_scorer: bool = True) -> None:
    """Add the options that select sessions; a repeated one accepts any of its values.

    Parameters
    ----------
    parser
        Gets the options.
    by_scorer
        Whether ``--scorer`` is one of them; else the command has one of its own.
    """
    group = _group(parser)
    _add_slice(group, by_scorer=by_scorer)
    _several(group, "--outcome", "halted, completed, infrastructure, recording or abandoned")
    group.add_argument(
        "--rule",
        action="append",
        default=[],
        type=_rule,
        metavar="RULE",
        help="broken at the halt: hard_limit, window_avg or downward_trend",
    )
    _several(group, "--label", "good, bad, unsure, or none for those without a label")
    kinds = group.add_mutually_exclusive_group()
    kinds.add_argument(
        "--enforced", action="store_true", default=None, help="recorded with limits that stop"
    )
    kinds.add_argument(
        "--observed",
        dest="enforced",
        action="store_false",
        help="recorded with limits that only watch",
    )
    group.add_argument(
        "--shadow-halted",
        action="store_true",
        default=None,
        help="its shadow policy would have halted it",
    )
    group.add_argument(
        "--would-halt",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="its limits break on its scores, enforced or not",
    )
    group.add_argument("--max-margin", type=_margin, metavar="X", help="closest call at most X")
    group.add_argument("--min-tokens", type=count, metavar="N", help="at least N tokens")
    group.add_argument("--max-tokens", type=count, metavar="N", help="at most N tokens")
    group.add_argument(
        "--sort",
        default="newest",
        metavar="ORDER",
        help="newest, oldest, closest, nearest_misses, lowest or longest (default: newest)",
    )


def _group(parser: ArgumentParser) -> "_ArgumentGroup":
    return parser.add_argument_group("which sessions (all that are given must hold)")


def _several(group: "_ArgumentGroup", name: str, text: str) -> None:
    metavar = name.removeprefix("--").replace("-", "_").upper()
    group.add_argument(name, action="append", default=[], metavar=metavar, help=text)


def _add_slice(group: "_ArgumentGroup", *, by_scorer: bool = True) -> None:
    _several(group, "--model", "of this model")
    _several(group, "--source", "from this source")
    if by_scorer:
        _several(group, "--scorer", "scored by this scorer; unknown for those that do not tell")
    else:
        group.set_defaults(scorer=[])
    _several(group, "--tag", "with this tag")
    _several(group, "--group", "of this group")
    group.add_argument(
        "--author",
        action="append",
        default=[],
        metavar="AUTHOR",
        help='labelled by AUTHOR; "" for labels nobody signed',
    )
    group.add_argument(
        "--since", type=moment_us, metavar="WHEN", help="started in the last 24h or 7d, or since"
    )
    group.add_argument(
        "--until", type=moment_us, metavar="WHEN", help="started before; 2026-11-05T10:00, UTC"
    )
    group.add_argument("--text", default="", help="words in its prompt or its answer")


def slice_of(args: Namespace) -> "SessionQuery":
    """Return the store query of the options of :func:`add_slice`."""
    # Half a second of imports, which parsing the options can do without.
    from director_ai.storage.summary import SessionQuery

    return SessionQuery(
        since_us=args.since,
        until_us=args.until,
        models=tuple(args.model),
        sources=tuple(args.source),
        tags=tuple(args.tag),
        groups=tuple(args.group),
        scorers=tuple(args.scorer),
        authors=tuple(args.author),
        text=args.text,
    )


def query_of(args: Namespace) -> "SessionQuery":
    """Return the store query of the options.

    Raises
    ------
    InvalidQueryError
        If an outcome, a label or the order is none there is.
    """
    return replace(
        slice_of(args),
        outcomes=tuple(args.outcome),
        rules=tuple(args.rule),
        labels=tuple(args.label),
        enforced=args.enforced,
        shadow_halted=args.shadow_halted,
        would_halt=args.would_halt,
        least_tokens=args.min_tokens,
        most_tokens=args.max_tokens,
        most_margin=args.max_margin,
        order=args.sort,
    )


def moment_us(text: str) -> int:
    """Return a time in microseconds since the Unix epoch; a span such as ``24h`` ends now.

    >>> moment_us("1970-01-01T00:00:01")
    1000000
    """
    duration_us = parse_duration(text)
    if duration_us is not None:
        return time.time_ns() // 1000 - duration_us
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"time must be a span such as 24h or 7d (m, h, d, w) or ISO 8601, got {text!r}"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def count(text: str, least: int = 0) -> int:
    """Return a whole number that a database can hold."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not least <= number <= _MOST:
        raise ArgumentTypeError(f"must be a whole number >= {least}, got {text!r}")
    return number


def positive(text: str) -> int:
    """Return a whole number of at least one."""
    return count(text, 1)


def number(text: str, is_allowed: Callable[[float], bool], constraint: str) -> float:
    """Return a number for which ``is_allowed`` holds; ``constraint`` names those.

    >>> number("0.5", lambda value: value >= 0.0, "a number >= 0")
    0.5
    >>> number("nan", lambda value: value >= 0.0, "a number >= 0")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: must be a number >= 0, got 'nan'
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not is_allowed(value):
        raise ArgumentTypeError(f"must be {constraint}, got {text!r}")
    return value


def _margin(text: str) -> float:
    return number(text, math.isfinite, "a finite number")


def _rule(text: str) -> str:
    """Return a rule's name, also from its short form."""
    name = _SHORT.get(text, text)
    if name not in MECHANISMS:
        raise ArgumentTypeError(f"rule must be one of {', '.join(MECHANISMS)}, got {text!r}")
    return name
