"""Policy assignment: the limits that a policy file gives each session of an archive."""

from collections.abc import Callable

import numpy as np

from director_ai.reports.policy_file import PolicyFile
from director_ai.tuning.gates import Selector
from director_ai.tuning.policy_change import Assignment
from director_ai.tuning.study import TuneData


def no_digest(_name: str) -> str:
    """Return that no digest stands for a name."""
    return ""


def assignment(
    file: PolicyFile, data: TuneData, *, group_digest: Callable[[str], str] = no_digest
) -> Assignment:
    """Return the limits of every session by a policy file.

    Parameters
    ----------
    file
        Contents of the policy file.
    data
        The sessions.
    group_digest
        Digest that stands for a group's name in the data.
    """
    if file.segments is None:
        return Assignment.same(file.policy, len(data.ids))
    facet = file.segments.facet
    policy_of = np.zeros(len(data.ids), np.int64)
    values = list(file.segments.limits)
    # The first named decides, so that it comes last.
    for place in range(len(values), 0, -1):
        value = values[place - 1]
        digest = group_digest(value) if facet == "group" else ""
        policy_of[Selector(facet, value, digest).mask(data)] = place
    return Assignment((file.policy, *file.segments.limits.values()), policy_of)
