# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in a running configuration of IOS, as far as it is ours or in our way."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Dict, Iterator, List, Optional, Tuple

from ...mobility.model import Address, Entry, Freeze, Rewrite, Route, Selector
from .. import stamp as stamps
from ..base import foreign
from .flow_lines import Flow, Line, both_halves, flow_of
from .own_names import FREEZES, RECORD, ROUTE_NAME, ROUTE_TAG
from .record_text import entry_of_record
from .static_nat import Side, StaticNat
from .static_nat_text import parse_configuration

__all__ = ["Interface", "Standing", "standing_in"]

_Pair = Tuple[Optional[Address], Optional[Address]]
_Hop = Tuple[Optional[Address], Optional[str]]

_RECORD = re.compile(rf"event manager environment ({RECORD}\w+) (.+)")
_ROUTE = re.compile(r"ip route (?:vrf \S+ )?(\S+) (\S+) (.+)")
_ACE = re.compile(r"(?:\d+ )?(permit|deny) ip (any|host \S+) (any|host \S+)")
_MASK = "255.255.255.255"


@dataclass(frozen=True)
class Interface:
    """An interface that NAT looks at.

    :ivar side: ``inside`` or ``outside``.
    :ivar access: the access list on what comes in; empty where there is none.
    """

    name: str
    side: str
    access: str = ""


@dataclass(frozen=True)
class Standing:
    """A router as it stands.

    :ivar entries: what it holds for us.
    :ivar statics: its static NAT, ours and others'.
    :ivar freezes: which of our lists of frozen flows there are.
    :ivar idle: names of records that speak of nothing that stands: of a step that was cut off.
    :ivar idle_scopes: names of our route-maps and their access lists that no line has, for the same reason.
    :ivar known: it was read; else it is supposed, and its interfaces are not known.
    """

    entries: Tuple[Entry, ...] = ()
    statics: Tuple[StaticNat, ...] = ()
    interfaces: Tuple[Interface, ...] = ()
    freezes: Tuple[str, ...] = ()
    idle: Tuple[str, ...] = ()
    idle_scopes: Tuple[str, ...] = ()
    known: bool = False


@dataclass
class _Found:
    """The parts of a configuration that are looked at."""

    records: Dict[str, Entry] = field(default_factory=dict)
    routes: Dict[Address, _Hop] = field(default_factory=dict)
    lists: Dict[str, List[_Pair]] = field(default_factory=dict)
    interfaces: List[Interface] = field(default_factory=list)


def standing_in(text: str) -> Standing:
    """The router whose running configuration, whole or filtered, this is.

    :raises HandoverError: ``foreign_entry`` for something under our names that is not of ours.
    """
    found = _Found()
    for head, body in _sections(text):
        _look(head, body, found)
    statics = parse_configuration(text).entries
    entries: Dict[Tuple[object, ...], Entry] = {}
    idle = []
    for name, entry in found.records.items():
        known = _standing(entry, found, statics)
        if known is None:
            idle.append(name)
        else:
            entries[known.key] = known
    for entry in _unrecorded(list(entries.values()), found, statics):
        entries.setdefault(entry.key, entry)
    held = tuple(name for name in FREEZES if name in found.lists)
    used = {*FREEZES, *(entry.route_map for entry in statics)}
    scopes = tuple(name for name in found.lists if name not in used)
    return Standing(tuple(entries.values()), statics, tuple(found.interfaces), held, tuple(idle), scopes, True)


def _sections(text: str) -> Iterator[Tuple[str, List[str]]]:
    """Each line that stands at the margin, with those that are indented below it."""
    head, body = "", []
    for line in text.splitlines():
        if line.startswith(" "):
            body.append(line.strip())
        else:
            yield head, body
            head, body = line.strip(), []
    yield head, body


