# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux routers by nftables: stateless maps, and routes that only marked packets see."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, ClassVar, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, TypeVar

from ..errors import HandoverError
from ..mobility.model import (
    EXPIRY_TOLERANCE,
    Address,
    Change,
    Directions,
    Entry,
    Mark,
    Neighbour,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Selector,
    Stamp,
)
from ..mobility.selector import address_text, number_text
from . import stamp as stamps
from .base import COMPLAINTS, Capabilities, Generation, Output, Platform, foreign, unprepared
from .neighbours import neighbour_lines, neighbours_of
from .nftables_in_use import GATE_TYPE, GATES, gates_of, idle_families, looked_up
from .path_mtu import ERROR_MAPS, PROTOCOL_NUMBERS, error_elements
from .routes import SETTINGS, route_lines, routes_of

__all__ = ["SETS", "TABLES", "Nftables", "entries_of"]

FAMILIES = {4: "ip", 6: "ip6"}
#: Where it is kept that the router answers for an old address on its link.
_NEIGHBOURS = {4: "arp", 6: "ip6"}
#: The families of our tables.
TABLES = ("ip", "ip6", "arp")
_ADDRESS = {4: "ipv4_addr", 6: "ipv6_addr"}
_MARKS = ("session_mark", "correspondent_mark")
#: As nft lists them where /etc/protocols is missing (Debian package netbase).
_PROTOCOL_NAMES = {str(number): name for name, number in PROTOCOL_NUMBERS.items()}
_Error = Tuple[str, Address, Stamp]
_Looked = TypeVar("_Looked", Rewrite, Mark)
_MAP_NAMES = {(scope, kind): f"{scope.value}_{kind.value}" for scope in Scope for kind in RewriteKind}
_MAPS = tuple(_MAP_NAMES.values())
#: The names of our sets and maps that hold entries.
SETS = (*_MAPS, *_MARKS, *ERROR_MAPS, "route", "neighbour", "nd_live")

#: What the kernel or the tools say to a step, and what it means. The router was read a moment before, so a table
#: that is missing, or not ours to read, was told then.
_COMPLAINTS = (
    *COMPLAINTS,
    (
        r"tproxy to",
        "kernel_lacks",
        "the kernel has the expression tproxy (CONFIG_NFT_TPROXY), by which our table has fragments put together",
        "Install the module nft_tproxy; or write ct state invalid in its place, in a table.nft.j2 of your own "
        "(first_hop_router_template_dir): then every packet is tracked.",
    ),
    (
        r"old address held",
        "old_address_held",
        "nobody on the home network answers for the old address",
        "Somebody else holds it now, or the phone is still there: withdraw the handover, or let the phone leave first.",
    ),
    (
        r"perl: not found",
        "tools_missing",
        "the router has perl, to tell hosts on a link who answers for an old address",
        "Install it (Debian: perl-base), then run the role first_hop_router.",
    ),
    (
        r"Operation not permitted|Device or resource busy",
        "table_held",
        "nobody else holds our table",
        "Another program owns the table sipmobility. Stop it, or give its table another name.",
    ),
    (
        r"does not exist",
        "router_not_prepared",
        "the router has our table, set or route",
        "Run the role first_hop_router on it.",
    ),
    (
        r"File exists|No such file or directory|No such process",
        "router_changed",
        "a router stands as it was read a moment before",
        "An entry came or expired meanwhile. Run again, from what the router holds now.",
    ),
    (r"syntax error|conflicting|Could not resolve", "syntax_refused", "the router accepts the step's text", ""),
    (
        r"No space left|Too many open files|Cannot allocate",
        "table_full",
        "the router has room for the entries",
        "Raise first_hop_router_table_size and run the role again.",
    ),
)


class _Ruleset(Generation):
    """nftables' own generation of the ruleset."""

    template = "nftables/generation.sh.j2"

    def commits(self, change: Change) -> int:
        # Routes are not of nftables, but their records are.
        return int(any(True for entry in (*change.remove, *change.put) for unused in _places(entry)))


class Nftables(Platform):
    """nftables (1.0.6 and later) and iproute2."""

    name = "nftables"
    capabilities = Capabilities(frozenset(Scope), frozenset(Directions), joint=False, neighbours=True)
    settings: ClassVar[Mapping[str, Any]] = {
        "table": "sipmobility",
        "elements_path": "/var/lib/sipmobility/elements.nft",
        "idle_command": "/usr/local/lib/sipmobility/idle",
        **SETTINGS,
    }
    complaints = _COMPLAINTS
    generation = _Ruleset()
    resident_template = "nftables/resident.pl"

    def _entries(self, output: Output) -> Iterable[Entry]:
        sets: Dict[str, Dict[str, Dict[str, Any]]] = {}
        for family in TABLES:
            sets[family] = _sets(output, family)
            if family in FAMILIES.values():
                _ours(sets[family], family)
        for version, family in _NEIGHBOURS.items():
            _as_expected(sets[family], family, {"neighbour": (_ADDRESS[version], None)})
        yield from entries_of(sets, output)

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        self._holdable(change.put, now)
        for entry in change.put:
            _expressible(entry)
        put = _grouped(change.put, now)
        return {
            "elements": {
                "remove": _grouped(change.remove, now),
                "put": [*gates_of(put), *put],
            },
            "idle": idle_families(change.remove, put),
            "routes": {
                "remove": route_lines(change.remove, but=change.put),
                "put": route_lines(change.put),
            },
            "neighbours": neighbour_lines(change.remove, change.put),
        }


