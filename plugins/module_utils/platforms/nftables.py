# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux routers by nftables: stateless maps, and routes that only marked packets see."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address
from typing import Any, ClassVar, Dict, Iterable, List, Mapping, Optional, Tuple

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
    Stamp,
)
from ..mobility.selector import PROTOCOLS
from . import stamp as stamps
from .base import COMPLAINTS, Capabilities, Output, Platform, foreign, unprepared
from .routes import SETTINGS, route_lines, routes_of

__all__ = ["FAMILIES", "SETS", "Nftables", "entries_of"]

FAMILIES = {4: "ip", 6: "ip6"}
_ADDRESS = {4: "ipv4_addr", 6: "ipv6_addr"}
_MARKS = ("session_mark", "correspondent_mark")
#: As nft lists them where /etc/protocols is missing (Debian package netbase).
_PROTOCOL_NUMBERS = {"6": "tcp", "17": "udp", "33": "dccp", "132": "sctp", "136": "udplite"}
_MAPS = tuple(f"{scope.value}_{kind.value}" for scope in Scope for kind in RewriteKind)
#: The names of our sets and maps.
SETS = (*_MAPS, *_MARKS, "route")

#: What the kernel or the tools say to a step, and what it means. The router was read a moment before, so a table
#: that is missing, or not ours to read, was told then.
_COMPLAINTS = (
    *COMPLAINTS,
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


class Nftables(Platform):
    """nftables (1.0.6 and later) and iproute2."""

    name = "nftables"
    capabilities = Capabilities(frozenset(Scope), frozenset(Directions), joint=False)
    settings: ClassVar[Mapping[str, Any]] = {"table": "sipmobility", **SETTINGS}
    complaints = _COMPLAINTS
    generation_template = "nftables/generation.sh.j2"

    def commits(self, change: Change) -> int:
        # Routes are not of nftables, but their records are; a remnant has none.
        return int(any(entry.stamp.handover for entry in (*change.remove, *change.put)))

    def _entries(self, output: Output) -> Iterable[Entry]:
        for version, family in FAMILIES.items():
            sets = _sets(output, family)
            _ours(sets, family, version)
            yield from entries_of(sets, version, output)

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        self._holdable(change.put, now)
        for entry in change.put:
            _expressible(entry)
        return {
            "elements": {
                "remove": _grouped(change.remove, now),
                "put": _grouped(change.put, now),
            },
            "routes": {
                "remove": route_lines(change.remove, but=change.put),
                "put": route_lines(change.put),
            },
        }


def entries_of(sets: Mapping[str, Mapping[str, Any]], version: int, output: Output) -> Iterable[Entry]:
    """The entries of one IP version.

    :param sets: our sets and maps by name, as nft lists them.
    :raises HandoverError: ``foreign_entry``.
    """
    for name in _MAPS:
        yield from _rewrites(name, sets[name])
    for name in _MARKS:
        yield from (Mark(_selector(key, None), stamp) for key, unused, stamp in _elements(sets[name]))
    records = {ip_address(key[0]): stamp for key, unused, stamp in _elements(sets["route"])}
    yield from routes_of(output, version, records)


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


def _ours(sets: Dict[str, Dict[str, Any]], family: str, version: int) -> None:
    """Refuse a table that has our name, but not our sets."""
    address = _ADDRESS[version]
    session = [address, address, "inet_proto", "inet_service", "inet_service"]
    keys = {Scope.SESSION.value: session, Scope.CORRESPONDENT.value: [address, address], Scope.ADDRESS.value: address}
    expected: Dict[str, Tuple[object, Optional[str]]] = {"route": (address, None)}
    for name in (*_MAPS, *_MARKS):
        expected[name] = (keys[name.split("_", maxsplit=1)[0]], address if name in _MAPS else None)
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
    if isinstance(entry, Mark) and entry.match.scope is Scope.ADDRESS:
        raise HandoverError("unsupported_entry", entry, "nftables marks pairs of addresses, or sessions")
    if isinstance(entry, Rewrite) and entry.match.scope is Scope.ADDRESS and entry.image.scope is not Scope.ADDRESS:
        raise HandoverError("unsupported_entry", entry, "a rewrite of a single address matches what it changes")
    if isinstance(entry, Route) and entry.via is not None and entry.interface is None:
        raise HandoverError("unsupported_entry", entry, "a route names its interface, which ip always tells")


def _rewrites(name: str, held: Mapping[str, Any]) -> Iterable[Rewrite]:
    kind = RewriteKind(name.split("_", 1)[1])
    for key, data, stamp in _elements(held):
        yield Rewrite(kind, _selector(key, kind), ip_address(str(data)), stamp)


def _selector(key: List[Any], kind: Optional[RewriteKind]) -> Selector:
    if len(key) == 1:
        changes_destination = kind is not None and kind.changes_destination
        address = ip_address(key[0])
        return Selector(destination=address) if changes_destination else Selector(source=address)
    source, destination = ip_address(key[0]), ip_address(key[1])
    if len(key) == 2:
        return Selector(source, destination)
    protocol = str(key[2])
    return Selector(source, destination, _PROTOCOL_NUMBERS.get(protocol, protocol), int(key[3]), int(key[4]))


def _grouped(entries: Iterable[Entry], now: float) -> List[Dict[str, Any]]:
    groups: Dict[Tuple[str, str], List[Dict[str, Any]]] = {}
    for entry in entries:
        if isinstance(entry, Rewrite):
            place, key, to = f"{entry.match.scope.value}_{entry.kind.value}", _key(entry.match), str(entry.to)
            version = entry.match.version
        elif isinstance(entry, Mark):
            place, key, to, version = f"{entry.match.scope.value}_mark", _key(entry.match), "", entry.match.version
        elif isinstance(entry, Route):
            if not entry.stamp.handover:
                continue  # a remnant has no record
            place, key, to, version = "route", str(entry.destination), "", entry.destination.version
        else:
            raise HandoverError("unsupported_entry", entry, "nftables holds rewrites, marks and routes")
        groups.setdefault((FAMILIES[version], place), []).append(
            {
                "key": key,
                "to": to,
                "timeout": max(1, int(entry.stamp.expires - now)),
                "comment": stamps.encode(entry.stamp),
            }
        )
    return [{"family": family, "set": place, "elements": held} for (family, place), held in sorted(groups.items())]


def _key(match: Selector) -> str:
    parts: List[object] = [part for part in (match.source, match.destination) if part is not None]
    if match.protocol is not None:
        parts += [match.protocol if match.protocol in PROTOCOLS else "", match.source_port, match.destination_port]
    return " . ".join(map(str, parts))
