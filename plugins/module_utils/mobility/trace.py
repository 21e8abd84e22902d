# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk a packet through router states, as the routers would.

The hosts' first-hop routers do all the rewriting, so a path is the sender's
router, the network between, and the router that serves the destination.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterator, List, Mapping, Optional, Set, Tuple

from ..errors import HandoverError
from .handover import Handover
from .model import Address, Directions, Rewrite, RewriteKind, Route, RouterState, Selector
from .selector import endpoint
from .topology import Router, Topology

__all__ = ["Hop", "Packet", "Walk", "check", "trace"]

#: Routers of ours that a packet can pass: hosts send with a hop limit of 64 (RFC 1700, IP time to live).
_HOP_LIMIT = 64

#: The order in which a router looks: decoders before connection tracking, encoders after it.
_ORDER = (
    RewriteKind.INBOUND_DST,
    RewriteKind.INBOUND_SRC,
    RewriteKind.OUTBOUND_DST,
    RewriteKind.OUTBOUND_SRC,
)


@dataclass(frozen=True)
class Packet:
    """The addresses and ports of a packet; ports are None where the protocol has none."""

    source: Address
    destination: Address
    protocol: str = "icmp"
    source_port: Optional[int] = None
    destination_port: Optional[int] = None

    def __str__(self) -> str:
        ends = (endpoint(self.source, self.source_port), endpoint(self.destination, self.destination_port))
        return f"{self.protocol} " + " > ".join(ends)


@dataclass(frozen=True)
class Hop:
    """One thing that happened: where, what, and the packet after it."""

    where: str
    what: str
    packet: Packet


@dataclass(frozen=True)
class Walk:
    """The way of a packet.

    :ivar host: the address at which the last router hands it over on its link; None when it was dropped.
    :ivar verdict: ``delivered``, or why not.
    """

    hops: Tuple[Hop, ...]
    packet: Packet
    host: Optional[Address]
    verdict: str

    @property
    def delivered(self) -> bool:
        return self.host is not None


def trace(
    packet: Packet,
    router: str,
    topology: Topology,
    states: Mapping[str, RouterState],
    later: Optional[Mapping[str, RouterState]] = None,
    ingress_filtering: bool = True,
) -> Walk:
    """Walk a packet from a host behind ``router`` to wherever it comes out.

    :param states: what the routers hold when the packet passes its first router.
    :param later: what they hold when it reaches the next ones; the same when omitted. Packets are under
        way while routers change.
    :param ingress_filtering: the network between drops a packet whose source does not belong to the
        network that it comes from (BCP 38, RFC 2827).
    """
    hops: List[Hop] = []
    held, at = states, router
    onward = states if later is None else later
    met: Set[Tuple[str, Packet]] = set()  # past the first router, where the states may be others
    while (at, packet) not in met and len(met) < _HOP_LIMIT:
        if hops:
            met.add((at, packet))
        state = held.get(at, RouterState())
        packet, marked, frozen = _pass(state, packet, at, hops)
        if frozen:
            return Walk(tuple(hops), packet, None, f"frozen at {at}")
        route = _route(state, packet) if marked else None
        if route is not None:
            hops.append(Hop(at, f"route {route.destination} via {route.via} dev {route.interface}", packet))
            if not _leaves(route, topology.routers.get(at)):
                return Walk(tuple(hops), packet, route.via or packet.destination, "delivered")
        serving = topology.find(packet.destination)
        if serving is None:
            return Walk(tuple(hops), packet, None, f"{packet.destination} lies outside the managed networks")
        if serving.name == at and route is None:
            hops.append(Hop(at, "on link", packet))
            return Walk(tuple(hops), packet, packet.destination, "delivered")
        owner = topology.find(packet.source)
        if ingress_filtering and (owner is None or owner.name != at):
            return Walk(tuple(hops), packet, None, f"source {packet.source} does not belong to {at}: ingress filtering")
        hops.append(Hop(at, f"to {serving.name}", packet))
        held, at = onward, serving.name
    return Walk(tuple(hops), packet, None, "loops")


