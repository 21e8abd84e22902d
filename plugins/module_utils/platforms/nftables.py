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
    Address,
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
from .base import Capabilities, Output, Platform

__all__ = ["Nftables"]

_FAMILIES = {4: "ip", 6: "ip6"}
_ADDRESS = {4: "ipv4_addr", 6: "ipv6_addr"}
_MARKS = ("session_mark", "correspondent_mark")
#: As nft lists them where /etc/protocols is missing (Debian package netbase).
_PROTOCOL_NUMBERS = {"6": "tcp", "17": "udp", "33": "dccp", "132": "sctp", "136": "udplite"}
_MAPS = tuple(f"{scope.value}_{kind.value}" for scope in Scope for kind in RewriteKind)

#: What the kernel or the tools say to a step, and what it means: pattern, code, rule, advice. First match wins.
#: The router was read a moment before, so a table that is missing, or not ours to read, was told then.
_COMPLAINTS = (
    (
        r"must be root|RTNETLINK answers: Operation not permitted|password is required|not in the sudoers|not allowed",
        "no_privilege",
        "the login may become root",
        "Set become.",
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
    (
        r"Nexthop has invalid gateway|Network is unreachable|No route to host|Cannot find device",
        "no_such_interface",
        "the new address lies on a link of the inside interface",
        "Check handover_inside_interface and handover_networks, and that the interface is up.",
    ),
)


class Nftables(Platform):
    """nftables (1.0.6 and later) and iproute2."""

    name = "nftables"
    capabilities = Capabilities(frozenset(Scope), frozenset(Directions), joint=False)
    settings: ClassVar[Mapping[str, Any]] = {
        "table": "sipmobility",
        "mark": "0x6d000000",
        "mark_mask": "0xff000000",
        "routing_table": 7082,
        "route_protocol": 182,
        "save_command": "/usr/local/lib/sipmobility/save",
    }

    def parse(self, output: Output) -> RouterState:
        try:
            return RouterState(self._entries(output))
        except HandoverError:
            raise
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise HandoverError(
                "unreadable_answer", f"{type(error).__name__}: {error}", "nft and ip list what they hold as JSON"
            ) from error

    def _entries(self, output: Output) -> Iterable[Entry]:
        for version, family in _FAMILIES.items():
            sets = _sets(output, family)
            _ours(sets, family, version)
            for name in _MAPS:
                yield from _rewrites(name, sets[name])
            for name in _MARKS:
                yield from (Mark(_selector(key, None), stamp) for key, unused, stamp in _elements(sets[name]))
            records = {ip_address(key[0]): stamp for key, unused, stamp in _elements(sets["route"])}
            yield from _routes(output, version, records)

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
                "remove": _route_lines(change.remove, but=change.put),
                "put": _route_lines(change.put),
            },
        }

    def diagnose(self, router: str, said: str) -> HandoverError:
        told = _told(said)
        return HandoverError(told.code, f"{router}: {told.subject}", told.rule, told.advice)


def _told(said: str) -> HandoverError:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for pattern, code, rule, advice in _COMPLAINTS:
        for line in lines:
            if re.search(pattern, line):
                return HandoverError(code, line, rule, advice)
    return HandoverError("step_refused", lines[0] if lines else "no word", "the router takes the step")


def _sets(output: Output, family: str) -> Dict[str, Dict[str, Any]]:
    text = output.sections.get(family, "")
    if family in output.status:
        told = _told(text)
        if told.code == "no_privilege":
            raise told
        raise HandoverError(
            "router_not_prepared",
            next(iter(text.splitlines()), f"no table {family} sipmobility"),
            "the router has our table",
            "Run the role first_hop_router on it.",
        )
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


def _elements(held: Dict[str, Any]) -> Iterable[Tuple[List[Any], Optional[str], Stamp]]:
    for item in held.get("elem", ()):
        element, data = item if isinstance(item, list) else (item, None)
        inner = element.get("elem", {}) if isinstance(element, dict) else {}
        if "comment" not in inner:
            raise _foreign(element, "every entry under our name carries our stamp")
        stamp = stamps.decode(str(inner["comment"]))
        value = inner.get("val")
        key = value.get("concat") if isinstance(value, dict) else [value]
        if not isinstance(key, list) or not all(isinstance(part, (str, int)) for part in key):
            raise _foreign(value, "every element under our name is of single addresses")
        yield key, data, stamp


def _expressible(entry: Entry) -> None:
    """Refuse what our sets and read-back have no place for, before anything is sent."""
    if isinstance(entry, Mark) and entry.match.scope is Scope.ADDRESS:
        raise HandoverError("unsupported_entry", entry, "nftables marks pairs of addresses, or sessions")
    if isinstance(entry, Rewrite) and entry.match.scope is Scope.ADDRESS and entry.image.scope is not Scope.ADDRESS:
        raise HandoverError("unsupported_entry", entry, "a rewrite of a single address matches what it changes")
    if isinstance(entry, Route) and entry.via is not None and entry.interface is None:
        raise HandoverError("unsupported_entry", entry, "a route names its interface, which ip always tells")


def _foreign(found: object, rule: str) -> HandoverError:
    return HandoverError("foreign_entry", found, rule, "Somebody else wrote it. Move it away.")


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
    protocol = str(key[2])
    return Selector(source, destination, _PROTOCOL_NUMBERS.get(protocol, protocol), int(key[3]), int(key[4]))


def _routes(output: Output, version: int, records: Dict[Address, Stamp]) -> Iterable[Route]:
    section = "routes" if version == 4 else "routes6"
    text = output.sections.get(section, "").strip()
    if section in output.status and "does not exist" in text:
        text = ""  # no route was ever put into our routing table
    try:
        listed = json.loads(text) if text else []
    except ValueError as error:
        raise HandoverError("unreadable_answer", text[:200], "ip lists routes as JSON") from error
    for item in listed:
        plain = isinstance(item, dict) and "type" not in item and "via" not in item and "dev" in item
        if not plain or "/" in item["dst"] or item["dst"] == "default":
            raise _foreign(item, "every route of our protocol leads one address over one interface")
        destination, via = ip_address(item["dst"]), ip_address(item["gateway"]) if "gateway" in item else None
        yield Route(destination, via, item["dev"], records.pop(destination, stamps.REMNANT))
    for destination, stamp in records.items():  # recorded, but gone from the routing table
        yield Route(destination, None, None, stamp)


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


def _route_lines(entries: Iterable[Entry], but: Iterable[Entry] = ()) -> List[Dict[str, Any]]:
    kept = {entry.key for entry in but}
    return [
        {
            "version": entry.destination.version,
            "destination": f"{entry.destination}/{entry.destination.max_prefixlen}",
            "via": "" if entry.via is None else str(entry.via),
            "interface": entry.interface or "",
        }
        for entry in entries
        if isinstance(entry, Route) and entry.key not in kept and (entry.via is not None or entry.interface is not None)
    ]
