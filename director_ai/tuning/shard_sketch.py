"""Sketch of a shard: what counting its sessions needs, kept beside it, so that no score is read."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.errors import InvalidRecordError
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import Curves, IntArray
from director_ai.replay.engine import Outcomes, Replay
from director_ai.replay.shards import Arrays, read_arrays, write_arrays
from director_ai.replay.sketch import folder_of, replay_of, sketch_of
from director_ai.storage.transfer.shard_archive import Shard, ShardReader
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.elsewhere import GroupDigests, policy_of_text
from director_ai.tuning.labelled import UNLABELLED, LabelledCurves
from director_ai.tuning.shard_part import ShardPart
from director_ai.tuning.study import TuneData, recorded_outcomes

_SESSIONS: Final = "sketch/sessions"
_HALTS, _UNKNOWN, _UNFINISHED = 1, 2, 4

_TEXTS: Final = ("policies", "scorers")
"""Arrays that hold JSON in place of an entry a session."""


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
class ShardSessions:
    """Unlabelled sessions of a shard without their scores, and how each ended as recorded.

    Attributes
    ----------
    labelled
        Lengths and ends; without a label, each a group of its own.
    recorded
        Outcomes under the limits that each was recorded under.
    groups
        Digest of each one's group; empty for a session that is a group of its own.
    policy_texts, policy_of
        Limits as JSON, and the place among them of each session's.
    scorer_names, scorer_of
        Scorers, empty for an unknown one, and the place among them of each session's.
    """

    labelled: LabelledCurves
    recorded: Outcomes
    groups: GroupDigests
    policy_texts: tuple[str, ...]
    policy_of: IntArray
    scorer_names: tuple[str, ...]
    scorer_of: IntArray

    @classmethod
    def of(cls, reader: ShardReader, part: ShardPart) -> "ShardSessions":
        """Return the sessions of a part, from the sketch if it is there."""
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


def kept_lows(reader: ShardReader, part: ShardPart, policy: HaltPolicy) -> Arrays | None:
    """Return the lows of a shard under a policy's windows, if they are kept and all it takes."""
    is_plain = policy.score_every_n == 1 and not (policy.adaptive or policy.score_final)
    if not is_plain or policy.halt_mode == "soft":
        return None
    folder = f"{folder_of(policy.window_size, policy.trend_window)}/{part.shard.name}"
    return read_arrays(reader.files, folder, of=part.shard.sha256)


def replay_of_part(reader: ShardReader, part: ShardPart, policy: HaltPolicy) -> Replay:
    """Return the replay of a shard's unlabelled sessions: of its sketch, else of its scores."""
    sketch = kept_lows(reader, part, policy)
    if sketch is None:
        curves = TuneData.of(reader.read(part.shard).rows).labelled.curves
        return replay_under(curves.select(part.rows), policy)
    whole = replay_of(sketch, window_size=policy.window_size, trend_window=policy.trend_window)
    return whole.select(part.rows)


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
