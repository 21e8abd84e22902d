# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that routers carry what a handover is about: a walk both ways for each of its flows."""

from __future__ import annotations

from types import MappingProxyType
from typing import Container, Dict, List, Mapping, Optional, Tuple

from ..errors import HandoverError
from .handover import Handover
from .model import Address, Directions
from .router_state import RouterState
from .topology import Topology
from .trace import OUTSIDE, Endpoint, Packet, trace

__all__ = ["check"]

_NOBODY: Mapping[str, Dict[Endpoint, Endpoint]] = MappingProxyType({})


def check(
    handover: Handover,
    topology: Topology,
    states: Mapping[str, RouterState],
    moved: Mapping[Address, Address] = MappingProxyType({}),
    by_side: Container[str] = (),
) -> None:
    """Prove that these states carry every flow of a handover both ways.

    :param moved: where others are now, by their old addresses.
    :param by_side: as for :func:`trace`.
    :raises HandoverError: ``walk_failed``, naming the packet and the hop at which it went wrong.
    """
    if handover.over:
        return
    visited = topology.router_of(handover.new, "new address").name
    home = topology.router_of(handover.old, "old address").name
    # A phone that stayed on one link answers there for its old address itself.
    here = (handover.new, handover.old) if visited == home else (handover.new,)
    for sent, seen in _packets(handover):
        at = moved.get(sent.source, sent.source)
        there: Optional[Address] = at
        place = topology.place(at)
        if place.router is None:
            # Of networks that need not be ours nobody has said that they let foreign sources pass.
            filtering = True
            origin, origin_link, there = OUTSIDE, None, None
            sent = seen
        else:
            filtering = handover.directions is Directions.BOTH
            origin, origin_link = place.router.name, there
        hidden = _hidden(place.names[0], sent, seen) if sent is not seen else _NOBODY
        back = seen.turned
        for packet, wanted, start, link, ends in (
            (sent, seen, origin, origin_link, here),
            (back, back if sent is seen else sent.turned, visited, handover.new, (there,)),
        ):
            walk = trace(
                packet,
                start,
                topology,
                states,
                ingress_filtering=filtering,
                link=link,
                hidden=hidden,
                by_side=by_side,
            )
            if walk.packet != wanted or walk.host not in ends or walk.delivered is walk.left:
                last = walk.hops[-1].where if walk.hops else start
                raise HandoverError(
                    "walk_failed",
                    f"{packet} comes out as {walk.packet} at {last}: {walk.verdict}",
                    "a plan's end state carries every session both ways",
                    f"Handover {handover.id} is refused.",
                )


def _packets(handover: Handover) -> List[Tuple[Packet, Packet]]:
    """One packet from each correspondent, as it is sent and as the mobile node sees it."""
    found = []
    for session in handover.sessions:
        ends = (handover.old, session.protocol, session.correspondent_port, session.port)
        sent = seen = Packet(session.correspondent, *ends)
        if (session.outside, session.outside_port) != (None, None):
            peer, port = session.seen
            seen = Packet(peer, handover.old, session.protocol, port, session.port)
        found.append((sent, seen))
    if not found:
        found = [(packet, packet) for packet in (Packet(peer, handover.old) for peer in handover.correspondents)]
    return found


def _hidden(router: str, sent: Packet, seen: Packet) -> Dict[str, Dict[Endpoint, Endpoint]]:
    """What the correspondent's router makes of its endpoint, where it masquerades."""
    ends = [(one.protocol, one.source, one.source_port) for one in (sent, seen)]
    return {router: {ends[0]: ends[1]}} if ends[0] != ends[1] else {}
