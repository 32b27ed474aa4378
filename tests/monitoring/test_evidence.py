"""Evidence on the false-halt rate: what each cell is worth, and how often it is wrong."""

from itertools import product

import numpy as np
import pytest

from director_ai.errors import InvalidRequestError
from director_ai.monitoring import (
    CELLS,
    Plan,
    change_day,
    counted,
    detector,
    estimated_rate,
    log_evidence,
    rate_interval,
    settle,
    share_detector,
)
from tests.monitoring.traffic import Traffic

ALPHA = 0.02
NONE = np.zeros((1, 2), np.int64)


def one(cell: str) -> np.ndarray:
    counts = np.zeros((1, 6), np.int64)
    counts[0, CELLS.index(cell)] = 1
    return counts


@pytest.mark.parametrize("rate", [0.001, 0.02, 0.1])
@pytest.mark.parametrize("plan", [Plan(0.2, 0.008), Plan(1.0, 0.04), Plan(0.5, 0.9)])
@pytest.mark.parametrize("bad", [0.0, 0.1, 0.6])
def test_a_bet_gains_on_average_what_the_rate_is_above_alpha(
    rate: float, plan: Plan, bad: float
) -> None:
    # The stake of a session is k p_halt Z / (1 - alpha), and E[Z] = E[G(H - alpha)].
    gains = {"above": 7.75 / 5, "below": -2.4 / 4}
    cells = Traffic(rate, bad=bad).cells(plan)
    expected = (1 - bad) * (rate - ALPHA) * plan.p_halt / (1 - ALPHA)

    for side, mean_bet in gains.items():
        wealth = [np.exp(log_evidence(one(c), [plan], alpha=ALPHA, side=side)) for c in CELLS]
        assert np.dot(cells, wealth) - 1 == pytest.approx(mean_bet * expected, abs=1e-12)


def test_a_false_halt_multiplies_each_bet_by_one_more_than_its_size() -> None:
    evidence = log_evidence(one("halt good"), [Plan(0.2, 0.008)], alpha=ALPHA, side="above")

    assert np.exp(evidence) == pytest.approx(np.mean([1.25, 1.5, 2, 3, 5]))


def test_the_order_of_sessions_and_plans_does_not_matter() -> None:
    counts = np.array([[930, 7, 1, 45, 1, 16], [800, 20, 2, 30, 4, 9]])
    plans = [Plan(0.25, 0.01), Plan(0.5, 0.02)]

    for side in ("above", "below"):
        forth = log_evidence(counts, plans, alpha=ALPHA, side=side)
        back = log_evidence(counts[::-1], plans[::-1], alpha=ALPHA, side=side)
        assert forth == pytest.approx(back)


def test_a_label_that_is_missing_has_its_worst_value_for_each_side() -> None:
    counts = np.array([[930, 7, 1, 45, 1, 16]])
    plans = [Plan(0.25, 0.01)]
    waiting = np.array([[3, 2]])

    for side in ("above", "below"):
        worst = log_evidence(settle(counts, waiting, side), plans, alpha=ALPHA, side=side)
        for n_bad_passes, n_bad_halts in product(range(4), range(3)):
            known = counts + [[0, 3 - n_bad_passes, n_bad_passes, 0, 2 - n_bad_halts, n_bad_halts]]
            assert worst <= log_evidence(known, plans, alpha=ALPHA, side=side) + 1e-12


def test_an_alpha_at_which_a_bet_could_lose_more_than_it_has_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="alpha must be above 0 and below 0.2, got 0.2"):
        log_evidence(one("pass good"), [Plan(1.0, 0.04)], alpha=0.2, side="above")
    # A plan made for another rate makes a drawn bad pass weigh more than there is to lose.
    with pytest.raises(InvalidRequestError, match="alpha is too large for these plans"):
        log_evidence(one("pass good"), [Plan(1.0, 0.001)], alpha=0.02, side="below")


def test_without_a_label_nothing_is_known_of_the_rate() -> None:
    counts = np.array([[0, 0, 0, 30, 0, 0]])

    assert rate_interval(counts, NONE, [Plan(0.2, 0.008)], delta=0.1) == (0.0, 1.0)
    assert np.isnan(estimated_rate(counts, [Plan(0.2, 0.008)]))


def test_the_interval_holds_the_rates_that_neither_side_rejects() -> None:
    plan = Traffic(0.03).plan(40, ALPHA)
    (days,) = Traffic(0.03).draw(plan, 28, 1, seed=5)
    counts = days.sum(axis=0)
    low, high = rate_interval(counts, NONE, [plan], delta=0.1)

    assert 0.005 < low < 0.03 < high < 0.08
    assert log_evidence(counts, [plan], alpha=low, side="above") >= np.log(20)
    assert log_evidence(counts, [plan], alpha=low * 1.05, side="above") < np.log(20)
    assert log_evidence(counts, [plan], alpha=high * 0.95, side="below") < np.log(20)


