"""Settings of the test run: the same random logs on every machine and in every run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# The oracles and the random logs are modules beside the tests.
sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile(
    "fixed",
    derandomize=True,
    max_examples=100,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "search", parent=settings.get_profile("fixed"), derandomize=False, max_examples=2_000
)
settings.load_profile(os.environ.get("SAFAR_HYPOTHESIS", "fixed"))
