"""Small multiples: live streams side by side, each a curve over its halt floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from director_ai.core.halting.downward_trend import LARGEST_DROP
from director_ai.core.halting.policy import HaltPolicy
from director_ai.figures.theme import RULES, Rule
from director_ai.replay.floors import floors, statistic_margins

MOST_SHOWN = 12
"""Streams drawn; of the others only the number is shown."""

SHOWN_TOKENS = 60
"""Tokens drawn of each stream, the newest."""


@dataclass(frozen=True, slots=True)
class Multiple:
    """Curve of one stream.

    Attributes
    ----------
    scores
        Its newest scores, at most ``SHOWN_TOKENS``.
    floor
        The highest floor at each of them, at least 0; where no rule is armed, 0.
    margin
        The smallest distance of a rule's statistic from its threshold among them; ``None`` where
        no rule is armed.
    rule
        The rule it is of, or ``""``.
    """

    scores: tuple[float, ...]
    floor: tuple[float, ...]
    margin: float | None
    rule: Rule | Literal[""]


def multiple(scores: Sequence[float], policy: HaltPolicy) -> Multiple:
    """Return the curve of a stream's newest tokens.

    Parameters
    ----------
    scores
        Its newest scores, oldest first: those drawn, and before them as many as a window holds.
    policy
        The limits it is judged by.

    Examples
    --------
    >>> found = multiple([0.9, 0.8, 0.6], HaltPolicy())
    >>> found.floor, round(found.margin, 3), found.rule
    ((0.5, 0.5, 0.5), 0.1, 'hard')
    """
    array = np.asarray(scores, dtype=float)
    limits = floors(array, policy)
    highest, _ = limits.highest()
    shown = slice(max(0, len(array) - SHOWN_TOKENS), len(array))
    floor = highest[:-1][shown]
    margins = statistic_margins(array, limits, policy)[:, shown]
    if np.isnan(margins).all():
        return Multiple(tuple(array[shown].tolist()), (0.0,) * len(floor), None, "")
    row, least = np.unravel_index(int(np.nanargmin(margins)), margins.shape)
    return Multiple(
        scores=tuple(array[shown].tolist()),
        floor=tuple(np.maximum(floor, 0.0).tolist()),
        margin=float(margins[row, least]),
        rule=RULES[int(row)],
    )


def scores_needed(policy: HaltPolicy) -> int:
    """Return the number of scores that :func:`multiple` needs.

    >>> scores_needed(HaltPolicy(window_size=30))
    90
    """
    window = policy.window_size if policy.window_threshold > 0 else 1
    trend = policy.trend_window if policy.trend_threshold < LARGEST_DROP else 1
    return SHOWN_TOKENS + max(window, trend)


def nearest_first(multiples: Sequence[Multiple]) -> NDArray[np.intp]:
    """Return the places of the streams, the one nearest to a halt first.

    Margins are compared by hundredths, so that streams do not change places for less, and how
    far one lies beyond a limit does not count: equal ones stay in the order given.

    >>> policy = HaltPolicy()
    >>> found = [multiple([score], policy) for score in (0.9, 0.602, 0.601)]
    >>> nearest_first(found).tolist()
    [1, 2, 0]
    """
    margins = [
        np.inf if each.margin is None else max(round(each.margin, 2), -0.01) for each in multiples
    ]
    return np.argsort(np.asarray(margins, dtype=float), kind="stable")
