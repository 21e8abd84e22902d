# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a handover to what each router must hold for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

from ..errors import HandoverError
from .handover import Handover, Session
from .model import (
    Address,
    Directions,
    Entry,
    Key,
    Mark,
    Neighbour,
    Rewrite,
    RewriteKind,
    Route,
    RouterState,
    Scope,
    Selector,
    Stamp,
    same,
)
from .topology import Router, Topology

__all__ = ["DECODER_MARGIN", "GRACE", "Placing", "Refused", "elsewhere", "entries_for", "renewed", "target_states"]

#: Seconds that an encoder outlives the registration.
GRACE = 30
#: Seconds that decoders and routes outlive the encoders. A decoder that goes first lets a host see a
#: wrong address, and the host answers with a reset.
DECODER_MARGIN = 30


@dataclass(frozen=True)
class Refused:
    """A handover that was left out, and why."""

    handover: Handover
    code: str
    reason: str


@dataclass(frozen=True)
class _Flow:
    """The traffic between the mobile node and one correspondent, as one scope sees it."""

    scope: Scope
    correspondent: Address  # as its own router sees it
    known: Address  # as the mobile node sees it
    outside: Address  # as the network between sees it
    at: Address  # where it is now
    session: Optional[Session] = None

    def selector(self, source: Optional[Address], destination: Optional[Address], seen_outside: bool) -> Selector:
        """Packets from ``source`` to ``destination``; None stands for the correspondent."""
        peer = self.outside if seen_outside else self.correspondent
        if self.scope is Scope.ADDRESS:
            return Selector(source, destination)
        if self.session is None:
            return Selector(source or peer, destination or peer)
        port = self.session.seen[1] if seen_outside else self.session.correspondent_port
        from_peer = source is None
        return Selector(
            source or peer,
            destination or peer,
            self.session.protocol,
            port if from_peer else self.session.port,
            self.session.port if from_peer else port,
        )

    def pair(self, source: Optional[Address], destination: Optional[Address], abroad: bool = True) -> Selector:
        """As :meth:`selector`, but never wider than the pair of addresses.

        :param abroad: as the mobile node sees it; otherwise as the correspondent's own router does.
        """
        narrow = self if self.outside == self.known else replace(self, outside=self.known)
        if self.scope is Scope.ADDRESS:
            narrow = replace(narrow, scope=Scope.CORRESPONDENT)
        return narrow.selector(source, destination, abroad)


_NOWHERE: Mapping[Address, Address] = MappingProxyType({})


def entries_for(
    handover: Handover, topology: Topology, moved: Mapping[Address, Address] = _NOWHERE
) -> Dict[str, List[Entry]]:
    """What each router must hold for one handover, by router name.

    :param moved: where others are now, by their old addresses: correspondents may be mobile, too.
    :raises HandoverError: ``unmanaged_address``, ``correspondent_unmanaged``, ``correspondent_on_home_network``,
        ``scope_too_wide``, ``bad_topology``.
    """
    if handover.over:
        return {}
    home = topology.path_of(handover.old, "old address")[0]
    path = topology.path_of(handover.new, "new address")
    visited = path[0]
    encoder = Stamp(handover.id, handover.epoch, handover.expires + GRACE, handover.directions, max(handover.flows, 1))
    decoder = replace(encoder, expires=encoder.expires + DECODER_MARGIN)
    found: Dict[str, List[Entry]] = {}
    if home is not visited:
        _not_too_wide(handover, visited, topology, moved)
    for flow in _flows(handover, topology, moved):
        corresponding = _managed(flow, topology)
        beside = topology.network(flow.at) == topology.network(handover.old)
        for router in path[1:]:
            _routed(found, handover, router, corresponding, flow, decoder)
        if corresponding is visited or home is visited:
            _on_one_link(handover, flow, beside, topology)
            _routed(found, handover, visited, corresponding, flow, decoder)
            continue
        _rewritten(found, handover, visited, corresponding, flow, encoder, decoder)
        if beside:
            _answered(found, handover, topology.path_of(handover.old, "old address"), encoder, decoder)
    for router, inner in zip(path, (*path[1:], None)):
        via = handover.new if inner is None else _towards(inner, handover)
        found.setdefault(router.name, []).append(Route(handover.old, via, router.inside, decoder))
    return {name: list({entry.key: entry for entry in entries}.values()) for name, entries in found.items()}


