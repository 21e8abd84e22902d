# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux routers by nftables: stateless maps, and routes that only marked packets see."""

from __future__ import annotations

import json
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
    RouterState,
    Scope,
    Selector,
    Stamp,
)
from ..mobility.selector import PROTOCOLS
from . import stamp as stamps
from .base import COMPLAINTS, Capabilities, Output, Platform
from .routes import SETTINGS, route_lines, routes_of

__all__ = ["Nftables"]

_FAMILIES = {4: "ip", 6: "ip6"}
_ADDRESS = {4: "ipv4_addr", 6: "ipv6_addr"}
_MARKS = ("session_mark", "correspondent_mark")
_MAPS = tuple(f"{scope.value}_{kind.value}" for scope in Scope for kind in RewriteKind)

#: What the kernel or the tools say, and what it means.
_COMPLAINTS = (
    (
        r"Operation not permitted|Device or resource busy",
        "table_held",
        "nobody else holds our table",
        "Another program owns the table sipmobility, or the login may not become root.",
    ),
    (
        r"No such file or directory|does not exist",
        "router_not_prepared",
        "the router has our table, set or route",
        "Run the role first_hop_router on it.",
    ),
    (r"File exists", "router_changed", "a key stands once", "Plan again from what the router holds now."),
    (r"syntax error|conflicting|Could not resolve", "syntax_refused", "the router accepts the step's text", ""),
    (
        r"No space left|Too many open files|Cannot allocate",
        "table_full",
        "the router has room for the entries",
        "Raise first_hop_router_table_size and run the role again.",
    ),
    *COMPLAINTS,
)


class Nftables(Platform):
    """nftables (1.0.6 and later) and iproute2."""

    name = "nftables"
    capabilities = Capabilities(frozenset(Scope), frozenset(Directions), joint=False)
    settings: ClassVar[Mapping[str, Any]] = {"table": "sipmobility", **SETTINGS}
    complaints = _COMPLAINTS

    def parse(self, output: Output) -> RouterState:
        entries: List[Entry] = []
        for version, family in _FAMILIES.items():
            sets = _sets(output, family)
            _ours(sets, family, version)
            for name in _MAPS:
                entries.extend(_rewrites(name, sets[name]))
            for name in _MARKS:
                entries.extend(Mark(_selector(key, None), stamp) for key, unused, stamp in _elements(sets[name]))
            records = {ip_address(key[0]): stamp for key, unused, stamp in _elements(sets["route"])}
            entries.extend(routes_of(output, version, records))
        return RouterState(entries)

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        self._holdable(change.put, now)
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


def _sets(output: Output, family: str) -> Dict[str, Dict[str, Any]]:
    text = output.sections.get(family, "")
    if family in output.status:
        raise HandoverError(
            "router_not_prepared",
            next(iter(text.splitlines()), f"no table {family} sipmobility"),
            "the router has our table",
            "Run the role first_hop_router on it.",
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


def _elements(held: Dict[str, Any]) -> Iterable[Tuple[List[Any], Optional[str], Stamp]]:
    for item in held.get("elem", ()):
        element, data = item if isinstance(item, list) else (item, None)
        inner = element.get("elem", {}) if isinstance(element, dict) else {}
        value = inner.get("val")
        key = value["concat"] if isinstance(value, dict) else [value]
        yield key, data, stamps.decode(str(inner.get("comment", "")))


def _rewrites(name: str, held: Dict[str, Any]) -> Iterable[Rewrite]:
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
    return Selector(source, destination, str(key[2]), int(key[3]), int(key[4]))


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
        groups.setdefault((_FAMILIES[version], place), []).append(
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
