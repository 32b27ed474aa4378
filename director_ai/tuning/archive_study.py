"""Study of an archive of shards: labelled sessions at hand, all others counted where they are."""

import hashlib
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import BoolArray, FloatArray, IntArray
from director_ai.replay.engine import Outcomes, Replay
from director_ai.storage.transfer.shard_archive import Manifest, ShardReader
from director_ai.tuning.analysis import AnalysisContext, HaltCounts, PolicyAnalysis, analyse
from director_ai.tuning.engines import Engine, merged
from director_ai.tuning.evaluation.evaluation import (
    Evaluation,
    FlipCounts,
    GroupTally,
    Rate,
    rate_of_tally,
    weighted_rate,
)
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.evaluation.sweep import Grid, passing
from director_ai.tuning.gates import Selector
from director_ai.tuning.gathered import Kept, Verdict, gather_kept
from director_ai.tuning.guarantee.holdout import DELTA, holdout_share, split_draws
from director_ai.tuning.labelled import BAD
from director_ai.tuning.labelled_shards import LabelledShards
from director_ai.tuning.partial import (
    ChangedSession,
    PolicySums,
    added,
    cell_counts,
    changed_sessions,
    common_plateaus,
    is_of,
    policy_sums,
    sorted_lows_along,
    without_thresholds,
)
from director_ai.tuning.process_memory import trim
from director_ai.tuning.search.plateaus import Plateau, narrowed, plateau, tidied_by
from director_ai.tuning.shard_part import ShardPart
from director_ai.tuning.study import Study, TuneData


class GridCounts(NamedTuple):
    """Unlabelled sessions under every combination of a grid; arrays of the grid's shape.

    Attributes
    ----------
    n_sessions
        Sessions in all.
    passed
        Those that no rule halts.
    n_unknown
        Those of them whose recording ends early.
    """

    n_sessions: int
    passed: IntArray
    n_unknown: IntArray

    @property
    def halted(self) -> IntArray:
        """Sessions that are halted."""
        return self.n_sessions - self.passed


