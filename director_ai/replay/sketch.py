"""Sketch: a replay's lows as arrays, all that any thresholds need of a shard under two windows."""

from typing import Any, Final

import numpy as np

from director_ai.replay.crossings import RunningMinima
from director_ai.replay.curves import Curves
from director_ai.replay.engine import HARD, TREND, WINDOW, Replay
from director_ai.replay.shards import Arrays

_RULES: Final = (HARD, WINDOW, TREND)


def sketch_of(replay: Replay) -> Arrays:
    """Return the lows of a replay without scores of finished texts.

    Returns
    -------
    dict
        ``values`` and ``positions`` of all three rules, one after the other; ``offsets`` of shape
        (3, n_sessions + 1), from 0 for each rule; ``extremes`` of shape (3, n_sessions), see
        :meth:`director_ai.replay.engine.Replay.extremes`; ``lengths`` and ``complete``.

    Examples
    --------
    >>> replay = Replay(Curves.from_scores([[0.9, 0.2]]), window_size=2, trend_window=2)
    >>> found = replay_of(sketch_of(replay), window_size=2, trend_window=2)
    >>> found.extremes()[0].tolist()
    [0.2]
    """
    minima = [replay.minima[rule] for rule in _RULES]
    return {
        "values": np.concatenate([each.values for each in minima]),
        "positions": np.concatenate([each.positions for each in minima]),
        "offsets": np.stack([each.offsets for each in minima]),
        "extremes": replay.extremes(),
        "lengths": replay.curves.lengths.astype(np.int32),
        "complete": replay.curves.complete,
    }


def replay_of(arrays: "dict[str, Any]", *, window_size: int, trend_window: int) -> Replay:
    """Return the replay of a sketch, which has no scores: of soft halts it cannot tell the end."""
    offsets = arrays["offsets"]
    starts = np.concatenate([[0], np.cumsum(offsets[:, -1])])
    minima = tuple(
        RunningMinima(
            arrays["values"][starts[rule] : starts[rule + 1]],
            arrays["positions"][starts[rule] : starts[rule + 1]],
            offsets[rule],
        )
        for rule in _RULES
    )
    curves = Curves.without_scores(arrays["lengths"], np.asarray(arrays["complete"]))
    return Replay.of_minima(curves, minima, window_size=window_size, trend_window=trend_window)


def folder_of(window_size: int, trend_window: int) -> str:
    """Return the folder of an archive that holds the sketches of two windows.

    >>> folder_of(10, 5)
    'sketch/10-5'
    """
    return f"sketch/{window_size}-{trend_window}"