def check(handover: Handover, topology: Topology, states: Mapping[str, RouterState]) -> None:
    """Prove that these states carry every flow of a handover both ways.

    :raises HandoverError: ``walk_failed``, naming the packet and the hop at which it went wrong.
    """
    if handover.over:
        return
    visited = topology.router_of(handover.new, "new address").name
    filtering = handover.directions is Directions.BOTH
    for there in _packets(handover):
        corresponding = topology.router_of(there.source, "correspondent").name
        back = Packet(there.destination, there.source, there.protocol, there.destination_port, there.source_port)
        for packet, start, end in ((there, corresponding, handover.new), (back, visited, there.source)):
            walk = trace(packet, start, topology, states, ingress_filtering=filtering)
            if walk.packet != packet or walk.host != end:
                last = walk.hops[-1].where if walk.hops else start
                raise HandoverError(
                    "walk_failed",
                    f"{packet} comes out as {walk.packet} at {last}: {walk.verdict}",
                    "a plan's end state carries every session both ways",
                    f"Handover {handover.id} is refused.",
                )


def _packets(handover: Handover) -> List[Packet]:
    """One packet from each correspondent. A translating router in between is not modelled, and not walked."""
    if handover.sessions:
        return [
            Packet(s.correspondent, handover.old, s.protocol, s.correspondent_port, s.port)
            for s in handover.sessions
            if s.seen == (s.correspondent, s.correspondent_port)
        ]
    return [Packet(peer, handover.old) for peer in handover.correspondents]


def _pass(state: RouterState, packet: Packet, at: str, hops: List[Hop]) -> Tuple[Packet, bool, bool]:
    """One router: the packet after it, whether it was marked, whether it was frozen."""
    sorts = state.sorts  # no selector is made for what the router holds none of
    if ("freeze",) in sorts:
        frozen = [*_selectors(packet), Selector(None, packet.destination)]
        if any(state.get(("freeze", match)) is not None for match in frozen):
            return packet, False, True
    marked = False
    for kind in _ORDER:
        if kind is RewriteKind.OUTBOUND_DST:
            # A router marks here what an outbound_src matches, too: that, or an outbound_dst before it, marks below.
            marked = marked or (
                ("mark",) in sorts and any(state.get(("mark", match)) is not None for match in _selectors(packet))
            )
        if ("rewrite", kind) not in sorts:
            continue
        for match in _selectors(packet, kind):
            found = state.get(("rewrite", kind, match))
            if isinstance(found, Rewrite):
                if kind.changes_destination:
                    packet = replace(packet, destination=found.to)
                else:
                    packet = replace(packet, source=found.to)
                hops.append(Hop(at, f"{kind.value} to {found.to}", packet))
                marked = True
                break
    return packet, marked, False


def _route(state: RouterState, packet: Packet) -> Optional[Route]:
    """The route of a marked packet. A record whose route is gone, with its device, names neither hop nor interface."""
    route = state.get(("route", packet.destination))
    return route if isinstance(route, Route) and (route.via or route.interface) else None


def _leaves(route: Route, router: Optional[Router]) -> bool:
    """Whether a route leads into the network between, which knows neither our marks nor our routes."""
    return router is not None and route.interface == router.outside != router.inside


def _selectors(packet: Packet, kind: Optional[RewriteKind] = None) -> Iterator[Selector]:
    """The selectors that a packet can match, narrowest first."""
    if packet.source_port and packet.destination_port:
        ports = (packet.source_port, packet.destination_port)
        yield Selector(packet.source, packet.destination, packet.protocol, *ports)
    yield Selector(packet.source, packet.destination)
    if kind is None or not kind.changes_destination:
        yield Selector(packet.source, None)
    if kind is not None and kind.changes_destination:
        yield Selector(None, packet.destination)
