"""Ensemble of a store's scorers: fitted on open sessions, used if it wins on ones set aside."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final, NamedTuple

import numpy as np

from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import InvalidRequestError
from director_ai.experiment.scorer_comparison import ReadStudy
from director_ai.replay.curves import FloatArray
from director_ai.scorers.ensemble import Ensemble, logit
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.tuning.evaluation.ensemble_fit import RIDGE, fit_weights
from director_ai.tuning.evaluation.scorer_comparison import ScorerComparison, compare_scorers
from director_ai.tuning.fingerprint import fingerprint
from director_ai.tuning.guarantee.certificate import risk_of_attempt
from director_ai.tuning.guarantee.holdout import group_draws
from director_ai.tuning.labelled import BAD, GOOD, LabelledCurves, numbered
from director_ai.tuning.study import Study, TuneData

ENSEMBLE: Final = "ensemble"
"""Name of the combination among the scorers it is compared with."""

RISK: Final = 0.05
"""Of calling an ensemble better that is not, over all attempts together."""

N_DRAWS: Final = 2_000
_HALF: Final = np.uint64(2**63)


class EnsembleFit(NamedTuple):
    """An ensemble, and how it does on sessions that its weights have not seen.

    Attributes
    ----------
    ensemble
        Fitted weights.
    fitted_on
        The scorers and the ensemble on the sessions of the fit: better than it will be.
    best
        Scorer with the largest AUROC there, which the ensemble has to beat.
    n_good, n_bad
        Good sessions held out, and bad ones set aside from the fit, by which that is judged.
    tested
        The best scorer and the ensemble on these; ``None`` if they were not looked at.
    attempt
        Number of the attempt, or of the one that would be next.
    """

    ensemble: Ensemble
    fitted_on: ScorerComparison
    best: str
    n_good: int
    n_bad: int
    tested: ScorerComparison | None
    attempt: int

    @property
    def wins(self) -> bool:
        """Whether the ensemble is better for certain: the whole interval of its gain is above 0."""
        return self.tested is not None and self.tested.figures[1].gain.low > 0.0


@dataclass(frozen=True, slots=True)
class _Sessions:
    """Sessions that all scorers judged: labels, names of groups, and scores by scorer."""

    labels: tuple[int, ...]
    groups: tuple[str, ...]
    scores: Mapping[str, Sequence[FloatArray]]

    @classmethod
    def of(cls, data: Mapping[str, TuneData]) -> "_Sessions":
        shared = reduce(set.intersection, (set(each.ids) for each in data.values()))
        first = next(iter(data.values()))
        places = [place for place, name in enumerate(first.ids) if name in shared]
        scores = {}
        for scorer, each in data.items():
            place_of = {name: place for place, name in enumerate(each.ids)}
            curves = each.labelled.curves
            scores[scorer] = [curves.session(place_of[first.ids[place]]) for place in places]
        labels = first.labelled.labels.tolist()
        return cls(
            tuple(labels[place] for place in places),
            tuple(first.group_names[place] for place in places),
            scores,
        )

    def select(self, kept: Sequence[bool]) -> "_Sessions":
        """Return some of the sessions, by mask."""
        places = [place for place, is_kept in enumerate(kept) if is_kept]
        return _Sessions(
            tuple(self.labels[place] for place in places),
            tuple(self.groups[place] for place in places),
            {name: [each[place] for place in places] for name, each in self.scores.items()},
        )

    def followed_by(self, others: "_Sessions") -> "_Sessions":
        """Return these sessions and others."""
        return _Sessions(
            self.labels + others.labels,
            self.groups + others.groups,
            {name: [*each, *others.scores[name]] for name, each in self.scores.items()},
        )

    def curves(self, scorer: str) -> LabelledCurves:
        """Return the labelled curves of one scorer."""
        return LabelledCurves.from_scores(
            [scores.tolist() for scores in self.scores[scorer]],
            labels=self.labels,
            groups=numbered(self.groups).tolist(),
        )

    def combined(self, ensemble: Ensemble) -> "_Sessions":
        """Return the sessions with the ensemble as one more scorer."""
        curves = [
            np.array([ensemble.combine(scores) for scores in zip(*each, strict=True)])
            for each in zip(*self.scores.values(), strict=True)
        ]
        return replace(self, scores={**self.scores, ENSEMBLE: curves})


def fit_ensemble(
    store: Store,
    read: ReadStudy,
    scorers: Mapping[str, ScorerIdentity],
    where: SessionQuery | None = None,
    *,
    is_dry_run: bool = False,
) -> EnsembleFit:
    """Return an ensemble of scorers, tried once on sessions that its weights have not seen.

    The weights are fitted on the open sessions that all scorers judged, but for half of the groups
    with a bad session, drawn by the store's secret. The ensemble is then held against the best of
    its scorers on the good sessions held out for certificates and the bad ones of those groups.
    That look counts as an attempt at a certificate does: each has half the risk of the one before.

    Parameters
    ----------
    store
        Opened to write, unless it is a dry run.
    read
        Reads a part of the store.
    scorers
        Identity of each by its string, two or more.
    where
        A part of the store; all by default.
    is_dry_run
        Fit only: count no attempt and look at no held-out session.

    Raises
    ------
    InvalidRequestError
        If there are fewer than two scorers, or too few sessions that all of them judged.
    """
    if len(scorers) < 2:
        raise InvalidRequestError(f"scorers must be two or more, got {len(scorers)}")
    studies = {
        string: read(replace(where or SessionQuery(), scorers=(str(identity),)))
        for string, identity in scorers.items()
    }
    fitting, sealed, bad_apart = _parts(studies)
    n_good, n_bad = fitting.labels.count(GOOD), fitting.labels.count(BAD)
    if not (n_good and n_bad):
        raise InvalidRequestError(
            "scorers must have judged open sessions of both labels, got "
            f"{n_good:,} good and {n_bad:,} bad; judge them with director-ai rescore"
        )
    logits = np.array(
        [
            [logit(float(scores.min())) for scores in each]
            for each in zip(*fitting.scores.values(), strict=True)
        ]
    )
    weights = fit_weights(logits, np.equal(fitting.labels, BAD))
    ensemble = Ensemble(tuple(scorers), tuple(scorers.values()), weights.weights, weights.bias)
    fitted_on = compare_scorers(_curves(fitting.combined(ensemble)))
    alone = [each for each in fitted_on.figures if each.scorer != ENSEMBLE]
    best = max(alone, key=lambda each: each.auroc.value).scorer
    provenance: dict[str, Any] = {
        "fitted_on": {
            "good": n_good,
            "bad": n_bad,
            "groups": fitted_on.n_groups,
            "where": "" if where is None else where.words,
            "ridge": RIDGE,
        }
    }
    number = len(store.attempts()) + 1
    fit = EnsembleFit(
        replace(ensemble, provenance=provenance),
        fitted_on,
        best,
        len(sealed.labels),
        len(bad_apart.labels),
        None,
        number,
    )
    if is_dry_run:
        return fit
    if not (sealed.labels and bad_apart.labels):
        raise InvalidRequestError(
            "an ensemble is used only if it wins on sessions set aside, got "
            f"{len(sealed.labels):,} good and {len(bad_apart.labels):,} bad ones that all judged"
        )
    return _tried(store, fit, sealed.followed_by(bad_apart).combined(ensemble))


def _parts(studies: Mapping[str, Study]) -> tuple[_Sessions, _Sessions, _Sessions]:
    """Return the sessions of the fit, the good ones held out, and the bad ones set aside.

    Where a group is set aside, its good sessions are in no part.
    """
    opened = _Sessions.of({string: each.open for string, each in studies.items()})
    key = next(iter(studies.values())).key
    draws = group_draws(opened.groups, key=f"{key} {ENSEMBLE}") < _HALF
    pairs = zip(opened.groups, opened.labels, strict=True)
    with_bad = {group for group, label in pairs if label == BAD}
    apart = [
        bool(draw) and group in with_bad for draw, group in zip(draws, opened.groups, strict=True)
    ]
    labels = list(zip(opened.labels, apart, strict=True))
    return (
        opened.select([label in {GOOD, BAD} and not aside for label, aside in labels]),
        _Sessions.of({string: each.sealed for string, each in studies.items()}),
        opened.select([label == BAD and aside for label, aside in labels]),
    )


def _tried(store: Store, fit: EnsembleFit, sessions: _Sessions) -> EnsembleFit:
    """Return the fit with what the sessions set aside say of it; the look is counted first."""
    best = sessions.curves(fit.best)
    number = store.begin_attempt(fingerprint(best))
    tested = compare_scorers(
        {fit.best: best, ENSEMBLE: sessions.curves(ENSEMBLE)},
        n_draws=N_DRAWS,
        # The interval has two sides, of which one counts.
        risk=2 * risk_of_attempt(RISK, number),
    )
    own, gain = tested.figures[1].auroc, tested.figures[1].gain
    result = {
        "kind": ENSEMBLE,
        "attempt": number,
        "best": str(fit.ensemble.identities[fit.ensemble.scorers.index(fit.best)]),
        "good": tested.n_good,
        "bad": tested.n_bad,
        "auroc": own.value,
        "gain": list(gain),
        "wins": gain.low > 0.0,
    }
    store.finish_attempt(number, json.dumps(result))
    provenance = {**fit.ensemble.provenance, "tested_on": result}
    return fit._replace(
        ensemble=replace(fit.ensemble, provenance=provenance), tested=tested, attempt=number
    )


def _curves(sessions: _Sessions) -> dict[str, LabelledCurves]:
    return {scorer: sessions.curves(scorer) for scorer in sessions.scores}
