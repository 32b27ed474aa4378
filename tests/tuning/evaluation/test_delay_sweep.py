"""A sweep of timing is what judging every combination alone finds."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.errors import InvalidRequestError
from director_ai.replay.cadence import held
from director_ai.replay.crossings import NEVER
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.delay_sweep import sweep_delays
from director_ai.tuning.evaluation.metrics import Counts, cost
from director_ai.tuning.evaluation.outcome_classes import classify, released
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.labelled import BAD, LabelledCurves
from tests.examples import one_in
from tests.tuning.archives import GRID, POLICY, archives


@one_in(3)
@given(archives(), st.integers(0, 4), st.integers(0, 2), st.booleans(), st.integers(0, 5))
def test_timing_is_that_of_each_policy_alone(
    data: LabelledCurves, grace: int, tolerance: int, finals: bool, hold_back: int
) -> None:
    if finals:
        cadence = replace(POLICY, score_every_n=3, score_final=True)
        data = replace(data, curves=held(data.curves, cadence))
    replay = Replay(data.curves, window_size=4, trend_window=3)

    found = sweep_delays(data, replay, GRID, grace=grace, tolerance=tolerance, hold_back=hold_back)

    known = data.bad & (data.onsets != NEVER)
    axes = (GRID.hard_limits, GRID.window_thresholds, GRID.trend_thresholds)
    for cell in product(*(range(len(axis)) for axis in axes)):
        hard, window, trend = (float(axis[n]) for axis, n in zip(axes, cell, strict=True))
        policy = replace(POLICY, hard_limit=hard, window_threshold=window, trend_threshold=trend)
        outcomes = replay.outcomes(policy)
        became = classify(data, outcomes, grace=grace, tolerance=tolerance)
        told = known & ~outcomes.unknown
        passed = released(data, outcomes, policy)
        # Held back is dropped at a halt, and shown where the stream ends by itself.
        shown = np.where(outcomes.halts, np.maximum(0, passed - hold_back), passed)
        leaked = np.maximum(0, shown - data.onsets)[told]
        assert found.early[cell] == became.early.sum()
        assert found.timely[cell] == became.timely.sum()
        assert found.late[cell] == became.late.sum()
        assert (found.leaked[cell], found.n_known[cell]) == (leaked.sum(), told.sum())
        halted = became.timely | became.late
        if halted.any():
            late = np.maximum(0, outcomes.trigger[halted] - data.onsets[halted])
            assert found.delay[cell] == pytest.approx(late.mean())
        else:
            assert np.isnan(found.delay[cell])


def test_a_token_that_its_finished_text_halts_does_not_leak() -> None:
    data = LabelledCurves.from_scores([[0.9] * 4 + [0.2]], labels=[BAD], onsets=[3])
    cadence = HaltPolicy(score_every_n=3, score_final=True, window_size=9, trend_window=9)
    data = replace(data, curves=held(data.curves, cadence))
    replay = Replay(data.curves, window_size=9, trend_window=9)

    found = sweep_delays(data, replay, Grid.even(3))

    assert replay.outcomes(cadence).trigger.tolist() == [4]
    assert found.leaked[:, 0, 0].tolist() == [2, 1, 0]
    assert found.delay[1, 0, 0] == 1


def test_a_negative_hold_is_refused() -> None:
    data = LabelledCurves.from_scores([[0.9]], labels=[BAD], onsets=[0])
    replay = Replay(data.curves, window_size=9, trend_window=9)

    with pytest.raises(InvalidRequestError, match="hold_back must be at least 0, got -1"):
        sweep_delays(data, replay, GRID, hold_back=-1)


def test_a_leak_costs_its_share_of_a_miss() -> None:
    counts = Counts(*(np.asarray(float(n)) for n in (2, 6, 0, 1, 1, 0, 0)))

    assert cost(counts) == 0.3
    assert cost(counts, leaked=50, leaked_per_miss=100) == pytest.approx(0.35)