@dataclass(frozen=True, slots=True, eq=False)
class ArchiveStudy:
    """Study of an archive, and the engine that counts the sessions it has no label of.

    Attributes
    ----------
    study
        Labelled sessions, some of them held out; ``elsewhere`` sums up the others.
    reader
        Reader of the shards.
    parts
        Open unlabelled sessions, a part a shard.
    engine
        Does the counting.
    n_without_session
        Labels of sessions that the archive does not hold.
    """

    study: Study
    reader: ShardReader
    parts: tuple[ShardPart, ...]
    engine: Engine
    n_without_session: int

    @classmethod
    def of(
        cls,
        shards: LabelledShards,
        labels: Mapping[str, Verdict],
        engine: Engine,
        *,
        share: float | None,
        opened: bytes,
        key: str,
        scorers: Collection[str] = (),
    ) -> "ArchiveStudy":
        """Return the study of an archive by labels that are kept elsewhere.

        Parameters
        ----------
        shards
            What was read of the archive for other labels, if anything was; the rest is read.
        labels
            By session.
        engine
            Does the work on each shard.
        share, opened
            Choice of the sessions held out, as of
            :func:`director_ai.tuning.study.split_study`; which groups are drawn stands in the
            archive.
        key
            Secret of the store, which only chooses among held-out sessions of one group.
        scorers
            Scorers of the sessions that the study is of, as they print; all if there are none.

        Raises
        ------
        InvalidRequestError
            If the archive is empty.
        InvalidRecordError
            Naming a shard that is damaged.
        """
        manifest = shards.archive.manifest
        if not manifest.shards:
            raise InvalidRequestError(f"archive must hold sessions, got {shards.archive.address}")
        data, places, draws = shards.join(labels, engine)
        labelled = data.labelled
        if share is None:
            share = holdout_share(labelled.n_good_groups, delta=DELTA)
        split = split_draws(draws, labelled.labels, share=share, opened=opened)
        sealed = np.unique(draws[split.sealed])
        own = is_of(scorers, data.scorers) if scorers else np.ones(len(draws), bool)
        surveys = shards.surveys(places, sealed, scorers, engine)
        n_opened = 0
        if opened:
            first = split_draws(draws, labelled.labels, share=share)
            n_opened = int((first.sealed & ~split.sealed & own).sum())
        n_withheld = sum(each.n_withheld for each in surveys)
        elsewhere = merged((each.elsewhere for each in surveys), operator.add)
        parts = tuple(each.part for each in surveys)
        trim()
        return cls(
            Study(
                data.select(split.open & own),
                data.select(split.sealed & own),
                int((split.withheld & own).sum()) + n_withheld,
                key if share else "",
                n_withheld_bad=int((split.withheld & own & (labelled.labels == BAD)).sum()),
                share=share,
                n_opened=n_opened,
                elsewhere=replace(elsewhere, sha256=_sha256(manifest, parts)),
            ),
            shards.reader,
            parts,
            engine,
            len(labels) - len(draws),
        )

    def analyse(
        self, context: AnalysisContext, replay: Replay, policy: HaltPolicy
    ) -> PolicyAnalysis:
        """Return the results of a policy, as of :func:`director_ai.tuning.analysis.analyse`.

        Outcomes, classes and flips are those of the labelled sessions; every count is of all.
        """
        found = analyse(context, replay, policy)
        sums = self.engine.map_reduce(
            partial(policy_sums, self.reader, policy, _before(context)), self.parts, operator.add
        )
        first, second, third = (
            added(one, another) for one, another in zip(found.sensitivity, sums.moved, strict=True)
        )
        return replace(
            found,
            evaluation=replace(
                found.evaluation,
                halted=self._halted(found.evaluation, sums),
                n_unknown=found.evaluation.n_unknown + sums.n_unknown,
            ),
            flip_counts=FlipCounts(*map(sum, zip(found.flip_counts, sums.flips, strict=True))),
            sensitivity=(first, second, third),
            elsewhere=HaltCounts(*sums.n_by_end),
        )

    def lows_along(self, policy: HaltPolicy, rule: int) -> FloatArray:
        """Return the lows of the unlabelled sessions along one threshold, ascending.

        See :func:`director_ai.tuning.search.plateaus.lows_along`.
        """
        work = partial(sorted_lows_along, self.reader, policy, rule)
        # A stable sort merges what is in order already.
        return np.sort(np.concatenate(list(self.engine.results(work, self.parts))), kind="stable")

    def changed(
        self, context: AnalysisContext, policy: HaltPolicy, kinds: Sequence[str], most: int
    ) -> list[tuple[str, ChangedSession]]:
        """Return unlabelled sessions that end otherwise than under the baseline, with their ids.

        Parameters
        ----------
        context, policy
            As of :meth:`analyse`.
        kinds
            Kinds of change to take, in their order.
        most
            Sessions at most, shard after shard.
        """
        before = _before(context)
        work = partial(changed_sessions, self.reader, policy, before, kinds, most)
        found = [each for part in self.engine.results(work, self.parts) for each in part]
        found = sorted(found, key=lambda each: kinds.index(each.kind))[:most]
        shards = {part.shard.name: part.shard for part in self.parts}
        ids = {name: self.reader.ids(shards[name]) for name in {each.place[0] for each in found}}
        return [(ids[each.place[0]][each.place[1]], each) for each in found]

    def tidied(self, limits: Sequence[tuple[Replay, HaltPolicy]]) -> list[HaltPolicy]:
        """Return policies in the shortest decimals with the same outcome for every session.

        All of them in one pass over the shards for each rule; see
        :func:`director_ai.tuning.search.plateaus.all_tidied`.
        """
        replays = [replay for replay, _ in limits]

        def plateaus_of(policies: Sequence[HaltPolicy], rule: int) -> list[Plateau]:
            merge = partial(_narrowed, rule)
            work = partial(common_plateaus, self.reader, policies, rule)
            elsewhere = self.engine.map_reduce(work, self.parts, merge)
            pairs = zip(replays, policies, strict=True)
            return merge([plateau(replay, policy, rule) for replay, policy in pairs], elsewhere)

        return tidied_by(plateaus_of, [policy for _, policy in limits])

    def grid_counts(self, base: HaltPolicy, grid: Grid) -> GridCounts:
        """Return the counts of the unlabelled sessions under every combination of a grid."""
        work = partial(cell_counts, self.reader, without_thresholds(base), grid)
        whole, cut = self.engine.map_reduce(work, self.parts, operator.add)
        n_unknown = passing(cut)
        return GridCounts(int(whole.sum() + cut.sum()), passing(whole) + n_unknown, n_unknown)

    def kept(
        self,
        labels: Mapping[str, Verdict],
        selectors: Sequence[Selector],
        keep: Callable[[TuneData], BoolArray],
    ) -> Kept:
        """Return the sessions that a check of limits looks at; see :func:`gather_kept`.

        Parameters
        ----------
        labels
            Those the study was made by.
        selectors, keep
            Choose sessions beside the open labelled ones.
        """
        opened = {name: labels[name] for name in self.study.open.ids}
        work = partial(gather_kept, self.reader, opened, selectors, keep)
        found = list(self.engine.results(work, self.parts))
        return Kept(
            [row for each in found for row in each.rows],
            [row for each in found for row in each.hidden],
        )

    def _halted(self, results: Evaluation, sums: PolicySums) -> Rate:
        data, outcomes = self.study.open, results.outcomes
        opened = Population.of(data.labelled)
        assert self.study.elsewhere is not None
        everyone = opened._replace(n_unlabelled=self.study.elsewhere.n_sessions)
        if results.population == everyone:
            return rate_of_tally(_whole_tally(data, outcomes, sums))
        strata = [
            GroupTally.of(data.labelled, mask, outcomes.halts, outcomes.unknown)
            for mask in (data.labelled.good, data.labelled.bad)
        ]
        return weighted_rate([*strata, _tally(sums.alone, sums.by_group)], results.population)


