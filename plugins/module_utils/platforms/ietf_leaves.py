# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaves of ietf-nat (RFC 8512) and of static routes (RFC 8349): addresses, ports, protocols, and a route of ours."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Tuple
from xml.etree.ElementTree import Element

from ..errors import HandoverError
from ..mobility.model import Address, Route, Stamp
from . import stamp as stamps
from .base import foreign

__all__ = ["NAT", "ROUTING", "MappingLeaves", "by_family", "prefix", "route_leaves", "routes_in", "stamp_of"]

NAT = "{urn:ietf:params:xml:ns:yang:ietf-nat}"
ROUTING = "{urn:ietf:params:xml:ns:yang:ietf-routing}"
_UNICAST = {name: f"{{urn:ietf:params:xml:ns:yang:ietf-{name}-unicast-routing}}" for name in ("ipv4", "ipv6")}

_PROTOCOLS = {"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132, "udplite": 136}
_NAMES = {number: name for name, number in _PROTOCOLS.items()}
#: What every mapping of ours has, beside addresses and ports.
_ALWAYS = frozenset(("index", "type", "transport-protocol"))


@dataclass(frozen=True)
class MappingLeaves:
    """The leaves of a ``mapping-entry``.

    :ivar addresses: by what stands before ``-address``: ``internal-src``, ``external-dst``.
    :ivar ports: likewise.
    """

    index: int
    protocol: Optional[str]
    addresses: Mapping[str, Address]
    ports: Mapping[str, int]

    @classmethod
    def shown(cls, item: Element, besides: FrozenSet[str] = frozenset()) -> MappingLeaves:
        """The leaves in an answer.

        :param besides: the names of leaves that are no matter.
        :raises HandoverError: ``foreign_entry`` for what no mapping of ours has.
        """
        number = item.findtext(f"{NAT}index", "")
        addresses: Dict[str, Address] = {}
        ports: Dict[str, int] = {}
        for child in item:
            name = child.tag.partition("}")[2]
            if name.endswith("-address"):
                addresses[name[:-8]] = _host(child.text)
            elif name.endswith("-port"):
                ports[name[:-5]] = _port(child)
            elif name not in _ALWAYS | besides:
                raise foreign(f"mapping {number}: {name}", "a mapping in our instance is written as we write it")
        protocol = item.findtext(f"{NAT}transport-protocol")
        return cls(int(number), None if protocol is None else _NAMES[int(protocol)], addresses, ports)

    @property
    def written(self) -> Dict[str, Any]:
        """For the template of a step."""
        return {
            "index": self.index,
            "protocol": _PROTOCOLS.get(self.protocol or "", 0),
            "addresses": {leaf: prefix(address) for leaf, address in self.addresses.items()},
            "ports": self.ports,
        }


def prefix(address: Address) -> str:
    """A single address as an ``ip-prefix``."""
    return f"{address}/{address.max_prefixlen}"


def stamp_of(text: Optional[str], where: object) -> Stamp:
    """The stamp in a leaf; errors as :func:`stamp.decode`."""
    if text is None:
        raise foreign(where, "every entry under our name carries our stamp")
    return stamps.decode(text)


def routes_in(data: Element) -> Iterator[Route]:
    """The routes of the static protocols in an answer.

    :raises HandoverError: ``foreign_entry``.
    """
    protocol = f"{ROUTING}routing/{ROUTING}control-plane-protocols/{ROUTING}control-plane-protocol"
    for routes in data.iterfind(f"{protocol}/{ROUTING}static-routes"):
        for name, namespace in _UNICAST.items():
            for item in routes.iterfind(f"{namespace}{name}/{namespace}route"):
                yield _route(item, namespace)


def route_leaves(entry: Route) -> Dict[str, Any]:
    """A route for the template of a step.

    :raises HandoverError: ``unsupported_entry`` for what the modules have no place for.
    """
    if entry.via is None and entry.interface is None:
        raise HandoverError("unsupported_entry", entry, "a route of RFC 8349 has a next hop")
    if entry.interface is not None and not (entry.interface.isprintable() and entry.interface.strip()):
        raise HandoverError("unsupported_entry", entry, "the name of an interface can be written in XML")
    return {
        "destination": prefix(entry.destination),
        "stamp": stamps.encode(entry.stamp),
        "interface": entry.interface or "",
        "via": "" if entry.via is None else str(entry.via),
    }


def by_family(routes: Iterable[Tuple[Route, Mapping[str, Any]]]) -> List[Dict[str, Any]]:
    """Routes and their leaves for the template, those of each address family together."""
    found: Dict[str, List[Mapping[str, Any]]] = {}
    for route, leaves in routes:
        found.setdefault(f"ipv{route.destination.version}", []).append(leaves)
    return [{"name": name, "routes": held} for name, held in sorted(found.items())]


def _route(item: Element, namespace: str) -> Route:
    destination = _host(item.findtext(f"{namespace}destination-prefix"))
    stamp = stamp_of(item.findtext(f"{namespace}description"), destination)
    hop = {leaf.tag: leaf.text or "" for leaf in item.iterfind(f"{namespace}next-hop/*")}
    interface, via = (hop.pop(f"{namespace}{name}", None) for name in ("outgoing-interface", "next-hop-address"))
    if hop:
        raise foreign(f"route {destination}", "every route of ours has one next hop")
    return Route(destination, None if via is None else ip_address(via), interface, stamp)


def _host(text: Optional[str]) -> Address:
    network = ip_network(text or "")
    if network.num_addresses != 1:
        raise foreign(text, "every entry under our name is of single addresses")
    return network.network_address


def _port(item: Element) -> int:
    numbers = {leaf.tag: leaf.text for leaf in item}
    start = numbers.pop(f"{NAT}start-port-number", None)
    if start is None or numbers.pop(f"{NAT}end-port-number", start) != start or numbers:
        raise foreign(f"ports from {start}", "every session under our name has single ports")
    return int(start)
