# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router's inventory variables say of it, beside its place in the topology and the login."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils.errors import HandoverError
from ..module_utils.platforms.ios.flow_lines import NatSettings
from ..module_utils.platforms.iosxe.release import NEWEST, Release
from ..module_utils.platforms.junos.standing import Interfaces

__all__ = ["COPY", "SETTINGS", "interfaces", "nat_settings", "release", "transport"]

_SIDES = ("handover_inside_interface", "handover_outside_interface")
_IOS = ("handover_ios_vrf", "handover_ios_redundancy")
#: For which revision of Cisco's modules text is made without asking the router.
_REVISION = "handover_iosxe_revision"
#: How a router is reached, where its platform has more than one way; and the other way of IOS.
_TRANSPORT, COPY = "handover_transport", "snmp_config_copy"
#: The variables that are read here.
SETTINGS = (*_SIDES, *_IOS, _REVISION, _TRANSPORT)


def interfaces(given: Mapping[str, Any]) -> Interfaces:
    """The interfaces between which a router rewrites."""
    return Interfaces(*(str(given.get(one) or "") for one in _SIDES))


def nat_settings(given: Mapping[str, Any]) -> NatSettings:
    """What each line of NAT has on a router of Cisco."""
    vrf, redundancy = (str(given.get(one) or "") or None for one in _IOS)
    return NatSettings(vrf, redundancy)


def release(given: Mapping[str, Any]) -> Release:
    """For which release of IOS-XE text is made."""
    revision = given.get(_REVISION)
    return NEWEST if revision is None else Release(str(revision), str(revision))


def transport(name: str, given: Mapping[str, Any], *possible: str) -> str:
    """How a router is reached; the first way where nothing is said.

    :raises HandoverError: ``wrong_transport``.
    """
    found = str(given.get(_TRANSPORT) or possible[0])
    if found not in possible:
        raise HandoverError(
            "wrong_transport",
            f"{name}: {found}",
            f"a router of this platform is reached by {' or '.join(possible)}",
            f"Leave {_TRANSPORT} out, or set handover_platform to what the router is.",
        )
    return found
