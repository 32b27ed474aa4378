"""Final scores: the second judgement of a stream's last token, by the finished text."""

from collections.abc import Sequence

import numpy as np

from director_ai.core.halting import downward_trend, window_average
from director_ai.replay.crossings import Lows, RunningMinima
from director_ai.replay.curves import Curves, FloatArray


def with_final_scores(
    minima: Sequence[RunningMinima], curves: Curves, window_size: int, trend_window: int
) -> tuple[RunningMinima, ...]:
    """Return the three staircases with a last low wherever the finished text scores lower.

    Parameters
    ----------
    minima
        Of score, mean and minus the drop, without the finished texts.
    curves
        Their ``final_scores`` take the place of the last score; the low comes one after the last
        token.
    window_size, trend_window
        Tokens.
    """
    finals = curves.final_scores
    assert finals is not None
    again = np.flatnonzero(~np.isnan(finals))

    def last(n: int) -> list[FloatArray]:
        """Return the last ``n`` scores of every session in question, oldest first."""
        starts = (curves.starts + curves.lengths)[sessions] - n
        scores = [curves.scores[starts + place] for place in range(n - 1)]
        return [*scores, finals[sessions]]

    extended = []
    for rule, (before, size) in enumerate(zip(minima, (1, window_size, trend_window), strict=True)):
        sessions = again[curves.lengths[again] >= size]
        if rule == 0:
            values = finals[sessions]
        elif rule == 1:
            values = window_average.statistic(last(size))
        else:
            values = -downward_trend.statistic(last(size))
        lower = values < before.lowest()[sessions]
        sessions = sessions[lower]
        counts = np.diff(before.offsets)
        all_before = Lows(
            np.repeat(np.arange(len(counts)), counts), before.positions, before.values
        )
        news = Lows(sessions, curves.lengths[sessions], values[lower])
        extended.append(RunningMinima.of([all_before, news], curves.n_sessions))
    return tuple(extended)
