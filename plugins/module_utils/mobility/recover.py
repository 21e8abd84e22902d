# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognise handovers from what the routers hold, also half-made and half-removed ones.

Routers are the truth: any controller can finish, or undo, what another one began.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Container, Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple

from ..errors import HandoverError
from .handover import Handover, Session
from .in_flight import in_flight
from .model import (
    Address,
    Directions,
    Entry,
    Freeze,
    Mark,
    Rewrite,
    RewriteKind,
    Role,
    Route,
    RouterState,
    Scope,
    Selector,
    same,
)
from .placing import DECODER_MARGIN, GRACE, entries_for
from .target import elsewhere
from .topology import Topology

__all__ = ["Finding", "Goal", "Way", "recover", "standing"]


class Goal(Enum):
    """What to do with a handover that is neither whole nor gone."""

    DONE = "done"
    UNDONE = "undone"


@dataclass(frozen=True)
class Way:
    """What can become of a handover: the handover as it is then, ``over`` where nothing of it stays; and a word for it.

    :ivar what: ``completed``, ``taken back``, ``thawed``, or ``ended`` with the reason.
    """

    handover: Handover
    what: str


@dataclass(frozen=True)
class Finding:
    """A handover that the routers hold in parts, and what it is to become.

    :ivar found: its id, and what each router holds of it.
    :ivar ways: what it is to become, and after it what else it may become where that is not possible.
    :ivar barred: the ways that are not possible, each with its reason.
    :ivar left: whether it is left as it is, because no way is possible.
    """

    found: str
    ways: Tuple[Way, ...]
    barred: Tuple[str, ...] = ()
    left: bool = False

    @property
    def handover(self) -> Handover:
        """The handover as it should be."""
        return self.ways[0].handover

    @property
    def reason(self) -> str:
        """What was found, what becomes of it, and why that, for the operator."""
        return "; ".join((self.found, "left as it is" if self.left else self.ways[0].what, *self.barred))

    def otherwise(self, why: str) -> Finding:
        """This finding where its way is not possible: the next way, or left as it is where that was the last one."""
        return replace(self.kept(why), ways=self.ways[1:], left=False) if self.ways[1:] else self.kept(why)

    def kept(self, why: str) -> Finding:
        """This finding where the handover is left as it is."""
        return replace(self, barred=(*self.barred, f"cannot be {self.ways[0].what}: {why}"), left=True)


def standing(
    states: Mapping[str, RouterState], of: Optional[Container[str]] = None, topology: Optional[Topology] = None
) -> List[Handover]:
    """The handovers that the routers hold, as far as they show, newest epoch each; withdrawn ones as ended.

    :param of: ids of those that are asked for; all of them when left out.
    :param topology: where a route leads to a router behind another one, that is not taken for a mobile node.
    """
    places = _places(states, topology)
    found = _by_handover(states).items()
    return [_newest(held, places) for identity, held in found if of is None or identity in of]


def recover(
    states: Mapping[str, RouterState], topology: Topology, goal: Goal, now: Optional[float] = None
) -> List[Finding]:
    """The handovers that need repair, and what each should become.

    Whether routers can hold that, and packets walk it, a plan tells.

    :param goal: what to try first, to complete what was begun or to take it back.
    :param now: Unix seconds; a handover whose encoders have expired by then ends. Not every router forgets by itself.
    """
    findings = []
    states = {name: state.without([""]) for name, state in states.items()}
    places = _places(states, topology)
    passing = _passing(states)
    known = {identity: (found, _newest(found, places)) for identity, found in _by_handover(states).items()}
    # No rewrite tells of one that a route alone leads to where it is: behind another router, that is not beside.
    moved = {newest.old: newest.new for unused, newest in known.values() if not newest.over}
    moved.update(places.moved)
    for identity, (found, newest) in known.items():
        if now is not None and newest.expires + GRACE <= now:
            way = Way(_ended(newest), "ended, because its time is over")
            findings.append(Finding(f"{identity}: {_shape(found)}", (way,)))
            continue
        if identity not in passing and _whole(newest, found, topology, moved):
            if any(isinstance(entry, Freeze) for held in found.values() for entry in held):
                # Cut off before anything was changed, or after everything was: there is nothing to take back.
                findings.append(Finding(f"{identity}: {_shape(found)}", (Way(newest, "thawed"),)))
            continue
        former = _former(found, newest, places)
        ways = [Way(newest, "completed")] if _going(found) or not newest.over else []
        ways += [Way(former, "taken back")] if former is not None else []
        ways = ways if goal is Goal.DONE else ways[::-1]
        able = [way for way in ways if way.handover.over or _all_there(way.handover, found)]
        barred = [f"cannot be {way.what}: no router knows all of its flows" for way in ways if way not in able]
        able = able or [Way(_ended(newest), "ended" if barred else "ended, because no router knows its flows")]
        findings.append(Finding(f"{identity}: {_shape(found)}", tuple(able), tuple(barred)))
    return findings


