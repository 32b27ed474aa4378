"""Plateaus: the interval of one threshold within which no outcome changes, exactly."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from director_ai.core.halting.machine import SOFT_HALT_CAP
from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import HARD, TREND, WINDOW, Outcomes, Replay, levels
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.thresholds import (
    OFF,
    STRICTEST,
    moved,
    next_stricter,
    stepped,
    strictest,
    threshold,
)

Change = Literal["token", "halt"]
"""Kind of change: another token, rule or end, or only whether the session is halted."""


class Breakpoint(NamedTuple):
    """The nearest threshold at which something changes.

    Attributes
    ----------
    threshold
        The first float at which it does.
    sessions
        The sessions that change there, ascending.
    """

    threshold: float
    sessions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plateau:
    """The interval of one threshold in which no session's outcome changes, ends included.

    Attributes
    ----------
    lenient, strict
        Its ends; of a trend threshold the strict end is the smaller one.
    next_lenient, next_strict
        The first threshold beyond either end, None where the rule's range ends first.
    """

    lenient: float
    strict: float
    next_lenient: Breakpoint | None
    next_strict: Breakpoint | None


def plateau(replay: Replay, policy: HaltPolicy, rule: int, *, change: Change = "token") -> Plateau:
    """Return the interval of one threshold, all others held, in which no outcome changes.

    An outcome changes only where the threshold passes a new low of a session that no other rule
    has halted by then, so the lows next to the threshold are all that is looked at.

    Parameters
    ----------
    replay
        The recorded sessions, under the policy's windows.
    policy, rule
        The threshold is that of ``rule``: ``HARD``, ``WINDOW`` or ``TREND``.
    change
        Whether a halt that only comes at another token counts.

    Raises
    ------
    InvalidRequestError
        If there is no such rule.

    Examples
    --------
    >>> from director_ai.replay.curves import Curves
    >>> replay = Replay(Curves.from_scores([[0.9, 0.42], [0.6]]), window_size=9, trend_window=9)
    >>> policy = HaltPolicy(hard_limit=0.5, window_size=9, trend_window=9)
    >>> nearest = plateau(replay, policy, 0)
    >>> round(nearest.lenient, 6), nearest.strict, nearest.next_strict.sessions
    (0.42, 0.6, (1,))
    """
    if rule not in (HARD, WINDOW, TREND):
        raise InvalidRequestError(
            f"rule must be {HARD} (hard limit), {WINDOW} (window) or {TREND} (trend), got {rule!r}"
        )
    judgements = replay.judgements(policy)
    now = replay.outcomes_of(judgements, policy)
    level = levels(policy)[rule]
    values = _lows_that_matter(replay, judgements, policy, rule, change)

    def nearest_at(limit: float) -> Breakpoint | None:
        # The other rules hold where they did.
        then = judgements.copy()
        then[rule] = replay.minima[rule].first_below(levels(moved(policy, rule, limit))[rule])
        return _breakpoint(limit, now, replay.outcomes_of(then, policy), change)

    off, tight = _ends(policy, rule)
    lenient, next_lenient = off, None
    for low in _falling_from(values, level):
        # At this threshold the low, which is below the policy's level, passes.
        limit = strictest(rule, low)
        nearest = nearest_at(limit)
        if nearest is not None:
            lenient, next_lenient = next_stricter(rule, limit), nearest
            break
    strict, next_strict = tight, None
    for low in _rising_from(values, level):
        limit = strictest(rule, low)
        beyond = next_stricter(rule, limit)
        if _stricter(rule, beyond, tight):
            break
        nearest = nearest_at(beyond)
        if nearest is not None:
            strict, next_strict = limit, nearest
            break
    return Plateau(lenient, strict, next_lenient, next_strict)


def lows_along(replay: Replay, policy: HaltPolicy, rule: int) -> FloatArray:
    """Return what each session's halting by one threshold hangs on, all others held.

    Returns
    -------
    FloatArray of shape (n_sessions,)
        The lowest value of the rule's statistic: the session is halted where it lies below the
        rule's level. Minus infinity where another rule halts it anyway, infinity where the
        statistic is never defined.
    """
    crossings = replay.judgements(policy)
    crossings[rule] = NEVER
    return np.where((crossings != NEVER).any(axis=0), -np.inf, replay.minima[rule].lowest())


def plateau_of_lows(lows: FloatArray, policy: HaltPolicy, rule: int) -> Plateau:
    """Return the interval of one threshold in which the same sessions are halted.

    Parameters
    ----------
    lows
        Those of :func:`lows_along`, ascending.
    policy, rule
        The threshold is that of ``rule``.

    Examples
    --------
    >>> policy = HaltPolicy(hard_limit=0.5)
    >>> found = plateau_of_lows(np.array([0.42, 0.6]), policy, HARD)
    >>> round(found.lenient, 6), found.strict
    (0.42, 0.6)
    """
    lows = lows[np.isfinite(lows)]
    place = int(np.searchsorted(lows, levels(policy)[rule]))
    lenient, strict = _ends(policy, rule)
    next_lenient = next_strict = None
    if place:
        limit = strictest(rule, float(lows[place - 1]))
        lenient, next_lenient = next_stricter(rule, limit), Breakpoint(limit, ())
    if place < len(lows):
        limit = strictest(rule, float(lows[place]))
        beyond = next_stricter(rule, limit)
        if not _stricter(rule, beyond, strict):
            strict, next_strict = limit, Breakpoint(beyond, ())
    return Plateau(lenient, strict, next_lenient, next_strict)


def halting_plateau(
    replay: Replay, policy: HaltPolicy, rule: int, elsewhere: FloatArray | None = None
) -> Plateau:
    """Return the interval of one threshold in which the same sessions are halted.

    Parameters
    ----------
    replay, policy, rule
        As of :func:`plateau`.
    elsewhere
        Lows of further sessions, see :func:`plateau_of_lows`.
    """
    found = plateau(replay, policy, rule, change="halt")
    if elsewhere is None:
        return found
    return narrowed(found, plateau_of_lows(elsewhere, policy, rule), rule)


def tidied(replay: Replay, policy: HaltPolicy) -> HaltPolicy:
    """Return a policy with the same outcome for every session, in the shortest decimals.

    Each threshold in turn moves to the shortest decimal within the middle of its plateau, so
    that it stands clear of any session's score. A rule that may as well be off, is.

    Examples
    --------
    >>> from director_ai.replay.curves import Curves
    >>> replay = Replay(Curves.from_scores([[0.9, 0.42], [0.6]]), window_size=9, trend_window=9)
    >>> policy = HaltPolicy(hard_limit=0.5137, window_size=9, trend_window=9)
    >>> tidy = tidied(replay, policy)
    >>> tidy.hard_limit, tidy.window_threshold, tidy.trend_threshold
    (0.5, 0.0, 1.5)
    """
    return all_tidied([(replay, policy)])[0]


def all_tidied(limits: Sequence[tuple[Replay, HaltPolicy]]) -> list[HaltPolicy]:
    """Return policies, each with its replay, tidied as by :func:`tidied`."""
    replays = [replay for replay, _ in limits]

    def plateaus_of(policies: Sequence[HaltPolicy], rule: int) -> list[Plateau]:
        pairs = zip(replays, policies, strict=True)
        return [plateau(replay, policy, rule) for replay, policy in pairs]

    return tidied_by(plateaus_of, [policy for _, policy in limits])


def tidied_by(
    plateaus_of: Callable[[Sequence[HaltPolicy], int], Sequence[Plateau]],
    policies: Sequence[HaltPolicy],
) -> list[HaltPolicy]:
    """Return policies tidied as by :func:`tidied`, their plateaus found together by a function.

    Parameters
    ----------
    plateaus_of
        Gives the plateau of one rule of each policy.
    policies
        Limits to tidy.
    """
    found = list(policies)
    # The last rule goes first: one that an earlier rule makes needless is then seen to be.
    for rule in (TREND, WINDOW, HARD):
        steady = plateaus_of(found, rule)
        found = [
            moved(policy, rule, _middle(each, rule))
            for policy, each in zip(found, steady, strict=True)
        ]
    return found


def _middle(steady: Plateau, rule: int) -> float:
    """Return the shortest decimal amid a plateau; off, if the rule may as well be."""
    if steady.next_lenient is None:
        return OFF[rule]
    return _shortest(*sorted((steady.lenient, steady.strict)))


def narrowed(first: Plateau, second: Plateau, rule: int) -> Plateau:
    """Return the plateau of some sessions and others together, by those of either.

    Sessions of a breakpoint are left out, as their numbers are of either part.

    Examples
    --------
    >>> beyond = Breakpoint(0.4, ())
    >>> narrowed(Plateau(0.4, 0.6, beyond, None), Plateau(0.0, 0.5, None, None), HARD)
    Plateau(lenient=0.4, strict=0.5, next_lenient=Breakpoint(threshold=0.4, sessions=()), \
next_strict=None)
    """
    lenient = first if _stricter(rule, first.lenient, second.lenient) else second
    strict = second if _stricter(rule, first.strict, second.strict) else first
    return Plateau(
        lenient.lenient,
        strict.strict,
        _nameless(lenient.next_lenient),
        _nameless(strict.next_strict),
    )


def _nameless(breakpoint: Breakpoint | None) -> Breakpoint | None:
    return None if breakpoint is None else Breakpoint(breakpoint.threshold, ())


class Moved(NamedTuple):
    """Sessions whose halting changes when a threshold moves, by label."""

    good: int
    bad: int
    unlabelled: int


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Change of the halts by a small move of one threshold.

    Attributes
    ----------
    stricter
        Sessions halted that were not.
    more_lenient
        Sessions not halted any more.
    """

    stricter: Moved
    more_lenient: Moved


