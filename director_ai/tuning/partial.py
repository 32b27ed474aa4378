"""Partial results: one shard of an archive reduced to sums that add up to those of the whole.

Every function is pure and takes values that can be sent to another process. Labelled sessions are
gathered with their scores, so that whatever only they decide runs on them as on a store's; the
others are counted where they are.
"""

import json
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import compress
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.core.scoring.identity import UNKNOWN_SCORER
from director_ai.errors import InvalidRecordError
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, Curves, FloatArray, IntArray
from director_ai.replay.engine import Outcomes, Replay
from director_ai.replay.shards import Arrays, read_arrays, write_arrays
from director_ai.replay.sketch import folder_of, replay_of, sketch_of
from director_ai.storage.transfer.shard_archive import Shard, ShardReader
from director_ai.tuning.cadence import last_held, replay_under
from director_ai.tuning.elsewhere import Elsewhere, GroupDigests, RecordedUnder, policy_of_text
from director_ai.tuning.evaluation.evaluation import FlipCounts, flips_between
from director_ai.tuning.evaluation.sweep import Grid, SortedLows
from director_ai.tuning.gates import Selector
from director_ai.tuning.labelled import UNLABELLED, LabelledCurves
from director_ai.tuning.search.plateaus import (
    Moved,
    Plateau,
    Sensitivity,
    lows_along,
    plateau,
    sensitivity,
)
from director_ai.tuning.study import TuneData, recorded_outcomes
from director_ai.tuning.thresholds import OFF, with_thresholds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.storage.transfer.curves_file import SessionIds

Draws = NDArray[np.uint64]
"""Draw of each session's group; see :func:`director_ai.tuning.guarantee.holdout.group_draws`."""

_SESSIONS: Final = "sketch/sessions"
_HALTS, _UNKNOWN, _UNFINISHED = 1, 2, 4


class Verdict(NamedTuple):
    """Label of a session.

    Attributes
    ----------
    label
        ``"good"`` or ``"bad"``.
    onset
        Token where a bad one goes wrong; ``None`` where it is not known.
    """

    label: str
    onset: int | None


@lru_cache(maxsize=1 << 16)
def verdict_of(label: str, onset: int | None) -> Verdict:
    """Return a verdict; equal ones, of which there are few, are one object.

    >>> verdict_of("bad", 7) is verdict_of("bad", 7)
    True
    """
    return Verdict(label, onset)


class Gathered(NamedTuple):
    """Labelled sessions of a shard, and what all of its sessions were recorded under.

    Attributes
    ----------
    rows
        Their curves, without labels, in the shard's order.
    places
        Their places in the shard, ascending; shape (n_rows,).
    draws
        Draw of each one's group; shape (n_rows,).
    n_by_policy
        Sessions of the shard by their limits as JSON, in the order of their appearance.
    ids
        Ids of all of its sessions, where they are to be kept.
    """

    rows: list[StoredCurve]
    places: IntArray
    draws: Draws
    n_by_policy: dict[str, int]
    ids: "SessionIds | None"


def gather(
    reader: ShardReader, names: Container[str], shard: Shard, *, keep_ids: bool = False
) -> Gathered:
    """Return the sessions of a shard that have some names."""
    selected = reader.read_selected(shard, names)
    places = np.array(selected.places, np.int64)
    return Gathered(
        selected.rows,
        places,
        np.frombuffer(reader.draws(shard), "<u8")[places],
        selected.n_by_policy,
        selected.ids if keep_ids else None,
    )


def gather_at(reader: ShardReader, item: tuple[Shard, Sequence[int]]) -> Gathered:
    """Return the sessions at some places of a shard that was gathered from before."""
    shard, places = item
    rows = np.array(places, np.int64)
    draws = np.frombuffer(reader.draws(shard), "<u8")[rows]
    return Gathered(reader.read_at(shard, places), rows, draws, {}, None)


class ShardPart(NamedTuple):
    """Sessions of a shard that are neither labelled nor of a held-out group.

    Attributes
    ----------
    shard
        The shard.
    mask
        Which they are, eight sessions a byte.
    """

    shard: Shard
    mask: bytes

    @property
    def rows(self) -> IntArray:
        """Their places in the shard, ascending."""
        bits = np.unpackbits(np.frombuffer(self.mask, np.uint8), count=self.shard.n_sessions)
        return np.flatnonzero(bits)


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
        sessions = _Sessions.of(reader, everyone)
        unlabelled[everyone.rows] = is_of(scorers, sessions.scorer_names)[sessions.scorer_of]
    held_out = unlabelled & np.isin(np.frombuffer(reader.draws(shard), "<u8"), sealed)
    part = ShardPart(shard, np.packbits(unlabelled & ~held_out).tobytes())
    sessions = _Sessions.of(reader, part)
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


