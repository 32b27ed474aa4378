"""Archive of curves: everything of sealed sessions that never changes, read once and added to."""

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.stored_curve import StoredCurve, StoredLabels
from director_ai.replay.curves import Curves, IntArray, ended_by_itself
from director_ai.replay.mapped_room import longer, release

_UNSCORED: Final = -1
_UNKNOWN: Final = int(np.iinfo(np.int64).min)
_LEAST_TOKENS, _LEAST_SESSIONS = 1 << 16, 1 << 10
_SESSIONS_AT_A_TIME: Final = 5_000


class CurveArchive:
    """Sessions as arrays that grow at their end, so that views of them stay as they are.

    Attributes
    ----------
    ids, models, sources, group_names, scorers
        Text of each session, in the order they were added; a group's name is the session's own
        where it has none.
    policies
        Distinct limits that sessions were recorded under, in the order they were met.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.models: list[str] = []
        self.sources: list[str] = []
        self.group_names: list[str] = []
        self.scorers: list[str] = []
        self.policies: list[HaltPolicy] = []
        self._known = _KnownSessions()
        self._texts: dict[str, str] = {}
        self._policy_numbers: dict[str, int] = {}
        self._group_numbers: dict[str, int] = {}
        self._n_groups = 0
        self._digest = hashlib.sha256()
        self._n_tokens = 0
        self._scores = np.empty(_LEAST_TOKENS)
        self._ends = np.empty(_LEAST_TOKENS, bool)
        self._offsets = np.zeros(_LEAST_SESSIONS, np.int64)
        self._complete = np.empty(_LEAST_SESSIONS, bool)
        self._enforced = np.empty(_LEAST_SESSIONS, bool)
        self._policy_of = np.empty(_LEAST_SESSIONS, np.int64)
        self._group_of = np.empty(_LEAST_SESSIONS, np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def digest(self) -> str:
        """SHA-256 of all sessions, in the order they were added."""
        return self._digest.hexdigest()

    @property
    def curves(self) -> Curves:
        """Scores of all sessions, as they stand now."""
        n = len(self)
        return Curves(
            self._scores[: self._n_tokens],
            self._offsets[: n + 1],
            self._complete[:n],
            self._ends[: self._n_tokens],
        )

    def curves_of(self, rows: IntArray) -> Curves:
        """Return the scores of some sessions, a view of those of all."""
        return Curves(
            self._scores[: self._n_tokens],
            self._offsets[: len(self) + 1],
            self._complete[rows],
            self._ends[: self._n_tokens],
            rows=rows,
        )

    def enforced(self, rows: IntArray) -> np.ndarray:
        """Return which were recorded while a kernel enforced its limits."""
        return self._enforced[rows]

    def policy_of(self, rows: IntArray) -> IntArray:
        """Return the places in ``policies`` of the limits of some sessions."""
        return self._policy_of[rows]

    def group_of(self, rows: IntArray) -> IntArray:
        """Return the number of each session's group."""
        return self._group_of[rows]

    def missing(self, looks: StoredLabels) -> dict[int, int]:
        """Return the starts of those sessions that are yet to be added, by their keys.

        One that is here under the same key, but began at another time, is another session: of a
        store that was put back.
        """
        keys, started_us = (np.array(each, np.int64) for each in looks[:2])
        known_us, _ = self._known.look(keys)
        missing = known_us != started_us
        return dict(zip(keys[missing].tolist(), started_us[missing].tolist(), strict=True))

    def release(self) -> None:
        """Let the system take back the memory of scores that lie in a file, until the next look."""
        release(self._scores, self._ends)

    def in_parts(self, sessions: IntArray) -> Iterator[IntArray]:
        """Yield sessions, some at a time; the scores that were read meanwhile are released.

        >>> [len(part) for part in CurveArchive().in_parts(np.arange(8_000))]
        [5000, 3000]
        """
        for start in range(0, len(sessions), _SESSIONS_AT_A_TIME):
            yield sessions[start : start + _SESSIONS_AT_A_TIME]
            self.release()

    def reserve(self, n_tokens: int, n_sessions: int) -> None:
        """Make room for so many more, and for some that come later."""
        self._make_room(self._n_tokens + n_tokens, len(self) + n_sessions + 1)

    def add(
        self, sessions: Iterable[tuple[int, StoredCurve]], started_us: Mapping[int, int]
    ) -> None:
        """Add sessions.

        Parameters
        ----------
        sessions
            Key and curve of each; one of a key that is here already takes its place.
        started_us
            Start of each, by its key; sessions without one are passed over.
        """
        for place, (key, session) in enumerate(sessions, start=1):
            if key in started_us:
                self._add(key, session, started_us[key])
            if place % _SESSIONS_AT_A_TIME == 0:
                self.release()

    def rows(self, looks: StoredLabels) -> IntArray:
        """Return the row of each session, -1 where it has no scores or was not added."""
        _, rows = self._known.look(np.array(looks.keys, np.int64))
        return rows

    def _add(self, key: int, session: StoredCurve, started_us: int) -> None:
        n_scores = len(session.scores) // 8
        self._known.add(key, started_us, len(self.ids) if n_scores else _UNSCORED)
        if not n_scores:
            return
        row, first = len(self.ids), self._n_tokens
        self._make_room(first + n_scores, row + 2)
        last = self._n_tokens = first + n_scores
        self._scores[first:last] = np.frombuffer(session.scores, "<f8")
        # The last token of a session may lack a score; it is not judged.
        self._ends[first:last] = np.frombuffer(session.ends, np.uint8)[:n_scores] != 0
        self._offsets[row + 1] = last
        self._complete[row] = _ended_by_itself(session)
        self._enforced[row] = session.enforced
        self._policy_of[row] = self._number_of(session.policy)
        self.models.append(self._shared(session.model))
        self.sources.append(self._shared(session.source))
        self.scorers.append(self._shared(session.scorer or ""))
        self._group_of[row] = self._group_number(session.group)
        self.group_names.append(self._shared(session.group) if session.group else f"\0{session.id}")
        self.ids.append(session.id)
        self._digest.update(f"{len(session.id)} {n_scores} {self._complete[row]} ".encode())
        self._digest.update(session.id.encode("utf-8", "surrogatepass"))
        self._digest.update(session.scores)

    def _make_room(self, n_tokens: int, n_sessions: int) -> None:
        if n_tokens > len(self._scores):
            for name in ("_scores", "_ends"):
                setattr(self, name, longer(getattr(self, name), n_tokens))
        if n_sessions > len(self._offsets):
            for name in ("_offsets", "_complete", "_enforced", "_policy_of", "_group_of"):
                setattr(self, name, longer(getattr(self, name), n_sessions))

    def _number_of(self, policy: str) -> int:
        number = self._policy_numbers.setdefault(policy, len(self.policies))
        if number == len(self.policies):
            self.policies.append(_policy(policy))
        return number

    def _group_number(self, group: str) -> int:
        """Return the number of a group; a session without one is a new group of its own."""
        number = self._group_numbers.get(group, self._n_groups)
        if number == self._n_groups:
            self._n_groups += 1
            if group:
                self._group_numbers[group] = number
        return number

    def _shared(self, text: str) -> str:
        """Return a text that many sessions have, kept once."""
        return self._texts.setdefault(text, text)


