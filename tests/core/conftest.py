"""How many examples the property tests draw: ``HYPOTHESIS_PROFILE=thorough`` for more."""

import os

from hypothesis import HealthCheck, settings

for name, max_examples in (("quick", 150), ("thorough", 5_000)):
    settings.register_profile(
        name,
        max_examples=max_examples,
        derandomize=name == "quick",
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