_Found = Dict[str, List[Entry]]


class _Places(NamedTuple):
    """Where mobile nodes are now, by their old addresses; and the addresses of routers behind others."""

    moved: Mapping[Address, Address]
    routers: FrozenSet[Address]


def _places(states: Mapping[str, RouterState], topology: Optional[Topology]) -> _Places:
    routers = topology.routers.values() if topology is not None else ()
    return _Places(elsewhere(states, ()), frozenset(one for router in routers for one in router.addresses))


def _everything(states: Mapping[str, RouterState]) -> Dict[str, _Found]:
    """What the routers hold of each handover."""
    found: Dict[str, _Found] = {}
    for router, state in states.items():
        for entry in state:
            if entry.stamp.handover:
                found.setdefault(entry.stamp.handover, {}).setdefault(router, []).append(entry)
    return found


def _by_handover(states: Mapping[str, RouterState]) -> Dict[str, _Found]:
    """The same without what only stands while a plan runs, which tells nothing of the handover."""
    found = _everything(states)
    for held in found.values():
        for router, entries in held.items():
            passing = in_flight(entries)
            if passing:
                held[router] = [entry for entry in entries if entry.key not in passing]
    return found


def _passing(states: Mapping[str, RouterState]) -> Set[str]:
    """The handovers of which something stands that only stands while a plan runs."""
    found = _everything(states)
    return {identity for identity, held in found.items() if any(in_flight(entries) for entries in held.values())}


def _whole(handover: Handover, found: _Found, topology: Topology, moved: Mapping[Address, Address]) -> bool:
    """Whether everything stands that a handover needs, and nothing else of it but freezes.

    :param moved: where mobile nodes are now, by their old addresses.
    """
    if handover.over:
        return False
    try:
        placed = entries_for(handover, topology, {**moved, handover.old: handover.new})
    except HandoverError:
        return False
    wanted = {(name, entry.key): entry for name, entries in placed.items() for entry in entries}
    held = {(name, e.key): e for name, entries in found.items() for e in entries if not isinstance(e, Freeze)}
    return wanted.keys() == held.keys() and all(same(held[key], entry) for key, entry in wanted.items())


def _newest(found: _Found, places: _Places) -> Handover:
    """The handover as its newest entries tell it; over where they are going, or tell no flow."""
    handover = _read(found, _newest_epoch(found), places)
    return _ended(handover) if _going(found) else handover


def _newest_entries(found: _Found) -> List[Entry]:
    last = _newest_epoch(found)
    return [entry for held in _lasting(found).values() for entry in held if entry.stamp.epoch == last]


def _newest_epoch(found: _Found) -> int:
    return max(entry.stamp.epoch for held in _lasting(found).values() for entry in held)


def _lasting(found: _Found) -> _Found:
    """What is more than a freeze, if anything is."""
    lasting: _Found = {name: [entry for entry in held if not isinstance(entry, Freeze)] for name, held in found.items()}
    return lasting if any(lasting.values()) else found


def _going(found: _Found) -> bool:
    """Whether its end had been announced, or nothing but freezes is left of it."""
    return all(isinstance(entry, Freeze) for entry in _newest_entries(found)) or any(
        entry.stamp.ended for entry in _newest_entries(found)
    )