class Placing:
    """:func:`entries_for`, remembered: a plan asks more than once for the same thousands of handovers."""

    def __init__(self, topology: Topology, moved: Mapping[Address, Address]) -> None:
        self._topology = topology
        self._moved = moved
        self._placed: Dict[str, Tuple[Handover, Dict[str, List[Entry]]]] = {}

    def of(self, handover: Handover) -> Mapping[str, List[Entry]]:
        """What each router must hold for one handover; errors as :func:`entries_for`."""
        placed = self._placed.get(handover.id)
        if placed is None or placed[0] is not handover:
            placed = self._placed[handover.id] = (handover, entries_for(handover, self._topology, self._moved))
        return placed[1]

    def where(self, moved: Mapping[Address, Address]) -> Placing:
        """This one where others are so, or a new one."""
        return self if moved == self._moved else Placing(self._topology, moved)


def target_states(
    current: Mapping[str, RouterState],
    handovers: Iterable[Handover],
    topology: Topology,
    placing: Optional[Placing] = None,
) -> Tuple[Dict[str, RouterState], List[Refused]]:
    """What every router must hold once these handovers are as they say; other handovers stay as they are.

    Remnants that belong to no handover go.
    One bad handover is left out with its reason and does not hold up the others. An entry that two
    handovers claim is refused to the one that comes later.

    :param current: what the routers hold now.
    :param placing: what was placed before.
    :returns: the target of every router of the topology, and the refused.
    """
    wanted = list(handovers)
    states = {name: current.get(name, RouterState()) for name in topology.routers}
    moved = elsewhere(current, wanted)
    places = (placing or Placing(topology, moved)).where(moved)
    # The empty id: remnants, whose owner no router knows any longer.
    gone = ["", *(handover.id for handover in wanted)]
    held = {name: dict(state.without(gone).entries) for name, state in states.items()}
    led = {name: _led(entries.values()) for name, entries in held.items()}
    refused: List[Refused] = []
    for handover in wanted:
        try:
            placed = places.of(handover)
            for name, entries in placed.items():
                for entry in entries:
                    _unclaimed(held[name].get(entry.key), entry, name)
                    _uncaptured(held[name], led[name], entry, name)
        except HandoverError as error:
            refused.append(Refused(handover, error.code, str(error)))
            placed = {name: state.of(handover.id) for name, state in states.items()}
        for name, entries in placed.items():
            held[name].update((entry.key, entry) for entry in entries)
            led[name].update(_led(entries))
    return {name: RouterState(entries.values()) for name, entries in held.items()}, refused


def elsewhere(current: Mapping[str, RouterState], handovers: Iterable[Handover]) -> Dict[Address, Address]:
    """Where mobile nodes are, by their old addresses: as these handovers say, and the others on the routers."""
    wanted = {handover.id: handover for handover in handovers}
    found: Dict[Address, Tuple[int, Address]] = {}
    for state in current.values():
        for entry in state:
            if isinstance(entry, Rewrite) and entry.stamp.handover not in wanted:
                old, new = entry.pair
                if entry.stamp.epoch >= found.get(old, (0, new))[0]:
                    found[old] = (entry.stamp.epoch, new)
    moved = {old: new for old, (_epoch, new) in found.items()}
    moved.update((handover.old, handover.new) for handover in wanted.values() if not handover.over)
    return moved


def renewed(current: Mapping[str, RouterState], handovers: Iterable[Handover], topology: Topology) -> List[Handover]:
    """These handovers with the epoch that their change has: unchanged ones keep the epoch that stands."""
    handovers = list(handovers)
    moved = elsewhere(current, handovers)
    held: Dict[str, Dict[Tuple[str, Key], Entry]] = {}
    for name, state in current.items():
        for entry in state:
            held.setdefault(entry.stamp.handover, {})[name, entry.key] = entry
    return [_renewed(handover, held.get(handover.id, {}), topology, moved) for handover in handovers]


