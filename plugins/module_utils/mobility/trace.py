# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk a packet through router states, as the routers would.

The hosts' first-hop routers do all the rewriting, so a path is the sender's
router, the network between, and the router that serves the destination.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Container, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .model import Address, Rewrite, RewriteKind, Route
from .router_state import RouterState
from .selector import Bits, endpoint
from .sides import translated
from .topology import Router, Topology

__all__ = ["OUTSIDE", "Hop", "Packet", "Walk", "trace"]

#: In the place of a router: the network between, and what lies beyond the managed networks.
OUTSIDE = ""

#: Routers of ours that a packet can pass: hosts send with a hop limit of 64 (RFC 1700, IP time to live).
_HOP_LIMIT = 64

#: The order in which a router looks: decoders before connection tracking, encoders after it.
_ORDER = (
    RewriteKind.INBOUND_DST,
    RewriteKind.INBOUND_SRC,
    RewriteKind.OUTBOUND_DST,
    RewriteKind.OUTBOUND_SRC,
)


_NOTHING = RouterState()

#: Protocol, address and port.
Endpoint = Tuple[str, Address, Optional[int]]


class Packet(NamedTuple):
    """The addresses and ports of a packet; ports are None where the protocol has none."""

    source: Address
    destination: Address
    protocol: str = "icmp"
    source_port: Optional[int] = None
    destination_port: Optional[int] = None

    @property
    def turned(self) -> Packet:
        """The answer to it."""
        return Packet(self.destination, self.source, self.protocol, self.destination_port, self.source_port)

    @property
    def bits(self) -> Bits:
        """As those of the selector of its session; where it has no ports, no session has them."""
        source, destination = self.source, self.destination
        ports = (self.source_port or 0, self.destination_port or 0)
        return (destination.version, int(source), int(destination), self.protocol, *ports)

    def __str__(self) -> str:
        ends = (endpoint(self.source, self.source_port), endpoint(self.destination, self.destination_port))
        return f"{self.protocol} " + " > ".join(ends)


class Hop(NamedTuple):
    """One thing that happened: where, what, and the packet after it."""

    where: str
    what: str
    packet: Packet


#: A hop, word by word: most walks are never told.
_Passed = Tuple[str, Tuple[object, ...], Packet]


class Walk(NamedTuple):
    """The way of a packet.

    :ivar host: the address at which the last router hands it over on its link; None when it was dropped.
    :ivar verdict: ``delivered``, or why not.
    :ivar left: whether it left the managed networks for somebody outside them: how it fares there is not known.
    """

    passed: Sequence[_Passed]
    packet: Packet
    host: Optional[Address]
    verdict: str
    left: bool = False

    @property
    def hops(self) -> Tuple[Hop, ...]:
        """What happened on the way."""
        return tuple(Hop(where, " ".join(map(str, words)), packet) for where, words, packet in self.passed)

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
    link: Optional[Address] = None,
    hidden: Mapping[str, Mapping[Endpoint, Endpoint]] = MappingProxyType({}),
    by_side: Container[str] = (),
) -> Walk:
    """Walk a packet from a host behind ``router`` to wherever it comes out.

    :param router: :data:`OUTSIDE` for a host of a network that is not managed.
    :param states: what the routers hold when the packet passes its first router.
    :param later: what they hold when it reaches the next ones; the same when omitted. Packets are under
        way while routers change.
    :param ingress_filtering: the network between drops a packet whose source does not belong to the
        network that it comes from (BCP 38, RFC 2827), unless that is one of which the topology says otherwise.
    :param link: the sender's address on its link, where it asks for destinations of its own network: the router has
        such a packet only where it answers for them.
    :param hidden: what masquerading routers make of their hosts' endpoints, by router.
    :param by_side: routers that translate between an inside and an outside interface, see :mod:`sides`.
    """
    hops: List[_Passed] = []
    held, at = states, router
    onward = states if later is None else later
    own = bool(hidden) and router in _hiding(packet.destination, hidden)
    if link is not None and not own and _on_one_link(link, packet.destination, router, topology):
        interface = topology.routers[router].inside
        if states.get(router, _NOTHING).get(("neighbour", packet.destination, interface)) is None:
            hops.append((router, ("past the router, on link",), packet))
            return Walk(hops, packet, packet.destination, "delivered")
        hops.append((router, ("answers for", packet.destination, "on", interface), packet))
    from_inside = True
    met: Dict[str, List[Packet]] = {}  # past the first router, where the states may be others
    for _passed in range(_HOP_LIMIT):
        if packet in met.get(at, ()):
            break
        if hops:
            met.setdefault(at, []).append(packet)
        state = held.get(at, _NOTHING)
        if at in by_side:
            packet, marked, frozen = _pass_by_side(state, packet, at, hops, from_inside, topology)
        else:
            packet, marked, frozen = _pass(state, packet, at, hops, hidden.get(at, {}))
        if frozen:
            return Walk(hops, packet, None, f"frozen at {at}")
        here = topology.routers.get(at)
        route = _route(state, packet) if marked else None
        if route is not None:
            way = ("route", route.destination, "via", route.via, "dev", route.interface)
            hops.append((at, way, packet))
            inner = _inner(route, at, topology)
            if inner is not None:
                held, at, from_inside = onward, inner, False
                continue
            if not _leaves(route, here):
                return Walk(hops, packet, route.via or packet.destination, "delivered")
        path = topology.place(packet.destination).names or _hiding(packet.destination, hidden)
        if path and path[-1] == at and route is None:
            hops.append((at, ("on link",), packet))
            return Walk(hops, packet, packet.destination, "delivered")
        if at in path[:-1] and route is None:
            onto = path[path.index(at) + 1]
        elif here is not None and here.behind:
            onto = here.behind
        else:
            if ingress_filtering and not _may_leave(packet, at, topology, hidden):
                return Walk(hops, packet, None, f"source {packet.source} does not belong to {at}: ingress filtering")
            if not path:
                told = f"{packet.destination} lies outside the managed networks"
                return Walk(hops, packet, None, told, left=True)
            onto = path[0]
        hops.append((at, ("to", onto), packet))
        from_inside = here is not None and here.behind == onto
        held, at = onward, onto
    return Walk(hops, packet, None, "loops")


