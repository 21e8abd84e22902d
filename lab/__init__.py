"""The container lab: four LANs, their first-hop routers, a core, a SIP server.

Shared by the demo, the integration tests and molecule. See ``lab/README.md``.
"""

from lab.lab import Lab
from lab.runtime import LabError

__all__ = ["Lab", "LabError"]