def test_days_without_a_session_come_to_no_alarm() -> None:
    plan = Plan(0.2, 0.008)
    day = np.array([[[930, 7, 1, 45, 1, 16]]])
    path = detector(np.concatenate([day, np.zeros((900, 1, 6), np.int64)]), [plan], alpha=ALPHA)

    assert (path == path[0]).all()
    assert share_detector(np.zeros(900, int), np.zeros(900, int), share=0.01).max() < np.log(365)


def test_the_day_of_a_change_is_found() -> None:
    plan = Traffic(0.01).plan(20, ALPHA)
    (before,) = Traffic(0.01).draw(plan, 60, 1, seed=1)
    (after,) = Traffic(0.06).draw(plan, 14, 1, seed=2)
    days = np.concatenate([before, after])
    path = detector(days, [plan], alpha=ALPHA)

    assert path[:60].max() < np.log(365) < path[-1]
    day, first, last = change_day(days, [plan], alpha=ALPHA)
    assert abs(day - 60) <= 3
    assert first <= day <= last


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "pattern"),
    [
        ("above", (1.0,)),
        ("below", (1.0,)),
        ("above", (0.5, 1.5)),
        ("below", (1.5, 0.5)),
    ],
)
@pytest.mark.parametrize("n_runs", [600, pytest.param(2_000, marks=pytest.mark.soak)])
def test_evidence_is_wrong_no_more_often_than_it_says(
    side: str, pattern: tuple[float, ...], n_runs: int
) -> None:
    # 90 days, looked at every day; the average rate is alpha, in weeks above and below it.
    plan = Traffic(ALPHA).plan(20, ALPHA)
    weeks = [
        Traffic(ALPHA * pattern[week % len(pattern)]).draw(plan, 7, n_runs, seed=week)
        for week in range(13)
    ]
    paths = np.cumsum(np.concatenate(weeks, axis=1)[:, :90], axis=1)

    highest = [
        max(log_evidence(day, [plan], alpha=ALPHA, side=side) for day in path[::2])
        for path in paths
    ]
    assert np.mean(np.array(highest) >= np.log(10)) <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / n_runs)


@pytest.mark.slow
@pytest.mark.parametrize("n_runs", [2_000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_a_change_is_falsely_seen_no_more_often_than_it_says(n_runs: int) -> None:
    plan = Traffic(ALPHA).plan(20, ALPHA)
    runs = Traffic(ALPHA).draw(plan, 28, n_runs, seed=3)
    share = np.mean([detector(run, [plan], alpha=ALPHA).max() >= np.log(365) for run in runs])

    assert share <= 28 / 365 + 3 * np.sqrt(0.077 * 0.923 / n_runs)


@pytest.mark.slow
@pytest.mark.parametrize("n_runs", [600, pytest.param(2_000, marks=pytest.mark.soak)])
def test_a_plan_may_change_on_the_way(n_runs: int) -> None:
    traffic = Traffic(ALPHA)
    plans = [traffic.plan(10, ALPHA), traffic.plan(40, ALPHA)]
    first = traffic.draw(plans[0], 14, n_runs, seed=4)
    second = traffic.draw(plans[1], 14, n_runs, seed=5)
    runs = np.concatenate(
        [
            np.concatenate([first, np.zeros_like(first)], axis=2),
            np.concatenate([np.zeros_like(second), second], axis=2),
        ],
        axis=1,
    )
    share = np.mean([detector(run, plans, alpha=ALPHA).max() >= np.log(365) for run in runs])

    assert share <= 28 / 365 + 3 * np.sqrt(0.077 * 0.923 / n_runs)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "share_wrong"), [(10, 0.1), (50, 0.3)])
@pytest.mark.parametrize("n_runs", [100, pytest.param(500, marks=pytest.mark.soak)])
def test_of_a_family_only_the_first_counts_and_all_of_them_would_be_wrong(
    size: int, share_wrong: float, n_runs: int
) -> None:
    # Families of 10 or 50 that halt alike with correlation 0.3, one after the other in a block of
    # 28 days of 1,000 sessions, looked at every day.
    n_families, n_days = 28_000 // size, 28
    random = np.random.default_rng(10)
    plan = Traffic(ALPHA, bad=0.0).plan(20, ALPHA)
    families = np.repeat(np.arange(n_families), size)
    days = np.arange(len(families)) * n_days // len(families)
    is_first = counted(families.tolist(), days.tolist())
    alarms = {"first ones": 0, "all": 0}
    for _ in range(n_runs):
        shape = (n_families, size)
        shared = random.random((n_families, 1)) < ALPHA
        # Two sessions both do as their family does with probability 0.3.
        follows = random.random(shape) < np.sqrt(0.3)
        halts = np.where(follows, shared, random.random(shape) < ALPHA).ravel()
        draws = random.random(len(halts)) < np.where(halts, plan.p_halt, plan.p_pass)
        cells = np.where(halts, 3, 0) + draws
        for who, kept in {"first ones": is_first, "all": np.ones_like(is_first)}.items():
            counts = np.bincount(6 * days[kept] + cells[kept], minlength=6 * n_days)
            path = np.cumsum(counts.reshape(n_days, 1, 6), axis=0)
            evidence = [log_evidence(day, [plan], alpha=ALPHA, side="above") for day in path]
            alarms[who] += max(evidence) >= np.log(10)

    assert alarms["first ones"] / n_runs <= 0.1
    assert alarms["all"] / n_runs > share_wrong


