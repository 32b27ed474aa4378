"""Numbers of hypothesis examples, as shares of the profile in force.

``fast`` while the slow tests are left out, ``full`` otherwise, ``thorough`` if asked for by
``HYPOTHESIS_PROFILE``.
"""

import os

from hypothesis import HealthCheck, settings

PROFILES = {"fast": 25, "full": 200, "thorough": 5_000}


def load_profile(*, default: str) -> None:
    """Let every property draw as many examples as the environment or the default says."""
    for name, max_examples in PROFILES.items():
        settings.register_profile(
            name,
            max_examples=max_examples,
            derandomize=name != "thorough",
            database=None,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or default)


def one_in(n: int) -> settings:
    """Return settings for a property whose examples are dear: the profile's number over ``n``."""
    return settings(max_examples=settings.default.max_examples // n)