def entries_of(sets: Mapping[str, Mapping[str, Mapping[str, Any]]], output: Output) -> Iterator[Entry]:
    """The entries that a router holds.

    :param sets: our sets and maps by family and name, as nft lists them.
    :param output: what else was printed: routes, and what the router answers for.
    :raises HandoverError: ``foreign_entry``, ``unreadable_answer``.
    """
    for version, family in FAMILIES.items():
        held = sets[family]
        errors = Counter(_errors(held))
        for name in _MAPS:
            met = looked_up(name, held)
            rewrites = (_complete(rewrite, errors) for rewrite in _rewrites(name, held[name]))
            yield from rewrites if met else map(_short, rewrites)
        for name in _MARKS:
            met = looked_up(name, held)
            marks = (Mark(_selector(key, None), stamp) for key, unused, stamp in _elements(held[name]))
            yield from marks if met else map(_short, marks)
        records = {ip_address(key[0]): stamp for key, unused, stamp in _elements(held["route"])}
        yield from routes_of(output, version, records)
    answered: Dict[Address, Stamp] = {}
    for family in _NEIGHBOURS.values():
        elements = _elements(sets[family]["neighbour"])
        answered.update((ip_address(key[0]), stamp) for key, unused, stamp in elements)
    yield from neighbours_of(output, answered)


def _sets(output: Output, family: str) -> Dict[str, Dict[str, Any]]:
    text = output.sections.get(family, "")
    if family in output.status:
        raise unprepared(text, f"table {family} sipmobility")
    # Whatever flag a table has: nft 1.0.6 breaks off its JSON there.
    if re.search(rf'"table": {{"family": "{family}", "name": "[^"]*", "handle": \d+, "flags":', text):
        raise HandoverError(
            "table_held",
            f"table {family} sipmobility has flags",
            "nobody else holds our table, or has switched it off (nft: flags owner, dormant)",
            "Stop the program that owns it, or remove the table and run the role first_hop_router.",
        )
    try:
        objects = json.loads(text)["nftables"]
        held = [item.get("map") or item.get("set") for item in objects]
        return {item["name"]: item for item in held if item}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HandoverError("unreadable_answer", text[:200], "nft lists a table as JSON") from error


def _ours(sets: Mapping[str, Mapping[str, Any]], family: str) -> None:
    """Refuse a table that has our name, but not our sets."""
    address = _ADDRESS[4 if family == "ip" else 6]
    session = [address, address, "inet_proto", "inet_service", "inet_service"]
    keys = {Scope.SESSION.value: session, Scope.CORRESPONDENT.value: [address, address], Scope.ADDRESS.value: address}
    expected: Dict[str, Tuple[object, Optional[str]]] = {"route": (address, None)}
    for name in (*_MAPS, *_MARKS):
        expected[name] = (keys[name.split("_", maxsplit=1)[0]], address if name in _MAPS else None)
    expected.update((name, (key, address)) for name, key in ERROR_MAPS.items())
    expected.update((name, (GATE_TYPE, None)) for name in GATES)
    _as_expected(sets, family, expected)


def _as_expected(
    sets: Mapping[str, Mapping[str, Any]], family: str, expected: Mapping[str, Tuple[object, Optional[str]]]
) -> None:
    for name, (key, data) in expected.items():
        held = sets.get(name)
        if held is None or held.get("type") != key or held.get("map") != data:
            raise HandoverError(
                "table_foreign",
                f"table {family} sipmobility, {name}",
                "a table of our name is ours",
                "Somebody else made it, or another version of the role did: remove it, then run the role.",
            )


def _elements(held: Mapping[str, Any]) -> Iterable[Tuple[List[Any], Optional[str], Stamp]]:
    for item in held.get("elem", ()):
        element, data = item if isinstance(item, list) else (item, None)
        inner = element.get("elem", {}) if isinstance(element, dict) else {}
        if "comment" not in inner:
            raise foreign(element, "every entry under our name carries our stamp")
        stamp = stamps.decode(str(inner["comment"]))
        value = inner.get("val")
        key = value.get("concat") if isinstance(value, dict) else [value]
        if not isinstance(key, list) or not all(isinstance(part, (str, int)) for part in key):
            raise foreign(value, "every element under our name is of single addresses")
        yield key, data, stamp