def _former(found: _Found, newest: Handover, places: _Places) -> Optional[Handover]:
    """What stood before the change that was cut off; None where no router knows it any longer."""
    entries = [entry for held in found.values() for entry in held if not isinstance(entry, Freeze)]
    older = [entry.stamp.epoch for entry in entries if entry.stamp.epoch < newest.epoch]
    if older:
        former = _read(found, max(older), places)
    elif any(entry.stamp.ended for entry in entries):
        former = _read(found, None, places)
    else:
        return _ended(newest)
    if former.over:
        return None
    # It is a change again, and must outrank the one that it takes back.
    return replace(former, epoch=newest.epoch + 1)


def _ended(handover: Handover) -> Handover:
    return replace(handover, ended=True)


def _all_there(handover: Handover, found: _Found) -> bool:
    promised = max(entry.stamp.flows for held in found.values() for entry in held)
    return handover.flows >= promised


def _shape(found: _Found) -> str:
    parts = []
    for router in sorted(found):
        roles = sorted({("ending " if entry.stamp.ended else "") + entry.role.value for entry in found[router]})
        parts.append(f"{router} holds {', '.join(roles)}")
    return "; ".join(parts)


def _read(found: _Found, epoch: Optional[int], places: _Places) -> Handover:
    """The handover that the entries of one epoch (of all, where it is None) were made for.

    :param places: one that is a correspondent, and moved, is seen outside under its new address, which its own
        handover tells.
    """
    everything = [entry for held in found.values() for entry in held]
    found = {name: [e for e in held if epoch in (None, e.stamp.epoch)] for name, held in _lasting(found).items()}
    entries = [entry for held in found.values() for entry in held]
    pairs: Set[Tuple[Address, Address]] = set()
    routed: Set[Tuple[Address, Address]] = set()
    flows: Dict[Selector, None] = {}
    inside: Dict[Selector, None] = {}
    outside: Dict[Selector, None] = {}
    for entry in entries:
        if isinstance(entry, Rewrite):
            old, new, flow = _of_rewrite(entry)
            pairs.add((old, new))
            flows[flow] = None
            if entry.kind is RewriteKind.OUTBOUND_DST:
                inside[flow] = None
            elif entry.kind is RewriteKind.INBOUND_DST:
                outside[flow] = None
        elif isinstance(entry, Route) and entry.via is not None and entry.via not in places.routers:
            routed.add((entry.destination, entry.via))
    stamp, lifetime = entries[0].stamp, entries[0].stamp.expires - GRACE
    if entries[0].role in (Role.DECODER, Role.SUPPORT):
        lifetime -= DECODER_MARGIN
    nowhere = _any_address(entries[0])
    # A route tells the new address only where nothing else does: it may lead to a router on the way.
    pairs = pairs or routed
    old, new = min(pairs, key=str) if pairs else (nowhere, nowhere)
    flows.update((flow, None) for entry in entries if isinstance(entry, Mark) for flow in _towards(old, entry.match))
    base = Handover(
        stamp.handover,
        old,
        new,
        lifetime,
        epoch=stamp.epoch,
        directions=_directions(entries),
        ended=True,
        via=stamp.via,
    )
    scope = _scope(entries if any(isinstance(entry, Rewrite) for entry in entries) else everything)
    if not pairs:
        return base
    if scope is Scope.SESSION:
        moved = {replace(f, source=places.moved[f.source]): f for f in flows if f.source and f.source in places.moved}
        known = [flow for flow in flows if flow.protocol is not None and flow not in moved]
        sessions = _sessions(found, old, known, {flow for seen, flow in moved.items() if seen in flows})
        return replace(base, scope=scope, sessions=sessions, ended=not sessions)
    # One that is seen otherwise outside its own router: its address inside is the one that counts.
    changed = [flow for flow in inside if flow not in outside]
    abroad = [flow for flow in outside if flow not in inside][: len(changed)]
    peers = tuple(dict.fromkeys(one.source for one in flows if one.source is not None and one not in abroad))
    return replace(base, scope=scope, correspondents=peers, ended=not peers)


