"""Address codec of a policy: the seven parameters that every page with limits understands.

A page's session state, its address and a link to it name a limit by the same key.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from director_ai.core.halting.policy import HaltPolicy

FIELDS: Final[Mapping[str, str]] = {
    "h": "hard_limit",
    "s": "soft_limit",
    "a": "window_threshold",
    "w": "window_size",
    "d": "trend_threshold",
    "n": "trend_window",
    "m": "halt_mode",
}
"""The field of a policy that each key stands for; no key stands for the cadence of scoring."""


def control_values(policy: HaltPolicy) -> dict[str, float | str]:
    """Return the value of every control that shows ``policy``, by key.

    An observing policy is shown as a hard one, which is what it would do if it acted.

    >>> control_values(HaltPolicy(halt_mode="observe"))["m"]
    'hard'
    """
    return {key: getattr(policy, field) for key, field in FIELDS.items()} | {
        "m": "soft" if policy.halt_mode == "soft" else "hard"
    }


def policy_of(values: Mapping[Any, Any], default: HaltPolicy) -> HaltPolicy:
    """Return the policy that controls show.

    Parameters
    ----------
    values
        The session state, or other values by key; what is no key of a policy is ignored.
    default
        Policy of the fields whose key is missing, and of those that have none. A soft limit
        below the hard one rises to it.

    Examples
    --------
    >>> policy_of({"h": 0.7, "m": "soft"}, HaltPolicy(window_size=4))  # doctest: +ELLIPSIS
    HaltPolicy(hard_limit=0.7, window_size=4, ..., soft_limit=0.7, halt_mode='soft', ...)
    """
    shown = control_values(default) | {key: values[key] for key in FIELDS if key in values}
    hard_limit = float(shown["h"])
    return replace(
        default,
        hard_limit=hard_limit,
        soft_limit=max(hard_limit, float(shown["s"])),
        window_threshold=float(shown["a"]),
        window_size=int(shown["w"]),
        trend_threshold=float(shown["d"]),
        trend_window=int(shown["n"]),
        halt_mode="soft" if shown["m"] == "soft" else "hard",
    )


def link_values(policy: HaltPolicy) -> dict[str, str]:
    """Return ``policy`` as parameters of an address: all seven, to the last digit.

    >>> link_values(HaltPolicy(window_threshold=0.41234567890123))["a"]
    '0.41234567890123'
    """
    return {key: str(value) for key, value in control_values(policy).items()}
