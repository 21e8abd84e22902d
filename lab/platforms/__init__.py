"""Routers of the lab that are not plain Linux: what each kind needs in its image, on its disk and in the inventory.

A kind is one file here and one line in ``KINDS``. Everything else (links, addresses, keys, tests of liveness) is the
same for all routers. ``Lab.up({"rb": "ietf_netconf"})`` and ``python -m lab up --platform rb=ietf_netconf`` choose it.
"""

from __future__ import annotations

from lab.platforms.kind import Kind
from lab.platforms.linux import LINUX
from lab.platforms.netconf import NETCONF, PLAIN_NETCONF
from lab.platforms.snmp import SNMP

__all__ = ["KINDS", "LINUX", "Kind"]

#: By the name of the platform, as in ``handover_platform``.
KINDS: dict[str, Kind] = {
    "ietf_netconf": NETCONF,
    "ietf_netconf_plain": PLAIN_NETCONF,
    "iptables": LINUX,
    "nftables": LINUX,
    "snmp": SNMP,
}
