"""Study of an archive: curves, labels and recorded limits as arrays, a part of them held out."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.stored_curve import StoredCurve, StoredLabels
from director_ai.core.scoring.identity import UNKNOWN_SCORER
from director_ai.errors import MixedScorersError
from director_ai.replay.cadence import held
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import BoolArray, Curves, FloatArray, IntArray
from director_ai.replay.engine import Outcomes, Replay
from director_ai.tuning.curve_archive import CurveArchive
from director_ai.tuning.elsewhere import Elsewhere
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.guarantee.holdout import (
    DELTA,
    holdout_mask,
    holdout_share,
    split_holdout,
)
from director_ai.tuning.labelled import BAD, GOOD, UNLABELLED, LabelledCurves

_LABELS: Final = {"good": GOOD, "bad": BAD}


@dataclass(frozen=True, slots=True, eq=False)
class TuneData:
    """Sessions of an archive as arrays.

    Attributes
    ----------
    labelled
        Scores, labels, onsets and groups.
    ids, models, sources, tags
        Of each session: its id, its model, its source, and any number of tags.
    group_names
        Name of each session's group; of one without, a name that no group has.
    n_unscored
        Sessions left out as not one of their tokens has a score.
    policies
        The distinct limits that sessions were recorded under, the most frequent first.
    policy_of
        Place in ``policies`` of each session, shape (n_sessions,).
    enforced
        Which were recorded while a kernel enforced its limits, shape (n_sessions,).
    curves_digest
        SHA-256 of the scores alone: the same while only labels change.
    scorers
        Scorer of each session as it prints; ``""`` where it is unknown.
    archive
        The sessions' own and perhaps more, whose scores ``labelled`` is a view of.
    """

    labelled: LabelledCurves
    ids: tuple[str, ...]
    models: tuple[str, ...]
    sources: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]
    group_names: tuple[str, ...]
    n_unscored: int
    policies: tuple[HaltPolicy, ...]
    policy_of: IntArray
    enforced: BoolArray
    curves_digest: str
    scorers: tuple[str, ...]
    archive: CurveArchive

    @classmethod
    def of(cls, sessions: Iterable[StoredCurve]) -> "TuneData":
        """Return the data of stored curves, in their order."""
        archive = CurveArchive()
        changing: list[tuple[int, int, int, str | None, int | None, str]] = []
        for key, session in enumerate(sessions):
            archive.add([(key, session)], {key: 0})
            changing.append((key, 0, 0, session.label, session.onset, session.tags))
        return cls.of_archive(
            archive, StoredLabels(*(list(zip(*changing, strict=True)) or [()] * 6))
        )

    @classmethod
    def of_archive(cls, archive: CurveArchive, looks: StoredLabels) -> "TuneData":
        """Return the data of some sessions of an archive, with their labels as they stand now.

        Parameters
        ----------
        archive
            Their curves; the scores stay its own.
        looks
            The sessions, in their order.
        """
        rows = archive.rows(looks)
        scored = rows >= 0
        kept, rows = scored.tolist(), rows[scored]
        labels = _codes(compress(looks.labels, kept))
        onsets = _onsets(compress(looks.onsets, kept))
        labelled = LabelledCurves(
            archive.curves_of(rows),
            labels,
            np.where(labels == BAD, onsets, NEVER),
            _in_order(archive.group_of(rows)),
        )
        policies, policy_of = _by_frequency(archive.policies, archive.policy_of(rows))
        return cls(
            labelled,
            _each(archive.ids, rows),
            _each(archive.models, rows),
            _each(archive.sources, rows),
            tuple(map(_tags, compress(looks.tags, kept))),
            _each(archive.group_names, rows),
            len(kept) - len(rows),
            policies,
            policy_of,
            archive.enforced(rows),
            _digest(archive.digest, rows),
            _each(archive.scorers, rows),
            archive,
        )

    @property
    def default_policy(self) -> HaltPolicy:
        """The limits that most sessions were recorded under."""
        return self.policies[0] if self.policies else HaltPolicy()

    @property
    def n_cut(self) -> int:
        """Sessions whose recording ends early, so that looser limits are not known."""
        return int((~self.labelled.curves.complete).sum())

    def select(self, sessions: BoolArray) -> "TuneData":
        """Return some sessions, by mask, in their order."""
        kept = sessions.tolist()
        return TuneData(
            self.labelled.view(sessions),
            tuple(compress(self.ids, kept)),
            tuple(compress(self.models, kept)),
            tuple(compress(self.sources, kept)),
            tuple(compress(self.tags, kept)),
            tuple(compress(self.group_names, kept)),
            self.n_unscored,
            self.policies,
            self.policy_of[sessions],
            self.enforced[sessions],
            _digest(self.curves_digest, sessions),
            tuple(compress(self.scorers, kept)),
            self.archive,
        )


class Study(NamedTuple):
    """An archive, the part of it that nobody looks at before it certifies set aside.

    Attributes
    ----------
    open
        What every view shows and every choice is made by.
    sealed
        The good sessions set aside; none where there are too few to promise anything.
    n_withheld
        Sessions of the same groups as sealed ones, in neither part.
    key
        The archive's secret; ``""`` where nothing can be sealed.
    n_withheld_bad
        Those of the withheld that are bad; the others have no label.
    share
        Share of the groups that are sealed, in [0, 1].
    n_opened
        Good sessions that this share would seal, had they not been opened before.
    withheld
        Id of each of the withheld that is at hand, and whether it is bad.
    elsewhere
        Sums over the unlabelled sessions that stay in the shards of an archive and are in no part;
        ``None`` where every session is at hand.
    """

    open: TuneData
    sealed: TuneData
    n_withheld: int
    key: str
    n_withheld_bad: int = 0
    share: float = 0.0
    n_opened: int = 0
    withheld: tuple[tuple[str, bool], ...] = ()
    elsewhere: Elsewhere | None = None

    @property
    def population(self) -> Population:
        """The whole archive by label: sealed and withheld sessions count, their scores do not."""
        opened = Population.of(self.open.labelled)
        n_elsewhere = self.elsewhere.n_sessions if self.elsewhere else 0
        return Population(
            opened.n_good + self.sealed.labelled.n_good,
            opened.n_bad + self.n_withheld_bad,
            opened.n_unlabelled + n_elsewhere + self.n_withheld - self.n_withheld_bad,
        )

    @property
    def ids(self) -> tuple[str, ...]:
        """Id of every session at hand: those open, those sealed, those withheld."""
        return (*self.open.ids, *self.sealed.ids, *(name for name, _ in self.withheld))

    def among(self, ids: Collection[str]) -> "Study":
        """Return the study of some of the sessions at hand; the same ones stay held out."""
        names = set(ids)
        parts = [
            part.select(np.array([name in names for name in part.ids], bool))
            for part in (self.open, self.sealed)
        ]
        withheld = tuple(each for each in self.withheld if each[0] in names)
        return self._replace(
            open=parts[0],
            sealed=parts[1],
            n_withheld=len(withheld),
            n_withheld_bad=sum(is_bad for _, is_bad in withheld),
            withheld=withheld,
        )

    @property
    def n_by_scorer(self) -> Counter[str]:
        """Sessions by their scorer as it prints, ``""`` for an unknown one; most frequent first."""
        counted = Counter(self.open.scorers) + Counter(self.sealed.scorers)
        if self.elsewhere is not None:
            counted += Counter(self.elsewhere.n_by_scorer)
        return Counter(dict(counted.most_common()))

    @property
    def scorer(self) -> str:
        """Scorer of the sessions as it prints; ``""`` for an unknown one, or where there is none.

        Raises
        ------
        MixedScorersError
            If there are several: limits for the scores of one say nothing of another's.
        """
        n_by_scorer = self.n_by_scorer
        if len(n_by_scorer) > 1:
            counts = ", ".join(
                f"{name or UNKNOWN_SCORER} ({count:,})" for name, count in n_by_scorer.items()
            )
            raise MixedScorersError(
                f"sessions must be of one scorer, got {counts}; choose one by scorer"
            )
        return next(iter(n_by_scorer), "")

    @property
    def n_good_groups(self) -> int:
        """Groups with a good session in the whole archive."""
        return self.open.labelled.n_good_groups + self.sealed.labelled.n_good_groups


def split_study(
    data: TuneData,
    key: str,
    share: float | None = None,
    opened: bytes = b"",
    *,
    among: BoolArray | None = None,
) -> Study:
    """Return the data with its sealed part set aside.

    Parameters
    ----------
    data, key
        All sessions of the archive, and its secret; without one nothing is sealed.
    share
        Share of the groups to seal, in [0, 1]; by default as many as certificates of the present
        number of good groups need.
    opened
        Draws of groups that were opened before; see
        :func:`director_ai.tuning.guarantee.holdout.opened_draws`.
    among
        Which sessions the study is of, shape (n_sessions,); all by default. A part has the same
        sessions sealed as the whole.

    Raises
    ------
    InvalidRequestError
        If the share is out of its range.
    """
    labels, groups = data.labelled.labels, data.group_names
    whole = np.ones(len(labels), bool) if among is None else among
    if share is None:
        share = holdout_share(data.labelled.n_good_groups, delta=DELTA)
    if not key or not share:
        return Study(data.select(whole), data.select(np.zeros(len(labels), bool)), 0, "")
    parts = split_holdout(groups, labels, key=key, share=share, opened=opened)
    n_opened = 0
    if opened:
        first = holdout_mask(groups, labels, key=key, share=share)
        n_opened = int((first & ~parts.sealed & whole).sum())
    rows = np.flatnonzero(parts.withheld & whole)
    withheld = tuple(zip(_each(data.ids, rows), (labels[rows] == BAD).tolist(), strict=True))
    return Study(
        data.select(parts.open & whole),
        data.select(parts.sealed & whole),
        len(withheld),
        key,
        n_withheld_bad=sum(is_bad for _, is_bad in withheld),
        share=share,
        n_opened=n_opened,
        withheld=withheld,
    )


def holdout_text(study: Study) -> str:
    """Return the held-out part of a study in a sentence.

    >>> empty = TuneData.of([])
    >>> holdout_text(Study(empty, empty, 0, ""))
    'No good session is held out for certificates: all 0 are used.'
    """
    n_sealed = study.sealed.labelled.n_good
    n_good = round(study.population.n_good)
    if not n_sealed:
        text = f"No good session is held out for certificates: all {n_good:,} are used"
    else:
        text = f"Held out for certificates: {n_sealed:,} of {n_good:,} good sessions"
    if study.n_opened:
        text += f"; {study.n_opened:,} were opened before and stay so"
    return f"{text}."


def recorded_outcomes(data: TuneData) -> Outcomes:
    """Return the outcome of each session under the limits it was recorded with."""
    names = tuple(Outcomes.__dataclass_fields__)
    merged: dict[str, FloatArray | IntArray] = {}
    for place, policy in enumerate(data.policies):
        rows = np.flatnonzero(data.policy_of == place)
        for some in data.archive.in_parts(rows):
            part = _recorded(data.labelled.curves.view(some), policy)
            for name in names:
                values = getattr(part, name)
                whole = merged.setdefault(name, np.zeros(len(data.ids), values.dtype))
                whole[some] = values
    if not merged:
        return _recorded(data.labelled.curves, data.default_policy)
    return Outcomes(**merged)  # type: ignore[arg-type]  # each array has the dtype of its name


def _recorded(curves: Curves, policy: HaltPolicy) -> Outcomes:
    # Scores are as their own cadence held them, but for that of the finished text.
    curves = held(curves, policy) if policy.score_final else curves
    replay = Replay(curves, window_size=policy.window_size, trend_window=policy.trend_window)
    return replay.outcomes(policy)


@lru_cache(maxsize=1024)
def _tags(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _codes(labels: Iterable[str | None]) -> IntArray:
    return np.array([_LABELS.get(label or "", UNLABELLED) for label in labels], np.int64)


def _onsets(onsets: Iterable[int | None]) -> IntArray:
    return np.array([NEVER if onset is None else onset for onset in onsets], np.int64)


def _in_order(numbers: IntArray) -> IntArray:
    """Return numbers for the same sessions, given in the order of their appearance.

    >>> _in_order(np.array([7, 3, 7])).tolist()
    [0, 1, 0]
    """
    _, first, places = np.unique(numbers, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[places])


def _each(values: Sequence[str], rows: IntArray) -> tuple[str, ...]:
    return tuple(map(values.__getitem__, rows.tolist()))


def _by_frequency(
    policies: Sequence[HaltPolicy], numbers: IntArray
) -> tuple[tuple[HaltPolicy, ...], IntArray]:
    """Return the policies that sessions have, the most frequent first, and which is whose."""
    found, first, counts = np.unique(numbers, return_index=True, return_counts=True)
    # Of equals, the one met first.
    order = np.lexsort((first, -counts))
    places = np.zeros(len(policies), np.int64)
    places[found[order]] = np.arange(len(order))
    return tuple(policies[number] for number in found[order].tolist()), places[numbers]


def _digest(*parts: object) -> str:
    """Return the SHA-256 of arrays, text and tuples of text, in order."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(json.dumps(part).encode())
    return digest.hexdigest()