@pytest.mark.slow
@pytest.mark.parametrize("n_runs", [300, pytest.param(2_000, marks=pytest.mark.soak)])
def test_late_labels_are_waited_for_and_leaving_them_out_would_be_wrong(n_runs: int) -> None:
    # Good halts are labelled ten days late, everything else at once; the rate is 1.2 alpha.
    n_days, late = 28, 10
    plan = Traffic(1.2 * ALPHA).plan(20, ALPHA)
    runs = np.cumsum(Traffic(1.2 * ALPHA).draw(plan, n_days, n_runs, seed=6), axis=1)
    good_halt = CELLS.index("halt good")
    wrong = {"ours": 0, "left out": 0}
    for run in runs:
        says = dict.fromkeys(wrong, False)
        for day in range(n_days):
            seen = run[day].copy()
            labelled = run[day - late, 0, good_halt] if day >= late else 0
            waiting = np.array([[0, seen[0, good_halt] - labelled]])
            seen[0, good_halt] = labelled
            settled = {"ours": settle(seen, waiting, "below"), "left out": seen}
            for who, counts in settled.items():
                says[who] |= log_evidence(counts, [plan], alpha=ALPHA, side="below") >= np.log(10)
        for who, said in says.items():
            wrong[who] += said

    assert wrong["ours"] / n_runs <= 0.1
    assert wrong["left out"] / n_runs > 0.5


def first_days(paths: np.ndarray, bar: float) -> np.ndarray:
    """Return the first day, from 1, on which each path is at the bar; one more than there are."""
    reached = paths >= bar
    return np.where(reached.any(axis=1), reached.argmax(axis=1), paths.shape[1]) + 1


def is_within_a_fifth(median: float, days: int) -> bool:
    """Return whether a median is that of the design, whole days apart."""
    return abs(median - days) <= max(1.0, 0.2 * days)


@pytest.mark.slow
@pytest.mark.parametrize(("budget", "days"), [(10, 6), (20, 3), (30, 2), (80, 1)])
@pytest.mark.parametrize("n_runs", [200, pytest.param(2_000, marks=pytest.mark.soak)])
def test_twice_the_rate_is_noticed_within_days_of_the_deployment(
    budget: float, days: int, n_runs: int
) -> None:
    traffic = Traffic(2 * ALPHA)
    plan = traffic.plan(budget, ALPHA)
    runs = np.cumsum(traffic.draw(plan, 25, n_runs, seed=7), axis=1)
    paths = [[log_evidence(day, [plan], alpha=ALPHA, side="above") for day in run] for run in runs]

    assert is_within_a_fifth(np.median(first_days(np.array(paths), np.log(10))), days)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("budget", "alpha", "bad", "days"),
    [
        *((10, 0.02, 0.1, 9), (20, 0.02, 0.1, 5), (30, 0.02, 0.1, 4), (80, 0.02, 0.1, 2)),
        *((10, 0.02, 0.3, 17), (20, 0.02, 0.3, 11), (30, 0.02, 0.3, 8), (80, 0.02, 0.3, 4)),
        *((10, 0.05, 0.1, 6), (20, 0.05, 0.1, 4), (30, 0.05, 0.1, 3), (80, 0.05, 0.1, 2)),
    ],
)
@pytest.mark.parametrize("n_runs", [200, pytest.param(2_000, marks=pytest.mark.soak)])
def test_a_change_is_seen_within_days(
    budget: float, alpha: float, bad: float, days: int, n_runs: int
) -> None:
    # After 60 good days, under the plan of those days.
    n_good, n_after = 60, 60
    good, worse = Traffic(alpha / 2, bad=bad), Traffic(2 * alpha, bad=bad)
    plan = good.plan(budget, alpha)
    before = good.draw(plan, n_good, n_runs, seed=11)
    after = worse.draw(plan, n_after, n_runs, seed=12)
    paths = [
        detector(np.concatenate(days), [plan], alpha=alpha)[n_good:]
        for days in zip(before, after, strict=True)
    ]

    assert is_within_a_fifth(np.median(first_days(np.array(paths), np.log(365))), days)


@pytest.mark.slow
@pytest.mark.parametrize(("budget", "days"), [(10, 11), (20, 6), (30, 4), (80, 2)])
@pytest.mark.parametrize("n_runs", [200, pytest.param(2_000, marks=pytest.mark.soak)])
def test_half_the_rate_is_shown_to_hold_within_days(budget: float, days: int, n_runs: int) -> None:
    traffic = Traffic(ALPHA / 2)
    plan = traffic.plan(budget, ALPHA)
    runs = np.cumsum(traffic.draw(plan, 40, n_runs, seed=13), axis=1)
    paths = [[log_evidence(day, [plan], alpha=ALPHA, side="below") for day in run] for run in runs]

    assert is_within_a_fifth(np.median(first_days(np.array(paths), np.log(10))), days)
