# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which first-hop router serves which address: longest prefix wins."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Dict, Iterable, List, Mapping, Optional, Tuple, Union

from ..errors import HandoverError
from .model import Address

__all__ = ["Network", "Router", "Topology"]

Network = Union[IPv4Network, IPv6Network]


@dataclass(frozen=True)
class Router:
    """A first-hop router that we manage.

    :ivar name: its inventory name.
    :ivar networks: the prefixes of the hosts whose first hop it is.
    :ivar platform: name of the platform that configures it.
    :ivar inside: interface towards those hosts.
    :ivar outside: interface towards the rest of the network.
    """

    name: str
    networks: Tuple[Network, ...]
    platform: str
    inside: str
    outside: str


class Topology:
    """The managed first-hop routers.

    :raises HandoverError: ``bad_topology`` when two routers claim one prefix.
    """

    def __init__(self, routers: Iterable[Router]) -> None:
        self.routers: Dict[str, Router] = {}
        self._by_prefix: Dict[Network, Router] = {}
        for router in routers:
            self.routers[router.name] = router
            for network in router.networks:
                other = self._by_prefix.setdefault(network, router)
                if other is not router:
                    raise HandoverError(
                        "bad_topology",
                        f"{network} of {other.name} and {router.name}",
                        "a prefix has one first-hop router",
                        "Correct handover_networks in the inventory.",
                    )
        # By numbers: a plan of thousands of handovers asks hundreds of thousands of times.
        self._by_bits: Dict[Tuple[int, int, int], Router] = {
            (n.version, n.prefixlen, int(n.network_address) >> (n.max_prefixlen - n.prefixlen)): router
            for n, router in self._by_prefix.items()
        }
        self._lengths: Dict[int, List[int]] = {
            version: sorted({n.prefixlen for n in self._by_prefix if n.version == version}, reverse=True)
            for version in (4, 6)
        }

    def find(self, address: Address) -> Optional[Router]:
        """The first-hop router of an address, or None where we manage none."""
        bits, number = address.max_prefixlen, int(address)
        for length in self._lengths[address.version]:
            router = self._by_bits.get((address.version, length, number >> (bits - length)))
            if router is not None:
                return router
        return None

    def router_of(self, address: Address, what: str) -> Router:
        """The first-hop router of an address.

        :param what: what the address is, for the error.
        :raises HandoverError: ``unmanaged_address``.
        """
        router = self.find(address)
        if router is None:
            raise HandoverError(
                "unmanaged_address",
                address,
                f"the {what} lies in a network of a managed first-hop router",
                "Add the network to handover_networks of its router, or refuse the pair.",
            )
        return router

    @classmethod
    def from_mapping(cls, routers: Mapping[str, Mapping[str, object]]) -> Topology:
        """Build from ``name: {networks, platform, inside, outside}``.

        :raises HandoverError: ``bad_topology`` naming router and key.
        """
        return cls(_router(name, described) for name, described in routers.items())


def _router(name: str, described: Mapping[str, object]) -> Router:
    unknown = set(described) - {"networks", "platform", "inside", "outside"}
    if unknown:
        raise HandoverError("bad_topology", f"{name}: {', '.join(sorted(unknown))}", "a router has no such key")
    networks = described.get("networks")
    if not isinstance(networks, (list, tuple)) or not networks:
        raise HandoverError("bad_topology", f"{name}: networks", "a router has a list of networks")
    try:
        prefixes = tuple(ip_network(str(network)) for network in networks)
    except ValueError as error:
        raise HandoverError("bad_topology", f"{name}: {error}", "a network is a prefix without host bits") from error
    words = {key: described.get(key) for key in ("platform", "inside", "outside")}
    for key, word in words.items():
        if not isinstance(word, str) or not word or not word.isprintable() or " " in word:
            raise HandoverError(
                "bad_topology", f"{name}: {key}: {word}", "a router's platform and interfaces are names"
            )
    return Router(name, prefixes, str(words["platform"]), str(words["inside"]), str(words["outside"]))