class Kept(NamedTuple):
    """Sessions of a shard, whole.

    Attributes
    ----------
    rows
        Open ones: those with a label, those selected, and those that a function keeps.
    hidden
        Selected ones that are held out.
    """

    rows: list[StoredCurve]
    hidden: list[StoredCurve]


def gather_kept(
    reader: ShardReader,
    labels: Mapping[str, Verdict],
    selectors: Sequence[Selector],
    keep: Callable[[TuneData], BoolArray],
    part: ShardPart,
) -> Kept:
    """Return the sessions of a shard that a check of limits looks at.

    Parameters
    ----------
    reader, part
        The archive's, and the open sessions without a label.
    labels
        Of the open sessions that have one.
    selectors
        Select sessions with and without a label.
    keep
        Chooses further ones among those without a label; a mask of the sessions it is given.
    """
    rows = [
        row._replace(**labels[row.id]._asdict()) if row.id in labels else row
        for row in reader.read(part.shard).rows
    ]
    data = TuneData.of(rows)
    selected = np.zeros(len(rows), bool)
    for selector in selectors:
        selected |= selector.mask(data)
    unlabelled = np.zeros(len(rows), bool)
    unlabelled[part.rows] = True
    kept = np.array([row.id in labels for row in rows], bool)
    is_open = kept | unlabelled
    kept[part.rows] |= keep(data.select(unlabelled))
    kept |= selected & is_open
    return Kept(list(compress(rows, kept)), list(compress(rows, selected & ~is_open)))


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
    sessions, replay = _Sessions.of(reader, part), _replay(reader, part, policy)
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
    sessions, replay = _Sessions.of(reader, part), _replay(reader, part, policy)
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
    return np.sort(lows_along(_replay(reader, part, hard), hard, rule))


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
            replays = {bare: _replay(reader, part, policy)}
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
    sketch = _sketch(reader, part, bare)
    if sketch is None:
        replay = _replay(reader, part, bare)
        return SortedLows.of(replay.extremes(), replay.curves.complete)
    rows = part.rows
    return SortedLows.of(sketch["extremes"][:, rows], sketch["complete"][rows])


def write_sketch(reader: ShardReader, windows: Collection[tuple[int, int]], shard: Shard) -> None:
    """Write what counting needs of a shard beside it, unless it is there: no score is read then.

    Parameters
    ----------
    reader, shard
        The archive's, and the shard.
    windows
        Window sizes and trend windows to write the lows of.
    """
    folders = {sizes: f"{folder_of(*sizes)}/{shard.name}" for sizes in windows}
    missing = [
        folder
        for folder in (f"{_SESSIONS}/{shard.name}", *folders.values())
        if read_arrays(reader.files, folder, of=shard.sha256) is None
    ]
    if not missing:
        return
    rows = reader.read(shard).rows
    data = TuneData.of(rows)
    for sizes, folder in folders.items():
        if folder in missing:
            replay = Replay(data.labelled, window_size=sizes[0], trend_window=sizes[1])
            write_arrays(reader.files, folder, sketch_of(replay), of=shard.sha256)
    if missing[0].startswith(_SESSIONS):
        write_arrays(reader.files, missing[0], _session_arrays(data, rows), of=shard.sha256)


def sketch_damage(
    reader: ShardReader, windows: Collection[tuple[int, int]], shard: Shard
) -> str | None:
    """Return what of a shard's sketches is not as it was written, ``None`` if nothing is."""
    try:
        for folder in (_SESSIONS, *(folder_of(*sizes) for sizes in windows)):
            read_arrays(reader.files, f"{folder}/{shard.name}", of=shard.sha256)
    except InvalidRecordError as error:
        return str(error)
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Sessions:
    """Unlabelled sessions without their scores, and how each ended as it was recorded."""

    labelled: LabelledCurves
    recorded: Outcomes
    groups: GroupDigests
    policy_texts: tuple[str, ...]
    policy_of: IntArray
    scorer_names: tuple[str, ...]
    scorer_of: IntArray

    @classmethod
    def of(cls, reader: ShardReader, part: ShardPart) -> "_Sessions":
        shard, rows = part.shard, part.rows
        arrays = read_arrays(reader.files, f"{_SESSIONS}/{shard.name}", of=shard.sha256)
        if arrays is None:
            sessions = reader.read(shard).rows
            arrays = _session_arrays(TuneData.of(sessions), sessions)
        own = {name: values[rows] for name, values in arrays.items() if name not in _TEXTS}
        policies, scorers = (json.loads(arrays[name].tobytes()) for name in _TEXTS)
        curves = Curves.without_scores(own["lengths"], own["complete"])
        return cls(
            LabelledCurves(
                curves,
                np.full(len(rows), UNLABELLED),
                np.full(len(rows), NEVER),
                np.arange(len(rows)),
            ),
            _outcomes(own),
            own["groups"],
            tuple(policies),
            own["policy_of"].astype(np.int64),
            tuple(scorers),
            own["scorer_of"],
        )

    @property
    def policies(self) -> tuple[HaltPolicy, ...]:
        """Limits that sessions of the shard were recorded under."""
        return tuple(map(policy_of_text, self.policy_texts))


