"""Partial results: one shard of an archive reduced to sums that add up to those of the whole.

Every function is pure and takes values that can be sent to another process. Unlabelled sessions
are counted where they are; labelled ones are gathered with their scores, so that whatever only
they decide runs on them as on a store's (:mod:`director_ai.tuning.gathered`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.scoring.identity import UNKNOWN_SCORER
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import Outcomes, Replay
from director_ai.storage.transfer.shard_archive import Shard, ShardReader
from director_ai.tuning.cadence import last_held
from director_ai.tuning.elsewhere import Elsewhere, GroupDigests, RecordedUnder
from director_ai.tuning.evaluation.evaluation import FlipCounts, flips_between
from director_ai.tuning.evaluation.sweep import Grid, SortedLows
from director_ai.tuning.gathered import Draws
from director_ai.tuning.search.plateaus import (
    Moved,
    Plateau,
    Sensitivity,
    lows_along,
    plateau,
    sensitivity,
)
from director_ai.tuning.shard_part import ShardPart
from director_ai.tuning.shard_sketch import ShardSessions, kept_lows, replay_of_part
from director_ai.tuning.thresholds import OFF, with_thresholds


class Survey(NamedTuple):
    """Unlabelled sessions of a shard.

    Attributes
    ----------
    part
        Those that are open.
    elsewhere
        Sums over them.
    n_withheld
        Number of the others, whose groups are held out.
    """

    part: ShardPart
    elsewhere: Elsewhere
    n_withheld: int


def survey(
    reader: ShardReader,
    sealed: Draws,
    scorers: Collection[str],
    item: tuple[Shard, IntArray],
) -> Survey:
    """Return the unlabelled sessions of a shard, those of held-out groups left out.

    Parameters
    ----------
    reader
        The archive's.
    sealed
        Draws of the groups held out.
    scorers
        Scorers of the sessions to look at, as they print; all if there are none.
    item
        The shard, and the places of its labelled sessions.
    """
    shard, labelled = item
    unlabelled = np.ones(shard.n_sessions, bool)
    unlabelled[labelled] = False
    if scorers:
        everyone = ShardPart(shard, np.packbits(unlabelled).tobytes())
        sessions = ShardSessions.of(reader, everyone)
        unlabelled[everyone.rows] = is_of(scorers, sessions.scorer_names)[sessions.scorer_of]
    held_out = unlabelled & np.isin(np.frombuffer(reader.draws(shard), "<u8"), sealed)
    part = ShardPart(shard, np.packbits(unlabelled & ~held_out).tobytes())
    sessions = ShardSessions.of(reader, part)
    curves = sessions.labelled.curves
    complete, lengths = curves.complete, curves.lengths
    late = last_held(sessions)
    digests = sessions.groups
    elsewhere = Elsewhere(
        n_sessions=len(complete),
        n_tokens=int(lengths.sum()),
        n_cut=int((~complete).sum()),
        n_unknown=int(sessions.recorded.unknown.sum()),
        n_alone=int((digests == b"").sum()),
        groups=np.unique(digests[digests != b""]),
        n_by_length=np.bincount(lengths[complete]),
        n_by_scorer={
            name: n_sessions
            for name, n_sessions in zip(
                sessions.scorer_names,
                np.bincount(sessions.scorer_of, minlength=len(sessions.scorer_names)).tolist(),
                strict=True,
            )
            if n_sessions
        },
        recorded={
            text: RecordedUnder(int(own.sum()), int((own & late).sum()))
            for place, text in enumerate(sessions.policy_texts)
            for own in (sessions.policy_of == place,)
            if own.any()
        },
    )
    return Survey(part, elsewhere, int(held_out.sum()))


def is_of(scorers: Collection[str], names: Sequence[str]) -> BoolArray:
    """Return which names are of some scorers; an empty one is unknown.

    >>> is_of(["unknown"], ["", "lexical@2"]).tolist()
    [True, False]
    """
    return np.array([(name or str(UNKNOWN_SCORER)) in scorers for name in names], bool)


@dataclass(frozen=True, slots=True, eq=False)
class PolicySums:
    """Sums over unlabelled sessions under one policy, of which those of two parts add up.

    Attributes
    ----------
    n_unknown
        Sessions whose recording ends before any rule holds.
    flips
        Those that end otherwise than under the limits of comparison.
    moved
        Those that a small step of each threshold halts or lets go.
    alone
        Of the sessions that are groups of their own: their number, those halted, and those halted
        or unknown; shape (3,).
    groups
        The groups of the others, ascending.
    by_group
        Of each group's sessions the same three numbers; shape (3, n_groups).
    """

    n_unknown: int
    flips: FlipCounts
    moved: tuple[Sensitivity, Sensitivity, Sensitivity]
    alone: IntArray
    groups: GroupDigests
    by_group: IntArray

    @property
    def n_by_end(self) -> tuple[int, int, int]:
        """Sessions in all, those halted, and those unknown."""
        n_sessions, n_halted, n_at_most = (self.alone + self.by_group.sum(axis=1)).tolist()
        return n_sessions, n_halted, n_at_most - n_halted

    def __add__(self, other: "PolicySums") -> "PolicySums":
        groups, places = np.unique(np.concatenate([self.groups, other.groups]), return_inverse=True)
        counts = np.concatenate([self.by_group, other.by_group], axis=1)
        first, second, third = (
            added(one, another) for one, another in zip(self.moved, other.moved, strict=True)
        )
        return PolicySums(
            self.n_unknown + other.n_unknown,
            FlipCounts(*map(sum, zip(self.flips, other.flips, strict=True))),
            (first, second, third),
            self.alone + other.alone,
            groups,
            _summed(counts, places, len(groups)),
        )


def added(first: Sensitivity, second: Sensitivity) -> Sensitivity:
    """Return the sensitivity of some sessions and others together."""
    return Sensitivity(
        Moved(*map(sum, zip(first.stricter, second.stricter, strict=True))),
        Moved(*map(sum, zip(first.more_lenient, second.more_lenient, strict=True))),
    )


def policy_sums(
    reader: ShardReader, policy: HaltPolicy, before: HaltPolicy | None, part: ShardPart
) -> PolicySums:
    """Return the sums over a shard's unlabelled sessions under a policy.

    Parameters
    ----------
    reader, part
        The archive's, and the sessions.
    policy, before
        The policy, and the one it is compared with: ``None`` for the limits that each session was
        recorded under.
    """
    sessions, replay = ShardSessions.of(reader, part), replay_of_part(reader, part, policy)
    outcomes = replay.outcomes(policy)
    _, flips = flips_between(
        sessions.labelled, _outcomes_before(reader, part, sessions, before), outcomes
    )
    counts = np.stack(
        [np.ones(len(outcomes.halts), bool), outcomes.halts, outcomes.halts | outcomes.unknown]
    ).astype(np.int64)
    is_alone = sessions.groups == b""
    groups, places = np.unique(sessions.groups[~is_alone], return_inverse=True)
    return PolicySums(
        int(outcomes.unknown.sum()),
        flips,
        sensitivity(sessions.labelled, replay, policy),
        counts[:, is_alone].sum(axis=1),
        groups,
        _summed(counts[:, ~is_alone], places, len(groups)),
    )


class ChangedSession(NamedTuple):
    """Unlabelled session that ends otherwise under another policy.

    Attributes
    ----------
    kind
        Field of :class:`director_ai.tuning.evaluation.attribution.Flips` that it is in.
    place
        Shard, and place in it.
    trigger, mechanism
        Token and rule of the halt before and now, as of
        :class:`director_ai.replay.engine.Outcomes`.
    is_unknown
        Whether the recording ends before any rule holds, before and now.
    n_tokens
        Its length.
    """

    kind: str
    place: tuple[str, int]
    trigger: tuple[int, int]
    mechanism: tuple[int, int]
    is_unknown: tuple[bool, bool]
    n_tokens: int


def changed_sessions(
    reader: ShardReader,
    policy: HaltPolicy,
    before: HaltPolicy | None,
    kinds: Sequence[str],
    most: int,
    part: ShardPart,
) -> list[ChangedSession]:
    """Return the unlabelled sessions of a shard that end otherwise under a policy.

    Parameters
    ----------
    reader, policy, before, part
        As of :func:`policy_sums`.
    kinds
        Those to take, in their order.
    most
        Sessions at most.
    """
    sessions, replay = ShardSessions.of(reader, part), replay_of_part(reader, part, policy)
    ends = (_outcomes_before(reader, part, sessions, before), replay.outcomes(policy))
    flips, _ = flips_between(sessions.labelled, *ends)
    rows, lengths = part.rows, sessions.labelled.curves.lengths

    def of_both(name: str, row: int) -> tuple[Any, Any]:
        first, second = (getattr(outcomes, name)[row].item() for outcomes in ends)
        return first, second

    found = [(kind, row) for kind in kinds for row in np.flatnonzero(getattr(flips, kind)).tolist()]
    return [
        ChangedSession(
            kind,
            (part.shard.name, int(rows[row])),
            of_both("trigger", row),
            of_both("mechanism", row),
            of_both("unknown", row),
            int(lengths[row]),
        )
        for kind, row in found[:most]
    ]


def sorted_lows_along(
    reader: ShardReader, policy: HaltPolicy, rule: int, part: ShardPart
) -> FloatArray:
    """Return the lows of a shard's unlabelled sessions along one threshold, ascending.

    See :func:`director_ai.tuning.search.plateaus.lows_along`.
    """
    # Whether a session is halted does not hang on the mode.
    hard = replace(policy, halt_mode="hard")
    return np.sort(lows_along(replay_of_part(reader, part, hard), hard, rule))


def common_plateaus(
    reader: ShardReader, policies: Sequence[HaltPolicy], rule: int, part: ShardPart
) -> list[Plateau]:
    """Return the plateau of one rule of each policy over a shard's unlabelled sessions."""
    found: list[Plateau] = []
    replays: dict[HaltPolicy, Replay] = {}
    for policy in policies:
        bare = with_thresholds(policy, OFF)
        if bare not in replays:
            # One at a time takes memory.
            replays = {bare: replay_of_part(reader, part, policy)}
        found.append(plateau(replays[bare], policy, rule))
    return found


