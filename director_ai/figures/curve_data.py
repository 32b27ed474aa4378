"""Data of a session's pictures: scores, limits, halt and rules' statistics, and its alt text."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.theme import (
    RULE_NAME,
    RULE_OF_MECHANISM,
    RULES,
)
from director_ai.replay.floors import FloatArray, Floors, floors, statistic_margins
from director_ai.replay.judgement import Judgement

MOST_POINTS = 2000
"""Points a trace may have; a longer stream shows the extremes of each stretch."""


class RuleWindows(NamedTuple):
    """Windows of the two rules that look back, at one token.

    Attributes
    ----------
    token
        Newest token of both windows.
    mean
        Mean of the averaged window; nan where it is not full.
    fit
        First and last height of the line fitted over the trend window; nan where it is not full.
    """

    token: int
    mean: float
    fit: tuple[float, float]

    @property
    def drop(self) -> float:
        """Fall of the fitted line over its window.

        >>> RuleWindows(4, 0.8, (0.75, 0.5)).drop
        0.25
        """
        return self.fit[0] - self.fit[1]


class HaltCurveData(NamedTuple):
    """Data of the figure.

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
    margins
        Distances of the rules' statistics from their thresholds at each, as ``floors``.
    mean, drop
        The window's mean and the fitted drop at each; nan where the window is not full.
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
    acted
        Whether the halt stopped the stream.
    windows
        Windows at the halt and at the cursor, or at the newest token where there is neither.
    """

    token: NDArray[np.intp]
    scores: FloatArray
    held: NDArray[np.bool_]
    floors: FloatArray
    margins: FloatArray
    mean: FloatArray
    drop: FloatArray
    labels: list[str]
    n_tokens: int
    lowest: float
    policy: HaltPolicy
    judgement: Judgement
    next_floor: float
    next_rule: str
    onset: int | None
    cursor: int | None
    acted: bool
    windows: tuple[RuleWindows, ...]


def halt_curve_data(
    scores: FloatArray,
    labels: Sequence[str],
    policy: HaltPolicy,
    judgement: Judgement,
    *,
    held: Sequence[bool] = (),
    onset: int | None = None,
    cursor: int | None = None,
    acted: bool = True,
    last: int | None = None,
) -> HaltCurveData:
    """Return the data of one stream's figure.

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
    acted
        Whether the halt stopped the stream, which was else only watched or is a what-if.
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
        margins=statistic_margins(scores, computed, policy)[:, index],
        mean=computed.mean[index],
        drop=computed.drop[index],
        labels=[labels[i] for i in index],
        n_tokens=n_tokens,
        lowest=float(scores.min()) if n_tokens else np.nan,
        policy=policy,
        judgement=judgement,
        next_floor=float(highest[-1]),
        next_rule=RULES[int(rule[-1])],
        onset=onset,
        cursor=cursor,
        acted=acted,
        windows=tuple(
            _windows_at(token, scores, computed, policy)
            for token in _looked_at(judgement, cursor, n_tokens)
        ),
    )


def halt_curve_alt(data: HaltCurveData) -> str:
    """Return the picture's finding as one sentence."""
    if data.n_tokens == 0:
        return "Coherence curve; no token has been judged yet."
    lowest = f"lowest coherence {data.lowest:.2f}"
    if data.judgement.trigger is None:
        return f"Coherence over {data.n_tokens} tokens, {lowest}; no rule is broken."
    mechanisms = [alarm.mechanism for alarm in data.judgement.alarms]
    rules = ", ".join(RULE_NAME[RULE_OF_MECHANISM[mechanism]] for mechanism in mechanisms)
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


def _looked_at(judgement: Judgement, cursor: int | None, n_tokens: int) -> list[int]:
    places = [judgement.trigger, cursor]
    if judgement.trigger is None and cursor is None:
        places = [n_tokens - 1]
    return sorted({place for place in places if place is not None and 0 <= place < n_tokens})


def _windows_at(
    token: int, scores: FloatArray, computed: Floors, policy: HaltPolicy
) -> RuleWindows:
    drop = float(computed.drop[token])
    # A fitted line passes through the centre of its points.
    centre = float(scores[max(0, token - policy.trend_window + 1) : token + 1].mean())
    return RuleWindows(token, float(computed.mean[token]), (centre + drop / 2, centre - drop / 2))
