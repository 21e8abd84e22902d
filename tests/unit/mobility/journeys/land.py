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

    :param platforms: the platform of each: ``nftables``, or ``iptables``, which changes a rewrite as a whole.
    :param behind: the router that each is behind; itself, where there is none.
    """

    def __init__(self, platforms: tuple[str, ...], behind: tuple[int, ...], foreign_sources: bool) -> None:
        self.names = tuple(f"r{number}" for number in range(len(platforms)))
        self.topology = _Topology(
            Router(
                name,
                tuple(map(ip_network, _networks(number))),
                platform,
                "lan",
                "wan",
                *self._inside(number, outer),
                foreign_sources=foreign_sources,
            )
            for number, (name, platform, outer) in enumerate(zip(self.names, platforms, behind, strict=True))
        )

    def router(self, number: int) -> str:
        """The name of a router; one more than there are stands for a network that nobody of ours manages."""
        return self.names[number] if number < len(self.names) else OUTSIDE

    def _inside(self, router: int, outer: int) -> tuple[str, tuple[Address, ...]]:
        if router == outer:
            return "", ()
        return self.names[outer], tuple(self.address(outer, version, 200 + router) for version in (4, 6))

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
        self._served: dict[Address, Router | None] = {}

    def find(self, address: Address) -> Router | None:
        if address not in self._served:
            self._served[address] = super().find(address)
        return self._served[address]


def _networks(number: int) -> tuple[str, str, str]:
    return f"198.18.{number}.0/24", f"2001:db8:{number}::/64", f"10.0.{number}.0/24"
