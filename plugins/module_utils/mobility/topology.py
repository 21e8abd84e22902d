# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which first-hop router serves which address: longest prefix wins."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..errors import HandoverError
from .model import Address
from .prefixes import Network, Prefixes

__all__ = ["Place", "Router", "Topology"]

#: Addresses whose network is remembered: a plan asks for the same ones a dozen times each.
_REMEMBERED = 65536


@dataclass(frozen=True)
class Router:
    """A first-hop router that we manage.

    :ivar name: its inventory name.
    :ivar networks: the prefixes of the hosts whose first hop it is.
    :ivar platform: name of the platform that configures it.
    :ivar inside: interface towards those hosts.
    :ivar outside: interface towards the rest of the network.
    :ivar behind: name of the router that lies between it and the rest of the network; empty where there is none.
        The outermost one does all the rewriting, those behind it lead packets on.
    :ivar addresses: its addresses towards the router that it is behind.
    :ivar foreign_sources: what leaves it under a source that is not of its networks arrives: nothing beyond it drops
        such packets, neither by source (BCP 38, RFC 2827) nor because it has not seen the other direction.
    :ivar keeps: what it holds stays until it is taken away; on others it ends by itself when its time is over.
    """

    name: str
    networks: Tuple[Network, ...]
    platform: str
    inside: str
    outside: str
    behind: str = ""
    addresses: Tuple[Address, ...] = ()
    foreign_sources: bool = False
    keeps: bool = False

    def address(self, version: int) -> Optional[Address]:
        """Its address of an IP version towards the router that it is behind."""
        return next((one for one in self.addresses if one.version == version), None)


class Place(NamedTuple):
    """Where an address belongs.

    :ivar network: those of one network reach each other past any router; None where we manage none.
    :ivar router: its first-hop router; None where we manage none.
    :ivar path: the routers from the rest of the network to it, see :meth:`Topology.path`.
    :ivar names: their names.
    """

    network: Optional[Network]
    router: Optional[Router]
    path: Tuple[Router, ...]
    names: Tuple[str, ...]

    @property
    def outermost(self) -> Optional[Router]:
        """The router that the rest of the network sends to."""
        return self.path[0] if self.path else None


_UNMANAGED = Place(None, None, (), ())


class Topology:
    """The managed first-hop routers.

    :ivar routers: all of them, by name.
    :ivar addresses: those that routers have towards the router that they are behind.
    :raises HandoverError: ``bad_topology`` when two routers claim one prefix, or a router is behind one that is not
        there, or behind itself.
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
        inward = {router.name: self._inward(router) for router in self.routers.values()}
        self._places = Prefixes(
            {
                network: Place(network, router, inward[router.name], tuple(one.name for one in inward[router.name]))
                for network, router in self._by_prefix.items()
            }
        )
        self.addresses: FrozenSet[Address] = frozenset(
            one for router in self.routers.values() for one in router.addresses
        )
        self._found: Dict[Tuple[int, int], Place] = {}
        self._behind: Dict[str, List[Router]] = {}
        for router in self.routers.values():
            self._behind.setdefault(router.behind, []).append(router)

    def place(self, address: Address) -> Place:
        """Where an address belongs: of several questions about it, each is answered here."""
        asked = (address.version, int(address))
        found = self._found.get(asked)
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[asked] = self._places.longest(address) or _UNMANAGED
        return found

    def network(self, address: Address) -> Optional[Network]:
        """The network that an address belongs to: those of one network reach each other past any router."""
        return self.place(address).network

    def find(self, address: Address) -> Optional[Router]:
        """The first-hop router of an address, or None where we manage none."""
        return self.place(address).router

    def path(self, address: Address) -> Tuple[Router, ...]:
        """The routers from the rest of the network to an address; empty where we manage none.

        The first one rewrites, the last one is the first hop of the hosts.
        """
        return self.place(address).path

    def place_of(self, address: Address, what: str) -> Place:
        """As :meth:`place`, of an address that must be ours.

        :param what: what the address is, for the error.
        :raises HandoverError: ``unmanaged_address``.
        """
        place = self.place(address)
        if place.router is None:
            raise HandoverError(
                "unmanaged_address",
                address,
                f"the {what} lies in a network of a managed first-hop router",
                "Add the network to handover_networks of its router, or refuse the pair.",
            )
        return place

    def behind(self, router: str) -> Sequence[Router]:
        """The routers right behind one."""
        return self._behind.get(router, ())

    def _inward(self, router: Router) -> Tuple[Router, ...]:
        found = [router]
        while found[0].behind:
            outer = self.routers.get(found[0].behind)
            if outer is None or outer in found:
                raise HandoverError(
                    "bad_topology",
                    f"{found[0].name}: behind: {found[0].behind}",
                    "a router is behind another one of the topology",
                )
            found.insert(0, outer)
        return tuple(found)

    def router_of(self, address: Address, what: str) -> Router:
        """The first-hop router of an address; parameters and errors as :meth:`place_of`."""
        return self.place_of(address, what).path[-1]

    @classmethod
    def from_mapping(cls, routers: Mapping[str, Mapping[str, object]]) -> Topology:
        """Build from ``name: {networks, platform, inside, outside}``.

        ``behind``, ``addresses`` and ``foreign_sources`` may be there, too.

        :raises HandoverError: ``bad_topology`` naming router and key.
        """
        return cls(_router(name, described) for name, described in routers.items())


#: What a router is described by.
_KEYS = frozenset(("networks", "platform", "inside", "outside", "behind", "addresses", "foreign_sources"))


def _router(name: str, described: Mapping[str, object]) -> Router:
    unknown = set(described) - _KEYS
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
    behind, addresses = described.get("behind", ""), described.get("addresses", ())
    if not isinstance(behind, str) or not isinstance(addresses, (list, tuple)) or bool(behind) != bool(addresses):
        raise HandoverError(
            "bad_topology",
            f"{name}: behind: {behind}, addresses: {addresses}",
            "a router behind another one names it, and lists its own addresses towards it",
        )
    foreign = described.get("foreign_sources", False)
    if not isinstance(foreign, bool):
        raise HandoverError(
            "bad_topology", f"{name}: foreign_sources: {foreign}", "whether foreign sources may leave is true or false"
        )
    return Router(
        name,
        prefixes,
        str(words["platform"]),
        str(words["inside"]),
        str(words["outside"]),
        behind,
        tuple(_address(name, text) for text in addresses),
        foreign,
    )


def _address(name: str, text: object) -> Address:
    try:
        return ip_address(str(text))
    except ValueError as error:
        raise HandoverError(
            "bad_topology", f"{name}: addresses: {text}", "an address is one of IPv4 or IPv6"
        ) from error