_TEXTS: Final = ("policies", "scorers")
"""Arrays that hold JSON in place of an entry a session."""


def _session_arrays(data: TuneData, rows: Sequence[StoredCurve]) -> Arrays:
    curves, recorded = data.labelled.curves, recorded_outcomes(data)
    policies, policy_of = _numbered([row.policy for row in rows])
    scorers, scorer_of = _numbered([row.scorer or "" for row in rows])
    flags = (
        _HALTS * recorded.halts + _UNKNOWN * recorded.unknown + _UNFINISHED * recorded.unfinished
    )
    return {
        "lengths": curves.lengths.astype(np.int32),
        "complete": curves.complete,
        "groups": np.array([bytes.fromhex(row.group) for row in rows], "S16"),
        "policies": _packed(policies),
        "policy_of": policy_of,
        "scorers": _packed(scorers),
        "scorer_of": scorer_of,
        "trigger": _short(recorded.trigger),
        "stop": _short(recorded.stop),
        "mechanism": recorded.mechanism.astype(np.int8),
        "flags": flags.astype(np.uint8),
    }


def _outcomes(arrays: Arrays) -> Outcomes:
    flags = arrays["flags"]
    halts, unknown = flags & _HALTS > 0, flags & _UNKNOWN > 0
    return Outcomes(
        trigger=_long(arrays["trigger"]),
        mechanism=arrays["mechanism"].astype(np.int64),
        stop=_long(arrays["stop"]),
        halts=halts,
        completes=~halts & ~unknown,
        unknown=unknown,
        unfinished=flags & _UNFINISHED > 0,
    )


def _outcomes_before(
    reader: ShardReader, part: ShardPart, sessions: _Sessions, before: HaltPolicy | None
) -> Outcomes:
    """Return the outcomes that others are compared with; see :func:`policy_sums`."""
    if before is None:
        return sessions.recorded
    return _replay(reader, part, before).outcomes(before)


def _sketch(reader: ShardReader, part: ShardPart, policy: HaltPolicy) -> Arrays | None:
    """Return the lows of a shard under a policy's windows, if they are kept and all it takes."""
    is_plain = policy.score_every_n == 1 and not (policy.adaptive or policy.score_final)
    if not is_plain or policy.halt_mode == "soft":
        return None
    folder = f"{folder_of(policy.window_size, policy.trend_window)}/{part.shard.name}"
    return read_arrays(reader.files, folder, of=part.shard.sha256)


def _replay(reader: ShardReader, part: ShardPart, policy: HaltPolicy) -> Replay:
    """Return the replay of a shard's unlabelled sessions: of its sketch, else of its scores."""
    sketch = _sketch(reader, part, policy)
    if sketch is None:
        curves = TuneData.of(reader.read(part.shard).rows).labelled.curves
        return replay_under(curves.select(part.rows), policy)
    whole = replay_of(sketch, window_size=policy.window_size, trend_window=policy.trend_window)
    return whole.select(part.rows)


def _summed(counts: IntArray, places: IntArray, n_groups: int) -> IntArray:
    """Return the sums of columns that have the same place; shape (n_rows, n_groups)."""
    sums = np.zeros((len(counts), n_groups), np.int64)
    for row, values in zip(sums, counts, strict=True):
        np.add.at(row, places, values)
    return sums


def _numbered(texts: Sequence[str]) -> tuple[list[str], IntArray]:
    """Return the distinct texts in order of appearance, and the place of each."""
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(text, len(numbers)) for text in texts]
    return list(numbers), np.array(places, np.int64)


def _packed(texts: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    return np.frombuffer(json.dumps(texts).encode(), np.uint8)


def _short(tokens: IntArray) -> "np.ndarray[Any, np.dtype[np.int32]]":
    """Return token indices in half the room, -1 for never."""
    return np.where(tokens == NEVER, -1, tokens).astype(np.int32)


def _long(tokens: "np.ndarray[Any, np.dtype[np.int32]]") -> IntArray:
    return np.where(tokens < 0, NEVER, tokens.astype(np.int64))
