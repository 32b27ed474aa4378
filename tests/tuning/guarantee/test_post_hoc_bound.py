"""What is promised of limits tuned by hand holds whoever picked them, and however."""

import numpy as np
import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.tuning.evaluation.outcome_classes import outcomes_under
from director_ai.tuning.guarantee.bounds import searched_upper, uniform_upper
from director_ai.tuning.guarantee.post_hoc_bound import post_hoc_bound
from director_ai.tuning.labelled import BAD, GOOD, LabelledCurves

HARD_ONLY = HaltPolicy(window_threshold=0.0, trend_threshold=1.5)
RULE_SETS = ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))
MOST_HALTED = 8


def bound(data: LabelledCurves, policy: HaltPolicy = HARD_ONLY, **how):
    return post_hoc_bound(data, outcomes_under(data, policy), policy, delta=0.1, **how)


def picked(random: np.random.Generator, n: int) -> list[tuple[int, int, float]]:
    """Return limits of somebody who knows the truth: rules, sessions halted, true rate.

    Of independent uniform statistics; for each set of rules, thresholds are raised session by
    session so that the true rate rises most.
    """
    lows = random.random((3, n))
    found = []
    for rules in RULE_SETS:
        passing = np.ones(n, bool)

        def rate(passing: np.ndarray, rules: tuple[int, ...] = rules) -> float:
            return 1 - float(np.prod([1 - lows[rule, passing].min() for rule in rules]))

        for n_halted in range(MOST_HALTED):
            found.append((len(rules), n_halted, rate(passing)))
            spent = []
            for rule in rules:
                without = passing.copy()
                without[np.flatnonzero(passing)[lows[rule, passing].argmin()]] = False
                spent.append(without)
            passing = max(spent, key=rate)
    return found


@pytest.mark.slow
def test_nobody_who_knows_the_truth_can_pick_limits_that_break_the_bound() -> None:
    n, delta, n_draws = 120, 0.1, 600
    random = np.random.default_rng(5)
    settings = [(d, k) for d in (1, 2, 3) for k in range(MOST_HALTED)]
    searched = {s: searched_upper(s[1], n, n_rules=s[0], delta=delta) for s in settings}
    at_k = {s: uniform_upper(s[1], n, n_rules=s[0], delta=delta) for s in settings}
    n_broken = n_broken_at_k = 0

    for _ in range(n_draws):
        limits = picked(random, n)
        n_broken += any(rate > searched[rules, k] for rules, k, rate in limits)
        n_broken_at_k += any(rate > at_k[rules, k] for rules, k, rate in limits)

    error = np.sqrt(delta * (1 - delta) / n_draws)
    assert n_broken / n_draws <= delta + 3 * error
    # The picker is a good one: the bound of a number fixed beforehand does not stand it.
    assert n_broken_at_k / n_draws > 3 * delta


def test_the_parts_of_the_risk_add_up_to_it() -> None:
    parts = [1 / ((k + 1) * (k + 2)) for k in range(1000)]

    assert 0.998 < sum(parts) < 1
    for k in (0, 1, 7):
        whole = uniform_upper(k, 400, n_rules=3, delta=0.1 * parts[k] / 2)
        one = uniform_upper(k, 400, n_rules=1, delta=0.1 * parts[k] / 12)
        # Three sets of one rule, three of two, and a half for all.
        assert searched_upper(k, 400, n_rules=3, delta=0.1) == whole
        assert searched_upper(k, 400, n_rules=1, delta=0.1) == min(whole, one)


def test_sessions_of_one_group_are_one_witness() -> None:
    scores = [[0.9]] * 190 + [[0.3]] * 10
    alone = LabelledCurves.from_scores(scores, labels=[GOOD] * 200)
    grouped = LabelledCurves.from_scores(
        scores, labels=[GOOD] * 200, groups=[place // 10 for place in range(200)]
    )

    by_session, by_group = bound(alone), bound(grouped)

    assert (by_session.n_halted, by_session.n_good, by_session.is_grouped) == (10, 200, False)
    assert (by_group.n_halted, by_group.n_good, by_group.is_grouped) == (1, 20, True)
    assert by_group.upper == searched_upper(1, 20, n_rules=1, delta=0.1) > by_session.upper
    assert "of groups like these have a good session halted" in by_group.sentence
    assert "(1 of 20 here)" in by_group.sentence


def test_a_cut_recording_counts_as_halted_and_a_bad_session_not_at_all() -> None:
    data = LabelledCurves.from_scores(
        [[0.9]] * 100 + [[0.3]], labels=[GOOD] * 100 + [BAD], complete=[False] + [True] * 100
    )

    found = bound(data)

    assert (found.n_halted, found.n_good) == (1, 100)


def test_a_rule_that_is_off_is_not_paid_for_and_more_windows_are() -> None:
    data = LabelledCurves.from_scores([[0.9]] * 300, labels=[GOOD] * 300)
    off = HaltPolicy(hard_limit=0.0, window_threshold=0.0, trend_threshold=1.5)

    n_rules = [bound(data, policy).n_rules for policy in (off, HARD_ONLY, HaltPolicy())]
    uppers = [bound(data, policy).upper for policy in (off, HARD_ONLY, HaltPolicy())]

    assert n_rules == [0, 1, 3]
    assert uppers == sorted(uppers)
    assert uppers[0] == 0.0
    assert bound(data, n_families=12).upper > bound(data).upper


def test_of_too_few_sessions_nothing_is_promised() -> None:
    data = LabelledCurves.from_scores([[0.9]] * 2, labels=[GOOD, BAD])

    found = bound(data, HaltPolicy())

    assert found.upper == 1.0
    assert found.sentence == "Nothing can be promised of limits tuned by hand on 1 good sessions."


def test_no_more_rules_than_there_are() -> None:
    with pytest.raises(InvalidRequestError, match=r"n_rules must be in \[0, 3\], got 4"):
        searched_upper(0, 10, n_rules=4, delta=0.1)
