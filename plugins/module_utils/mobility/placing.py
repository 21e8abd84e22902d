# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each router must hold for one handover."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Dict, List, Mapping, Tuple

from ..errors import HandoverError
from .flow import Flow, flows_of
from .handover import Handover
from .model import Address, Directions, Entry, Mark, Neighbour, Rewrite, RewriteKind, Route, Scope, Stamp, Via
from .topology import Place, Router, Topology

__all__ = ["DECODER_MARGIN", "GRACE", "Placing", "entries_for"]

#: Seconds that an encoder outlives the registration.
GRACE = 30
#: Seconds that decoders and routes outlive the encoders. A decoder that goes first lets a host see a
#: wrong address, and the host answers with a reset.
DECODER_MARGIN = 30

_NOWHERE: Mapping[Address, Address] = MappingProxyType({})


def entries_for(
    handover: Handover, topology: Topology, moved: Mapping[Address, Address] = _NOWHERE
) -> Dict[str, List[Entry]]:
    """What each router must hold for one handover, by router name.

    :param moved: where others are now, by their old addresses: correspondents may be mobile, too.
    :raises HandoverError: ``unmanaged_address``, ``correspondent_unmanaged``, ``foreign_source_dropped``,
        ``correspondent_on_home_network``, ``scope_too_wide``, ``bad_topology``.
    """
    if handover.over:
        return {}
    at_old, at_new = topology.place_of(handover.old, "old address"), topology.place_of(handover.new, "new address")
    home, path = at_old.path[0], at_new.path
    visited = path[0]
    encoder = Stamp(
        handover.id,
        handover.epoch,
        handover.expires + GRACE,
        handover.directions,
        max(handover.flows, 1),
        via=handover.via,
    )
    decoder = encoder.until(encoder.expires + DECODER_MARGIN)
    found: Dict[str, List[Entry]] = {}
    if home is not visited:
        _not_too_wide(handover, visited, topology, moved)
    flows = flows_of(handover, topology, moved)
    # One that has not moved has a single address, and most have not: addresses are slow to compare.
    named = not visited.keeps and any(f.outside is not f.known and f.outside != f.known for f in flows)
    for flow in flows:
        place = topology.place(flow.at)
        own = place.outermost
        corresponding = own or home
        there, here = encoder, decoder
        if own is None:
            # Nobody would decode what is encoded for the other direction.
            there, here = (replace(stamp, directions=Directions.FORWARD) for stamp in (encoder, decoder))
            flow = flow.from_outside
            if home is not visited:
                _sent_on(handover, flow, home, visited)
        beside = own is not None and place.network == at_old.network
        for router in path[1:]:
            _routed(found, handover, router, corresponding, flow, here)
        by_route = corresponding is visited or home is visited
        _turns_at_one_of(path if by_route else (home,), handover, flow, place, at_old)
        if by_route:
            _on_one_link(flow, beside, at_new.router is at_old.router)
            _routed(found, handover, visited, corresponding, flow, here)
            continue
        _rewritten(found, handover, visited, corresponding, flow, there, here, named)
        if beside:
            _answered(found, handover, at_old.path, encoder, decoder)
    for router, inner in zip(path, (*path[1:], None)):
        via = handover.new if inner is None else _towards(inner, handover)
        found.setdefault(router.name, []).append(Route(handover.old, via, router.inside, decoder))
    if handover.flows == 1:
        return found  # only several flows share marks
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


def _routed(
    found: Dict[str, List[Entry]],
    handover: Handover,
    router: Router,
    corresponding: Router,
    flow: Flow,
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
    flow: Flow,
    encoder: Stamp,
    decoder: Stamp,
    named: bool,
) -> None:
    """Two routers between the ends.

    :param named: whether the visited router encodes what goes to the correspondents alone, whatever the scope.
        Correspondents moved: what leads to one of them ends with its own registration, and who has come home by then
        must not be sent what only its former place decodes.
    """
    old, new, both = handover.old, handover.new, encoder.directions is Directions.BOTH
    at_visited = found.setdefault(visited.name, [])
    at_corresponding = found.setdefault(corresponding.name, [])
    at_visited.append(Rewrite(RewriteKind.INBOUND_DST, flow.selector(None, new, True), old, decoder))
    at_corresponding.append(Rewrite(RewriteKind.OUTBOUND_DST, flow.selector(None, old, False), new, encoder))
    if both:
        # A correspondent that moved has its own old address back by then: inbound_dst is asked first.
        seen = flow if flow.outside == flow.known else flow._replace(outside=flow.known)
        restored = seen.selector(new, None, True)
        at_corresponding.append(Rewrite(RewriteKind.INBOUND_SRC, restored, old, decoder))
        sent = flow.between if named else flow
        at_visited.append(Rewrite(RewriteKind.OUTBOUND_SRC, sent.selector(old, None, True), new, encoder))
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


def _sent_on(handover: Handover, flow: Flow, home: Router, visited: Router) -> None:
    """The home router sends on what comes from a correspondent whose router is not managed: where that can arrive."""
    if handover.via is not Via.HOME_ROUTER:
        raise HandoverError(
            "correspondent_unmanaged",
            flow.at,
            "the correspondent lies in a network of a managed first-hop router, which rewrites for it",
            "Add the network to handover_networks of its router, or, where networks without BCP 38 allow it, let the "
            "home router send its packets on: via: home_router.",
        )
    for router, foreign in ((home, f"packets of {flow.correspondent}"), (visited, f"answers of {handover.old}")):
        if not router.foreign_sources:
            raise HandoverError(
                "foreign_source_dropped",
                f"{router.name}: {foreign}",
                "via: home_router needs networks that let packets leave under a foreign source, from the home router "
                "and from the visited one; BCP 38 (RFC 2827), or a stateful firewall beyond them, drops these packets",
                f"Where nothing beyond {router.name} does that, set handover_foreign_sources: true for it "
                "(topology: foreign_sources); else the correspondent's router must be managed.",
            )


def _on_one_link(flow: Flow, beside: bool, on_its_link: bool) -> None:
    """Where a route does it all, the correspondent's packets must come to that router, or the phone be on its link."""
    if beside and not on_its_link:
        raise HandoverError(
            "correspondent_on_home_network",
            flow.correspondent,
            "a correspondent on the home network has the rewriting router on its own link",
            "Let the router behind be the one that rewrites: leave out behind in the topology.",
        )


def _turns_at_one_of(routers: Tuple[Router, ...], handover: Handover, flow: Flow, place: Place, at_old: Place) -> None:
    """Packets for the old address turn inwards where the correspondent's way out meets that address's way in."""
    shared = [one for one, other in zip(place.path, at_old.path) if one is other]
    if shared and shared[-1] not in routers and place.network != at_old.network:
        raise HandoverError(
            "correspondent_on_home_network",
            f"{flow.correspondent}, whose packets for {handover.old} turn at {shared[-1].name}",
            "a correspondent's packets for the old address pass a router that rewrites or leads them on",
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
    """Scope address at the visited router would also rewrite what nobody decodes: what stays, or goes elsewhere."""
    if handover.scope is not Scope.ADDRESS or handover.directions is not Directions.BOTH:
        return
    beside = [peer for peer in handover.correspondents if topology.path(moved.get(peer, peer))[:1] in ((visited,), ())]
    if beside and len(beside) < len(handover.correspondents):
        raise HandoverError(
            "scope_too_wide",
            beside[0],
            "scope address rewrites every packet, so no correspondent may sit beside the mobile node, or behind a "
            "router that is not managed",
            "Choose scope session or correspondent.",
        )