def _may_leave(packet: Packet, at: str, topology: Topology, hidden: Mapping[str, Mapping[Endpoint, Endpoint]]) -> bool:
    """Whether the network between takes a packet of this source from there."""
    owner = topology.place(packet.source).names or _hiding(packet.source, hidden)
    if at == OUTSIDE:
        return not owner
    return owner[:1] == (at,) or (at in topology.routers and topology.routers[at].foreign_sources)


def _hiding(address: Address, hidden: Mapping[str, Mapping[Endpoint, Endpoint]]) -> Tuple[str, ...]:
    """The router that hides its hosts behind this address."""
    return tuple(name for name, ends in hidden.items() if any(address == end[1] for end in ends.values()))


def _on_one_link(one: Address, other: Address, router: str, topology: Topology) -> bool:
    place = topology.place(other)
    serving = place.router
    return serving is not None and serving.name == router and place.network == topology.network(one)


def _pass(
    state: RouterState, packet: Packet, at: str, hops: List[_Passed], hidden: Mapping[Endpoint, Endpoint]
) -> Tuple[Packet, bool, bool]:
    """One router: the packet after it, whether it was marked, whether it was frozen."""
    lookups = state.lookups
    if lookups.freezes is not None and _frozen(state, packet):
        return packet, False, True
    marked = False
    bits = packet.bits
    for kind in _ORDER:
        if hidden and kind is RewriteKind.OUTBOUND_SRC:
            packet = _translated(packet, at, hops, hidden)
            bits = packet.bits
        if lookups.marks is not None and kind is RewriteKind.OUTBOUND_DST and not marked:
            # A router marks here what an outbound_src matches, too: that, or an outbound_dst before it, marks below.
            marked = lookups.marks.find(bits) is not None
        held = lookups.rewrites.get(kind)
        found = None if held is None else held.find(bits, kind.changes_destination)
        if isinstance(found, Rewrite):
            source, destination, protocol, port, other = packet
            if kind.changes_destination:
                packet = Packet(source, found.to, protocol, port, other)
                bits = (*bits[:2], int(found.to), *bits[3:])
            else:
                packet = Packet(found.to, destination, protocol, port, other)
                bits = (bits[0], int(found.to), *bits[2:])
            hops.append((at, (kind.word, "to", found.to), packet))
            marked = True
    return packet, marked, False


def _frozen(state: RouterState, packet: Packet) -> bool:
    held = state.lookups.freezes
    if held is None:
        return False
    return any(held.find(packet.bits, by_destination) is not None for by_destination in (False, True))


def _pass_by_side(
    state: RouterState, packet: Packet, at: str, hops: List[_Passed], from_inside: bool, topology: Topology
) -> Tuple[Packet, bool, bool]:
    """As :func:`_pass`, at a router that translates between its sides; its routes are for every packet."""
    if _frozen(state, packet):
        return packet, False, True
    leaves = _route(state, packet) is None and topology.path(packet.destination)[-1:] != (topology.routers.get(at),)
    for what, source, destination in translated(state, packet.source, packet.destination, from_inside, leaves):
        packet = packet._replace(source=source, destination=destination)
        hops.append((at, (what,), packet))
    return packet, True, False


def _translated(packet: Packet, at: str, hops: List[_Passed], hidden: Mapping[Endpoint, Endpoint]) -> Packet:
    """What connection tracking does for a masqueraded host: between encoders of destination and of source."""
    if not hidden:
        return packet
    source = hidden.get((packet.protocol, packet.source, packet.source_port))
    known = {outside: inside for inside, outside in hidden.items()}
    destination = known.get((packet.protocol, packet.destination, packet.destination_port))
    if source is not None:
        packet = packet._replace(source=source[1], source_port=source[2])
        hops.append((at, ("masquerade as", endpoint(*source[1:])), packet))
    if destination is not None:
        packet = packet._replace(destination=destination[1], destination_port=destination[2])
        hops.append((at, ("masquerade of", endpoint(*destination[1:])), packet))
    return packet


def _route(state: RouterState, packet: Packet) -> Optional[Route]:
    """The route of a marked packet. A record whose route is gone, with its device, names neither hop nor interface."""
    route = state.get(("route", packet.destination))
    return route if isinstance(route, Route) and (route.via or route.interface) else None


def _inner(route: Route, at: str, topology: Topology) -> Optional[str]:
    """The router behind this one that a route leads to, where it does."""
    inner = (router.name for router in topology.behind(at) if route.via is not None and route.via in router.addresses)
    return next(inner, None)


def _leaves(route: Route, router: Optional[Router]) -> bool:
    """Whether a route leads into the network between, which knows neither our marks nor our routes."""
    return router is not None and route.interface == router.outside != router.inside
