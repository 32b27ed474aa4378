"""Cache of replays: of archives that grow, and of parts of them, within so many bytes."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import IntArray
from director_ai.replay.engine import Replay
from director_ai.replay.mapped_room import mapped_room
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.curve_archive import CurveArchive
from director_ai.tuning.process_memory import trim
from director_ai.tuning.study import TuneData

Sizes = tuple[float, ...]
"""Windows and cadence of a policy: all of it that the lows of its statistics go by."""

_LEAST_KEPT = 1
"""One is kept however large it is."""
_SAME = 0.9
"""Share of its sessions from which on another replay takes the place of one."""


class _Kept(NamedTuple):
    archive: CurveArchive
    sizes: Sizes
    replay: Replay

    @property
    def rows(self) -> IntArray:
        """Rows of its sessions in the archive."""
        rows = self.replay.curves.rows
        assert rows is not None
        return rows


class ReplayCache:
    """Replays by sessions and sizes; those used least recently give way.

    A replay is made of the one that shares most sessions with it, whose lows are taken over: those
    of sessions that were added, or were left out there, alone are searched for. It takes the place
    of one of nearly the same sessions, such as that of the archive before its latest label.

    Large ones lie in files, and take memory only while they are read: whoever holds one, such as an
    open page, does so at no cost.

    Parameters
    ----------
    max_bytes
        Size of the lows kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[str, Sizes], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def replay(self, data: TuneData, policy: HaltPolicy) -> Replay:
        """Return the replay of sessions under a policy's windows and cadence."""
        sizes = sizes_of(policy)
        key = (data.curves_digest, sizes)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                trim()
                kept = _Kept(data.archive, sizes, self._made(data, policy, sizes))
                self._kept[key] = kept
                trim()
            self._kept.move_to_end(key)
            while len(self._kept) > _LEAST_KEPT and self.nbytes > self._max_bytes:
                self._kept.popitem(last=False)
            return kept.replay

    @property
    def nbytes(self) -> int:
        """Size of the lows kept now."""
        return sum(kept.replay.nbytes for kept in self._kept.values())

    def _made(self, data: TuneData, policy: HaltPolicy, sizes: Sizes) -> Replay:
        archive, rows = data.archive, data.labelled.curves.rows
        assert rows is not None
        nearest = self._nearest(archive, sizes, rows)
        known = np.empty(0, np.int64) if nearest is None else nearest.rows
        place_of = np.full(len(archive), -1)
        place_of[known] = np.arange(len(known))
        missing = rows[place_of[rows] < 0]
        if nearest is not None and not len(missing):
            return nearest.replay.select(place_of[rows], mapped_room)
        parts = [] if nearest is None else [nearest.replay]
        together = np.concatenate([known, missing])
        joined = Replay.joined(
            archive.curves_of(together), chain(parts, _replays(archive, missing, policy))
        )
        if np.array_equal(together, rows):
            return joined
        place_of[missing] = len(known) + np.arange(len(missing))
        return joined.select(place_of[rows], mapped_room)

    def _nearest(self, archive: CurveArchive, sizes: Sizes, rows: IntArray) -> _Kept | None:
        """Return the replay that shares most sessions; forget it if it is of nearly the same."""
        wanted = np.zeros(len(archive), bool)
        wanted[rows] = True
        shared = {
            key: int(wanted[kept.rows].sum())
            for key, kept in self._kept.items()
            if (kept.archive, kept.sizes) == (archive, sizes)
        }
        key = max(shared, key=shared.__getitem__, default=None)
        if key is None or not shared[key]:
            return None
        nearest = self._kept[key]
        if shared[key] >= _SAME * max(len(nearest.rows), len(rows)):
            del self._kept[key]
        return nearest


def replay_in_parts(data: TuneData, policy: HaltPolicy) -> Replay:
    """Return the replay of sessions under a policy's windows and cadence.

    What it takes besides its lows is given back on the way, the scores it has read included.
    """
    curves = data.labelled.curves
    assert curves.rows is not None
    replay = Replay.joined(curves, _replays(data.archive, curves.rows, policy))
    trim()
    return replay


def _replays(archive: CurveArchive, rows: IntArray, policy: HaltPolicy) -> Iterator[Replay]:
    """Yield the replays of sessions, some at a time; one at least."""
    for some in archive.in_parts(rows) if len(rows) else [rows]:
        yield replay_under(archive.curves_of(some), policy)


def sizes_of(policy: HaltPolicy) -> Sizes:
    """Return what the lows of a policy's statistics go by.

    Where an adaptive cadence scores hangs on the soft limit too, a steady one on itself alone.

    >>> sizes_of(HaltPolicy(window_size=8)) == sizes_of(HaltPolicy(window_size=8, hard_limit=0.1))
    True
    """
    adapting = (policy.max_cadence, policy.soft_limit) if policy.adaptive else ()
    return (
        *(policy.window_size, policy.trend_window, policy.score_every_n, policy.score_final),
        *adapting,
    )
