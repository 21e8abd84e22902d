# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the datastore of an IOS-XE router, as far as it is ours or in our way (Cisco-IOS-XE-native)."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Dict, FrozenSet, Iterator, Mapping, Optional, Tuple
from xml.etree.ElementTree import Element

from ...errors import HandoverError
from ...mobility.model import Address
from ..base import foreign
from ..ios.own_names import FREEZES, LIST, RECORD, ROUTE_NAME, ROUTE_TAG
from ..ios.record_text import entry_of_record
from ..ios.standing import Found, Interface, Pair, Standing, standing_of
from ..ios.static_nat import Side, StaticNat, entry_from_record

__all__ = ["ALONE", "Native", "Path", "native_of"]

_N, _NAT, _ACL, _EEM = (f"{{http://cisco.com/ns/yang/Cisco-IOS-XE-{name}}}" for name in ("native", "nat", "acl", "eem"))
_TEXTS = {
    "local-ip": "local_address",
    "global-ip": "global_address",
    "proto": "protocol",
    "protocol": "protocol",
    "vrf": "vrf",
    "route-map": "route_map",
    "redundancy": "redundancy",
}
_NUMBERS = {"local-port": "local_port", "global-port": "global_port", "mapping-id": "mapping_id"}
_FLAGS = {
    "match-in-vrf": "match_in_vrf",
    "reversible": "reversible",
    "extendable": "extendable",
    "no-alias": "no_alias",
    "no-payload": "no_payload",
}
#: Said for the moment of a removal only, whatever a server makes of it.
_PASSING = frozenset(("forced",))
#: The mask of one address.
ALONE = "255.255.255.255"

#: Where a static route stands: VRF (empty is the global table), destination and mask, where it leads, next hop there.
Path = Tuple[str, Tuple[str, str], str, str]


