# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random networks: managed first-hop routers of either kind, each with its addresses."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import OUTSIDE

__all__ = ["Land"]


class Land:
    """Some routers, named r0, r1 and so on.

    :ivar platforms: the platform of each: ``nftables``, or ``iptables``, which changes a rewrite as a whole.
    """

    def __init__(self, platforms: tuple[str, ...], foreign_sources: bool) -> None:
        self.names = tuple(f"r{number}" for number in range(len(platforms)))
        self.topology = _Topology(
            Router(
                name,
                tuple(map(ip_network, _networks(number))),
                platform,
                "lan",
                "wan",
                foreign_sources=foreign_sources,
            )
            for number, (name, platform) in enumerate(zip(self.names, platforms, strict=True))
        )

    def router(self, number: int) -> str:
        """The name of a router; one more than there are stands for a network that nobody of ours manages."""
        return self.names[number] if number < len(self.names) else OUTSIDE

    def address(self, router: int, version: int, number: int) -> Address:
        """Host number ``number`` of a router's network; number 1 is the router's own."""
        return ip_address(f"198.18.{router}.{number}" if version == 4 else f"2001:db8:{router}::{number:x}")

    def private(self, router: int, number: int) -> Address:
        """Host number ``number`` of the network that a router hides behind its own address (RFC 3022)."""
        return ip_address(f"10.0.{router}.{number}")


class _Topology(Topology):
    """The same answers sooner: a story asks for each address thousands of times."""

    def __init__(self, routers: Iterable[Router]) -> None:
        super().__init__(routers)
        self._found: dict[Address, Router | None] = {}

    def find(self, address: Address) -> Router | None:
        if address not in self._found:
            self._found[address] = super().find(address)
        return self._found[address]


def _networks(number: int) -> tuple[str, str, str]:
    return f"198.18.{number}.0/24", f"2001:db8:{number}::/64", f"10.0.{number}.0/24"
