"""Curves without noise halt where arithmetic says; the mixture is what it claims to be."""

import math
from itertools import product

import numpy as np
import pytest

from director_ai import HaltPolicy
from director_ai.replay.crossings import NEVER
from director_ai.tuning.evaluation.outcome_classes import outcomes_under
from director_ai.tuning.labelled import BAD, GOOD, LabelledCurves
from director_ai.tuning.synthetic import BAD_KINDS, GOOD_KINDS, fall, make_sessions

LEVEL, ONSET, LENGTH = 0.8, 40, 120
OFF = {"hard_limit": 0.0, "window_threshold": 0.0, "trend_threshold": 1.5}


def delay(kind: str, depth: float, length: float = 1.0, **limits: float) -> int:
    """Return tokens from onset to halt of a curve without noise; NEVER for none."""
    scores = LEVEL - fall(kind, LENGTH, onset=ONSET, depth=depth, length=length)
    data = LabelledCurves.from_scores([scores.tolist()], labels=[BAD], onsets=[ONSET])
    trigger = int(outcomes_under(data, HaltPolicy(**{**OFF, **limits})).trigger[0])
    return NEVER if trigger == NEVER else trigger - ONSET


def test_a_step_under_the_hard_limit_halts_at_once_and_any_other_never() -> None:
    assert delay("step", 0.31, hard_limit=0.5) == 0
    assert delay("step", 0.29, hard_limit=0.5) == NEVER


@pytest.mark.parametrize(("depth", "size"), [*product([0.21, 0.27, 0.41], [4, 10, 25])])
def test_a_window_sees_a_step_after_the_tokens_the_formula_says(depth, size) -> None:
    limit = 0.603
    tokens = math.floor(size * (LEVEL - limit) / depth) + 1

    assert tokens <= size
    assert delay("step", depth, window_size=size, window_threshold=limit) == tokens - 1
    assert delay("step", 0.19, window_size=size, window_threshold=limit) == NEVER


@pytest.mark.parametrize("length", [3, 5, 6, 12])
def test_a_window_sees_a_spike_only_if_it_lasts(length) -> None:
    limit, depth, size = 0.603, 0.4, 10
    tokens = math.floor(size * (LEVEL - limit) / depth) + 1

    found = delay("spike", depth, length, window_size=size, window_threshold=limit)
    assert found == (tokens - 1 if tokens <= length else NEVER)


@pytest.mark.parametrize(("size", "limit"), [*product([5, 8, 12], [0.151, 0.253, 0.401])])
def test_a_trend_sees_a_step_by_the_formula_of_its_drop(size, limit) -> None:
    depth = 0.3
    drops = [6 * depth * j * (size - j) / (size * (size + 1)) for j in range(1, size + 1)]
    wanted = next((j for j, drop in enumerate(drops) if drop > limit), NEVER)

    assert delay("step", depth, trend_window=size, trend_threshold=limit) == wanted


def test_a_whole_ramp_drops_by_its_slope_times_the_window() -> None:
    depth, length, size = 0.4, 40, 9
    slope = depth / length

    under, over = slope * (size - 1) - 1e-6, slope * (size - 1) + 1e-6
    # The first window that is all ramp starts at the token before the onset.
    assert delay("drift", depth, length, trend_window=size, trend_threshold=under) == size - 2
    assert delay("drift", depth, length, trend_window=size, trend_threshold=over) == NEVER


def test_an_exponential_nears_its_depth_and_starts_at_the_onset() -> None:
    fallen = fall("exponential", 200, onset=10, depth=0.5, length=8)

    assert (fallen[:10] == 0).all()
    assert fallen[10] == pytest.approx(0.5 * (1 - math.exp(-1 / 8)))
    assert fallen[-1] == pytest.approx(0.5, abs=1e-9)
    assert (np.diff(fallen[9:60]) > 0).all()


def test_a_constant_halts_only_under_limits_above_it() -> None:
    assert delay("clean", 0.3) == NEVER
    assert delay("clean", 0.3, hard_limit=0.81) == -ONSET


@pytest.mark.parametrize("kind", [*GOOD_KINDS, *BAD_KINDS, "exponential"])
def test_a_kind_alone_has_its_label_and_its_onset(kind) -> None:
    data = make_sessions(300, seed=3, kind=kind, spread=0.0)

    if kind in GOOD_KINDS:
        assert data.n_good == 300
        assert (data.onsets == NEVER).all()
        return
    assert data.n_bad == 300
    for session in range(50):
        scores, onset = data.curves.session(session), int(data.onsets[session])
        assert np.ptp(scores[:onset]) < 1e-12
        assert scores[onset] < scores[0]


@pytest.mark.slow
def test_the_mixture_is_as_it_says_and_a_seed_draws_the_same() -> None:
    data, again = make_sessions(4000, seed=5), make_sessions(4000, seed=5)

    assert (data.curves.scores == again.curves.scores).all()
    assert (data.curves.scores != make_sessions(4000, seed=6).curves.scores[0]).any()
    assert data.n_bad / 4000 == pytest.approx(0.4, abs=0.03)
    assert data.n_good + data.n_bad == 4000
    lengths = data.curves.lengths
    assert np.median(lengths) == pytest.approx(140, abs=5)
    assert (lengths.min() >= 40) & (lengths.max() <= 400)
    assert (data.onsets[data.bad] < lengths[data.bad]).all()
    assert (data.onsets[data.labels == GOOD] == NEVER).all()
    clean = make_sessions(2000, seed=1, kind="clean")
    spreads = [clean.curves.session(n).std() for n in range(2000)]
    assert np.median(spreads) == pytest.approx(0.05, abs=0.005)


def test_blocks_of_sessions_leave_no_seam() -> None:
    data = make_sessions(4100, seed=8, kind="step", spread=0.0)

    last = data.curves.session(4099)
    assert len(data.curves.offsets) == 4101
    assert np.ptp(last[: data.onsets[4099]]) < 1e-12


def test_held_and_rounded_scores() -> None:
    plain, held = make_sessions(20, seed=9), make_sessions(20, seed=9, cadence=4)

    for session in range(20):
        scores = plain.curves.session(session)
        places = np.arange(len(scores)) // 4 * 4
        assert (held.curves.session(session) == scores[places]).all()
    rounded = make_sessions(20, seed=9, decimals=2).curves.scores
    assert (rounded == plain.curves.scores.round(2)).all()


def test_sessions_of_one_prompt_share_its_level() -> None:
    data = make_sessions(60, seed=9, kind="clean", spread=0.0, group_size=3)

    first = data.curves.scores[data.curves.offsets[:-1]].reshape(20, 3)
    assert np.ptp(first, axis=1).max() == 0
    assert len(np.unique(first)) == 20
    assert data.groups.tolist() == np.repeat(np.arange(20), 3).tolist()
