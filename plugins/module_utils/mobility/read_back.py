# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A handover as the entries that routers hold of it tell it."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ..errors import HandoverError
from .handover import Handover, Session
from .model import Address, Directions, Entry, Freeze, Mark, Rewrite, RewriteKind, Role, Route, Scope, Selector
from .placing import DECODER_MARGIN, GRACE
from .topology import Topology

__all__ = ["Found", "Places", "lasting", "read_handover"]

#: What each router holds of one handover.
Found = Dict[str, List[Entry]]


class Places(NamedTuple):
    """Where mobile nodes are, by their old addresses; all routers.

    :ivar moved: where each is now.
    :ivar seen: under which new addresses entries of any epoch tell of it: while it moves on, those of its former place
        stand beside those of the one after.
    """

    moved: Mapping[Address, Address]
    topology: Topology
    seen: Mapping[Address, FrozenSet[Address]]

    def faces(self, address: Optional[Address]) -> FrozenSet[Address]:
        """The new addresses of the mobile node that had this one."""
        return frozenset() if address is None else self.seen.get(address, frozenset())

    def with_moved(self, others: Mapping[Address, Address]) -> Places:
        """The same, where these are elsewhere, too."""
        seen = {old: self.faces(old) | {new} for old, new in others.items()}
        return self._replace(moved={**self.moved, **others}, seen={**self.seen, **seen})

    def may_masquerade(self, router: str, address: Optional[Address]) -> bool:
        """Whether hosts of a router may be seen under an address: it is in none of the other routers' networks."""
        outermost = None if address is None else self.topology.place(address).outermost
        return outermost is None or outermost.name == router


def read_handover(found: Found, epoch: Optional[int], places: Places) -> Handover:
    """The handover that the entries of one epoch (of all, where it is None) were made for.

    :param places: one that is a correspondent, and moved, is seen outside under its new address, which its own
        handover tells.
    """
    everything = [entry for held in found.values() for entry in held]
    all_epochs = found
    found = {name: [e for e in held if epoch in (None, e.stamp.epoch)] for name, held in lasting(found).items()}
    entries = [entry for held in found.values() for entry in held]
    pairs: Set[Tuple[Address, Address]] = set()
    routed: Set[Tuple[Address, Address]] = set()
    inside: Dict[Selector, None] = {}
    outside: Dict[Selector, None] = {}
    for entry in entries:
        if isinstance(entry, Rewrite):
            old, new, flow = _of_rewrite(entry)
            pairs.add((old, new))
            if entry.kind is RewriteKind.OUTBOUND_DST:
                inside[flow] = None
            elif entry.kind is RewriteKind.INBOUND_DST:
                outside[flow] = None
        elif isinstance(entry, Route) and entry.via is not None and entry.via not in places.topology.addresses:
            routed.add((entry.destination, entry.via))
    stamp, lifetime = entries[0].stamp, entries[0].stamp.expires - GRACE
    if entries[0].role in (Role.DECODER, Role.SUPPORT):
        lifetime -= DECODER_MARGIN
    nowhere = _any_address(entries[0])
    # A route tells the new address only where nothing else does: it may lead to a router on the way.
    pairs = pairs or routed
    old, new = min(pairs, key=str) if pairs else (nowhere, nowhere)
    flows = _flows(old, entries)
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
    scope = _scope(entries if any(_tells_scope(entry) for entry in entries) else everything)
    if not pairs:
        return base
    if scope is Scope.SESSION:
        sessions = _sessions(found, old, flows, places)
        every = lasting(all_epochs)
        if len(entries) < sum(map(len, every.values())):
            known = _sessions(every, old, _flows(old, (entry for held in every.values() for entry in held)), places)
            sessions = _told_apart(sessions, known, places)
        return replace(base, scope=scope, sessions=sessions, ended=not sessions)
    if scope is Scope.ADDRESS:
        # Marks alone name correspondents as the phone knows them.
        flows = _flows(old, _marks(entries) or _marks(everything))
    # One that is seen otherwise outside its own router: its address inside is the one that counts.
    changed = [flow for flow in inside if flow not in outside]
    abroad = [flow for flow in outside if flow not in inside][: len(changed)]
    peers = tuple(dict.fromkeys(one.source for one in flows if one.source is not None and one not in abroad))
    return replace(base, scope=scope, correspondents=peers, ended=not peers)


def lasting(found: Found) -> Found:
    """What is more than a freeze, if anything is."""
    lasting: Found = {name: [entry for entry in held if not isinstance(entry, Freeze)] for name, held in found.items()}
    return lasting if any(lasting.values()) else found


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