def without_thresholds(policy: HaltPolicy) -> HaltPolicy:
    """Return a policy with every rule off, in hard mode: the lows of sessions are the same.

    >>> without_thresholds(HaltPolicy(hard_limit=0.4)) == without_thresholds(HaltPolicy())
    True
    """
    return replace(
        policy,
        halt_mode="hard",
        hard_limit=0.0,
        window_threshold=0.0,
        trend_threshold=LARGEST_DROP,
    )


def cell_counts(reader: ShardReader, bare: HaltPolicy, grid: Grid, part: ShardPart) -> IntArray:
    """Return the unlabelled sessions of a shard in each cell of a grid.

    Parameters
    ----------
    reader, part
        The archive's, and the sessions.
    bare
        Windows and cadence; see :func:`without_thresholds`.
    grid
        The thresholds.

    Returns
    -------
    IntArray
        As of :meth:`director_ai.tuning.evaluation.sweep.SortedLows.cell_counts`.
    """
    return _sorted_lows(reader.address, bare, part).cell_counts(grid)


@lru_cache(maxsize=64)
def _sorted_lows(address: str, bare: HaltPolicy, part: ShardPart) -> SortedLows:
    """Return the extremes of a shard's unlabelled sessions; those of 64 shards are kept."""
    reader = ShardReader(address)
    sketch = kept_lows(reader, part, bare)
    if sketch is None:
        replay = replay_of_part(reader, part, bare)
        return SortedLows.of(replay.extremes(), replay.curves.complete)
    rows = part.rows
    return SortedLows.of(sketch["extremes"][:, rows], sketch["complete"][rows])


def _outcomes_before(
    reader: ShardReader, part: ShardPart, sessions: ShardSessions, before: HaltPolicy | None
) -> Outcomes:
    """Return the outcomes that others are compared with; see :func:`policy_sums`."""
    if before is None:
        return sessions.recorded
    return replay_of_part(reader, part, before).outcomes(before)


def _summed(counts: IntArray, places: IntArray, n_groups: int) -> IntArray:
    """Return the sums of columns that have the same place; shape (n_rows, n_groups)."""
    sums = np.zeros((len(counts), n_groups), np.int64)
    for row, values in zip(sums, counts, strict=True):
        np.add.at(row, places, values)
    return sums
