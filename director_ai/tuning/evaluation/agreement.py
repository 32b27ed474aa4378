"""Agreement of two reviewers: Cohen's kappa with its interval."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from director_ai.errors import InvalidQueryError
from director_ai.tuning.evaluation.intervals import grouped_wilson
from director_ai.tuning.labelled import numbered


class Agreement(NamedTuple):
    """Two reviewers' labels of the same sessions.

    Attributes
    ----------
    categories
        The labels, in the order of the table.
    counts
        Shape (n_categories, n_categories): rows by the first reviewer, columns by the second.
    observed, expected
        Share of sessions they agree on, and the share that chance would give; nan without any.
    kappa
        Cohen's kappa, at most 1; nan without sessions, and where both gave one and the same
        label throughout, for then chance agrees as well.
    low, high
        Its 95 % interval; nan where kappa is.
    """

    categories: tuple[str, ...]
    counts: NDArray[np.int64]
    observed: float
    expected: float
    kappa: float
    low: float
    high: float

    @property
    def n_sessions(self) -> int:
        """Sessions that both labelled."""
        return int(self.counts.sum())


def agreement(
    pairs: Sequence[tuple[str, str]],
    categories: Sequence[str],
    *,
    groups: Sequence[str] | None = None,
) -> Agreement:
    """Return Cohen's kappa of two reviewers, with the table and an interval.

    Parameters
    ----------
    pairs
        The first reviewer's label of a session and the second's.
    categories
        Every label there is, in the order of the table.
    groups
        Of each session the name of its group: sessions of one are not independent. By default
        every one is its own.

    Raises
    ------
    InvalidQueryError
        If a label is none of the categories.

    Notes
    -----
    Kappa is ``(p_o - p_e) / (1 - p_e)`` with ``p_e`` from the two margins of the table (Cohen's
    equations 1 and 2). Cohen's standard error (equation 7) takes ``p_e`` as given, so
    that kappa's interval is that of the share ``p_o``, moved and stretched. We do the same but
    with Wilson's score interval in place of the normal one, which would shrink
    to a point where a few sessions all agree, and by groups where these are given.

    References
    ----------
    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
    Measurement 20 (1960) 37-46; E. B. Wilson, "Probable inference, the law of succession, and
    statistical inference", JASA 22 (1927) 209-212.

    Examples
    --------
    >>> pairs = [("good", "good")] * 20 + [("bad", "bad")] * 15
    >>> pairs += [("good", "bad")] * 5 + [("bad", "good")] * 10
    >>> result = agreement(pairs, ["good", "bad"])
    >>> round(result.kappa, 3), round(result.low, 3), round(result.high, 3)
    (0.4, 0.125, 0.618)
    """
    place = {name: index for index, name in enumerate(categories)}
    counts = np.zeros((len(place), len(place)), dtype=np.int64)
    for first, second in pairs:
        for label in (first, second):
            if label not in place:
                raise InvalidQueryError(
                    f"label must be one of {', '.join(categories)}, got {label!r}"
                )
        counts[place[first], place[second]] += 1
    n = int(counts.sum())
    if n == 0:
        return Agreement(tuple(categories), counts, *[math.nan] * 5)
    n_agreed = int(counts.trace())
    # In integers: a chance agreement of exactly 1 must be seen as such.
    by_chance = int(counts.sum(axis=1) @ counts.sum(axis=0))
    observed, expected = n_agreed / n, by_chance / n**2
    if by_chance == n**2:
        return Agreement(tuple(categories), counts, observed, expected, *[math.nan] * 3)

    def beyond_chance(share: float) -> float:
        return (share - expected) / (1 - expected)

    of = np.arange(n) if groups is None else numbered(groups)
    agreeing = np.array([first == second for first, second in pairs])
    low, high = grouped_wilson(np.bincount(of[agreeing], minlength=of.max() + 1), np.bincount(of))
    return Agreement(
        tuple(categories),
        counts,
        observed,
        expected,
        beyond_chance(observed),
        beyond_chance(low),
        beyond_chance(high),
    )