def _expressible(entry: Entry) -> None:
    """Refuse what our sets and read-back have no place for, before anything is sent."""
    if isinstance(entry, Rewrite):
        if entry.match.scope is Scope.ADDRESS and entry.image.scope is not Scope.ADDRESS:
            raise HandoverError("unsupported_entry", entry, "a rewrite of a single address matches what it changes")
    elif isinstance(entry, Mark):
        if entry.match.scope is Scope.ADDRESS:
            raise HandoverError("unsupported_entry", entry, "nftables marks pairs of addresses, or sessions")
    elif isinstance(entry, Route):
        if entry.via is not None and entry.interface is None:
            raise HandoverError("unsupported_entry", entry, "a route names its interface, which ip always tells")
    elif isinstance(entry, Neighbour) and not entry.interface:
        raise HandoverError("unsupported_entry", entry, "a neighbour entry names its interface")


def _rewrites(name: str, held: Mapping[str, Any]) -> Iterable[Rewrite]:
    kind = RewriteKind(name.split("_", 1)[1])
    for key, data, stamp in _elements(held):
        yield Rewrite(kind, _selector(key, kind), ip_address(str(data)), stamp)


def _errors(sets: Mapping[str, Mapping[str, Any]]) -> Iterator[_Error]:
    """The elements for path-MTU errors, but for their keys: nft lists a long number cut to 64 bits."""
    for name in ERROR_MAPS:
        for _key_cut, data, stamp in _elements(sets[name]):
            yield name, ip_address(str(data)), stamp


def _complete(rewrite: Rewrite, errors: Mapping[_Error, int]) -> Rewrite:
    """The rewrite, or the same short of an element for its errors."""
    if all(errors[name, to, rewrite.stamp] for name, unused, to in error_elements(rewrite)):
        return rewrite
    return _short(rewrite)


def _short(entry: _Looked) -> _Looked:
    """An entry that lacks something, as one that ends sooner: so it is put anew."""
    return replace(entry, stamp=replace(entry.stamp, expires=entry.stamp.expires - EXPIRY_TOLERANCE - 1))


def _selector(key: List[Any], kind: Optional[RewriteKind]) -> Selector:
    if len(key) == 1:
        changes_destination = kind is not None and kind.changes_destination
        address = ip_address(key[0])
        return Selector(destination=address) if changes_destination else Selector(source=address)
    source, destination = ip_address(key[0]), ip_address(key[1])
    if len(key) == 2:
        return Selector(source, destination)
    protocol = str(key[2])
    return Selector(source, destination, _PROTOCOL_NAMES.get(protocol, protocol), int(key[3]), int(key[4]))


#: An element: its key, in a map the value, seconds to live, and the comment.
_Element = Tuple[str, str, int, str]


def _grouped(entries: Iterable[Entry], now: float) -> List[Dict[str, Any]]:
    groups: Dict[Tuple[str, str], List[_Element]] = {}
    told: Dict[int, Tuple[int, str]] = {}  # of stamps by their identity: entries share them, and outlive this
    for entry in entries:
        stamp = entry.stamp
        left = told.get(id(stamp))
        if left is None:
            comment = stamps.encode(stamp) if stamp.handover else ""
            left = told[id(stamp)] = (max(1, int(stamp.expires - now)), comment)
        for family, place, key, to in _places(entry):
            group = groups.get((family, place))
            if group is None:
                group = groups[family, place] = []
            group.append((key, to, *left))
    return [
        {"family": family, "set": place, "timed": place != "nd_proxied", "map": bool(held[0][1]), "elements": held}
        for (family, place), held in sorted(groups.items())
    ]


def _places(entry: Entry) -> Iterable[Tuple[str, str, str, str]]:
    """The elements of an entry: family, set, key and, in a map, the value. A remnant has no record of its stamp."""
    if isinstance(entry, Rewrite):
        match = entry.match
        family = FAMILIES[match.bits[0]]
        found = [(family, _MAP_NAMES[match.scope, entry.kind], _key(match), address_text(entry.to))]
        found += [(family, name, key, address_text(to)) for name, key, to in error_elements(entry)]
        return found
    if isinstance(entry, Mark):
        return [(FAMILIES[entry.match.version], f"{entry.match.scope.value}_mark", _key(entry.match), "")]
    if isinstance(entry, Route):
        place = (FAMILIES[entry.destination.version], "route", address_text(entry.destination), "")
        return [place] if entry.stamp.handover else []
    if isinstance(entry, Neighbour):
        return _neighbour_places(entry)
    raise HandoverError("unsupported_entry", entry, "nftables holds rewrites, marks, routes and neighbour entries")


def _neighbour_places(entry: Neighbour) -> Iterator[Tuple[str, str, str, str]]:
    target = f"{int(entry.address):#x}"  # as nft lists it
    family = _NEIGHBOURS[entry.address.version]
    if entry.stamp.handover:
        yield family, "neighbour", str(entry.address), ""
    if entry.address.version == 6:
        if entry.stamp.handover:
            yield family, "nd_live", target, ""
        yield family, "nd_proxied", target, ""


def _key(match: Selector) -> str:
    version, source, destination, protocol, port, other = match.bits
    if source < 0 or destination < 0:
        return number_text(version, max(source, destination))
    key = f"{number_text(version, source)} . {number_text(version, destination)}"
    return f"{key} . {protocol} . {port} . {other}" if protocol else key
