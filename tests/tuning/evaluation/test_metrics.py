"""Every metric, worked out by hand."""

import math

import numpy as np
import pytest

from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.metrics import Counts
from director_ai.tuning.evaluation.population import Population

# 10 good of which 2 halted, 20 bad: 12 detected, 3 early, 5 missed.
COUNTS = Counts(*(np.asarray(float(n)) for n in (2, 8, 3, 12, 5, 0, 0)))
NOTHING = Counts(*(np.asarray(0.0) for _ in range(7)))


def test_rates_are_shares_of_their_label() -> None:
    assert metrics.false_halt_rate(COUNTS) == pytest.approx(0.2)
    assert metrics.catch_rate(COUNTS) == pytest.approx(0.6)
    assert metrics.early_rate(COUNTS) == pytest.approx(0.15)


def test_precision_is_of_the_sample_or_of_a_prevalence_to_come() -> None:
    assert metrics.precision(COUNTS) == pytest.approx(12 / 17)
    assert metrics.precision(COUNTS.weighted(Population.stated(2 / 3))) == pytest.approx(12 / 17)
    assert metrics.precision(COUNTS.weighted(Population.stated(0.1))) == pytest.approx(
        0.06 / (0.075 + 0.18)
    )


def test_an_early_halt_counts_against_precision_and_catch_rate() -> None:
    assert metrics.f_score(COUNTS) == pytest.approx(24 / (24 + 8 + 2 + 3))
    assert metrics.f_score(COUNTS, beta=2) == pytest.approx(60 / (60 + 4 * 8 + 5))


def test_balanced_accuracy_and_matthews() -> None:
    assert metrics.balanced_accuracy(COUNTS) == pytest.approx(0.7)
    assert metrics.matthews(COUNTS) == pytest.approx(
        (12 * 8 - 2 * 8) / math.sqrt(14 * 20 * 10 * 16)
    )


def test_the_cost_weighs_a_false_halt_against_a_miss() -> None:
    assert metrics.cost(COUNTS) == pytest.approx(10 / 30)
    assert metrics.cost(COUNTS, false_halts_per_miss=5) == pytest.approx(8.4 / 30)


@pytest.mark.parametrize("metric", [*metrics.METRICS.values(), metrics.cost, metrics.early_rate])
def test_of_nothing_nothing_can_be_told(metric) -> None:
    assert math.isnan(metric(NOTHING))
