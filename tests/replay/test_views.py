"""Views of curves, and replays taken apart and put together: the same bits as those made anew."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import Curves
from director_ai.replay.engine import Outcomes, Replay
from director_ai.tuning.cadence import replay_under

SCORES = st.lists(st.floats(0, 1).map(lambda score: round(score, 2)), min_size=1, max_size=30)


@st.composite
def archives(draw):
    sessions = draw(st.lists(SCORES, min_size=2, max_size=8))
    complete = draw(st.lists(st.booleans(), min_size=len(sessions), max_size=len(sessions)))
    curves = Curves.from_scores(sessions, complete=complete)
    ends = np.array(draw(st.lists(st.booleans(), min_size=1, max_size=7)), bool)
    curves = replace(curves, sentence_ends=np.resize(ends, curves.n_tokens))
    rows = draw(st.permutations(range(len(sessions))))
    return curves, np.array(rows[: draw(st.integers(1, len(sessions)))])


POLICIES = st.builds(
    HaltPolicy,
    st.sampled_from([0.2, 0.5]),
    window_size=st.integers(1, 4),
    trend_window=st.integers(2, 4),
    halt_mode=st.sampled_from(["hard", "soft", "observe"]),
    score_every_n=st.integers(1, 3),
    score_final=st.booleans(),
)


def same(one: Outcomes, other: Outcomes) -> None:
    for name in Outcomes.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@given(archives())
def test_a_view_has_the_scores_of_a_selection(archive):
    curves, rows = archive
    selected, view = curves.select(rows), curves.view(rows)

    assert view.scores is curves.scores
    for name in ("scores", "offsets", "complete", "sentence_ends"):
        np.testing.assert_array_equal(getattr(view.packed(), name), getattr(selected, name))
    np.testing.assert_array_equal(view.lengths, selected.lengths)
    assert view.n_tokens == selected.n_tokens
    for place in range(len(rows)):
        np.testing.assert_array_equal(view.session(place), selected.session(place))
    last = np.arange(len(rows))[-1:]
    np.testing.assert_array_equal(view.view(last).session(0), selected.session(len(rows) - 1))


@given(archives(), POLICIES)
def test_a_replay_of_a_view_or_taken_from_the_whole_decides_alike(archive, policy):
    curves, rows = archive
    anew = replay_under(curves.select(rows), policy).outcomes(policy)

    same(replay_under(curves.view(rows), policy).outcomes(policy), anew)
    same(replay_under(curves, policy).select(rows).outcomes(policy), anew)


@given(archives(), POLICIES, st.data())
def test_replays_of_parts_put_together_are_that_of_the_whole(archive, policy, data):
    curves, _ = archive
    cut = data.draw(st.integers(1, curves.n_sessions - 1))
    parts = [
        replay_under(curves.view(np.arange(start, stop)), policy)
        for start, stop in ((0, cut), (cut, curves.n_sessions))
    ]

    whole, joined = replay_under(curves, policy), Replay.joined(curves, parts)

    same(joined.outcomes(policy), whole.outcomes(policy))
    np.testing.assert_array_equal(joined.extremes(), whole.extremes())
    assert joined.nbytes == whole.nbytes


def test_a_view_of_another_number_of_sessions_is_refused():
    curves = Curves.from_scores([[0.9], [0.8]])

    with pytest.raises(ValueError, match=r"complete must have shape \(1,\), got \(2,\)"):
        replace(curves, rows=np.array([0]))
