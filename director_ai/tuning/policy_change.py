"""Policy change: the ends of recorded sessions under old and new limits, and who gets worse.

A recording that was cut by a halt does not tell what would have come, so that every question about
a session has three answers: ``NO``, ``MAYBE`` and ``YES``. A change counts as certain where both
answers are known and differ, and as possible where the recording hides it. Only what a looser limit
cannot do, whatever the scores, is not counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidPolicyError
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, IntArray
from director_ai.replay.engine import NONE, Replay
from director_ai.tuning.cadence import inexact, replay_under
from director_ai.tuning.policy_order import family_of, halt_alike, halts_no_more
from director_ai.tuning.study import TuneData

NO, MAYBE, YES = 0, 1, 2
"""Answers to whether a session is halted, or caught."""


class Assignment(NamedTuple):
    """Limits of every session.

    Attributes
    ----------
    policies
        The distinct limits.
    policy_of
        Place in ``policies`` of each session's; shape (n_sessions,).
    """

    policies: tuple[HaltPolicy, ...]
    policy_of: IntArray

    @classmethod
    def same(cls, policy: HaltPolicy, n_sessions: int) -> "Assignment":
        """Return the same limits for every session."""
        return cls((policy,), np.zeros(n_sessions, np.int64))

    @classmethod
    def recorded(cls, data: TuneData) -> "Assignment":
        """Return the limits each session was recorded under; observing ones as if they acted."""
        policies = tuple(
            replace(policy, halt_mode="hard") if policy.halt_mode == "observe" else policy
            for policy in data.policies
        )
        return cls(policies, data.policy_of)


class Answers(NamedTuple):
    """Ends of every session under its limits; every array has shape (n_sessions,).

    Attributes
    ----------
    halted, caught
        Whether it is halted, and whether that is at or after its onset (anywhere, if the onset is
        not known): ``NO``, ``MAYBE`` or ``YES``.
    is_cut
        Nothing holds up to the end of a recording that was cut, and no more is hidden.
    trigger, mechanism
        Token and rule of the halt; ``NEVER`` and ``NONE`` where none is certain.
    """

    halted: IntArray
    caught: IntArray
    is_cut: BoolArray
    trigger: IntArray
    mechanism: IntArray


class Change(NamedTuple):
    """Sessions that get worse; masks of shape (n_sessions,), no session is in both.

    Attributes
    ----------
    certain, possible
        Those that do, and those that may.
    """

    certain: BoolArray
    possible: BoolArray

    @property
    def either(self) -> BoolArray:
        """Both together, which is what a gate counts."""
        return self.certain | self.possible

    @property
    def n(self) -> int:
        """Sessions in either."""
        return int(self.either.sum())


class FieldEffect(NamedTuple):
    """Changes that one field makes alone, all others as before.

    Attributes
    ----------
    name
        Field of the policy.
    before, after
        Its values, the distinct ones of all sessions whose limits have it changed.
    new_false_halts, lost_catches
        Sessions that get worse; ``None`` if the field cannot be changed alone.
    """

    name: str
    before: tuple[object, ...]
    after: tuple[object, ...]
    new_false_halts: Change | None
    lost_catches: Change | None

    @property
    def n_worse(self) -> int:
        """Sessions that get worse by it."""
        return sum(each.n for each in (self.new_false_halts, self.lost_catches) if each)


@dataclass(frozen=True, slots=True, eq=False)
class PolicyChange:
    """Old and new limits on recorded sessions.

    Attributes
    ----------
    data, before, after
        Sessions, and the limits of each.
    answers_before, answers_after
        Their ends under either.
    new_false_halts, lost_catches
        Sessions that get worse: good ones that are halted now, bad ones that are caught no more.
    may_change
        Which sessions are halted by one of the two, or may be; shape (n_sessions,).
    by_field
        Each changed field alone, that with most sessions first.
    """

    data: TuneData
    before: Assignment
    after: Assignment
    answers_before: Answers
    answers_after: Answers
    new_false_halts: Change
    lost_catches: Change
    may_change: BoolArray
    by_field: tuple[FieldEffect, ...]

    @classmethod
    def of(cls, data: TuneData, before: Assignment, after: Assignment) -> "PolicyChange":
        """Return the change from one assignment of limits to another."""
        judged = _Judge(data)
        was, now = judged(before), judged(after)
        pairs = _pairs(before, after)
        return cls(
            data,
            before,
            after,
            was,
            now,
            *_changes(data, was, now, pairs),
            _may_change(was, now, pairs),
            _by_field(judged, was, pairs),
        )


class _Judge:
    """Answers of sessions under limits; a replay is built once for windows, cadence and part."""

    def __init__(self, data: TuneData) -> None:
        self.data = data
        self._replays: dict[tuple[object, ...], Replay] = {}

    def __call__(self, limits: Assignment) -> Answers:
        """Return the answers under an assignment of limits."""
        n_sessions = len(self.data.ids)
        answers = Answers(
            np.zeros(n_sessions, np.int64),
            np.zeros(n_sessions, np.int64),
            np.zeros(n_sessions, bool),
            np.full(n_sessions, NEVER),
            np.full(n_sessions, NONE),
        )
        for place, policy in enumerate(limits.policies):
            rows = np.flatnonzero(limits.policy_of == place)
            if policy.halt_mode != "observe" and len(rows):
                for whole, part in zip(answers, self._answers(policy, rows), strict=True):
                    whole[rows] = part
        return answers

    def _answers(self, policy: HaltPolicy, rows: IntArray) -> Answers:
        labelled = self.data.labelled
        outcomes = self._replay(policy, rows).outcomes(policy)
        hidden = inexact(self.data, policy).either[rows]
        onsets = labelled.onsets[rows]
        early = outcomes.halts & (onsets != NEVER) & (outcomes.trigger < onsets)
        # Before its sentence is through the hard limit may still cut in, perhaps after the onset.
        pending = early & outcomes.unfinished
        halted = np.where(outcomes.halts, YES, np.where(outcomes.completes, NO, MAYBE))
        caught = np.where(early, np.where(pending, MAYBE, NO), halted)
        certain = outcomes.halts & ~hidden
        return Answers(
            np.where(hidden, MAYBE, halted),
            np.where(hidden, MAYBE, caught),
            outcomes.unknown & ~hidden,
            np.where(certain, outcomes.trigger, NEVER),
            np.where(certain, outcomes.mechanism, NONE),
        )

    def _replay(self, policy: HaltPolicy, rows: IntArray) -> Replay:
        curves = self.data.labelled.curves
        is_part = len(rows) < curves.n_sessions
        key = (*family_of(policy), rows.tobytes() if is_part else b"")
        if key not in self._replays:
            part = curves.select(rows) if is_part else curves
            self._replays[key] = replay_under(part, policy)
        return self._replays[key]


class _Pair(NamedTuple):
    """Limits of some sessions before and after, and how they compare; a mask of the sessions."""

    before: HaltPolicy
    after: HaltPolicy
    sessions: BoolArray


def _pairs(before: Assignment, after: Assignment) -> list[_Pair]:
    both = np.stack([before.policy_of, after.policy_of])
    distinct, which = np.unique(both, axis=1, return_inverse=True)
    return [
        _Pair(before.policies[old], after.policies[new], np.ravel(which) == place)
        for place, (old, new) in enumerate(distinct.T.tolist())
    ]


def _changes(
    data: TuneData, was: Answers, now: Answers, pairs: Iterable[_Pair]
) -> tuple[Change, Change]:
    """Return good sessions halted anew, and bad ones no longer caught."""
    labelled = data.labelled
    n_sessions = len(data.ids)
    # Whether the new limits halt no more, and no less, than the old ones, whatever the scores.
    no_more, no_less, differ = (np.zeros(n_sessions, bool) for _ in range(3))
    for before, after, sessions in pairs:
        no_more[sessions] = halts_no_more(after, before)
        no_less[sessions] = halts_no_more(before, after)
        differ[sessions] = not halt_alike(before, after)

    false_halt = labelled.good & differ & (was.halted != YES) & (now.halted != NO)
    certain = false_halt & (was.halted == NO) & (now.halted == YES)
    both_hidden = (was.halted == MAYBE) & (now.halted == MAYBE)
    possible = false_halt & ~certain & ~(both_hidden & no_more)
    false_halts = Change(certain, possible)

    missed = labelled.bad & differ & (was.caught != NO) & (now.caught != YES)
    certain = missed & (was.caught == YES) & (now.caught == NO)
    # Whatever the old limits halt later the new ones halt too; if nothing held before the
    # onset, that is a catch.
    both_hidden = (was.caught == MAYBE) & (now.caught == MAYBE)
    is_past = was.is_cut & now.is_cut & (labelled.onsets <= labelled.curves.lengths)
    kept = both_hidden & no_less & ((labelled.onsets == NEVER) | is_past)
    return false_halts, Change(certain, missed & ~certain & ~kept)


def _may_change(was: Answers, now: Answers, pairs: Iterable[_Pair]) -> BoolArray:
    """Return which sessions are halted by one of the two, or may be."""
    differ = np.zeros(len(was.halted), bool)
    for before, after, sessions in pairs:
        differ[sessions] = not halt_alike(before, after)
    hidden = (was.halted == MAYBE) | (now.halted == MAYBE)
    return np.asarray(differ & (hidden | (was.halted != now.halted)))


def _by_field(judged: _Judge, was: Answers, pairs: Sequence[_Pair]) -> tuple[FieldEffect, ...]:
    """Return each changed field alone, that with most sessions that get worse first."""
    names = [
        each.name
        for each in fields(HaltPolicy)
        if any(getattr(pair.before, each.name) != getattr(pair.after, each.name) for pair in pairs)
    ]
    effects = [_field_effect(judged, was, pairs, name) for name in names]
    return tuple(sorted(effects, key=lambda effect: -effect.n_worse))


def _field_effect(judged: _Judge, was: Answers, pairs: Sequence[_Pair], name: str) -> FieldEffect:
    moved = [pair for pair in pairs if getattr(pair.before, name) != getattr(pair.after, name)]
    values = (
        tuple(dict.fromkeys(getattr(pair.before, name) for pair in moved)),
        tuple(dict.fromkeys(getattr(pair.after, name) for pair in moved)),
    )
    try:
        alone = [
            pair._replace(after=replace(pair.before, **{name: getattr(pair.after, name)}))
            for pair in pairs
        ]
    except InvalidPolicyError:
        # Such as a hard limit above a soft one, which another field moves along.
        return FieldEffect(name, *values, None, None)
    policy_of = np.zeros(len(judged.data.ids), np.int64)
    for place, pair in enumerate(alone):
        policy_of[pair.sessions] = place
    now = judged(Assignment(tuple(pair.after for pair in alone), policy_of))
    return FieldEffect(name, *values, *_changes(judged.data, was, now, alone))
