"""Sessions of a shard gathered with their scores: the labelled ones, and those a check looks at.

Every function takes and returns values that can be sent to another process.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from functools import lru_cache
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from director_ai.core.records.stored_curve import StoredCurve
from director_ai.replay.curves import BoolArray, IntArray
from director_ai.storage.transfer.shard_archive import Shard, ShardReader
from director_ai.tuning.gates import Selector
from director_ai.tuning.shard_part import ShardPart
from director_ai.tuning.study import TuneData

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.storage.transfer.curves_file import SessionIds

Draws = NDArray[np.uint64]
"""Draw of each session's group; see :func:`director_ai.tuning.guarantee.holdout.group_draws`."""


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
