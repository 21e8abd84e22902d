# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router of the topology, from its inventory variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["described_router"]


def described_router(variables: Mapping[str, Any]) -> dict[str, Any]:
    """A host as :func:`described_topology` takes it; what is missing is refused there."""
    system = str(variables.get("ansible_network_os") or "")
    return {
        "networks": [str(item) for item in variables.get("handover_networks") or []],
        "platform": variables.get("handover_platform") or system.rpartition(".")[2] or "nftables",
        "inside": variables.get("handover_inside_interface", ""),
        "outside": variables.get("handover_outside_interface", ""),
        "behind": variables.get("handover_behind", ""),
        "addresses": [str(item) for item in variables.get("handover_behind_addresses") or []],
        "foreign_sources": _flag(variables.get("handover_foreign_sources", False)),
    }


def _flag(value: object) -> object:
    """True or false, however an inventory writes it; anything else as it is, for an error that names it."""
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    return words.get(str(value).strip().lower(), value)
