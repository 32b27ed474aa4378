"""Stored curve: the columns of a sealed session that limits and release rules are chosen by."""

from collections.abc import Sequence
from typing import NamedTuple

from director_ai.core.records.record import Ending, Label


class StoredCurve(NamedTuple):
    """Columns of a sealed session that tuning reads.

    Attributes
    ----------
    id, model, source, group, enforced, ended_by, label, onset
        See :class:`director_ai.core.records.record.SessionRecord`.
    tags, policy
        Its tags and its limits as JSON.
    scores
        float64, little-endian, one a scored token.
    ends
        A byte a token: whether a sentence ends there.
    scorer
        The scorer as it prints; ``None`` where it is unknown.
    """

    id: str
    model: str
    source: str
    group: str
    tags: str
    enforced: bool
    ended_by: Ending
    label: Label | None
    onset: int | None
    policy: str
    scores: bytes
    ends: bytes
    scorer: str | None = None


class HeadTimes(NamedTuple):
    """Times of a session's first tokens.

    Attributes
    ----------
    id
        The session.
    times_us
        Microseconds from its start to each of its first tokens, as little-endian int64; empty
        where they are not kept.
    duration_us
        Microseconds from its start to its end.
    """

    id: str
    times_us: bytes
    duration_us: int


class StoredLabels(NamedTuple):
    """Columns of sealed sessions that may still change, an entry a session.

    Attributes
    ----------
    keys
        Numbers of the sessions in their store, never used twice there.
    started_us
        Starts of the streams, by which a store that was put back under the same name is told.
    changed_us
        Times of the latest change.
    labels, onsets
        Newest label, and the onset of a bad one.
    tags
        Tags as JSON.
    """

    keys: Sequence[int]
    started_us: Sequence[int]
    changed_us: Sequence[int]
    labels: Sequence[str | None]
    onsets: Sequence[int | None]
    tags: Sequence[str]
