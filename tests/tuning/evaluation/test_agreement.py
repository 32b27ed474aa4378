"""Cohen's kappa and its interval."""

import math

import numpy as np
import pytest

from director_ai.errors import InvalidQueryError
from director_ai.tuning.evaluation.agreement import agreement

PAIRS = [("good", "bad")] * 2 + [("good", "good")] * 3 + [("unsure", "bad")]


def test_rows_are_the_first_reviewers_and_columns_the_seconds():
    found = agreement(PAIRS, ["good", "bad", "unsure"])

    assert found.counts.tolist() == [[3, 2, 0], [0, 0, 0], [0, 1, 0]]
    assert found.n_sessions == 6


def test_kappa_is_that_of_cohens_own_table():
    # Cohen (1960), table 1: p_o = .70, p_e = .41, kappa = .492, on 200 cases.
    table = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
    names = ["a", "b", "c"]
    pairs = [
        (first, second)
        for first, row in zip(names, table, strict=True)
        for second, count in zip(names, row, strict=True)
        for _ in range(count)
    ]

    found = agreement(pairs, names)

    assert (found.observed, found.expected) == pytest.approx((0.70, 0.41))
    assert found.kappa == pytest.approx(0.492, abs=5e-4)


def test_a_few_sessions_that_all_agree_leave_room_for_doubt():
    found = agreement([("good", "good")] * 4 + [("bad", "bad")] * 5, ["good", "bad"])

    assert (found.kappa, found.high) == (1.0, 1.0)
    assert found.low < 0.5


def test_sessions_of_one_group_do_not_narrow_the_interval():
    pairs = [*[("good", "good")] * 12, *[("bad", "bad")] * 8, *[("good", "bad")] * 5]
    copied = [pair for pair in pairs for _ in range(6)]
    groups = [f"g{place}" for place in range(len(pairs)) for _ in range(6)]

    once, together, apart = (
        agreement(pairs, ["good", "bad"]),
        agreement(copied, ["good", "bad"], groups=groups),
        agreement(copied, ["good", "bad"]),
    )

    assert together.kappa == pytest.approx(once.kappa)
    assert together.low <= once.low + 0.02
    assert apart.low > once.low + 0.1


def test_kappa_is_undefined_where_both_gave_one_label_throughout():
    found = agreement([("good", "good")] * 7, ["good", "bad"])

    assert found.observed == 1.0
    assert math.isnan(found.kappa)
    assert math.isnan(found.low)


def test_kappa_is_undefined_without_sessions():
    assert math.isnan(agreement([], ["good", "bad"]).kappa)


def test_a_label_that_is_no_category_is_refused():
    with pytest.raises(InvalidQueryError, match="label must be one of good, bad, got 'fine'"):
        agreement([("good", "fine")], ["good", "bad"])


@pytest.mark.slow
@pytest.mark.parametrize(("n_sessions", "accuracy"), [(9, 0.8), (43, 0.8), (43, 0.95), (200, 0.6)])
def test_the_interval_holds_the_true_kappa_about_nineteen_times_in_twenty(n_sessions, accuracy):
    rng = np.random.default_rng(n_sessions)
    # Two reviewers who are right with the same chance, on as many good answers as bad.
    same = accuracy**2 + (1 - accuracy) ** 2
    true = (same - 0.5) / 0.5
    hits = []
    for _ in range(1000):
        truth = rng.random(n_sessions) < 0.5
        labels = [np.where(rng.random(n_sessions) < accuracy, truth, ~truth) for _ in range(2)]
        pairs = [tuple("good" if good else "bad" for good in pair) for pair in zip(*labels)]
        found = agreement(pairs, ["good", "bad"])
        if not math.isnan(found.kappa):
            hits.append(found.low <= true <= found.high)

    # So few counts leave only so many intervals: exactly 0.95 cannot be had.
    assert 0.91 < np.mean(hits) < 0.99
