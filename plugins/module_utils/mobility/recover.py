# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognise handovers from what the routers hold, also half-made and half-removed ones.

Routers are the truth: any controller can finish, or undo, what another one began.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Container, Dict, Iterable, List, Mapping, Optional, Set, Tuple

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
)
from .placing import DECODER_MARGIN, GRACE
from .plan import plan
from .target import elsewhere, target_states
from .topology import Topology

__all__ = ["Finding", "Goal", "recover", "standing"]


class Goal(Enum):
    """What to do with a handover that is neither whole nor gone."""

    DONE = "done"
    UNDONE = "undone"


@dataclass(frozen=True)
class Finding:
    """A handover that the routers hold in parts, and what it is to become.

    :ivar handover: the handover as it should be; ``over`` where nothing of it should stay.
    :ivar reason: what was found, for the operator.
    """

    handover: Handover
    reason: str


def standing(states: Mapping[str, RouterState], of: Optional[Container[str]] = None) -> List[Handover]:
    """The handovers that the routers hold, as far as they show, newest epoch each; withdrawn ones as ended.

    :param of: ids of those that are asked for; all of them when left out.
    """
    places = elsewhere(states, ())
    found = _by_handover(states).items()
    return [_newest(held, places) for identity, held in found if of is None or identity in of]


def recover(states: Mapping[str, RouterState], topology: Topology, goal: Goal) -> List[Finding]:
    """The handovers that need repair, and what each should become.

    :param goal: complete what was begun, or take it back.
    """
    findings = []
    states = {name: state.without([""]) for name, state in states.items()}
    places = elsewhere(states, ())
    for identity, found in _by_handover(states).items():
        newest = _newest(found, places)
        targets, refused = target_states(states, [newest], topology)
        if not refused and not plan(states, targets):
            continue
        former = _former(found, newest, places)
        ways = [(newest, "completed")] if _going(found) or not newest.over else []
        ways += [(former, "taken back")] if former is not None else []
        able = [
            (way, reason)
            for way, reason in (ways if goal is Goal.DONE else reversed(ways))
            if way.over or (_all_there(way, found) and not target_states(states, [way], topology)[1])
        ]
        able.append((_ended(newest), "ended, because no router knows all of its flows"))
        chosen, reason = able[0]
        findings.append(Finding(chosen, f"{identity}: {_shape(found)}; {reason}"))
    return findings


_Found = Dict[str, List[Entry]]


def _by_handover(states: Mapping[str, RouterState]) -> Dict[str, _Found]:
    found: Dict[str, _Found] = {}
    for router, state in states.items():
        for entry in state:
            if entry.stamp.handover:
                found.setdefault(entry.stamp.handover, {}).setdefault(router, []).append(entry)
    for held in found.values():
        for router, entries in held.items():
            passing = in_flight(entries)
            if passing:  # what only stands while a plan runs tells nothing of the handover
                held[router] = [entry for entry in entries if entry.key not in passing]
    return found


def _newest(found: _Found, places: Mapping[Address, Address]) -> Handover:
    """The handover as its newest entries tell it; over where they are going, or tell no flow."""
    handover = _read(_lasting(found), _newest_epoch(found), places)
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


def _former(found: _Found, newest: Handover, places: Mapping[Address, Address]) -> Optional[Handover]:
    """What stood before the change that was cut off; None where no router knows it any longer."""
    entries = [entry for held in found.values() for entry in held if not isinstance(entry, Freeze)]
    older = [entry.stamp.epoch for entry in entries if entry.stamp.epoch < newest.epoch]
    if older:
        former = _read(_lasting(found), max(older), places)
    elif any(entry.stamp.ended for entry in entries):
        former = _read(_lasting(found), None, places)
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


def _read(found: _Found, epoch: Optional[int], places: Mapping[Address, Address]) -> Handover:
    """The handover that the entries of one epoch (of all, where it is None) were made for.

    :param places: where mobile nodes are now. One that is a correspondent is seen outside under its new address,
        which its own handover tells.
    """
    found = {name: [e for e in held if epoch in (None, e.stamp.epoch)] for name, held in found.items()}
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
        elif isinstance(entry, Route) and entry.via is not None:
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
    scope = _scope(entries)
    if not pairs:
        return base
    if scope is Scope.SESSION:
        moved = {replace(flow, source=places[flow.source]) for flow in flows if flow.source and flow.source in places}
        sessions = _sessions(found, old, [flow for flow in flows if flow.protocol is not None and flow not in moved])
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


def _sessions(found: _Found, old: Address, flows: List[Selector]) -> Tuple[Session, ...]:
    """The sessions of these flows. One behind a masquerading router shows as two flows: inside, and outside."""
    outside_at: Dict[Selector, str] = {}
    inside_at: Dict[Selector, str] = {}
    for name, held in found.items():
        for entry in held:
            if isinstance(entry, Rewrite) and entry.kind is RewriteKind.OUTBOUND_DST:
                inside_at[entry.match] = name
            elif isinstance(entry, Rewrite):
                # What decodes at the correspondent's router tells where it is; what stands at the visited one does not.
                flow, told = _of_rewrite(entry)[2], entry.kind is RewriteKind.INBOUND_SRC
                outside_at[flow] = name if told else outside_at.get(flow, "")
            elif isinstance(entry, Mark) and entry.match.destination == old:
                inside_at.setdefault(entry.match, name)
            elif isinstance(entry, Mark) and entry.match.source == old:
                outside_at.setdefault(entry.match.turned, "")
    hidden = [flow for flow in flows if flow in inside_at and flow not in outside_at]
    seen = [flow for flow in flows if flow in outside_at and flow not in inside_at]
    pairs: Dict[Selector, Selector] = {}
    for near in (True, False):  # first those that one router tells of
        for flow in hidden:
            if flow not in pairs:
                ways = (s for s in seen if _of_one_socket(s, flow) and (outside_at[s] == inside_at[flow] or not near))
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
    shapes = {entry.match.scope for entry in entries if isinstance(entry, (Rewrite, Mark))}
    for scope in (Scope.SESSION, Scope.ADDRESS):
        if scope in shapes:
            return scope
    return Scope.CORRESPONDENT


def _any_address(entry: Entry) -> Address:
    if isinstance(entry, (Rewrite, Mark, Freeze)):
        return entry.match.address
    return entry.destination if isinstance(entry, Route) else entry.address
