"""How many examples hypothesis tries: few in the suite, many with HYPOTHESIS_PROFILE=thorough in the environment."""

import os

from hypothesis import HealthCheck, settings

THOROUGH = 20
"""How many times as many examples are tried then."""


def examples(count: int) -> settings:
    """Make the settings of a property that costs much: `count` examples in the suite, without a time limit for each."""
    is_thorough = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
    unlimited = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=count * (THOROUGH if is_thorough else 1), deadline=None, suppress_health_check=unlimited
    )
