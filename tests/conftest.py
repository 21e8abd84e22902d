"""What every test run needs: bounded property tests, and the collection where Ansible finds it.

The same code gets the same examples, and so the same verdict; HYPOTHESIS_PROFILE=deep draws new ones each time, and
fifty times as many.
"""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, settings

BUILD = Path(__file__).resolve().parent.parent / ".build"

os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(BUILD / "collections")
os.environ["PYTHONPATH"] = str(BUILD / "collections")
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(BUILD / "hypothesis")

_common = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("test", _common, max_examples=100, derandomize=True)
settings.register_profile("deep", _common, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))