class _KnownSessions:
    """Start and row of sessions by their keys, in a tenth of the room of dictionaries."""

    def __init__(self) -> None:
        self._sorted = np.empty((0, 3), np.int64)
        self._added = array("q")

    def add(self, key: int, started_us: int, row: int) -> None:
        """Add a session; it takes the place of one of the same key."""
        self._added.extend((key, started_us, row))

    def look(self, keys: IntArray) -> tuple[IntArray, IntArray]:
        """Return start and row of each session; ``_UNKNOWN`` and -1 where it was not added."""
        if self._added:
            entries = np.concatenate(
                [self._sorted, np.frombuffer(self._added, np.int64).reshape(-1, 3)]
            )
            # Stable: of one key the one added last stands last.
            self._sorted = entries[np.argsort(entries[:, 0], kind="stable")]
            self._added = array("q")
        starts, rows = np.full(len(keys), _UNKNOWN), np.full(len(keys), _UNSCORED)
        places = np.searchsorted(self._sorted[:, 0], keys, side="right") - 1
        found = places >= 0
        found[found] = self._sorted[places[found], 0] == keys[found]
        starts[found], rows[found] = self._sorted[places[found], 1:].T
        return starts, rows


def _ended_by_itself(session: StoredCurve) -> bool:
    # Limits are read only where they matter: most sessions completed.
    if session.ended_by == "completed":
        return True
    policy = _policy(session.policy)
    if not policy.score_final:
        return False
    return ended_by_itself(np.frombuffer(session.scores, "<f8").tolist(), policy, session.ended_by)


@lru_cache(maxsize=64)
def _policy(text: str) -> HaltPolicy:
    return HaltPolicy.from_dict(json.loads(text))
