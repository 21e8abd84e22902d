# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands on a router of IOS, as far as it is ours or in our way, whatever it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Optional, Tuple

from ...mobility.model import Address, Entry, Freeze, Rewrite, Route, Selector
from .. import stamp as stamps
from .flow_lines import Flow, Line, both_halves, flow_of
from .own_names import FREEZES
from .static_nat import Side, StaticNat

__all__ = ["Found", "Hop", "Interface", "Pair", "Standing", "standing_of"]

Pair = Tuple[Optional[Address], Optional[Address]]
Hop = Tuple[Optional[Address], Optional[str]]


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
class Found:
    """The parts of a configuration that are looked at, as they were read.

    :ivar records: the entry that each of our records speaks of, by its name.
    :ivar routes: next hop and interface of the host routes of our name.
    :ivar lists: what our access lists let pass or, those of frozen flows, stop.
    :ivar interfaces: those that NAT looks at.
    :ivar statics: the static NAT, ours and others'.
    """

    records: Dict[str, Entry] = field(default_factory=dict)
    routes: Dict[Address, Hop] = field(default_factory=dict)
    lists: Dict[str, List[Pair]] = field(default_factory=dict)
    interfaces: List[Interface] = field(default_factory=list)
    statics: Tuple[StaticNat, ...] = ()


def standing_of(found: Found) -> Standing:
    """The router of which this was read."""
    statics = found.statics
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


def _standing(entry: Entry, found: Found, statics: Tuple[StaticNat, ...]) -> Optional[Entry]:
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


def _carried(flow: Flow, found: Found, statics: Tuple[StaticNat, ...]) -> bool:
    if flow.line.stands_in(statics) is None:
        return False
    return flow.peer is None or (flow.line.old, flow.peer) in found.lists.get(flow.line.scope, [])


def _frozen(found: Found) -> List[Pair]:
    """What the list on every interface of NAT stops."""
    applied = [name for name in FREEZES if all(interface.access == name for interface in found.interfaces)]
    return [pair for name in applied for pair in found.lists.get(name, [])]


def _unrecorded(entries: List[Entry], found: Found, statics: Tuple[StaticNat, ...]) -> Iterator[Entry]:
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