def _of_rewrite(entry: Rewrite) -> Tuple[Address, Address, Selector]:
    """Old address, new address, and the flow as the correspondent sends it (towards the old address)."""
    match, kind = entry.match, entry.kind
    old, new = entry.pair
    if kind.changes_destination:
        return old, new, replace(match, destination=old)
    return old, new, replace(match, source=old).turned


def _towards(old: Address, match: Selector) -> List[Selector]:
    if match.destination == old:
        return [match]
    return [match.turned] if match.source == old else []


def _sessions(found: _Found, old: Address, flows: List[Selector], abroad: Container[Selector]) -> Tuple[Session, ...]:
    """The sessions of these flows. One behind a masquerading router shows as two flows: inside, and outside.

    :param abroad: those whose correspondent moved, and is seen outside under its new address.
    """
    # Where a route is all, marks tell both; else rewrites do.
    inside_at: Dict[Selector, Tuple[type, str]] = {}
    outside_at: Dict[Selector, Tuple[type, str]] = {}
    for name, held in found.items():
        for entry in held:
            if isinstance(entry, Rewrite) and entry.kind is RewriteKind.OUTBOUND_DST:
                inside_at[entry.match] = (Rewrite, name)
            elif isinstance(entry, Rewrite):
                # What decodes at the correspondent's router tells where it is; what stands at the visited one does not.
                flow, told = _of_rewrite(entry)[2], entry.kind is RewriteKind.INBOUND_SRC
                outside_at[flow] = (Rewrite, name) if told else outside_at.get(flow, (Rewrite, ""))
    for name, held in found.items():
        for entry in held:
            if isinstance(entry, Mark) and entry.match.destination == old:
                inside_at.setdefault(entry.match, (Mark, name))
            elif isinstance(entry, Mark) and entry.match.source == old:
                outside_at.setdefault(entry.match.turned, (Mark, name))
    hidden = [flow for flow in flows if flow in inside_at and flow not in outside_at]
    seen = [flow for flow in flows if flow in outside_at and flow not in inside_at and flow not in abroad]
    pairs: Dict[Selector, Selector] = {}
    for near in (True, False):  # first those that one router tells of
        for flow in hidden:
            if flow not in pairs:
                at = inside_at[flow]
                beside = (s for s in seen if outside_at[s] == at or (not near and outside_at[s][0] is at[0]))
                ways = (s for s in beside if _of_one_socket(s, flow))
                other = next(ways, None)
                if other is not None:
                    pairs[flow] = other
                    seen.remove(other)
    shadows = set(pairs.values())
    return tuple(_session(flow, pairs.get(flow, flow)) for flow in flows if flow not in shadows)


def _of_one_socket(one: Selector, other: Selector) -> bool:
    return (one.protocol, one.destination_port) == (other.protocol, other.destination_port)


def _session(flow: Selector, seen: Selector) -> Session:
    protocol, peer, port, peer_port = flow.protocol, flow.source, flow.destination_port, flow.source_port
    if protocol is None or peer is None or port is None or peer_port is None:
        raise HandoverError("bad_selector", flow, "a session selector has all five fields")
    if seen == flow:
        return Session(protocol, port, peer, peer_port)
    return Session(protocol, port, peer, peer_port, seen.source, seen.source_port)


def _directions(entries: Iterable[Entry]) -> Directions:
    """Of one that goes by the home router in part, some flows are handed over in one direction only."""
    both = any(entry.stamp.directions is Directions.BOTH for entry in entries)
    return Directions.BOTH if both else Directions.FORWARD


def _scope(entries: Iterable[Entry]) -> Scope:
    """Rewrites tell it, or what is frozen in their place; marks are never wider than a pair of addresses."""
    shapes = {entry.match.scope for entry in entries if isinstance(entry, (Rewrite, Mark, Freeze))}
    for scope in (Scope.SESSION, Scope.ADDRESS):
        if scope in shapes:
            return scope
    return Scope.CORRESPONDENT


def _any_address(entry: Entry) -> Address:
    if isinstance(entry, (Rewrite, Mark, Freeze)):
        return entry.match.address
    return entry.destination if isinstance(entry, Route) else entry.address
