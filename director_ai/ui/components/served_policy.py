"""Served policy: the limits that the server of the app was started with."""

import os

from director_ai.core.halting.policy import HaltPolicy
from director_ai.reports.policy_file import PolicyFile
from director_ai.reports.policy_formats import POLICY_VARIABLE, parse_policy


def served_limits() -> PolicyFile | None:
    """Return the limits, which may differ by segment; ``None`` without any.

    Raises
    ------
    InvalidPolicyFileError
        If the environment holds something else.
    """
    text = os.environ.get(POLICY_VARIABLE)
    return parse_policy(text, "json", name=POLICY_VARIABLE) if text else None


def served_policy() -> HaltPolicy | None:
    """Return the limits, of limits by segment those of its ``else``; ``None`` without any."""
    limits = served_limits()
    return None if limits is None else limits.policy
