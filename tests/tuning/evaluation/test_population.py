"""Results weighted to a population are those of the population, whatever part of it is at hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import NEVER
from director_ai.replay.curves import Curves
from director_ai.replay.engine import Replay
from director_ai.tuning.analysis import AnalysisContext, Baseline, PolicyAnalysis, analyse
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.bootstrap import bootstrap_intervals, ranged_intervals
from director_ai.tuning.evaluation.evaluation import Evaluation, evaluate, halt_rate
from director_ai.tuning.evaluation.outcome_classes import outcomes_under
from director_ai.tuning.evaluation.population import Population
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.labelled import BAD, GOOD, UNLABELLED, LabelledCurves
from director_ai.tuning.study import Study, TuneData, split_study
from tests.tuning.studies import drawn

HARD_ONLY = HaltPolicy(hard_limit=0.5, window_threshold=0.0, trend_threshold=1.5)
DEPENDENT = {
    "precision": metrics.precision,
    "F1": metrics.f_score,
    "MCC": metrics.matthews,
    "cost": metrics.cost,
}


def values(numbers: Evaluation) -> dict[str, float]:
    found = {name: float(metric(numbers.weighted)) for name, metric in DEPENDENT.items()}
    return {**found, "halt rate": numbers.halted.least / numbers.halted.n}


def analysis_of(study: Study, prevalence: float | None = None) -> PolicyAnalysis:
    context = AnalysisContext(
        study, Baseline.recorded(study.open), RiskTarget(0.05, 0.05), Attempts((), 0), prevalence
    )
    return analyse(context, replay_under(study.open.labelled.curves, HARD_ONLY), HARD_ONLY)


def all_of(data: TuneData) -> Evaluation:
    labelled = data.labelled
    return evaluate(labelled, outcomes_under(labelled, HARD_ONLY), HARD_ONLY)


def test_with_three_quarters_held_out_the_numbers_are_those_of_all_sessions() -> None:
    # Of each good pair one is halted: whatever pairs are held out, the rate is that of all.
    data = drawn(900, group_size=2)
    labels = np.where(np.arange(900) < 600, GOOD, BAD)
    labels[860:] = UNLABELLED
    scores = np.where((np.arange(900) % 2 == 0) | (labels == BAD), 0.4, 0.9)
    scores[700:800] = 0.9
    labelled = LabelledCurves.from_scores(
        scores[:, None].tolist(), labels=labels.tolist(), groups=data.labelled.groups.tolist()
    )
    data = replace(data, labelled=labelled)
    study = split_study(data, "key")

    truth, shown = all_of(data), analysis_of(study).evaluation

    assert len(study.sealed.ids) > 400
    assert values(shown) == pytest.approx(values(truth))
    assert shown.population == Population.of(labelled)
    assert shown.halted.n == 900
    unweighted = evaluate(
        study.open.labelled, outcomes_under(study.open.labelled, HARD_ONLY), HARD_ONLY
    )
    assert values(unweighted)["precision"] > values(truth)["precision"] + 0.2


def test_bad_sessions_of_held_out_groups_count_in_the_prevalence() -> None:
    data = drawn(800, group_size=4)

    study = split_study(data, "key")

    assert study.n_withheld_bad > 0
    assert study.population == Population.of(data.labelled)


@given(st.lists(st.sampled_from([GOOD, BAD, UNLABELLED]), min_size=1, max_size=30), st.data())
def test_the_population_at_hand_changes_no_bit(labels, more) -> None:
    scores = [[more.draw(st.sampled_from([0.2, 0.9]))] for _ in labels]
    data = LabelledCurves.from_scores(scores, labels=labels)
    outcomes = outcomes_under(data, HARD_ONLY)

    numbers = evaluate(data, outcomes, HARD_ONLY, Population.of(data))

    for name in numbers.counts.__dataclass_fields__:
        assert getattr(numbers.weighted, name) == getattr(numbers.counts, name)
    assert numbers.halted.least == outcomes.halts.sum()
    assert numbers.halted.n == len(labels)


def test_at_a_stated_prevalence_precision_is_bayes_rule() -> None:
    study = split_study(drawn(900), "key")

    numbers = analysis_of(study, 0.02).evaluation

    recall = float(metrics.catch_rate(numbers.counts))
    early = float(metrics.early_rate(numbers.counts))
    fpr = float(metrics.false_halt_rate(numbers.counts))
    halted = 0.02 * (recall + early) + 0.98 * fpr
    assert float(metrics.precision(numbers.weighted)) == pytest.approx(0.02 * recall / halted)
    assert numbers.halted.least / numbers.halted.n == pytest.approx(halted)
    assert numbers.catch == analysis_of(study).evaluation.catch
    assert numbers.false == analysis_of(study).evaluation.false


def test_a_label_without_a_session_leaves_the_weighted_numbers_undefined() -> None:
    data = LabelledCurves.from_scores([[0.2], [0.9]], labels=[BAD, BAD])
    population = Population(10, 2, 0)

    numbers = evaluate(data, outcomes_under(data, HARD_ONLY), HARD_ONLY, population)

    assert np.isnan(float(metrics.precision(numbers.weighted)))
    assert (numbers.halted.n, numbers.halted.text) == (0, "–")
    assert np.isnan(population.weights(data)).all()


def test_intervals_of_the_metrics_move_with_the_population() -> None:
    data = drawn(600).labelled
    numbers = evaluate(data, outcomes_under(data, HARD_ONLY), HARD_ONLY, Population.stated(0.02))

    intervals = bootstrap_intervals(
        data, numbers.classes, population=numbers.population, seed=1, n_draws=400
    )

    for name in ("precision", "F1", "MCC"):
        low, high = intervals[name]
        assert low < float(metrics.METRICS[name](numbers.weighted)) < high


def test_an_interval_over_unknown_sessions_holds_the_range() -> None:
    # Half the bad ones are cut before their onset, so that a halt may still come too early.
    curves = Curves.from_scores(
        [[0.2]] * 9 + [[0.9]] * 9 + [[0.9]] * 11, complete=[True] * 9 + [False] * 9 + [True] * 11
    )
    onsets = np.array([NEVER] * 9 + [5] * 9 + [NEVER] * 11)
    data = LabelledCurves(curves, np.array([BAD] * 18 + [GOOD] * 11), onsets, np.arange(29))
    numbers = evaluate(data, outcomes_under(data, HARD_ONLY), HARD_ONLY)
    assert numbers.n_may_be_early == 9

    intervals = ranged_intervals(data, numbers.classes, population=numbers.population, seed=1)

    for name, metric in {**metrics.METRICS, "cost": metrics.cost}.items():
        _, least, most = numbers.range_of(metric)
        assert intervals[name].low <= least <= most <= intervals[name].high
    assert intervals["precision"].low < 0.4


@pytest.mark.slow
def test_the_interval_of_a_weighted_halt_rate_covers_the_truth() -> None:
    random, covered, n_runs = np.random.default_rng(3), 0, 400
    truth = 0.9 * 0.05 + 0.1 * 0.7
    labels = [GOOD] * 60 + [BAD] * 120
    for _ in range(n_runs):
        halts = random.random(180) < np.where(np.arange(180) < 60, 0.05, 0.7)
        scores = np.where(halts, 0.2, 0.9)[:, None]
        data = LabelledCurves.from_scores(scores.tolist(), labels=labels)
        rate = halt_rate(data, outcomes_under(data, HARD_ONLY), Population(900, 100, 0))
        covered += rate.low <= truth <= rate.high

    assert covered / n_runs > 0.93


@pytest.mark.parametrize("prevalence", [0.0, 1.0, float("nan")])
def test_a_prevalence_that_is_no_share_is_refused(prevalence) -> None:
    with pytest.raises(InvalidRequestError, match="prevalence must be between 0 and 1"):
        Population.stated(prevalence)


def test_the_curve_is_of_the_population_at_its_thresholds() -> None:
    from director_ai.figures.threshold_curve import threshold_curve_data
    from director_ai.replay.engine import HARD

    data = drawn(300).labelled
    replay = Replay(data.curves, window_size=10, trend_window=5)
    population = Population(5000, 300, 0)

    curve = threshold_curve_data(data, replay, HARD_ONLY, HARD, population)

    step = int(np.searchsorted(curve.edges, HARD_ONLY.hard_limit)) - 1
    middle = float(curve.edges[step : step + 2].mean())
    policy = replace(HARD_ONLY, hard_limit=middle)
    numbers = evaluate(data, replay.outcomes(policy), policy, population)
    assert curve.values["F1"][step] == pytest.approx(values(numbers)["F1"])
    assert curve.values["precision"][step] == pytest.approx(values(numbers)["precision"])
    assert curve.values["halt rate"][step] == pytest.approx(values(numbers)["halt rate"])
