"""First crossings of any threshold, from the running minima of a statistic."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from director_ai.replay.curves import FloatArray, IntArray
from director_ai.replay.mapped_room import Room, longer, release

NEVER = int(np.iinfo(np.int64).max)
"""Index of a crossing that does not happen."""

_BLOCK_LOWS: Final = 1 << 17


class Lows(NamedTuple):
    """New lows of some sessions: which session, at which of its tokens, how low."""

    sessions: NDArray[np.integer]
    positions: NDArray[np.integer]
    values: FloatArray


class _Block(NamedTuple):
    """Some sessions of many: which, where their lows are, and where each one's start there."""

    sessions: slice
    lows: slice
    offsets: IntArray


def _counts(mask: NDArray[np.bool_], offsets: IntArray) -> IntArray:
    """Return how many lows of each session are true."""
    so_far = np.concatenate([[0], np.cumsum(mask)])
    return np.asarray(so_far[offsets[1:]] - so_far[offsets[:-1]])


def _blocks(offsets: IntArray) -> Iterator[_Block]:
    """Yield all sessions, some at a time: what is made of their lows fits in a cache."""
    first, n_sessions = 0, len(offsets) - 1
    while first < n_sessions:
        full = np.searchsorted(offsets, offsets[first] + _BLOCK_LOWS, side="right")
        last = max(first + 1, int(full) - 1)
        own = offsets[first : last + 1]
        yield _Block(slice(first, last), slice(own[0], own[-1]), own - own[0])
        first = last


def new_lows(sessions: IntArray, statistic: FloatArray, first: int) -> Lows:
    """Return the new lows of a statistic.

    Parameters
    ----------
    sessions
        Which session each row is.
    statistic
        Shape (n_rows, n_columns); nan behind a session's end.
    first
        Token index of the first column.
    """
    # nan is never lower, and fmin passes over it.
    lowest = np.fmin.accumulate(statistic, axis=1)
    is_low = np.empty(statistic.shape, bool)
    is_low[:, 1:] = statistic[:, 1:] < lowest[:, :-1]
    is_low[:, 0] = ~np.isnan(statistic[:, 0])
    row, column = np.nonzero(is_low)
    # Half the room, of which an archive's lows take much.
    places = (column + first).astype(np.int32)
    return Lows(sessions[row].astype(np.int32), places, statistic[row, column])


