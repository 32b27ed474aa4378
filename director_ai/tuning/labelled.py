"""Labelled curves: scores with labels, onsets and groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from director_ai.core.records.record import SessionRecord
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, Curves, IntArray

GOOD, BAD, UNLABELLED = 0, 1, -1
"""Values of ``LabelledCurves.labels``; what nobody is sure of is unlabelled."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledCurves:
    """Recorded sessions to choose limits by.

    Attributes
    ----------
    curves
        Their scores.
    labels
        ``GOOD``, ``BAD`` or ``UNLABELLED``; shape (n_sessions,).
    onsets
        Token where a bad session truly goes wrong, ``NEVER`` for every other and where it is not
        known; it may lie past the end of a cut recording. Shape (n_sessions,).
    groups
        Number of each session's group; sessions of one group, such as the answers to one prompt,
        are not independent. Shape (n_sessions,).

    Raises
    ------
    ValueError
        If the shapes do not fit together, a label is none there is, an onset is negative, or a
        session that is not bad has one.

    Examples
    --------
    >>> data = LabelledCurves.from_scores([[0.9, 0.9], [0.9, 0.2]], labels=[GOOD, BAD])
    >>> data.n_good, data.n_bad
    (1, 1)
    """

    curves: Curves
    labels: IntArray
    onsets: IntArray
    groups: IntArray

    def __post_init__(self) -> None:
        n_sessions = self.curves.n_sessions
        for name in ("labels", "onsets", "groups"):
            if getattr(self, name).shape != (n_sessions,):
                raise ValueError(
                    f"{name} must have shape ({n_sessions},), got {getattr(self, name).shape}"
                )
        if not np.isin(self.labels, (GOOD, BAD, UNLABELLED)).all():
            raise ValueError("labels must be GOOD, BAD or UNLABELLED")
        if (self.onsets < 0).any() or ((self.onsets != NEVER) & (self.labels != BAD)).any():
            raise ValueError("onsets must be token indices of bad sessions, NEVER of all others")

    @classmethod
    def from_scores(
        cls,
        sessions: Sequence[Sequence[float]],
        *,
        labels: Sequence[int],
        onsets: Sequence[int] | None = None,
        groups: Sequence[int] | None = None,
        complete: Sequence[bool] | None = None,
    ) -> "LabelledCurves":
        """Return sessions known by their scores alone; every one its own group by default."""
        n_sessions = len(sessions)
        return cls(
            Curves.from_scores(sessions, complete=complete),
            np.asarray(labels, np.int64).reshape(-1),
            np.full(n_sessions, NEVER) if onsets is None else np.asarray(onsets, np.int64),
            np.arange(n_sessions) if groups is None else np.asarray(groups, np.int64),
        )

    @classmethod
    def from_records(cls, records: Sequence[SessionRecord]) -> "LabelledCurves":
        """Return recorded sessions with their newest labels.

        Infrastructure faults and operator stops say nothing of limits: leave them out.
        """
        names = [record.group or f"\0{record.id}" for record in records]
        labels = [_LABELS.get(record.label or "", UNLABELLED) for record in records]
        onsets = [
            record.onset if label == BAD and record.onset is not None else NEVER
            for record, label in zip(records, labels, strict=True)
        ]
        return cls(
            Curves.from_records(records),
            np.array(labels, np.int64),
            np.array(onsets, np.int64),
            numbered(names),
        )

    @property
    def n_sessions(self) -> int:
        """Number of sessions."""
        return self.curves.n_sessions

    @property
    def good(self) -> BoolArray:
        """Mask of the sessions labelled good."""
        return np.equal(self.labels, GOOD)

    @property
    def bad(self) -> BoolArray:
        """Mask of the sessions labelled bad."""
        return np.equal(self.labels, BAD)

    @property
    def n_good(self) -> int:
        """Sessions labelled good."""
        return int(self.good.sum())

    @property
    def n_bad(self) -> int:
        """Sessions labelled bad."""
        return int(self.bad.sum())

    @property
    def n_good_groups(self) -> int:
        """Groups with a good session: as many independent witnesses of a false-halt rate."""
        return len(np.unique(self.groups[self.good]))

    def view(self, sessions: "IntArray | BoolArray") -> "LabelledCurves":
        """Return some sessions as :meth:`select` does, without a copy of a score."""
        return LabelledCurves(
            self.curves.view(sessions),
            self.labels[sessions],
            self.onsets[sessions],
            self.groups[sessions],
        )

    def select(self, sessions: "IntArray | BoolArray") -> "LabelledCurves":
        """Return some sessions, by mask or by index, in that order."""
        return LabelledCurves(
            self.curves.select(sessions),
            self.labels[sessions],
            self.onsets[sessions],
            self.groups[sessions],
        )


_LABELS = {"good": GOOD, "bad": BAD}


def numbered(names: Sequence[str]) -> IntArray:
    """Return a number for each name, the same for the same, in order of appearance.

    >>> numbered(["b", "a", "b"]).tolist()
    [0, 1, 0]
    """
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)
