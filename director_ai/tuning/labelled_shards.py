"""Labelled sessions of an archive of shards, kept while labels change."""

from array import array
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from director_ai.core.records.stored_curve import StoredLabels
from director_ai.replay.curves import IntArray
from director_ai.storage.transfer.shard_archive import Shard, ShardArchive
from director_ai.tuning.curve_archive import CurveArchive
from director_ai.tuning.elsewhere import policy_of_text
from director_ai.tuning.engines import Engine
from director_ai.tuning.gathered import Draws, Gathered, Verdict, gather, gather_at
from director_ai.tuning.partial import Survey, survey
from director_ai.tuning.study import TuneData

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.storage.transfer.curves_file import SessionIds

_PLACE_BITS: Final = 32
"""Bits of a session's key that are its place in its shard; those above are the shard's number."""


class Joined(NamedTuple):
    """Labelled sessions of an archive, in its order.

    Attributes
    ----------
    data
        Their curves and labels, with the limits of all of the archive, the most frequent first.
    places
        Their places in each shard.
    draws
        Draw of each one's group; shape (n_sessions,).
    """

    data: TuneData
    places: list[IntArray]
    draws: Draws


class _Surveyed(NamedTuple):
    places: IntArray
    survey: Survey


class LabelledShards:
    """Labelled sessions of an archive, and the sums over the others of each of its shards.

    A shard is read once. A session that gets a label later is read alone, one whose label changes
    or is taken away not at all, and only the shards whose unlabelled sessions are then others are
    summed up again. What is read stays, whatever ends the work between two shards.

    Parameters
    ----------
    archive
        The archive.
    keep_ids
        Whether sessions may get a label later, which takes the room of all ids.

    Attributes
    ----------
    archive
        The archive as it was opened last.
    reader
        Its reader.
    """

    def __init__(self, archive: ShardArchive, *, keep_ids: bool = True) -> None:
        self.archive, self.reader = archive, archive.reader()
        self._keep_ids = keep_ids
        self._shards: list[Shard] = []
        self._ids: list[SessionIds | None] = []
        self._n_by_policy: Counter[str] = Counter()
        self._archive = CurveArchive()
        self._row_of: dict[str, int] = {}
        self._keys, self._draws = array("q"), array("Q")
        self._tags: list[str] = []
        self._policies: list[str] = []
        self._surveys: dict[int, _Surveyed] = {}
        self._sealed: Draws = np.empty(0, np.uint64)
        self._scorers: frozenset[str] = frozenset()

    @property
    def n_unread(self) -> int:
        """Shards that are yet to be read."""
        return len(self.archive.manifest.shards) - len(self._shards)

    def reopen(self, archive: ShardArchive) -> bool:
        """Go on with the archive as it is now; return whether it is the same, or has grown."""
        is_same = list(archive.manifest.shards[: len(self._shards)]) == self._shards
        if is_same:
            self.archive, self.reader = archive, archive.reader()
        return is_same

    def join(self, labels: Mapping[str, Verdict], engine: Engine) -> Joined:
        """Return the labelled sessions; those not at hand yet are read.

        Parameters
        ----------
        labels
            By session; some may be of sessions that the archive does not hold.
        engine
            Reads the shards.

        Raises
        ------
        InvalidRecordError
            Naming a shard that is damaged.
        """
        self._read_added(labels, engine)
        self._read_shards(labels, engine)
        keys, draws = np.array(self._keys, np.int64), np.array(self._draws, np.uint64)
        rows = np.array([self._row_of[name] for name in labels if name in self._row_of], np.int64)
        rows = rows[np.argsort(keys[rows])]
        keys = keys[rows]
        ends = np.searchsorted(keys, np.arange(len(self._shards) + 1) << _PLACE_BITS)
        places = np.split(keys & ((1 << _PLACE_BITS) - 1), ends[1:-1])
        return Joined(self._data(rows.tolist(), keys, labels), places, draws[rows])

    def surveys(
        self, places: list[IntArray], sealed: Draws, scorers: Collection[str], engine: Engine
    ) -> list[Survey]:
        """Return the sums over the unlabelled sessions of each shard.

        Parameters
        ----------
        places
            Of the labelled sessions in each shard.
        sealed, scorers
            See :func:`director_ai.tuning.partial.survey`.
        engine
            Does the work on the shards that have changed.
        """
        self._forget_surveys(sealed, frozenset(scorers))
        items = list(zip(self._shards, places, strict=True))
        changed = [number for number, own in enumerate(places) if self._has_changed(number, own)]
        work = partial(survey, self.reader, sealed, scorers)
        found = engine.results(work, [items[number] for number in changed])
        for number, each in zip(changed, found, strict=True):
            self._surveys[number] = _Surveyed(places[number], each)
        return [self._surveys[number].survey for number in range(len(items))]

    def _read_added(self, labels: Mapping[str, Verdict], engine: Engine) -> None:
        """Read the sessions of shards read before that got a label since."""
        missing = labels.keys() - self._row_of.keys() if self._shards else ()
        if not missing:
            return
        found = [
            (number, places)
            for number, ids in enumerate(self._ids)
            if ids is not None and (places := ids.places(missing))
        ]
        items = [(self._shards[number], places) for number, places in found]
        parts = engine.results(partial(gather_at, self.reader), items)
        for (number, _), part in zip(found, parts, strict=True):
            self._add(number, part)

    def _read_shards(self, labels: Mapping[str, Verdict], engine: Engine) -> None:
        """Read the shards that were not read before."""
        manifest = self.archive.manifest
        if not self._shards:
            mean = manifest.n_tokens / manifest.n_sessions
            self._archive.reserve(int(1.1 * mean * len(labels)), len(labels))
        unread = manifest.shards[len(self._shards) :]
        work = partial(gather, self.reader, frozenset(labels), keep_ids=self._keep_ids)
        for shard, part in zip(unread, engine.results(work, unread), strict=True):
            self._add(len(self._shards), part)
            self._n_by_policy.update(part.n_by_policy)
            self._ids.append(part.ids)
            self._shards.append(shard)

    def _add(self, number: int, part: Gathered) -> None:
        for place, row in zip(part.places.tolist(), part.rows, strict=True):
            key = number << _PLACE_BITS | place
            self._row_of[row.id] = len(self._archive)
            self._archive.add([(key, row)], {key: 0})
            self._keys.append(key)
            self._tags.append(row.tags)
            self._policies.append(row.policy)
        self._draws.extend(part.draws.tolist())
        self._archive.release()

    def _data(self, rows: list[int], keys: IntArray, labels: Mapping[str, Verdict]) -> TuneData:
        verdicts = [labels[self._archive.ids[row]] for row in rows]
        never = [0] * len(rows)
        looks = StoredLabels(
            keys.tolist(),
            never,
            never,
            [verdict.label for verdict in verdicts],
            [verdict.onset for verdict in verdicts],
            [self._tags[row] for row in rows],
        )
        texts = sorted(self._n_by_policy, key=lambda text: -self._n_by_policy[text])
        number_of = {text: number for number, text in enumerate(texts)}
        return replace(
            TuneData.of_archive(self._archive, looks),
            policies=tuple(map(policy_of_text, texts)),
            policy_of=np.array([number_of[self._policies[row]] for row in rows], np.int64),
        )

    def _forget_surveys(self, sealed: Draws, scorers: frozenset[str]) -> None:
        """Forget the sums that were made for other scorers, or other held-out groups."""
        if scorers != self._scorers:
            self._surveys.clear()
        changed = np.setxor1d(sealed, self._sealed)
        for number in list(self._surveys) if len(changed) else ():
            draws = np.frombuffer(self.reader.draws(self._shards[number]), "<u8")
            if np.isin(draws, changed).any():
                del self._surveys[number]
        self._sealed, self._scorers = sealed, scorers

    def _has_changed(self, number: int, places: IntArray) -> bool:
        known = self._surveys.get(number)
        return known is None or not np.array_equal(known.places, places)