def _renewed(
    handover: Handover,
    held: Mapping[Tuple[str, Key], Entry],
    topology: Topology,
    moved: Mapping[Address, Address],
) -> Handover:
    if not held:
        return handover
    last = max(entry.stamp.epoch for entry in held.values())
    standing = replace(handover, epoch=last)
    try:
        placed = entries_for(standing, topology, moved)
    except HandoverError:
        return standing  # refused with its reason when it is planned
    wanted = {(name, entry.key): entry for name, entries in placed.items() for entry in entries}
    if wanted.keys() == held.keys() and all(same(held[key], entry) for key, entry in wanted.items()):
        return standing
    return replace(handover, epoch=max(handover.epoch, last + 1))


def _flows(handover: Handover, topology: Topology, moved: Mapping[Address, Address]) -> List[_Flow]:
    if handover.scope is Scope.SESSION:
        return [_flow(handover, s.correspondent, s.seen[0], topology, moved, s) for s in handover.sessions]
    return [_flow(handover, peer, peer, topology, moved) for peer in handover.correspondents]


def _flow(
    handover: Handover,
    peer: Address,
    known: Address,
    topology: Topology,
    moved: Mapping[Address, Address],
    session: Optional[Session] = None,
) -> _Flow:
    at = moved.get(peer, peer)
    # Within its own router it moved by a route alone, which the network between does not see.
    rewritten = topology.path(at)[:1] != topology.path(peer)[:1]
    return _Flow(handover.scope, peer, known, at if rewritten else known, at, session)


def _routed(
    found: Dict[str, List[Entry]],
    handover: Handover,
    router: Router,
    corresponding: Router,
    flow: _Flow,
    stamp: Stamp,
) -> None:
    """One router serves both ends: a route does it all, and rewrites would undo each other's work."""
    entries = found.setdefault(router.name, [])
    # A correspondent's own router marks its packets before it masquerades them.
    entries.append(Mark(flow.pair(None, handover.old, corresponding is not router), stamp))
    entries.append(Mark(flow.pair(handover.old, None), stamp))


def _rewritten(
    found: Dict[str, List[Entry]],
    handover: Handover,
    visited: Router,
    corresponding: Router,
    flow: _Flow,
    encoder: Stamp,
    decoder: Stamp,
) -> None:
    old, new, both = handover.old, handover.new, handover.directions is Directions.BOTH
    at_visited = found.setdefault(visited.name, [])
    at_corresponding = found.setdefault(corresponding.name, [])
    at_visited.append(Rewrite(RewriteKind.INBOUND_DST, flow.selector(None, new, True), old, decoder))
    at_corresponding.append(Rewrite(RewriteKind.OUTBOUND_DST, flow.selector(None, old, False), new, encoder))
    if both:
        # A correspondent that moved has its own old address back by then: inbound_dst is asked first.
        seen = flow if flow.outside == flow.known else replace(flow, outside=flow.known)
        restored = seen.selector(new, None, True)
        at_corresponding.append(Rewrite(RewriteKind.INBOUND_SRC, restored, old, decoder))
        at_visited.append(Rewrite(RewriteKind.OUTBOUND_SRC, flow.selector(old, None, True), new, encoder))
    if not both or flow.scope is Scope.ADDRESS or flow.known != flow.outside:
        # Without an encoder of its own the flow must still be marked at the visited router, and one to a
        # correspondent that moved before that correspondent's own encoder has changed it; with scope address
        # the marks also keep the list of correspondents on the router.
        at_visited.append(Mark(flow.pair(old, None), decoder))


