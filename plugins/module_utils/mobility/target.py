# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a handover to what each router must hold for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

from ..errors import HandoverError
from .handover import Handover, Session
from .model import (
    Address,
    Directions,
    Entry,
    Key,
    Mark,
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

__all__ = ["DECODER_MARGIN", "GRACE", "Refused", "entries_for", "renewed", "target_states"]

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
    outside: Address  # as the visited router sees it
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

    def pair(self, source: Optional[Address], destination: Optional[Address], seen_outside: bool = True) -> Selector:
        """As :meth:`selector`, but never wider than the pair of addresses."""
        narrow = replace(self, scope=Scope.CORRESPONDENT) if self.scope is Scope.ADDRESS else self
        return narrow.selector(source, destination, seen_outside)


def entries_for(handover: Handover, topology: Topology) -> Dict[str, List[Entry]]:
    """What each router must hold for one handover, by router name.

    :raises HandoverError: ``unmanaged_address``, ``correspondent_on_home_network``, ``scope_too_wide``.
    """
    if handover.over:
        return {}
    home = topology.router_of(handover.old, "old address")
    visited = topology.router_of(handover.new, "new address")
    encoder = Stamp(handover.id, handover.epoch, handover.expires + GRACE, handover.directions, max(handover.flows, 1))
    decoder = replace(encoder, expires=encoder.expires + DECODER_MARGIN)
    found: Dict[str, List[Entry]] = {}
    _not_too_wide(handover, visited, topology)
    for flow in _flows(handover):
        corresponding = topology.router_of(flow.correspondent, "correspondent")
        if corresponding is visited or home is visited:
            _routed(found, handover, visited, corresponding, flow, decoder)
            continue
        if corresponding is home:
            raise HandoverError(
                "correspondent_on_home_network",
                flow.correspondent,
                "a correspondent on the home network answers the old address on its own link, past any router",
                "This move needs proxy neighbours on the home router, which this version does not program.",
            )
        _rewritten(found, handover, visited, corresponding, flow, encoder, decoder)
    found.setdefault(visited.name, []).append(Route(handover.old, handover.new, visited.inside, decoder))
    return {name: list({entry.key: entry for entry in entries}.values()) for name, entries in found.items()}


def target_states(
    current: Mapping[str, RouterState], handovers: Iterable[Handover], topology: Topology
) -> Tuple[Dict[str, RouterState], List[Refused]]:
    """What every router must hold once these handovers are as they say; other handovers stay as they are.

    Remnants that belong to no handover go.
    One bad handover is left out with its reason and does not hold up the others. An entry that two
    handovers claim is refused to the one that comes later.

    :param current: what the routers hold now.
    :returns: the target of every router of the topology, and the refused.
    """
    wanted = list(handovers)
    states = {name: current.get(name, RouterState()) for name in topology.routers}
    # The empty id: remnants, whose owner no router knows any longer.
    gone = ["", *(handover.id for handover in wanted)]
    held = {name: dict(state.without(gone).entries) for name, state in states.items()}
    led = {name: _led(entries.values()) for name, entries in held.items()}
    refused: List[Refused] = []
    for handover in wanted:
        try:
            placed = entries_for(handover, topology)
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


def renewed(current: Mapping[str, RouterState], handovers: Iterable[Handover], topology: Topology) -> List[Handover]:
    """These handovers with the epoch that their change has: unchanged ones keep the epoch that stands."""
    held: Dict[str, Dict[Tuple[str, Key], Entry]] = {}
    for name, state in current.items():
        for entry in state:
            held.setdefault(entry.stamp.handover, {})[name, entry.key] = entry
    return [_renewed(handover, held.get(handover.id, {}), topology) for handover in handovers]


def _renewed(handover: Handover, held: Mapping[Tuple[str, Key], Entry], topology: Topology) -> Handover:
    if not held:
        return handover
    last = max(entry.stamp.epoch for entry in held.values())
    standing = replace(handover, epoch=last)
    try:
        placed = entries_for(standing, topology)
    except HandoverError:
        return standing  # refused with its reason when it is planned
    wanted = {(name, entry.key): entry for name, entries in placed.items() for entry in entries}
    if wanted.keys() == held.keys() and all(same(held[key], entry) for key, entry in wanted.items()):
        return standing
    return replace(handover, epoch=max(handover.epoch, last + 1))


def _flows(handover: Handover) -> List[_Flow]:
    if handover.scope is Scope.SESSION:
        return [_Flow(handover.scope, s.correspondent, s.seen[0], s) for s in handover.sessions]
    return [_Flow(handover.scope, peer, peer) for peer in handover.correspondents]


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
        at_corresponding.append(Rewrite(RewriteKind.INBOUND_SRC, flow.selector(new, None, True), old, decoder))
        at_visited.append(Rewrite(RewriteKind.OUTBOUND_SRC, flow.selector(old, None, True), new, encoder))
    if not both or flow.scope is Scope.ADDRESS:
        # Without an encoder of its own the flow must still be marked at the visited router; with scope
        # address the marks also keep the list of correspondents on the router.
        at_visited.append(Mark(flow.pair(old, None), decoder))


def _not_too_wide(handover: Handover, visited: Router, topology: Topology) -> None:
    """Scope address at the visited router would also rewrite what stays on its own networks."""
    if handover.scope is not Scope.ADDRESS or handover.directions is not Directions.BOTH:
        return
    beside = [peer for peer in handover.correspondents if topology.find(peer) is visited]
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
