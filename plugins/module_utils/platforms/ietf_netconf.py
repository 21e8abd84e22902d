# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAT and static routes over NETCONF: RFC 8512 with our augmentation sipmobility-nat, and RFC 8349.

Each rewrite is one mapping. RFC 8512 names a packet's addresses as they are on both sides of the router, with source
and destination of a packet that goes out; of a packet that comes in, they are the other way round.
"""

from __future__ import annotations

import hashlib
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Tuple, Union
from xml.etree.ElementTree import Element

from ..errors import HandoverError
from ..mobility.model import (
    Address,
    Change,
    Directions,
    Entry,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Selector,
    Stamp,
)
from . import stamp as stamps
from .base import Capabilities, Output, foreign
from .netconf_platform import NetconfPlatform
from .netconf_reply import BASE, diagnosis, errors_of, reply_of

__all__ = ["IetfNetconf"]

_NAT = "{urn:ietf:params:xml:ns:yang:ietf-nat}"
_ROUTING = "{urn:ietf:params:xml:ns:yang:ietf-routing}"
_OURS = "{urn:sipmobility:yang:sipmobility-nat}"
_UNICAST = {name: f"{{urn:ietf:params:xml:ns:yang:ietf-{name}-unicast-routing}}" for name in ("ipv4", "ipv6")}
_PROTOCOLS = {"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132, "udplite": 136}
_NAMES = {number: name for name, number in _PROTOCOLS.items()}

#: Leaves of a mapping: of the source and the destination that a packet has before, and of what it gets.
_INWARD, _OUTWARD = ("external-dst", "external-src"), ("internal-src", "internal-dst")
_LEAVES: Mapping[str, Tuple[Tuple[str, str], Optional[str]]] = {
    "outbound-dst": (_OUTWARD, "external-dst"),
    "outbound-src": (_OUTWARD, "external-src"),
    "inbound-dst": (_INWARD, "internal-src"),
    "inbound-src": (_INWARD, "internal-dst"),
    "none": (_OUTWARD, None),
}
#: How a server says that it knows our augmentation. It stands in every hello, being of YANG 1.0; ietf-nat and
#: ietf-routing, of YANG 1.1, need not (RFC 7950 section 5.6.4).
_AUGMENTATION = "urn:sipmobility:yang:sipmobility-nat"
#: What a step is written in.
_MODULES = (
    "ietf-interfaces",
    "ietf-nat",
    "ietf-routing",
    "ietf-ipv4-unicast-routing",
    "ietf-ipv6-unicast-routing",
    "sipmobility-nat",
)
#: What else a mapping of ours has, beside addresses and ports.
_LEAVES_OF_OURS = frozenset(("index", "type", "transport-protocol", "rewrite", "stamp"))

_Mapped = Union[Rewrite, Mark]


class IetfNetconf(NetconfPlatform):
    """Any router with ietf-nat, ietf-routing and sipmobility-nat in its NETCONF server."""

    name = "ietf_netconf"
    capabilities = Capabilities(frozenset(Scope), frozenset(Directions), joint=False, confirms=True)
    settings: ClassVar[Mapping[str, Any]] = {**NetconfPlatform.settings, "instance": 7082, "owner": "sipmobility"}
    gather_template = "ietf_netconf/gather.xml.j2"
    step_template = "ietf_netconf/step.xml.j2"

    def requires(self, announced: Iterable[str]) -> None:
        """Without sipmobility-nat a mapping of RFC 8512 works both ways at once, and has no place for our stamp."""
        if not any(uri.partition("?")[0] == _AUGMENTATION for uri in announced):
            raise HandoverError(
                "module_missing",
                "sipmobility-nat",
                "the router's NETCONF server knows the modules of a step",
                "Load docs/schemas/sipmobility-nat.yang on a server that implements it, or use another platform.",
            )

    def places(self, output: Output) -> FrozenSet[str]:
        """Which of the two places for our entries a router has: ``instance`` (of NAT), ``protocol`` (of routing)."""
        data = reply_of(output.sections["data"])
        found = {"instance": f"{_NAT}instance/{_NAT}id", "protocol": f"{_ROUTING}control-plane-protocol/{_ROUTING}name"}
        return frozenset(place for place, path in found.items() if data.find(f".//{path}") is not None)

    def missing(self, library: str) -> Tuple[str, ...]:
        """The modules of a step that a server does not have, by its YANG library (RFC 7895, RFC 8525).

        :raises HandoverError: ``library_unknown`` where it shows none.
        """
        shown = {item.findtext("{*}name") for item in reply_of(library).iterfind(".//{*}module")}
        if not shown:
            raise HandoverError("library_unknown", "modules-state", "a server tells its modules (RFC 7895)")
        return tuple(name for name in _MODULES if name not in shown)

    def has_interface(self, reply: str) -> bool:
        """Whether an answer shows an interface of ietf-interfaces."""
        return reply_of(reply).find(".//{*}interface/{*}name") is not None

    def _entries(self, output: Output) -> Iterable[Entry]:
        reply = reply_of(output.sections["data"])
        data = reply.find(f"{BASE}data")
        if data is None:
            raise ValueError("a reply without data")
        for instance in data.iterfind(f"{_NAT}nat/{_NAT}instances/{_NAT}instance"):
            name = instance.findtext(f"{_NAT}name")
            if name != self.settings["owner"]:
                raise foreign(f"NAT instance {self.settings['instance']}, {name}", "the instance of our number is ours")
            for item in instance.iterfind(f"{_NAT}mapping-table/{_NAT}mapping-entry"):
                yield _mapping(item)
        static = f"{_ROUTING}routing/{_ROUTING}control-plane-protocols/{_ROUTING}control-plane-protocol"
        for protocol in data.iterfind(f"{static}/{_ROUTING}static-routes"):
            for name, namespace in _UNICAST.items():
                for item in protocol.iterfind(f"{namespace}{name}/{namespace}route"):
                    yield _route(item, namespace)

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        self._holdable(change.put, now)
        for entry in change.put:
            _expressible(entry)
        mappings: Dict[int, Dict[str, Any]] = {}
        routes: Dict[str, List[Dict[str, Any]]] = {}
        for operation, entry in _operations(change):
            if isinstance(entry, Route):
                name = f"ipv{entry.destination.version}"
                routes.setdefault(name, []).append({"operation": operation, **_route_leaves(entry)})
                continue
            if not isinstance(entry, (Rewrite, Mark)):
                raise HandoverError("unsupported_entry", entry, "ietf_netconf holds rewrites, marks and routes")
            leaves = {"operation": operation, **_mapping_leaves(entry), "stamp": stamps.encode(entry.stamp)}
            if mappings.setdefault(leaves["index"], leaves) is not leaves:
                raise HandoverError("index_taken", entry, "the mappings of a step have different numbers")
        return {
            "mappings": list(mappings.values()),
            "routes": [{"name": name, "routes": held} for name, held in sorted(routes.items())],
        }

    def diagnose(self, router: str, said: str) -> HandoverError:
        return diagnosis(router, errors_of(reply_of(said)))


def _operations(change: Change) -> Iterator[Tuple[str, Entry]]:
    """Each entry with its operation: one that the router holds is not created, one that it lacks is not deleted."""
    held = {entry.key for entry in change.remove}
    put = {entry.key for entry in change.put}
    yield from (("delete", entry) for entry in change.remove if entry.key not in put)
    yield from (("replace" if entry.key in held else "create", entry) for entry in change.put)


def _expressible(entry: Entry) -> None:
    """Refuse what the modules have no place for, before anything is sent."""
    if isinstance(entry, Route):
        if entry.via is None and entry.interface is None:
            raise HandoverError("unsupported_entry", entry, "a route of RFC 8349 has a next hop")
        if entry.interface is not None and not (entry.interface.isprintable() and entry.interface.strip()):
            raise HandoverError("unsupported_entry", entry, "the name of an interface can be written in XML")


def _mapping_leaves(entry: _Mapped) -> Dict[str, Any]:
    rewrite = entry.kind.value.replace("_", "-") if isinstance(entry, Rewrite) else "none"
    match = entry.match
    (source, destination), changed = _LEAVES[rewrite]
    ends = [(source, match.source), (destination, match.destination)]
    if isinstance(entry, Rewrite) and changed is not None:
        ends.append((changed, entry.to))
    number = hashlib.sha256(f"{rewrite} {match}".encode()).digest()
    ports = {} if match.protocol is None else {source: match.source_port, destination: match.destination_port}
    return {
        "rewrite": rewrite,
        "index": int.from_bytes(number[:4], "big"),
        "protocol": _PROTOCOLS.get(match.protocol or "", 0),
        "addresses": {leaf: _prefix(address) for leaf, address in ends if address is not None},
        "ports": ports,
    }


def _route_leaves(entry: Route) -> Dict[str, Any]:
    return {
        "destination": _prefix(entry.destination),
        "stamp": stamps.encode(entry.stamp),
        "interface": entry.interface or "",
        "via": "" if entry.via is None else str(entry.via),
    }


def _prefix(address: Address) -> str:
    return f"{address}/{address.max_prefixlen}"


def _mapping(item: Element) -> _Mapped:
    """The entry that a mapping stands for; one that we would write otherwise is not ours."""
    shown = {child.tag.partition("}")[2]: child for child in item}
    number = item.findtext(f"{_NAT}index")
    stamp = _stamp(item.findtext(f"{_OURS}stamp"), f"mapping {number}")
    rewrite = item.findtext(f"{_OURS}rewrite", "")
    addresses = {name[:-8]: _host(child.text) for name, child in shown.items() if name.endswith("-address")}
    ports = {name[:-5]: _port(child) for name, child in shown.items() if name.endswith("-port")}
    protocol = item.findtext(f"{_NAT}transport-protocol")
    (source, destination), changed = _LEAVES[rewrite]
    match = Selector(
        addresses.get(source),
        addresses.get(destination),
        None if protocol is None else _NAMES[int(protocol)],
        ports.get(source),
        ports.get(destination),
    )
    entry: _Mapped = Mark(match, stamp)
    if changed is not None:
        entry = Rewrite(RewriteKind(rewrite.replace("-", "_")), match, addresses[changed], stamp)
    wanted = _mapping_leaves(entry)
    known = _LEAVES_OF_OURS | {f"{leaf}-address" for leaf in addresses} | {f"{leaf}-port" for leaf in ports}
    same = (
        number == str(wanted["index"])
        and {leaf: _prefix(address) for leaf, address in addresses.items()} == wanted["addresses"]
        and ports == wanted["ports"]
        and known >= set(shown)
    )
    if not same:
        raise foreign(f"mapping {number}", "a mapping in our instance is written as this version writes it")
    return entry


def _route(item: Element, namespace: str) -> Route:
    destination = _host(item.findtext(f"{namespace}destination-prefix"))
    stamp = _stamp(item.findtext(f"{namespace}description"), destination)
    hop = {leaf.tag: leaf.text or "" for leaf in item.iterfind(f"{namespace}next-hop/*")}
    interface, via = (hop.pop(f"{namespace}{name}", None) for name in ("outgoing-interface", "next-hop-address"))
    if hop:
        raise foreign(f"route {destination}", "every route of ours has one next hop")
    return Route(destination, None if via is None else ip_address(via), interface, stamp)


def _stamp(text: Optional[str], where: object) -> Stamp:
    if text is None:
        raise foreign(where, "every entry under our name carries our stamp")
    return stamps.decode(text)


def _host(text: Optional[str]) -> Address:
    network = ip_network(text or "")
    if network.num_addresses != 1:
        raise foreign(text, "every entry under our name is of single addresses")
    return network.network_address


def _port(item: Element) -> int:
    numbers = {leaf.tag: leaf.text for leaf in item}
    start = numbers.pop(f"{_NAT}start-port-number", None)
    if start is None or numbers.pop(f"{_NAT}end-port-number", start) != start or numbers:
        raise foreign(f"ports from {start}", "every session under our name has single ports")
    return int(start)
