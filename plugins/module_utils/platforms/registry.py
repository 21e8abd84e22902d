# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The platforms by name."""

from __future__ import annotations

from typing import Dict

from ..errors import HandoverError
from .base import Platform
from .ietf_netconf import IetfNetconf
from .ietf_netconf_plain import IetfNetconfPlain
from .ios.router import Ios
from .iosxe.router import IosxeNetconf
from .iptables import Iptables
from .junos.router import Junos
from .nftables import Nftables
from .snmp import Snmp
from .written_only.vendors import Eos, Iosxr, Nxos, Routeros, Vyos

__all__ = ["PLATFORMS", "platform_named"]

PLATFORMS: Dict[str, Platform] = {
    platform.name: platform
    for platform in (
        IetfNetconf(),
        IetfNetconfPlain(),
        Ios(),
        IosxeNetconf(),
        Iptables(),
        Junos(),
        Nftables(),
        Snmp(),
        # Written to files, never sent.
        Eos(),
        Iosxr(),
        Nxos(),
        Routeros(),
        Vyos(),
    )
}


def platform_named(name: str) -> Platform:
    """The platform of this name.

    :raises HandoverError: ``unknown_platform``.
    """
    if name not in PLATFORMS:
        raise HandoverError(
            "unknown_platform", name, f"a platform is one of {', '.join(sorted(PLATFORMS))}", "Set handover_platform."
        )
    return PLATFORMS[name]
