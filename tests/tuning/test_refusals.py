"""A value that cannot be is refused where it comes in, by the name of its parameter."""

from collections.abc import Callable
from math import nan

import numpy as np
import pytest

from director_ai import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.errors import InvalidRequestError
from director_ai.experiment import load
from director_ai.replay.curves import Curves
from director_ai.replay.engine import Replay
from director_ai.reports.policy_formats import parse_policy
from director_ai.tuning.evaluation.outcome_classes import classify, outcomes_under
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.evaluation.waits import assumed_times, waits
from director_ai.tuning.gates import Selector
from director_ai.tuning.labelled import LabelledCurves
from director_ai.tuning.search.plateaus import plateau, sensitivity
from director_ai.tuning.search.selection import Goal
from director_ai.tuning.study import TuneData
from director_ai.tuning.synthetic import make_sessions
from director_ai.tuning.validation.permutation import null_level

POLICY = HaltPolicy(window_size=2, trend_window=2)
CURVES = Curves.from_scores([[0.9, 0.8]])
DATA = LabelledCurves.from_scores([[0.9, 0.8]], labels=[0])
REPLAY = Replay(CURVES, window_size=2, trend_window=2)
OUTCOMES = outcomes_under(DATA, POLICY)
TIMES = assumed_times(CURVES, 0.1)

CALLS: list[tuple[Callable[[], object], str]] = [
    (lambda: Replay(CURVES, window_size=0, trend_window=2), "window_size must be at least 1, got"),
    (lambda: Replay(CURVES, window_size=1, trend_window=1), "trend_window must be at least 2, got"),
    (lambda: Goal(objective="recall"), "objective must be one of catch, F1, .* got 'recall'"),
    (lambda: Selector("label", "x").mask(TuneData.of([])), "kind must be one of tag, .* got 'lab"),
    (lambda: plateau(REPLAY, POLICY, 3), r"rule must be 0 \(hard limit\), .* got 3"),
    (lambda: sensitivity(DATA, REPLAY, POLICY, step=nan), "step must be above 0, got nan"),
    (lambda: parse_policy("", ".yaml"), r"suffix must be one of yaml, yml, .* got '\.yaml'"),
    (lambda: load([], columns=["p"]), r"columns must be a dict of fields .* got \['p'\]"),
    (lambda: make_sessions(3, seed=1, kind="foo"), "kind must be one of clean, .* got 'foo'"),
    (lambda: make_sessions(3, seed=1, group_size=0), "group_size must be at least 1, got 0"),
    (lambda: make_sessions(3, seed=1, cadence=0), "cadence must be at least 1, got 0"),
    (lambda: make_sessions(3, seed=1, share_bad=1.7), r"share_bad must be in \[0, 1\], got 1.7"),
    (lambda: make_sessions(3, seed=1, share_bad=nan), r"share_bad must be in \[0, 1\], got nan"),
    (
        lambda: null_level(DATA, REPLAY, Grid.even(3), Goal(), seed=1, n_permutations=0),
        "n_permutations must be at least 1, got 0",
    ),
    (lambda: classify(DATA, OUTCOMES, grace=-5), "grace must be at least 0, got -5"),
    (lambda: classify(DATA, OUTCOMES, tolerance=-1), "tolerance must be at least 0, got -1"),
    (
        lambda: waits(CURVES, TIMES, ReleasePolicy(), 0.6, np.array([0, 65])),
        r"holds must be in \[0, 64\], got 65",
    ),
]


@pytest.mark.parametrize(("call", "message"), CALLS)
def test_what_cannot_be_is_refused_by_name(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        call()
