"""Small archives, drawn at random or by hypothesis."""

import numpy as np
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.replay.crossings import NEVER
from director_ai.replay.engine import Replay
from director_ai.tuning.evaluation.sweep import Grid
from director_ai.tuning.labelled import BAD, GOOD, UNLABELLED, LabelledCurves

SCORE = st.integers(0, 20).map(lambda n: n / 20)
GRID = Grid(
    np.array([0.0, 0.3, 0.5, 0.55]),
    np.array([0.0, 0.4, 0.55, 0.7]),
    np.array([1.5, 0.4, 0.2]),
)
STRICT_GRID = Grid(np.array([0.3, 0.5]), np.array([0.4, 0.55, 0.7]), np.array([0.4, 0.2]))
"""No rule is off in it."""

POLICY = HaltPolicy(window_size=4, trend_window=3, soft_limit=1.0)


@st.composite
def archives(draw: st.DrawFn) -> LabelledCurves:
    n_sessions = draw(st.integers(1, 9))
    labels = [draw(st.sampled_from([GOOD, BAD, BAD, UNLABELLED])) for _ in range(n_sessions)]
    return LabelledCurves.from_scores(
        [draw(st.lists(SCORE, max_size=12)) for _ in range(n_sessions)],
        labels=labels,
        onsets=[
            draw(st.sampled_from([NEVER, 0, 3, 6])) if label == BAD else NEVER for label in labels
        ],
        complete=[draw(st.booleans()) for _ in range(n_sessions)],
        groups=[draw(st.integers(0, n_sessions)) for _ in range(n_sessions)],
    )


def replay_of(data: LabelledCurves) -> Replay:
    return Replay(data.curves, window_size=4, trend_window=3)
