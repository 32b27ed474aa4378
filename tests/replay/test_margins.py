"""How near a session came to a limit, against the kernel's statistics token by token."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.replay.curves import Curves
from director_ai.replay.engine import Replay
from director_ai.replay.floors import floors
from director_ai.replay.margins import margins

SCORES = st.lists(st.integers(0, 100).map(lambda n: n / 100), max_size=20)


@given(st.lists(SCORES, min_size=1, max_size=6))
def test_a_margin_is_the_least_distance_of_any_token(streams: list[list[float]]) -> None:
    policy = HaltPolicy(window_size=4, trend_window=3)
    replay = Replay(Curves.from_scores(streams), window_size=4, trend_window=3)

    found = margins(replay, policy)

    for row, scores in enumerate(streams):
        told = floors(np.array(scores), policy)
        expected = [
            np.array(scores) - policy.hard_limit,
            told.mean - policy.window_threshold,
            policy.trend_threshold - told.drop,
        ]
        for rule, distances in enumerate(expected):
            known = distances[~np.isnan(distances)]
            if len(known):
                assert found[row, rule] == pytest.approx(known.min(), abs=2e-9)
            else:
                assert np.isnan(found[row, rule])


def test_a_tie_has_a_margin_that_halts_nothing() -> None:
    policy = HaltPolicy(hard_limit=0.1, window_size=3, window_threshold=0.7, trend_window=2)
    curves = Curves.from_scores([[0.8, 0.7, 0.6], [0.9, 0.75, 0.9]])
    replay = Replay(curves, window_size=3, trend_window=2)
    assert not replay.outcomes(policy).halts.any()

    assert (margins(replay, policy) >= 0).all()


def test_a_rule_that_is_off_has_no_margin() -> None:
    off = HaltPolicy(
        hard_limit=0.0, window_size=1, window_threshold=0.0, trend_window=2, trend_threshold=1.5
    )
    replay = Replay(Curves.from_scores([[0.5, 0.4]]), window_size=1, trend_window=2)

    assert np.isnan(margins(replay, off)).all()
    with pytest.raises(ValueError, match="window_size must be 1, that of this replay, got 10"):
        margins(replay, HaltPolicy())
