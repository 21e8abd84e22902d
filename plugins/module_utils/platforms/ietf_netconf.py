# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAT and static routes over NETCONF: RFC 8512 with our augmentation sipmobility-nat, and RFC 8349.

Each rewrite is one mapping. RFC 8512 names a packet's addresses as they are on both sides of the router, with source
and destination of a packet that goes out; of a packet that comes in, they are the other way round.
"""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Tuple, Union
from xml.etree.ElementTree import Element

from ..errors import HandoverError
from ..mobility.model import (
    Change,
    Directions,
    Entry,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Selector,
)
from . import stamp as stamps
from .base import Capabilities, Output, foreign
from .ietf_leaves import NAT, ROUTING, MappingLeaves, by_family, route_leaves, routes_in, stamp_of
from .netconf_platform import NetconfPlatform
from .netconf_reply import BASE, diagnosis, errors_of, reply_of

__all__ = ["IetfNetconf", "operations"]

_OURS = "{urn:sipmobility:yang:sipmobility-nat}"

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
#: What else a mapping of ours has, beside the leaves of RFC 8512.
_BESIDES = frozenset(("rewrite", "stamp"))

_Mapped = Union[Rewrite, Mark]


class IetfNetconf(NetconfPlatform):
    """Any router with ietf-nat, ietf-routing and sipmobility-nat in its NETCONF server."""

    name = "ietf_netconf"
    capabilities = Capabilities(frozenset(Scope), frozenset(Directions), joint=False, confirms=True)
    settings: ClassVar[Mapping[str, Any]] = {**NetconfPlatform.settings, "instance": 7082, "owner": "sipmobility"}
    #: What a step is written in.
    modules: ClassVar[Tuple[str, ...]] = (
        "ietf-interfaces",
        "ietf-nat",
        "ietf-routing",
        "ietf-ipv4-unicast-routing",
        "ietf-ipv6-unicast-routing",
        "sipmobility-nat",
    )
    gather_template = "ietf_netconf/gather.xml.j2"
    step_template = "ietf_netconf/step.xml.j2"

    def requires(self, announced: Iterable[str]) -> None:
        """Without sipmobility-nat a mapping of RFC 8512 works both ways at once, and has no place for our stamp."""
        if not any(uri.partition("?")[0] == _AUGMENTATION for uri in announced):
            raise HandoverError(
                "module_missing",
                "sipmobility-nat",
                "the router's NETCONF server knows the modules of a step",
                "Load docs/schemas/sipmobility-nat.yang on a server that implements it, or set handover_platform to "
                "ietf_netconf_plain, which does without.",
            )

    def places(self, output: Output) -> FrozenSet[str]:
        """Which of the two places for our entries a router has: ``instance`` (of NAT), ``protocol`` (of routing)."""
        data = reply_of(output.sections["data"])
        owned = f"{ROUTING}control-plane-protocol[{ROUTING}name='{self.settings['owner']}']"
        found = {"instance": f"{NAT}instance/{NAT}id", "protocol": owned}
        return frozenset(place for place, path in found.items() if data.find(f".//{path}") is not None)

    def records(self, output: Output) -> Tuple[str, ...]:
        """The static protocols that a router has beside that of our routes, because of what it holds for us."""
        return ()

    def missing(self, library: str) -> Tuple[str, ...]:
        """The modules of a step that a server does not have, by its YANG library (RFC 7895, RFC 8525).

        :raises HandoverError: ``library_unknown`` where it shows none.
        """
        shown = {item.findtext("{*}name") for item in reply_of(library).iterfind(".//{*}module")}
        if not shown:
            raise HandoverError("library_unknown", "modules-state", "a server tells its modules (RFC 7895)")
        return tuple(name for name in self.modules if name not in shown)

    def has_interface(self, reply: str) -> bool:
        """Whether an answer shows an interface of ietf-interfaces."""
        return reply_of(reply).find(".//{*}interface/{*}name") is not None

    def _entries(self, output: Output) -> Iterable[Entry]:
        data = self._data(output)
        for item in self._mappings(data):
            yield _mapping(item)
        yield from routes_in(data)

    def _data(self, output: Output) -> Element:
        data = reply_of(output.sections["data"]).find(f"{BASE}data")
        if data is None:
            raise ValueError("a reply without data")
        return data

    def _mappings(self, data: Element) -> Iterator[Element]:
        """The mappings in our instance."""
        for instance in data.iterfind(f"{NAT}nat/{NAT}instances/{NAT}instance"):
            name = instance.findtext(f"{NAT}name")
            if name != self.settings["owner"]:
                raise foreign(f"NAT instance {self.settings['instance']}, {name}", "the instance of our number is ours")
            yield from instance.iterfind(f"{NAT}mapping-table/{NAT}mapping-entry")

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        # What has expired is not applied any longer, and listed until it is taken away: its end is announced first.
        self._holdable((entry for entry in change.put if not entry.stamp.ended), now)
        mappings: Dict[int, Dict[str, Any]] = {}
        routes: List[Tuple[Route, Dict[str, Any]]] = []
        for operation, entry in operations(change):
            if isinstance(entry, Route):
                routes.append((entry, {"operation": operation, **route_leaves(entry)}))
                continue
            if not isinstance(entry, (Rewrite, Mark)):
                raise HandoverError("unsupported_entry", entry, "ietf_netconf holds rewrites, marks and routes")
            ours = {"rewrite": _rewrite(entry), "stamp": stamps.encode(entry.stamp)}
            leaves = {"operation": operation, **_mapping_leaves(entry).written, **ours}
            if mappings.setdefault(leaves["index"], leaves) is not leaves:
                raise HandoverError("index_taken", entry, "the mappings of a step have different numbers")
        return {"mappings": list(mappings.values()), "routes": by_family(routes)}

    def diagnose(self, router: str, said: str) -> HandoverError:
        return diagnosis(router, errors_of(reply_of(said)))


def operations(change: Change) -> Iterator[Tuple[str, Entry]]:
    """Each entry with its operation: one that the router holds is not created, one that it lacks is not deleted."""
    held = {entry.key for entry in change.remove}
    put = {entry.key for entry in change.put}
    yield from (("delete", entry) for entry in change.remove if entry.key not in put)
    yield from (("replace" if entry.key in held else "create", entry) for entry in change.put)


def _rewrite(entry: _Mapped) -> str:
    return entry.kind.value.replace("_", "-") if isinstance(entry, Rewrite) else "none"


def _mapping_leaves(entry: _Mapped) -> MappingLeaves:
    rewrite, match = _rewrite(entry), entry.match
    (source, destination), changed = _LEAVES[rewrite]
    ends = [(source, match.source), (destination, match.destination)]
    if isinstance(entry, Rewrite) and changed is not None:
        ends.append((changed, entry.to))
    ports = ((source, match.source_port), (destination, match.destination_port))
    number = hashlib.sha256(f"{rewrite} {match}".encode()).digest()
    return MappingLeaves(
        int.from_bytes(number[:4], "big"),
        match.protocol,
        {leaf: address for leaf, address in ends if address is not None},
        {leaf: port for leaf, port in ports if port is not None},
    )


def _mapping(item: Element) -> _Mapped:
    """The entry that a mapping stands for; one that we would write otherwise is not ours."""
    shown = MappingLeaves.shown(item, _BESIDES)
    stamp = stamp_of(item.findtext(f"{_OURS}stamp"), f"mapping {shown.index}")
    rewrite = item.findtext(f"{_OURS}rewrite", "")
    (source, destination), changed = _LEAVES[rewrite]
    match = Selector(
        shown.addresses.get(source),
        shown.addresses.get(destination),
        shown.protocol,
        shown.ports.get(source),
        shown.ports.get(destination),
    )
    entry: _Mapped = Mark(match, stamp)
    if changed is not None:
        entry = Rewrite(RewriteKind(rewrite.replace("-", "_")), match, shown.addresses[changed], stamp)
    if shown != _mapping_leaves(entry):
        raise foreign(f"mapping {shown.index}", "a mapping in our instance is written as this version writes it")
    return entry