def _flows(old: Address, entries: Iterable[Entry]) -> Dict[Selector, None]:
    """The flows of these entries, as correspondents send them; those of rewrites first."""
    found: Dict[Selector, None] = {}
    marked: Dict[Selector, None] = {}
    for entry in entries:
        if isinstance(entry, Rewrite):
            found[_of_rewrite(entry)[2]] = None
        elif isinstance(entry, Mark):
            marked.update((flow, None) for flow in _towards(old, entry.match))
    return {**found, **marked}


def _sessions(found: Found, old: Address, flows: Iterable[Selector], places: Places) -> Tuple[Session, ...]:
    """The sessions of these flows. One behind a masquerading router shows as two flows: inside, and outside."""
    # A correspondent that moved is seen outside under its new address.
    every = frozenset(flows)
    moved = {replace(flow, source=at): flow for flow in flows for at in places.faces(flow.source)}
    abroad = {flow for seen, flow in moved.items() if seen in every}
    # Where two have each other's old address, either is seen under what the other one is known by.
    known = {flow for held in found.values() for entry in held for flow in _known(old, entry)}
    flows = [flow for flow in flows if flow.protocol is not None and (flow not in moved or flow in known)]
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
    # A router that marks both ways of a flow sees one face of it alone: that of others, where the flow has two.
    plain: Set[Selector] = set()
    for name, held in found.items():
        marks = [entry.match for entry in held if isinstance(entry, Mark)]
        towards = {match for match in marks if match.destination == old}
        back = {match.turned for match in marks if match.source == old}
        plain |= towards & back
        for faces, told_at in ((towards - back, inside_at), (back - towards, outside_at)):
            for flow in faces:
                told_at.setdefault(flow, (Mark, name))
    hidden = [flow for flow in flows if flow in inside_at and flow not in outside_at and flow not in plain]
    seen = [flow for flow in flows if flow in outside_at and flow not in inside_at and flow not in abroad]
    pairs: Dict[Selector, Selector] = {}
    for near in (True, False):  # first those that one router tells of
        for flow in hidden:
            if flow not in pairs:
                at = inside_at[flow]
                beside = (s for s in seen if outside_at[s] == at or (not near and outside_at[s][0] is at[0]))
                ways = (s for s in beside if _of_one_socket(s, flow) and places.may_masquerade(at[1], s.source))
                other = next(ways, None)
                if other is not None:
                    pairs[flow] = other
                    seen.remove(other)
    shadows = set(pairs.values())
    return tuple(_session(flow, pairs.get(flow, flow)) for flow in flows if flow not in shadows)


def _known(old: Address, entry: Entry) -> List[Selector]:
    """The flow of an entry that matches a correspondent as the session knows it, wherever that one is now."""
    if isinstance(entry, Rewrite):
        told = entry.kind in (RewriteKind.OUTBOUND_DST, RewriteKind.INBOUND_SRC)
        return [_of_rewrite(entry)[2]] if told else []
    return _towards(old, entry.match) if isinstance(entry, Mark) else []


def _told_apart(sessions: Iterable[Session], known: Sequence[Session], places: Places) -> Tuple[Session, ...]:
    """Sessions of one epoch. Where it stands on one router alone, another epoch tells where correspondents are seen.

    :param known: what the entries of all epochs tell.
    """
    changed = {}
    own = {(one.protocol, one.port, one.correspondent, one.correspondent_port) for one in known}
    for session in known:
        faces = [(at, session.correspondent_port) for at in places.faces(session.correspondent)]
        faces = [face for face in faces if (session.protocol, session.port, *face) not in own]
        if session.outside is not None:
            faces += [session.seen, (session.correspondent, session.correspondent_port)]
        for face in faces:
            changed[session.protocol, session.port, face] = session
    told = (changed.get((one.protocol, one.port, (one.correspondent, one.correspondent_port)), one) for one in sessions)
    return tuple(dict.fromkeys(told))


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


def _tells_scope(entry: Entry) -> bool:
    """Whether a rewrite is as wide as its handover: with scope address, what is encoded may be named."""
    return isinstance(entry, Rewrite) and entry.kind is not RewriteKind.OUTBOUND_SRC


def _marks(entries: Iterable[Entry]) -> List[Entry]:
    return [entry for entry in entries if isinstance(entry, Mark)]


def _any_address(entry: Entry) -> Address:
    if isinstance(entry, (Rewrite, Mark, Freeze)):
        return entry.match.address
    return entry.destination if isinstance(entry, Route) else entry.address