def _answered(
    found: Dict[str, List[Entry]], handover: Handover, path: Tuple[Router, ...], encoder: Stamp, decoder: Stamp
) -> None:
    """A correspondent beside the old address asks for it on its own link, past any router: the router answers.

    Linux answers for what it routes off the link; that route also passes the reverse path check of what comes
    back in under the old address.
    """
    if len(path) > 1:
        raise HandoverError(
            "correspondent_on_home_network",
            path[-1].name,
            "a correspondent on the home network has the rewriting router on its own link",
            "Let the router behind be the one that rewrites: leave out behind in the topology.",
        )
    at_home = found.setdefault(path[0].name, [])
    at_home.append(Neighbour(handover.old, path[0].inside, encoder))
    at_home.append(Route(handover.old, None, path[0].outside, decoder))


def _managed(flow: _Flow, topology: Topology) -> Router:
    path = topology.path(flow.at)
    if not path:
        raise HandoverError(
            "correspondent_unmanaged",
            flow.at,
            "the correspondent lies in a network of a managed first-hop router, which rewrites for it; the home router "
            "could only send its packets on under a source that is foreign there, which BCP 38 (RFC 2827) forbids",
            "Add the network to handover_networks of its router.",
        )
    return path[0]


def _on_one_link(handover: Handover, flow: _Flow, beside: bool, topology: Topology) -> None:
    """Where a route does it all, the correspondent's packets must come to that router, or the phone be on its link."""
    at_new, at_old = topology.find(handover.new), topology.find(handover.old)
    if beside and at_new is not at_old:
        raise HandoverError(
            "correspondent_on_home_network",
            flow.correspondent,
            "a correspondent on the home network has the rewriting router on its own link",
            "Let the router behind be the one that rewrites: leave out behind in the topology.",
        )


def _towards(inner: Router, handover: Handover) -> Address:
    via = inner.address(handover.old.version)
    if via is None:
        raise HandoverError(
            "bad_topology",
            f"{inner.name}: addresses",
            f"a router behind another one has an IPv{handover.old.version} address towards it",
        )
    return via


def _not_too_wide(handover: Handover, visited: Router, topology: Topology, moved: Mapping[Address, Address]) -> None:
    """Scope address at the visited router would also rewrite what stays on its own networks."""
    if handover.scope is not Scope.ADDRESS or handover.directions is not Directions.BOTH:
        return
    beside = [peer for peer in handover.correspondents if topology.path(moved.get(peer, peer))[:1] == (visited,)]
    if beside and len(beside) < len(handover.correspondents):
        raise HandoverError(
            "scope_too_wide",
            beside[0],
            "scope address rewrites every packet, so no correspondent may sit beside the mobile node",
            "Choose scope session or correspondent.",
        )


def _led(entries: Iterable[Entry]) -> Dict[Address, Rewrite]:
    """The addresses that these entries send packets away to, each with one entry that does."""
    return {
        entry.to: entry for entry in entries if isinstance(entry, Rewrite) and entry.kind is RewriteKind.OUTBOUND_DST
    }


def _uncaptured(held: Mapping[Key, Entry], led: Mapping[Address, Rewrite], entry: Entry, router: str) -> None:
    """What one handover sends away must not find the route of another: to routers, marked is marked."""
    holder: Optional[Entry] = None
    if isinstance(entry, Route):
        holder = led.get(entry.destination)
    elif isinstance(entry, Rewrite) and entry.kind is RewriteKind.OUTBOUND_DST:
        holder = held.get(("route", entry.to))
    if holder is not None and holder.stamp.handover != entry.stamp.handover:
        raise HandoverError(
            "selector_in_use",
            f"{entry} on {router}, where {holder}",
            "an address to which one handover sends packets is no old address of another on the same router",
            "Withdraw the other handover.",
        )


def _unclaimed(holder: Optional[Entry], entry: Entry, router: str) -> None:
    if holder is not None and holder.stamp.handover != entry.stamp.handover:
        raise HandoverError(
            "selector_in_use",
            f"{entry.key[-1]} on {router}, held by handover {holder.stamp.handover}",
            "one handover owns a selector",
            "Withdraw the other handover, or choose scope session.",
        )