@dataclass(frozen=True, slots=True, eq=False)
class RunningMinima:
    """The new lows of one statistic in each of many sessions.

    A statistic first falls below a threshold at the first of its new lows that does, so they are
    all that any threshold needs, and they are few. Where they lie in files, they take memory only
    while they are read: each reading ends by giving it back.

    Attributes
    ----------
    values
        The lows, falling within a session; shape (n_lows,).
    positions
        Token index of each, rising within a session, 32 bits wide; shape (n_lows,).
    offsets
        Where each session's lows start, and the end; shape (n_sessions + 1,).
    """

    values: FloatArray
    positions: NDArray[np.int32]
    offsets: IntArray

    @classmethod
    def of(cls, lows: Iterable[Lows], n_sessions: int) -> "RunningMinima":
        """Return the staircase of lows that come block by block, a session in one block only."""
        parts = list(lows)
        if not parts:
            nothing = np.empty(0, np.int32)
            return cls(np.empty(0), nothing, np.zeros(n_sessions + 1, np.int64))
        sessions = np.concatenate([part.sessions for part in parts])
        # Stable: within a session the lows stay in their order.
        order = np.argsort(sessions, kind="stable")
        counts = np.bincount(sessions, minlength=n_sessions)
        return cls(
            np.concatenate([part.values for part in parts])[order],
            np.concatenate([part.positions for part in parts])[order].astype(np.int32, copy=False),
            np.concatenate([[0], counts.cumsum()]).astype(np.int64),
        )

    def select(
        self, sessions: "IntArray | NDArray[np.bool_]", room: Room = np.empty
    ) -> "RunningMinima":
        """Return the staircases of some sessions, by mask or by index, in that order.

        Parameters
        ----------
        sessions
            Mask of shape (n_sessions,), or indices.
        room
            Maker of the arrays.
        """
        counts = np.diff(self.offsets)[sessions]
        offsets = np.concatenate([[0], counts.cumsum()]).astype(np.int64)
        n_lows, starts = int(offsets[-1]), self.offsets[:-1][sessions]
        values, positions = (room(n_lows, np.dtype(kind)) for kind in (np.float64, np.int32))
        for some, lows, own in _blocks(offsets):
            places = np.arange(own[-1])
            places += np.repeat(starts[some] - own[:-1], np.diff(own))
            values[lows], positions[lows] = self.values[places], self.positions[places]
        return RunningMinima(values, positions, offsets)

    def release(self) -> None:
        """Let the system take back the memory of lows that lie in files, until the next look."""
        release(self.values, self.positions)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, in bytes."""
        return self.values.nbytes + self.positions.nbytes + self.offsets.nbytes

    def first_below(self, threshold: float) -> IntArray:
        """Return the token at which each session first falls below a threshold, or ``NEVER``.

        >>> lows = new_lows(np.array([0]), np.array([[0.9, 0.7, 0.8, 0.6]]), 0)
        >>> minima = RunningMinima.of([lows], 1)
        >>> [int(minima.first_below(limit)[0]) for limit in (0.75, 0.7)]
        [1, 3]
        """
        first = np.full(len(self.offsets) - 1, NEVER)
        for sessions, lows, offsets in _blocks(self.offsets):
            # Lows fall, so those not yet below stand first: their number leads to the crossing.
            place = offsets[:-1] + _counts(self.values[lows] >= threshold, offsets)
            crossed = place < offsets[1:]
            first[sessions][crossed] = self.positions[lows][place[crossed]]
        self.release()
        return first

    def lowest(self) -> FloatArray:
        """Return each session's lowest value, ``inf`` where it has none; shape (n_sessions,)."""
        lowest = np.full(len(self.offsets) - 1, np.inf)
        has = np.diff(self.offsets) > 0
        lowest[has] = self.values[self.offsets[1:][has] - 1]
        self.release()
        return lowest

    def lowest_before(self, ends: IntArray) -> FloatArray:
        """Return each session's lowest value before the token of ``ends``, ``inf`` if none.

        Parameters
        ----------
        ends
            A token index a session, shape (n_sessions,); ``NEVER`` for the whole session.
        """
        lowest = np.full(len(self.offsets) - 1, np.inf)
        for sessions, lows, offsets in _blocks(self.offsets):
            inside = self.positions[lows] < np.repeat(ends[sessions], np.diff(offsets))
            n_inside = _counts(inside, offsets)
            has = n_inside > 0
            lowest[sessions][has] = self.values[lows][(offsets[:-1] + n_inside - 1)[has]]
        self.release()
        return lowest

    def values_before(self, ends: IntArray) -> FloatArray:
        """Return the lows of all sessions before the token of ``ends``, one a session."""
        found, n_found = np.empty_like(self.values), 0
        for sessions, lows, offsets in _blocks(self.offsets):
            inside = self.positions[lows] < np.repeat(ends[sessions], np.diff(offsets))
            values = self.values[lows][inside]
            found[n_found : n_found + len(values)] = values
            n_found += len(values)
        self.release()
        return found[:n_found]


class GrowingMinima:
    """Staircases that are added to, some sessions after the other; large ones lie in files.

    Examples
    --------
    >>> growing = GrowingMinima()
    >>> growing.add(RunningMinima.of([new_lows(np.array([0]), np.array([[0.9, 0.7]]), 0)], 1))
    >>> growing.whole().lowest().tolist()
    [0.7]
    """

    def __init__(self) -> None:
        self._values, self._positions = np.empty(0), np.empty(0, np.int32)
        self._n_lows = 0
        self._offsets = [np.zeros(1, np.int64)]

    def add(self, minima: RunningMinima) -> None:
        """Add the staircases of the next sessions."""
        first, self._n_lows = self._n_lows, self._n_lows + len(minima.values)
        if self._n_lows > len(self._values):
            self._values = longer(self._values, self._n_lows)
            self._positions = longer(self._positions, self._n_lows)
        self._values[first : self._n_lows] = minima.values
        self._positions[first : self._n_lows] = minima.positions
        self._offsets.append(minima.offsets[1:] + first)
        release(self._values, self._positions)

    def whole(self) -> RunningMinima:
        """Return the staircases of all sessions, in order."""
        return RunningMinima(
            self._values[: self._n_lows],
            self._positions[: self._n_lows],
            np.concatenate(self._offsets),
        )