def _before(context: AnalysisContext) -> HaltPolicy | None:
    """Return the policy of comparison; ``None`` for the limits of each session's recording."""
    return None if context.baseline.is_recorded else context.baseline.policy


def _whole_tally(data: TuneData, outcomes: Outcomes, sums: PolicySums) -> GroupTally:
    """Return the tally of labelled and unlabelled sessions together, of which groups have both."""
    counts = np.stack(
        [np.ones(len(data.ids), bool), outcomes.halts, outcomes.halts | outcomes.unknown]
    ).astype(np.int64)
    is_alone = np.array([name.startswith("\0") for name in data.group_names], bool)
    named = [bytes.fromhex(name) for name in data.group_names if not name.startswith("\0")]
    _, places = np.unique(
        np.concatenate([np.array(named, "S16"), sums.groups]), return_inverse=True
    )
    by_group = np.zeros((3, int(places.max(initial=-1)) + 1), np.int64)
    together = np.concatenate([counts[:, ~is_alone], sums.by_group], axis=1)
    for row, values in zip(by_group, together, strict=True):
        np.add.at(row, places, values)
    return _tally(sums.alone + counts[:, is_alone].sum(axis=1), by_group)


def _tally(
    alone: "np.ndarray[Any, np.dtype[np.int64]]", by_group: "np.ndarray[Any, np.dtype[np.int64]]"
) -> GroupTally:
    """Return the tally of sessions that are groups of their own, and of those of groups."""
    n_alone, n_halted, n_at_most = alone.tolist()
    # Halted, unknown, neither.
    own = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0]])
    n_own = [n_halted, n_at_most - n_halted, n_alone - n_at_most]
    sizes, least, most = np.concatenate([own, by_group], axis=1)
    alike = np.concatenate([n_own, np.ones(by_group.shape[1], np.int64)])
    return GroupTally(sizes, least, most, alike.astype(np.int64))


def _narrowed(rule: int, first: list[Plateau], second: list[Plateau]) -> list[Plateau]:
    return [narrowed(*both, rule) for both in zip(first, second, strict=True)]


def _sha256(manifest: Manifest, parts: Sequence[ShardPart]) -> str:
    """Return the SHA-256 of the shards' sessions that are counted."""
    digest = hashlib.sha256()
    for shard, part in zip(manifest.shards, parts, strict=True):
        digest.update(shard.fingerprint.encode())
        digest.update(part.mask)
    return digest.hexdigest()
