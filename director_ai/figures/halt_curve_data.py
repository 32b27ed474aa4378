"""What the coherence curve shows: scores, floors, and where they meet."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.theme import RULES
from director_ai.replay.floors import FloatArray, Floors, floors
from director_ai.replay.judge import Judgement

MOST_POINTS = 2000
"""Points a trace may have; a longer stream shows the extremes of each stretch."""


class HaltCurveData(NamedTuple):
    """What the picture shows.

    Attributes
    ----------
    token
        Tokens drawn, ascending; all of them unless the stream is long.
    scores
        Score of each, shape (n_drawn,).
    held
        Which of them hold an earlier score.
    floors
        The three floors at each, shape (3, n_drawn); nan where unarmed.
    mean
        The window's mean at each; nan where it is not full.
    labels
        The tokens as text, safe for Plotly.
    n_tokens, lowest
        Tokens seen, and the lowest score of them all, drawn or not; nan before the first.
    policy
        The limits the floors are of.
    judgement
        What they make of the stream.
    next_floor, next_rule
        Lowest passing score of the token to come, and the rule it is of.
    onset, cursor
        Token indices, or ``None``.
    cursor_lines
        At the cursor: the window's mean bar and the fitted trend line, each as (x, y) ends.
    """

    token: NDArray[np.intp]
    scores: FloatArray
    held: NDArray[np.bool_]
    floors: FloatArray
    mean: FloatArray
    labels: list[str]
    n_tokens: int
    lowest: float
    policy: HaltPolicy
    judgement: Judgement
    next_floor: float
    next_rule: str
    onset: int | None
    cursor: int | None
    cursor_lines: dict[str, tuple[list[float], list[float]]]


def halt_curve_data(
    scores: FloatArray,
    labels: Sequence[str],
    policy: HaltPolicy,
    judgement: Judgement,
    *,
    held: Sequence[bool] = (),
    onset: int | None = None,
    cursor: int | None = None,
    last: int | None = None,
) -> HaltCurveData:
    """Return what the picture shows of a stream.

    Parameters
    ----------
    scores
        Shape (n_tokens,), in [0, 1].
    labels
        The tokens, safe for Plotly, at least one a score.
    policy, judgement
        Limits to draw, and what they make of these scores.
    held
        Which scores were held; none if left out.
    onset, cursor
        Token indices to mark.
    last
        Draw only this many of the newest tokens.
    """
    n_tokens = len(scores)
    computed = floors(scores, policy)
    start = 0 if last is None else max(0, n_tokens - last)
    highest, rule = computed.highest()
    index = start + _extremes(scores[start:], highest[start:-1])
    if judgement.trigger is not None and judgement.trigger >= start:
        index = np.union1d(index, judgement.trigger)
    return HaltCurveData(
        token=index,
        scores=scores[index],
        held=np.asarray(held, dtype=bool)[index] if len(held) else np.zeros(len(index), bool),
        floors=computed.stacked()[:, index],
        mean=computed.mean[index],
        labels=[labels[i] for i in index],
        n_tokens=n_tokens,
        lowest=float(scores.min()) if n_tokens else np.nan,
        policy=policy,
        judgement=judgement,
        next_floor=float(highest[-1]),
        next_rule=RULES[int(rule[-1])],
        onset=onset,
        cursor=cursor,
        cursor_lines=_cursor_lines(scores, computed, policy, cursor),
    )


def halt_curve_alt(data: HaltCurveData) -> str:
    """Return the picture's finding as one sentence."""
    if data.n_tokens == 0:
        return "Coherence curve; no token has been judged yet."
    lowest = f"lowest coherence {data.lowest:.2f}"
    if data.judgement.trigger is None:
        return f"Coherence over {data.n_tokens} tokens, {lowest}; no rule holds."
    rules = ", ".join(alarm.mechanism for alarm in data.judgement.alarms)
    return (
        f"Coherence over {data.n_tokens} tokens, {lowest}; "
        f"halts at token {data.judgement.trigger} by {rules}."
    )


def _extremes(scores: FloatArray, highest: FloatArray) -> NDArray[np.intp]:
    """Return the tokens to draw: all, or the lows and highs of each of many short stretches."""
    n_tokens = len(scores)
    if n_tokens <= MOST_POINTS:
        return np.arange(n_tokens)
    kept = [0, n_tokens - 1]
    # Three extremes a stretch: the curve's two, and the floor's highest, where they may meet.
    for stretch in np.array_split(np.arange(n_tokens), MOST_POINTS // 3):
        part = scores[stretch]
        kept += [stretch[part.argmin()], stretch[part.argmax()], stretch[highest[stretch].argmax()]]
    return np.unique(kept)


def _cursor_lines(
    scores: FloatArray, computed: Floors, policy: HaltPolicy, cursor: int | None
) -> dict[str, tuple[list[float], list[float]]]:
    if cursor is None or not 0 <= cursor < len(scores):
        return {}
    lines: dict[str, tuple[list[float], list[float]]] = {}
    if not np.isnan(computed.mean[cursor]):
        mean = float(computed.mean[cursor])
        lines["window"] = ([cursor - policy.window_size + 1, cursor], [mean, mean])
    if not np.isnan(computed.drop[cursor]):
        first = cursor - policy.trend_window + 1
        # A fitted line passes through the centre of its points.
        centre = float(scores[first : cursor + 1].mean())
        half = float(computed.drop[cursor]) / 2
        lines["trend"] = ([first, cursor], [centre + half, centre - half])
    return lines
