"""Ensembles fitted on a store: judged apart, in one counted attempt, kept only if they win."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from director_ai.core.records.record import Annotation
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import InvalidRequestError
from director_ai.experiment.holdout import study_of
from director_ai.experiment.scorer_comparison import ReadStudy
from director_ai.experiment.scorer_ensemble import ENSEMBLE, fit_ensemble
from director_ai.storage.rescores import Rescore, add_rescores
from director_ai.storage.store import Store
from tests.storage.records import record

# Fits, and thousands of draws.
pytestmark = pytest.mark.slow

FIRST, SECOND, COPY = (ScorerIdentity(name) for name in ("first", "second", "copy"))
SCORERS = {"first": FIRST, "second": SECOND}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """600 sessions, 150 bad: each scorer sees half of what is wrong, a third copies the first."""
    random = np.random.default_rng(3)
    with Store(tmp_path / "a.db") as store:
        records, seconds = [], []
        for place in range(600):
            bad = place % 4 == 0
            one, two = np.clip(0.6 - 0.2 * bad + 0.15 * random.standard_normal(2), 0.01, 0.99)
            records.append(
                record(
                    f"s{place}",
                    scorer=FIRST,
                    scores=(0.95, float(one)),
                    annotations=(Annotation("bad" if bad else "good", None, "ann", 1),),
                )
            )
            seconds.append(Rescore(f"s{place}", SECOND, (0.95, float(two)), "f", 1.0))
            seconds.append(Rescore(f"s{place}", COPY, (0.95, float(one)), "f", 1.0))
        store.add(records)
        add_rescores(store, seconds)
        yield store


def reader(store: Store) -> ReadStudy:
    return lambda where: study_of(store, store.holdout(), where, keep_open=store.keep_open)


def test_an_ensemble_of_scorers_that_tell_different_things_wins(store: Store) -> None:
    dry = fit_ensemble(store, reader(store), SCORERS, is_dry_run=True)
    assert (dry.tested, dry.wins, dry.attempt, store.attempts()) == (None, False, 1, [])

    fit = fit_ensemble(store, reader(store), SCORERS)

    assert fit.wins
    assert min(fit.ensemble.weights) > 0.3
    assert fit.tested is not None
    assert [each.scorer for each in fit.tested.figures] == [fit.best, ENSEMBLE]
    study = reader(store)(None)  # type: ignore[arg-type]
    n_fitted = fit.ensemble.provenance["fitted_on"]
    assert fit.n_good == fit.tested.n_good == study.sealed.labelled.n_good
    assert n_fitted["good"] == study.open.labelled.n_good
    assert n_fitted["bad"] + fit.n_bad == study.open.labelled.n_bad
    assert 30 < fit.n_bad < 120
    (attempt,) = store.attempts()
    assert '"kind": "ensemble"' in (attempt.result or "")


def test_one_that_adds_nothing_is_not_used_and_counts(store: Store) -> None:
    fit = fit_ensemble(store, reader(store), {"first": FIRST, "copy": COPY})

    assert fit.tested is not None
    assert not fit.wins
    assert fit_ensemble(store, reader(store), SCORERS, is_dry_run=True).attempt == 2


def test_too_little_to_fit_or_to_judge_by_is_refused_and_not_counted(store: Store) -> None:
    with pytest.raises(InvalidRequestError, match="two or more, got 1"):
        fit_ensemble(store, reader(store), {"first": FIRST})
    with pytest.raises(InvalidRequestError, match="open sessions of both labels, got 0 good"):
        fit_ensemble(store, reader(store), {"first": FIRST, "none": ScorerIdentity("none")})
    store.choose_holdout(0.0, b"")
    with pytest.raises(InvalidRequestError, match="wins on sessions set aside, got 0 good"):
        fit_ensemble(store, reader(store), SCORERS)
    assert store.attempts() == []
