"""A plain Linux router: no Python, nothing of ours."""

from __future__ import annotations

from lab.image import ROUTER
from lab.platforms.kind import Kind

LINUX = Kind(ROUTER)