def _look(head: str, body: List[str], found: _Found) -> None:
    record, route = _RECORD.fullmatch(head), _ROUTE.fullmatch(head)
    if record is not None:
        found.records[record.group(1)] = entry_of_record(*record.groups())
    elif route is not None:
        _route(head, route, found)
    elif head.startswith("interface "):
        sides = [line[7:] for line in body if line in ("ip nat inside", "ip nat outside")]
        access = [line.split()[2] for line in body if line.startswith("ip access-group ") and line.endswith(" in")]
        if sides:
            found.interfaces.append(Interface(head.split()[1], sides[0], access[0] if access else ""))
    elif head.startswith("ip access-list extended SIPMOBILITY-"):
        name = head.split()[-1]
        verdict = "deny" if name in FREEZES else "permit"
        found.lists[name] = [_pair(ace) for ace in map(_ACE.fullmatch, body) if ace and ace.group(1) == verdict]


def _pair(ace: re.Match[str]) -> _Pair:
    first, second = (None if word == "any" else IPv4Address(word[5:]) for word in ace.groups()[1:])
    return first, second


def _route(head: str, route: re.Match[str], found: _Found) -> None:
    """A host route of our name: interface and next hop come before its options, whose order releases differ in."""
    destination, mask, rest = route.groups()
    words = rest.split()
    if _after("name", words) != ROUTE_NAME:
        return
    if _after("tag", words) != str(ROUTE_TAG) or mask != _MASK or len(words) < 6:
        raise foreign(head, "every route of our name leads one address over one interface, with our tag")
    found.routes[IPv4Address(destination)] = (IPv4Address(words[1]), words[0])


def _after(word: str, words: List[str]) -> Optional[str]:
    return words[words.index(word) + 1] if word in words[:-1] else None


def _standing(entry: Entry, found: _Found, statics: Tuple[StaticNat, ...]) -> Optional[Entry]:
    """The entry of a record as it stands, or None."""
    if isinstance(entry, Rewrite):
        return entry if _carried(flow_of(entry), found, statics) else None
    if isinstance(entry, Route):
        # A route that is gone leaves its record, which is still to be taken away.
        via, interface = found.routes.get(entry.destination, (None, None))
        return Route(entry.destination, via, interface, entry.stamp)
    if isinstance(entry, Freeze):
        return entry if (entry.match.source, entry.match.destination) in _frozen(found) else None
    return entry


def _carried(flow: Flow, found: _Found, statics: Tuple[StaticNat, ...]) -> bool:
    if flow.line.stands_in(statics) is None:
        return False
    return flow.peer is None or (flow.line.old, flow.peer) in found.lists.get(flow.line.scope, [])


def _frozen(found: _Found) -> List[_Pair]:
    """What the list on every interface of NAT stops."""
    applied = [name for name in FREEZES if all(interface.access == name for interface in found.interfaces)]
    return [pair for name in applied for pair in found.lists.get(name, [])]


def _unrecorded(entries: List[Entry], found: _Found, statics: Tuple[StaticNat, ...]) -> Iterator[Entry]:
    """What is ours by its name, or by its other half, though no record speaks of it: remnants."""
    flows = {flow_of(entry): None for entry in entries if isinstance(entry, Rewrite)}
    for one in statics:
        if one.side is not Side.INSIDE or one.global_address is None or not one.route_map:
            continue
        line = Line(one.side, one.local_address, one.global_address, True)
        if one.route_map == line.scope:
            peers = [peer for source, peer in found.lists.get(line.scope, []) if source == line.old]
            flows.update((Flow(line, peer), None) for peer in peers)
    for flow in flows:
        yield from both_halves(flow, stamps.REMNANT)
    for destination, (via, interface) in found.routes.items():
        yield Route(destination, via, interface, stamps.REMNANT)
    for source, target in (pair for name in FREEZES for pair in found.lists.get(name, [])):
        if source is not None or target is not None:
            yield Freeze(Selector(source, target), stamps.REMNANT)
