"""Ranges of metrics over unknown sessions, against every way of settling them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.metrics import Counts, metric_range
from director_ai.tuning.evaluation.population import Population

FEW = st.integers(0, 4)
METRICS = [*metrics.METRICS.values(), metrics.cost]


@given(
    st.tuples(*[FEW] * 5), st.integers(0, 3), st.integers(0, 3), st.data(), st.sampled_from(METRICS)
)
def test_no_way_of_settling_unknown_sessions_leaves_the_range(
    known, good_unknown, bad_unknown, data, metric
) -> None:
    n_may_be_early = data.draw(st.integers(0, bad_unknown))
    false, passed, early, detected, missed = known
    counts = counts_of(*known, good_unknown, bad_unknown)
    population = Population(false + passed + good_unknown, sum(known[2:]) + bad_unknown, 0)

    _, least, most = metric_range(metric, counts, population, n_may_be_early=n_may_be_early)

    for halted, n_early, n_detected in product(range(4), range(4), range(4)):
        if halted > good_unknown or n_early > n_may_be_early or n_early + n_detected > bad_unknown:
            continue
        settled = counts_of(
            false + halted,
            passed + good_unknown - halted,
            early + n_early,
            detected + n_detected,
            missed + bad_unknown - n_early - n_detected,
            0,
            0,
        )
        value = float(metric(settled.weighted(population)))
        assert np.isnan(value) or least - 1e-12 <= value <= most + 1e-12


def test_a_metric_of_known_sessions_has_one_value() -> None:
    counts = counts_of(1, 9, 2, 5, 3, 0, 0)

    assert metric_range(metrics.f_score, counts, Population(10, 10, 0)) == pytest.approx(
        [10 / 18] * 3
    )


def counts_of(*numbers: int) -> Counts:
    return Counts(*(np.asarray(float(number)) for number in numbers))