@dataclass(frozen=True)
class Native:
    """A router as it stands.

    :ivar standing: what it is by meaning.
    :ivar paths: every static route, ours and others'.
    :ivar numbers: the numbers of the rules in our access lists, by list and ends.
    :ivar interfaces: all of the kinds that NAT can look at; those without a side of it have an empty one.
    :ivar variables: the environment of the Embedded Event Manager.
    """

    standing: Standing
    paths: FrozenSet[Path] = frozenset()
    numbers: Mapping[Tuple[str, Pair], str] = field(default_factory=dict)
    interfaces: Tuple[Interface, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def native_of(data: Element) -> Native:
    """The router whose configuration this is, whole or filtered.

    :param data: the element ``data`` of an answer.
    :raises HandoverError: ``foreign_entry`` for something under our names that is not of ours.
    """
    root = data.find(f"{_N}native")
    root = Element(f"{_N}native") if root is None else root
    found = Found(statics=_statics(root))
    variables = {
        item.findtext(f"{_EEM}name", ""): item.findtext(f"{_EEM}value", "")
        for item in root.iterfind(f"{_N}event/{_EEM}manager/{_EEM}environment")
    }
    found.records.update(
        (name, entry_of_record(name, value)) for name, value in variables.items() if name.startswith(RECORD)
    )
    routes = list(_routes(root))
    for path, options in routes:
        if options.findtext(f"{_N}name") == ROUTE_NAME:
            _host_route(path, options, found)
    numbers: Dict[Tuple[str, Pair], str] = {}
    for item in root.iterfind(f"{_N}ip/{_N}access-list/{_ACL}extended"):
        name = item.findtext(f"{_ACL}name", "")
        if name.startswith(LIST):
            rules = dict(_rules(item, "deny" if name in FREEZES else "permit"))
            found.lists[name] = list(rules)
            numbers.update(((name, pair), number) for pair, number in rules.items())
    interfaces = tuple(_interfaces(root))
    found.interfaces.extend(one for one in interfaces if one.side)
    paths = frozenset(path for path, _options in routes)
    return Native(standing_of(found), paths, numbers, interfaces, variables)


def _statics(root: Element) -> Tuple[StaticNat, ...]:
    """Entries of static NAT; those in a form that is not known here are passed over."""
    found: Dict[object, StaticNat] = {}
    for side in Side:
        for item in root.findall(f"{_N}ip/{_NAT}nat/{_NAT}{side.value}/{_NAT}source/{_NAT}static/*"):
            try:
                entry = entry_from_record(_record(side, item))
            except (HandoverError, LookupError, ValueError):
                continue
            found[entry.key] = entry
    return tuple(found.values())


def _record(side: Side, item: Element) -> Dict[str, object]:
    record: Dict[str, object] = {"side": side.value}
    for leaf in item:
        name, text = leaf.tag.partition("}")[2], (leaf.text or "").strip()
        if name in _PASSING:
            continue
        if name in _FLAGS:
            record[_FLAGS[name]] = True
        elif name in _NUMBERS:
            record[_NUMBERS[name]] = int(text)
        else:
            record[_TEXTS[name]] = text
    return record


def _routes(root: Element) -> Iterator[Tuple[Path, Element]]:
    """Every static route: where it stands, and the element with its options."""
    tables = [("", item) for item in root.iterfind(f"{_N}ip/{_N}route")]
    tables += [
        (item.findtext(f"{_N}name", ""), item) for _vrf, table in tables[:] for item in table.iterfind(f"{_N}vrf")
    ]
    for vrf, table in tables:
        for item in table.iterfind(f"{_N}ip-route-interface-forwarding-list"):
            destination = item.findtext(f"{_N}prefix", ""), item.findtext(f"{_N}mask", "")
            for forward in item.iterfind(f"{_N}fwd-list"):
                to, hops = forward.findtext(f"{_N}fwd", ""), forward.findall(f"{_N}interface-next-hop")
                for hop in hops:
                    yield (vrf, destination, to, hop.findtext(f"{_N}ip-address", "")), hop
                if not hops or len(forward) > len(hops) + 1:
                    yield (vrf, destination, to, ""), forward


def _host_route(path: Path, options: Element, found: Found) -> None:
    _vrf, (destination, mask), interface, via = path
    if options.findtext(f"{_N}tag") != str(ROUTE_TAG) or mask != ALONE or not via:
        raise foreign(
            f"route {destination} {mask} {interface} {via}".strip(),
            "every route of our name leads one address over one interface, with our tag",
        )
    found.routes[IPv4Address(destination)] = (IPv4Address(via), interface)


def _rules(extended: Element, verdict: str) -> Iterator[Tuple[Pair, str]]:
    for item in extended.iterfind(f"{_ACL}access-list-seq-rule"):
        rule = item.find(f"{_ACL}ace-rule")
        if rule is None or rule.findtext(f"{_ACL}action") != verdict or rule.findtext(f"{_ACL}protocol") != "ip":
            continue
        leaves = {leaf.tag.partition("}")[2]: (leaf.text or "").strip() for leaf in rule}
        try:
            source = _end(leaves, "any", "host", "host-address", "ipv4-address", "mask")
            destination = _end(leaves, "dst-any", "dst-host", "dst-host-address", "dest-ipv4-address", "dest-mask")
        except (LookupError, ValueError):
            continue
        yield (source, destination), item.findtext(f"{_ACL}sequence", "")


def _end(leaves: Mapping[str, str], any_host: str, old: str, new: str, prefix: str, wildcard: str) -> Optional[Address]:
    """An end of a rule: one address, or any.

    :raises ValueError: for anything else.
    """
    if any_host in leaves:
        return None
    if leaves.get(wildcard, "0.0.0.0") != "0.0.0.0":  # a wildcard, not where something listens
        raise ValueError(f"{leaves[prefix]} {leaves[wildcard]}")
    return IPv4Address(leaves.get(new) or leaves.get(old) or leaves[prefix])


def _interfaces(root: Element) -> Iterator[Interface]:
    """Most kinds are lists below ``interface``, some one level deeper."""
    for kind in root.iterfind(f"{_N}interface/*"):
        for item in [kind] if kind.find(f"{_N}name") is not None else list(kind):
            nat = item.find(f"{_N}ip/{_NAT}nat")
            sides = [] if nat is None else [side.value for side in Side if nat.find(f"{_NAT}{side.value}") is not None]
            name = item.tag.partition("}")[2] + item.findtext(f"{_N}name", "")
            access = item.findtext(f"{_N}ip/{_N}access-group/{_N}in/{_N}acl/{_N}acl-name", "")
            yield Interface(name, sides[0] if sides else "", access)
