"""Resampling: intervals that cover, optimism that is there, noise that is noise."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta

from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import NEVER
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.bootstrap import bootstrap_intervals
from director_ai.tuning.evaluation.metrics import METRICS
from director_ai.tuning.evaluation.outcome_classes import OutcomeClasses
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.evaluation.weighted_sweep import Cells
from director_ai.tuning.labelled import BAD, GOOD, LabelledCurves
from director_ai.tuning.search.selection import Goal, select_thresholds
from director_ai.tuning.synthetic import make_sessions
from director_ai.tuning.validation.out_of_bag import OBJECTIVE, _group_weights, out_of_bag
from director_ai.tuning.validation.permutation import _permuted, null_level

GRID = Grid.even(20)
ACCURACY = Goal(objective="balanced accuracy")


def replay_of(data: LabelledCurves) -> Replay:
    return Replay(data.curves, window_size=10, trend_window=5)


def halted(n_good: int, false: int, n_bad: int, right: int, early: int = 0, per_group: int = 1):
    """Return sessions and their classes, so many halted of each label."""
    n = n_good + n_bad
    data = LabelledCurves.from_scores(
        [[0.5]] * n,
        labels=[GOOD] * n_good + [BAD] * n_bad,
        groups=(np.arange(n) // per_group).tolist(),
    )
    masks = np.zeros((8, n), bool)
    masks[0, :false] = masks[1, false:n_good] = True
    masks[2, n_good : n_good + early] = True
    masks[5, n_good + early : n_good + early + right] = True
    masks[6, n_good + early + right :] = True
    return data, OutcomeClasses(*masks)


def test_the_rate_of_a_label_is_drawn_from_its_beta_law() -> None:
    found = bootstrap_intervals(*halted(60, 3, 40, 30), seed=1, n_draws=40_000)

    for name, k, n in (("false-halt rate", 3, 60), ("catch rate", 30, 40)):
        wanted = beta.ppf([0.025, 0.975], k + 0.5, n - k + 0.5)
        assert found[name] == pytest.approx(wanted, abs=0.004)


@pytest.mark.slow
def test_balanced_accuracy_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(2)
    truth, covered = (0.7 + 0.98) / 2, 0
    for repeat in range(400):
        false, right = random.binomial(60, 0.02), random.binomial(60, 0.7)
        found = bootstrap_intervals(*halted(60, false, 60, right), seed=repeat, n_draws=400)
        low, high = found["balanced accuracy"]
        covered += low <= truth <= high

    assert covered / 400 > 0.91


def test_grouped_sessions_tell_less() -> None:
    alone = bootstrap_intervals(*halted(100, 20, 100, 60), seed=1)
    in_tens = bootstrap_intervals(*halted(100, 20, 100, 60, per_group=10), seed=1)

    for name in METRICS:
        assert np.ptp(in_tens[name]) > 1.8 * np.ptp(alone[name])


def test_early_halts_are_drawn_too_and_add_up() -> None:
    found = bootstrap_intervals(*halted(60, 0, 60, 30, early=20), seed=1, n_draws=20_000)

    assert found["catch rate"] == pytest.approx(beta.ppf([0.025, 0.975], 30.5, 30.5), abs=0.01)
    assert found["precision"].high < 0.75


def test_a_metric_that_needs_an_absent_label_has_no_interval() -> None:
    found = bootstrap_intervals(*halted(0, 0, 30, 20), seed=1)

    assert np.isnan(found["false-halt rate"]).all()
    assert np.isnan(found["balanced accuracy"]).all()
    assert not np.isnan(found["catch rate"]).any()


@pytest.mark.slow
def test_out_of_bag_shows_what_the_proposal_shows_and_less_is_left_on_new_sessions() -> None:
    data = make_sessions(150, seed=3)
    replay = replay_of(data)

    found = out_of_bag(data, replay, GRID, ACCURACY, seed=1, n_replicates=60)

    proposal = select_thresholds(data, replay, GRID, ACCURACY)
    value = found.metrics["balanced accuracy"]
    assert found.cell == proposal.cell
    assert value.displayed == found.metrics[OBJECTIVE].displayed == proposal.value
    assert value.low < value.mean < value.high
    assert (found.n_replicates, found.n_failed) == (60, 0)
    assert found.selection_counts.sum() == 60
    assert found.near_best[(found.family, *found.cell)]
    assert found.stability == found.selection_counts.max() / 60
    assert 0 < found.standard_error < 0.2
    again = out_of_bag(data, replay, GRID, ACCURACY, seed=1, n_replicates=60)
    assert again.metrics == found.metrics


@pytest.mark.slow
def test_the_out_of_bag_mean_is_nearer_the_truth_than_what_is_displayed() -> None:
    truth = make_sessions(8000, seed=1000)
    displayed, estimated, true = [], [], []
    cells = Cells.of(truth, replay_of(truth), GRID)
    for seed in range(30):
        data = make_sessions(60, seed=seed)
        found = out_of_bag(data, replay_of(data), GRID, ACCURACY, seed=seed, n_replicates=30)
        displayed.append(found.metrics[OBJECTIVE].displayed)
        estimated.append(found.metrics[OBJECTIVE].mean)
        true.append(float(ACCURACY.value(cells.at(found.cell, np.ones(8000)))))

    shown, honest = np.mean(displayed) - np.mean(true), np.mean(estimated) - np.mean(true)
    assert shown > 0.03
    assert abs(honest) < 0.02


@pytest.mark.slow
def test_whole_groups_are_left_out() -> None:
    # Labels without meaning, and six copies of every session: judged on copies of what it was
    # tuned on, a tuning would seem to find something.
    data = make_sessions(60, seed=2)
    apart, together = [], []
    for seed in range(4):
        labels = np.random.default_rng(seed).permutation(data.labels)
        noise = replace(data, labels=labels, onsets=np.full(60, NEVER))
        copies = noise.select(np.repeat(np.arange(60), 6))
        replay = replay_of(copies)
        for groups, means in ((copies.groups, together), (np.arange(360), apart)):
            sessions = replace(copies, groups=groups)
            found = out_of_bag(sessions, replay, GRID, ACCURACY, seed=seed, n_replicates=30)
            means.append(found.metrics[OBJECTIVE].mean)

    assert np.mean(together) < 0.51
    assert np.mean(apart) > np.mean(together) + 0.05


def test_groups_are_drawn_whole_and_within_their_kind() -> None:
    data = LabelledCurves.from_scores(
        [[0.5]] * 120,
        labels=[GOOD, GOOD] * 20 + [BAD, BAD] * 20 + [GOOD, BAD] * 20,
        groups=np.repeat(np.arange(60), 2).tolist(),
    )
    draw, random = _group_weights(data), np.random.default_rng(1)

    for _ in range(20):
        weights = draw(random)

        assert (weights[::2] == weights[1::2]).all()
        assert [part.sum() for part in weights.reshape(3, 40)] == [40, 40, 40]
        assert (weights == 0).any()


def test_progress_is_told_and_no_budget_is_no_estimate() -> None:
    data = make_sessions(60, seed=2)
    told: list[int] = []

    out_of_bag(data, replay_of(data), GRID, ACCURACY, seed=1, n_replicates=3, progress=told.append)

    assert told == [1, 2, 3]
    cut = replace(data, curves=replace(data.curves, complete=np.zeros(60, bool)))
    assert out_of_bag(cut, replay_of(cut), GRID, Goal(0.0), seed=1) is None
    with pytest.raises(InvalidRequestError, match="n_replicates"):
        out_of_bag(data, replay_of(data), GRID, ACCURACY, seed=1, n_replicates=0)


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 200])
def test_tuning_on_noise_reaches_the_floor_that_simulations_found(n) -> None:
    best = []
    for seed in range(6):
        data = make_sessions(n, seed=seed)
        # By labels alone, as simulated: a halt before its onset is then no mistake.
        data = replace(data, onsets=np.full(n, NEVER))
        floor = null_level(
            data, replay_of(data), Grid.even(40), ACCURACY, seed=seed, n_permutations=10
        )
        best.extend(floor.values)
        assert floor.level == pytest.approx(np.quantile(floor.values, 0.95))

    assert np.mean(best) == pytest.approx(0.5 + 0.84 / np.sqrt(n), abs=0.02)


def test_a_floor_lies_under_a_signal_and_over_none() -> None:
    data = make_sessions(120, seed=5)
    replay = replay_of(data)

    floor = null_level(data, replay, GRID, ACCURACY, seed=1, n_permutations=40)

    assert select_thresholds(data, replay, GRID, ACCURACY).value > floor.level + 0.1
    random = np.random.default_rng(1)
    labels = random.permutation(data.labels)
    noise = replace(data, labels=labels, onsets=np.full(120, NEVER))
    shown = select_thresholds(noise, replay, GRID, ACCURACY).value
    assert shown < null_level(noise, replay, GRID, ACCURACY, seed=1, n_permutations=40).level


def test_dealing_keeps_groups_labels_and_onset_shares() -> None:
    data = make_sessions(300, seed=5, group_size=3)
    groups = data.groups
    data = replace(
        data,
        labels=np.where(groups % 2 == 0, BAD, GOOD),
        onsets=np.where(groups % 2 == 0, data.curves.lengths // 2, NEVER),
    )

    labels, onsets = _permuted(data, np.random.default_rng(1))

    assert (labels.reshape(100, 3) == labels[::3, None]).all()
    assert (labels == BAD).sum() == 150
    assert (labels != data.labels).any()
    share = onsets[labels == BAD] / data.curves.lengths[labels == BAD]
    assert share == pytest.approx(np.full(150, 0.5), abs=0.03)
    assert (onsets[labels == GOOD] == NEVER).all()


def test_a_group_of_both_labels_is_dealt_its_own_and_breaks_up_no_other() -> None:
    data = make_sessions(300, seed=5, group_size=3)
    labels = np.where(data.groups % 2 == 0, BAD, GOOD)
    labels[:3] = [BAD, GOOD, GOOD]
    data = replace(data, labels=labels, onsets=np.full(300, NEVER))
    firsts = set()

    for seed in range(20):
        dealt, _ = _permuted(data, np.random.default_rng(seed))
        assert (dealt[3:].reshape(99, 3) == dealt[3::3, None]).all()
        assert sorted(dealt[:3].tolist()) == [GOOD, GOOD, BAD]
        firsts.add(tuple(dealt[:3].tolist()))
        assert (dealt[3:] != labels[3:]).any()

    assert len(firsts) == 3
