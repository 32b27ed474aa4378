"""Unjustified halts by the token, against their definitions."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from director_ai import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.crossings import NEVER
from director_ai.tuning.evaluation.hazard import hazard, survival
from director_ai.tuning.evaluation.intervals import Z_95
from director_ai.tuning.evaluation.outcome_classes import classify, outcomes_under
from director_ai.tuning.labelled import LabelledCurves
from tests.examples import one_in
from tests.tuning.archives import POLICY, archives


@one_in(3)
@given(archives(), st.integers(0, 2))
def test_the_hazard_counts_false_and_early_halts_over_tokens_at_risk(data, tolerance) -> None:
    outcomes = outcomes_under(data, POLICY)

    found = hazard(data, outcomes, tolerance=tolerance)

    became = classify(data, outcomes, tolerance=tolerance)
    assert found.n_halts == (became.false | became.early).sum()
    n_tokens = 0
    for session in range(data.n_sessions):
        if data.good[session] or data.onsets[session] != NEVER:
            clean = min(int(data.onsets[session]), int(data.curves.lengths[session]))
            unjustified = became.false[session] or became.early[session]
            n_tokens += int(outcomes.trigger[session]) + 1 if unjustified else clean
    assert found.n_tokens == n_tokens


def test_the_interval_is_where_the_count_is_just_credible() -> None:
    data = LabelledCurves.from_scores([[0.9] * 9 + [0.2]] * 4 + [[0.9] * 60], labels=[0] * 5)

    found = hazard(data, outcomes_under(data, HaltPolicy(trend_threshold=1.5)))

    assert found.per_1000 == 40.0
    assert poisson.sf(3, found.low / 10) == pytest.approx(0.025)
    assert poisson.cdf(4, found.high / 10) == pytest.approx(0.025)


def test_no_halt_has_a_bound_and_no_token_has_none() -> None:
    calm = LabelledCurves.from_scores([[0.9] * 100], labels=[0])
    empty = LabelledCurves.from_scores([[0.9]], labels=[-1])

    found = hazard(calm, outcomes_under(calm, HaltPolicy()))
    assert (found.per_1000, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(-math.log(0.025) * 10)
    assert math.isnan(hazard(empty, outcomes_under(empty, HaltPolicy())).per_1000)


@one_in(3)
@given(archives())
def test_survival_is_the_product_over_tokens(data) -> None:
    outcomes = outcomes_under(data, POLICY)
    lengths = tuple(range(1, 14))

    found = survival(data, outcomes, lengths=lengths)

    became = classify(data, outcomes)
    followed = []
    for session in range(data.n_sessions):
        if data.good[session] or data.onsets[session] != NEVER:
            ended = bool(became.false[session] or became.early[session])
            clean = min(int(data.onsets[session]), int(data.curves.lengths[session]))
            followed.append((int(outcomes.trigger[session]) + 1 if ended else clean, ended))
    share = 1.0
    for n, length in enumerate(lengths):
        at_risk = sum(time >= length for time, _ in followed)
        assert found.at_risk[n] == at_risk
        if at_risk == 0:
            assert math.isnan(found.shares[n])
            continue
        share *= 1 - sum(time == length and ended for time, ended in followed) / at_risk
        assert found.shares[n] == pytest.approx(share)


def test_copies_of_a_session_in_its_group_narrow_nothing() -> None:
    random = np.random.default_rng(2)
    once = LabelledCurves.from_scores(
        [[0.9] * n + [0.2] * (n % 3 == 0) for n in random.integers(5, 60, 80).tolist()],
        labels=[0] * 80,
    )
    policy = HaltPolicy(window_threshold=0.0, trend_threshold=1.5)
    copied = once.select(np.repeat(np.arange(80), 6))
    apart = replace(copied, groups=np.arange(480))

    first, again, wrong = (hazard(d, outcomes_under(d, policy)) for d in (once, copied, apart))
    curves = [
        survival(d, outcomes_under(d, policy), lengths=(20, 40)) for d in (once, copied, apart)
    ]

    assert first.per_1000 == pytest.approx(again.per_1000) == pytest.approx(wrong.per_1000)
    width = first.high - first.low
    # A session is halted once at most, which a Poisson count does not know.
    assert 0.75 < (again.high - again.low) / width < 1.2
    assert (wrong.high - wrong.low) / width < 0.6
    assert curves[1].low == pytest.approx(curves[0].low)
    assert curves[1].high == pytest.approx(curves[0].high)
    assert (curves[2].high - curves[2].low < 0.6 * (curves[0].high - curves[0].low)).all()


def test_alone_the_interval_of_survival_is_greenwoods() -> None:
    # Two of five halted at the second token; nobody left before.
    data = LabelledCurves.from_scores([[0.9, 0.2]] * 2 + [[0.9, 0.9]] * 3, labels=[0] * 5)

    found = survival(data, outcomes_under(data, HaltPolicy(trend_threshold=1.5)), lengths=(1, 2))

    error = math.sqrt(2 / (5 * 3))
    reach = math.exp(Z_95 * error / -math.log(0.6))
    assert (found.low[0], found.high[0]) == (1.0, 1.0)
    assert found.low[1] == pytest.approx(0.6**reach)
    assert found.high[1] == pytest.approx(0.6 ** (1 / reach))


@one_in(3)
@given(archives())
def test_the_interval_of_survival_is_of_what_each_group_adds(data) -> None:
    # Not the usual limits: every score may halt, so that there is much to tell apart.
    policy = HaltPolicy(hard_limit=0.7, window_threshold=0.0, trend_threshold=1.5)
    outcomes = outcomes_under(data, policy)
    found = survival(data, outcomes, lengths=tuple(range(1, 14)))

    tells = data.good | (data.onsets != NEVER)
    clean = np.minimum(data.curves.lengths, data.onsets)
    halted = outcomes.halts & (outcomes.trigger < clean) & tells
    times = np.where(halted, np.where(halted, outcomes.trigger, 0) + 1, clean)
    for share, low, high, length in zip(
        found.shares, found.low, found.high, found.lengths, strict=True
    ):
        if not 0 < share < 1:
            continue
        added = dict.fromkeys(data.groups[tells].tolist(), 0.0)
        for end in range(1, length + 1):
            at_risk = tells & (times >= end)
            events = at_risk & halted & (times == end)
            n, k = at_risk.sum(), events.sum()
            for session in np.flatnonzero(at_risk).tolist():
                # The derivative of log(1 - k / n) by the session's weight.
                by_weight = (events[session] - k / n) / (n - k)
                added[int(data.groups[session])] += float(by_weight)
        error = math.sqrt(sum(value**2 for value in added.values()))
        reach = math.exp(Z_95 * error / -math.log(share))
        assert low == pytest.approx(share**reach, abs=1e-6)
        assert high == pytest.approx(share ** (1 / reach), abs=1e-6)


def test_what_cannot_be_is_refused() -> None:
    data = LabelledCurves.from_scores([[0.9]], labels=[0])
    outcomes = outcomes_under(data, HaltPolicy())

    with pytest.raises(InvalidRequestError, match="lengths"):
        survival(data, outcomes, lengths=(0,))
    with pytest.raises(InvalidRequestError, match="confidence"):
        hazard(data, outcomes, confidence=1.0)


def test_nothing_labelled_survives_nothing() -> None:
    data = LabelledCurves.from_scores([], labels=[])

    found = survival(data, outcomes_under(data, HaltPolicy()))

    assert np.isnan(found.shares).all()
