"""Post-hoc bound of the false-halt rate, for limits tuned by hand on the same sessions."""

from typing import NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import BoolArray
from director_ai.replay.engine import Outcomes, is_off
from director_ai.tuning.guarantee.bounds import N_RULES, searched_upper
from director_ai.tuning.labelled import LabelledCurves


class PostHocBound(NamedTuple):
    """An upper bound of the false-halt rate that holds whatever limits were tried.

    Attributes
    ----------
    n_halted, n_good
        Groups with a good session that is halted, unknown ones counted as halted, of all groups
        with a good session.
    is_grouped
        Whether any group has several good sessions; the bound is then of a group's rate.
    n_rules
        Rules that are on.
    delta
        Risk that it is wrong.
    upper
        The bound, in [0, 1]; 1 where nothing can be promised.
    """

    n_halted: int
    n_good: int
    is_grouped: bool
    n_rules: int
    delta: float
    upper: float

    @property
    def sentence(self) -> str:
        """The bound in words."""
        what = "groups" if self.is_grouped else "good sessions"
        counted = f"{self.n_halted:,} of {self.n_good:,}"
        if self.upper >= 1.0:
            return f"Nothing can be promised of limits tuned by hand on {self.n_good:,} {what}."
        halted = "have a good session halted" if self.is_grouped else "are halted"
        return (
            f"With {100 * (1 - self.delta):g} % confidence at most {100 * self.upper:.1f} % of "
            f"{what} like these {halted}, whatever thresholds were tried by hand ({counted} here)."
        )


def post_hoc_bound(
    data: LabelledCurves,
    outcomes: Outcomes,
    policy: HaltPolicy,
    *,
    delta: float,
    n_families: int = 1,
) -> PostHocBound:
    """Return the post-hoc bound of a policy that was tuned by hand on ``data``.

    Thresholds may have been moved, and rules switched off, as often as one likes. Sessions of
    one group are not independent, so that groups are counted: one with any good session halted
    is halted. Where groups are of one size, or a halt has nothing to do with the size, the bound
    is one of the rate of sessions too.

    Parameters
    ----------
    data, outcomes, policy
        The sessions that are looked at, and what the policy makes of them.
    delta
        Risk that the bound is wrong, in (0, 1), fixed beforehand.
    n_families
        Pairs of window sizes, and cadences, that were tried.

    References
    ----------
    See :func:`director_ai.tuning.guarantee.bounds.uniform_upper`, of which this takes a union bound
    over the counts and the sets of rules that could have come out.

    Examples
    --------
    >>> from director_ai.tuning.evaluation.outcome_classes import outcomes_under
    >>> data = LabelledCurves.from_scores([[0.9]] * 199 + [[0.3]], labels=[0] * 200)
    >>> policy = HaltPolicy(window_threshold=0.0, trend_threshold=1.5)
    >>> found = post_hoc_bound(data, outcomes_under(data, policy), policy, delta=0.1)
    >>> found.n_rules, found.sentence
    (1, 'With 90 % confidence at most 4.3 % of good sessions like these are halted, whatever \
thresholds were tried by hand (1 of 200 here).')
    """
    halted = data.good & (outcomes.halts | outcomes.unknown)
    n_halted, n_good = n_groups(data, halted), data.n_good_groups
    n_rules = sum(not is_off(policy, rule) for rule in range(N_RULES))
    upper = searched_upper(n_halted, n_good, n_rules=n_rules, delta=delta, n_families=n_families)
    return PostHocBound(n_halted, n_good, n_good < data.n_good, n_rules, delta, upper)


def n_groups(data: LabelledCurves, mask: BoolArray) -> int:
    """Return the number of groups with a session in a mask."""
    return len(np.unique(data.groups[mask]))