def sensitivity(
    data: LabelledCurves, replay: Replay, policy: HaltPolicy, *, step: float = 0.01
) -> tuple[Sensitivity, Sensitivity, Sensitivity]:
    """Return, for each rule, how many sessions a step of its threshold halts or lets go.

    Parameters
    ----------
    data, replay, policy
        The sessions, and the limits.
    step
        Of each threshold in turn, in score; above 0.

    Raises
    ------
    InvalidRequestError
        If the step is not above 0.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.495], [0.505], [0.508]], labels=[0, 1, 1])
    >>> replay = Replay(data.curves, window_size=9, trend_window=9)
    >>> hard, _, _ = sensitivity(data, replay, HaltPolicy(window_size=9, trend_window=9))
    >>> hard.stricter, hard.more_lenient
    (Moved(good=0, bad=2, unlabelled=0), Moved(good=1, bad=0, unlabelled=0))
    """
    # Written so that nan fails too.
    if not step > 0.0:
        raise InvalidRequestError(f"step must be above 0, got {step!r}")
    extremes = replay.extremes()
    below = extremes < np.array(levels(policy))[:, None]
    effects = []
    for rule in (HARD, WINDOW, TREND):
        others = np.delete(below, rule, axis=0).any(axis=0)
        here = threshold(policy, rule)
        tight = levels(moved(policy, rule, stepped(rule, here, step)))[rule]
        loose = levels(moved(policy, rule, stepped(rule, here, -step)))[rule]
        more = ~others & ~below[rule] & (extremes[rule] < tight)
        fewer = ~others & below[rule] & (extremes[rule] >= loose)
        effects.append(Sensitivity(_by_label(data, more), _by_label(data, fewer)))
    return effects[0], effects[1], effects[2]


