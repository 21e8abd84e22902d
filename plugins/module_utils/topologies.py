# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Topologies as inventories and records describe them."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping

from .mobility.topology import Topology
from .platforms.registry import PLATFORMS

__all__ = ["described_topology"]


def described_topology(routers: Mapping[str, Mapping[str, object]]) -> Topology:
    """As :meth:`Topology.from_mapping`, and each router keeps what it holds where its platform forgets nothing.

    :raises HandoverError: ``bad_topology`` naming router and key. A platform that is not known is refused by a plan.
    """
    topology = Topology.from_mapping(routers)
    keeping = {name for name, platform in PLATFORMS.items() if not platform.capabilities.expires}
    return Topology(replace(router, keeps=router.platform in keeping) for router in topology.routers.values())
