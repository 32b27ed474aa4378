"""Cache of replays: of archives that grow, and of parts of them, within so many bytes."""

import threading
from collections import OrderedDict

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.engine import Replay
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.curve_archive import CurveArchive
from director_ai.tuning.study import TuneData

Sizes = tuple[float, ...]
"""Windows and cadence of a policy: all of it that the lows of its statistics go by."""

_SESSIONS_AT_A_TIME = 20_000
_LEAST_KEPT = 2
"""A whole archive and a part of it are kept however large they are."""


class ReplayCache:
    """Replays by sessions and sizes; those used least recently give way.

    A replay is made of the whole archive and once: sessions added to it later are replayed alone,
    and a part, such as what is not sealed, is taken out of it.

    Parameters
    ----------
    max_bytes
        Memory of the lows kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[object, Sizes], Replay] = OrderedDict()
        self._lock = threading.Lock()

    def replay(self, data: TuneData, policy: HaltPolicy) -> Replay:
        """Return the replay of sessions under a policy's windows and cadence."""
        sizes = sizes_of(policy)
        key = (data.curves_digest, sizes)
        with self._lock:
            part = self._kept.get(key)
            if part is None:
                rows = data.labelled.curves.rows
                assert rows is not None
                part = self._whole(data.archive, policy, sizes).select(rows)
            self._keep(key, part)
            return part

    @property
    def nbytes(self) -> int:
        """Memory of the lows kept now."""
        return sum(replay.nbytes for replay in self._kept.values())

    def _whole(self, archive: CurveArchive, policy: HaltPolicy, sizes: Sizes) -> Replay:
        key = (archive, sizes)
        curves = archive.curves
        whole = self._kept.get(key)
        n_known = 0 if whole is None else whole.curves.n_sessions
        if whole is None or n_known < curves.n_sessions:
            parts = [] if whole is None else [whole]
            # Some at a time: what a replay takes besides its lows is given back in between.
            for start in range(n_known, max(1, curves.n_sessions), _SESSIONS_AT_A_TIME):
                stop = min(start + _SESSIONS_AT_A_TIME, curves.n_sessions)
                parts.append(replay_under(curves.view(np.arange(start, stop)), policy))
            whole = Replay.joined(curves, parts)
        self._keep(key, whole)
        return whole

    def _keep(self, key: tuple[object, Sizes], replay: Replay) -> None:
        self._kept[key] = replay
        self._kept.move_to_end(key)
        while len(self._kept) > _LEAST_KEPT and self.nbytes > self._max_bytes:
            self._kept.popitem(last=False)


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