def _by_label(data: LabelledCurves, mask: BoolArray) -> Moved:
    good, bad = int((mask & data.good).sum()), int((mask & data.bad).sum())
    return Moved(good, bad, int(mask.sum()) - good - bad)


def _lows_that_matter(
    replay: Replay, judgements: IntArray, policy: HaltPolicy, rule: int, change: Change
) -> FloatArray:
    """Return the new lows of a rule which its threshold may have to pass to change an outcome."""
    minima = replay.minima[rule]
    others = judgements.copy()
    others[rule] = NEVER
    other, first = others.argmin(axis=0), others.min(axis=0)
    if change == "halt":
        lowest = minima.lowest()
        return np.asarray(lowest[(first == NEVER) & np.isfinite(lowest)])
    latest = _latest(first, policy)
    # At the same token the rule that comes first decides.
    return minima.values_before(np.where(latest == NEVER, NEVER, latest + (rule < other)))


def _falling_from(values: FloatArray, level: float) -> Iterator[float]:
    """Yield the distinct values below a level, the highest first: a few of millions are asked."""
    while (level := float(values.max(where=values < level, initial=-np.inf))) > -np.inf:
        yield level


def _rising_from(values: FloatArray, level: float) -> Iterator[float]:
    """Yield the distinct values from a level on, the lowest first."""
    level = float(np.nextafter(level, -np.inf))
    while (level := float(values.min(where=values > level, initial=np.inf))) < np.inf:
        yield level


def _latest(first: IntArray, policy: HaltPolicy) -> IntArray:
    """Return the token from which on another rule decides; a soft halt only comes later."""
    if policy.halt_mode != "soft":
        return first
    return np.where(first == NEVER, NEVER, np.minimum(first, NEVER - 99) + SOFT_HALT_CAP + 1)


def _breakpoint(value: float, now: Outcomes, then: Outcomes, change: Change) -> Breakpoint | None:
    """Return the breakpoint at a threshold, ``None`` if no outcome is another one there."""
    differs = now.halts != then.halts
    if change == "token":
        for name in ("trigger", "mechanism", "stop"):
            differs = differs | (getattr(now, name) != getattr(then, name))
    if not differs.any():
        return None
    return Breakpoint(value, tuple(np.flatnonzero(differs).tolist()))


def _ends(policy: HaltPolicy, rule: int) -> tuple[float, float]:
    """Return the most lenient and the strictest threshold there is."""
    off = max(OFF[rule], policy.trend_threshold) if rule == TREND else OFF[rule]
    return off, STRICTEST[rule]


def _stricter(rule: int, value: float, other: float) -> bool:
    return value < other if rule == TREND else value > other


def _shortest(low: float, high: float) -> float:
    """Return the number of fewest decimals nearest the middle of an interval, ends included.

    >>> _shortest(0.412, 0.447), _shortest(0.4123, 0.4124)
    (0.43, 0.4123)
    """
    middle = (low + high) / 2
    for decimals in range(1, 17):
        value = round(middle, decimals)
        if low <= value <= high:
            return value
    return low if math.isnan(middle) else middle
