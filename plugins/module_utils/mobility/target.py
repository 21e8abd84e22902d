# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every router must hold, from handovers and from what the routers hold now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

from ..errors import HandoverError
from .handover import Handover
from .model import Address, Entry, Key, Mark, Rewrite, RewriteKind, Role, Route, same
from .placing import Placing, entries_for
from .router_state import RouterState
from .topology import Topology

__all__ = ["Refused", "elsewhere", "renewed", "target_states"]


@dataclass(frozen=True)
class Refused:
    """A handover that was left out, and why.

    :ivar rival: id of another one whose session cannot be told from one of its own; empty where there is none.
    """

    handover: Handover
    code: str
    reason: str
    rival: str = ""


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
    moved = elsewhere(current, wanted, topology)
    places = (placing or Placing(topology, moved)).where(moved)
    # The empty id: remnants, whose owner no router knows any longer.
    gone = ["", *(handover.id for handover in wanted)]
    held = {name: dict(state.without(gone).entries) for name, state in states.items()}
    sent = {name: _Sent(entries.values()) for name, entries in held.items()}
    refused: List[Refused] = []
    for handover in wanted:
        rival: Optional[Entry] = None
        try:
            placed = places.of(handover)
            for name, entries in placed.items():
                for entry in entries:
                    _unclaimed(held[name], entry, handover.old, name)
                    if isinstance(entry, Route) and entry.via is not None:
                        _unheard(sent[name], handover, entry, name)
                    if isinstance(entry, Route) or entry.role is Role.ENCODER_DST:
                        _uncaptured(held[name], sent[name], entry, name)
                        rival = _rival(held[name], sent[name], moved, entry)
                        if rival is not None:
                            raise _ambiguous(entry, rival, name)
        except HandoverError as error:
            refused.append(Refused(handover, error.code, str(error), rival.stamp.handover if rival else ""))
            placed = {name: state.of(handover.id) for name, state in states.items()}
        for name, entries in placed.items():
            for entry in entries:
                held[name][entry.key] = entry
            sent[name].add(entries)
    return {name: RouterState.of_held(entries) for name, entries in held.items()}, refused


def elsewhere(
    current: Mapping[str, RouterState], handovers: Iterable[Handover], topology: Topology
) -> Dict[Address, Address]:
    """Where mobile nodes are, by their old addresses: as these handovers say, and the others on the routers.

    :param topology: where a route leads to a router behind another one, that is not taken for a mobile node.
    """
    wanted = {handover.id: handover for handover in handovers}
    found: Dict[Address, Tuple[int, Address]] = {}
    for state in current.values():
        for entry in state:
            if entry.stamp.handover in wanted or not entry.stamp.handover:
                continue  # remnants go with every plan
            if isinstance(entry, Rewrite):
                old, new = entry.pair
            elif isinstance(entry, Route) and entry.via is not None and not entry.stamp.ended:
                # Of one that a route alone leads to where it is no rewrite tells.
                old, new = entry.destination, entry.via
                if new in topology.addresses:
                    continue
            else:
                continue
            if entry.stamp.epoch >= found.get(old, (0, new))[0]:
                found[old] = (entry.stamp.epoch, new)
    moved = {old: new for old, (_epoch, new) in found.items()}
    moved.update((handover.old, handover.new) for handover in wanted.values() if not handover.over)
    return moved


def renewed(current: Mapping[str, RouterState], handovers: Iterable[Handover], topology: Topology) -> List[Handover]:
    """These handovers with the epoch that their change has: unchanged ones keep the epoch that stands."""
    handovers = list(handovers)
    moved = elsewhere(current, handovers, topology)
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


class _Sent:
    """What one router encodes, by where it sends it.

    :ivar led: the addresses that packets are led away to, each with the entries that do that.
    :ivar out: the addresses that phones here send to, each with the entries that encode what they send.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.led: Dict[Address, List[Rewrite]] = {}
        self.out: Dict[Address, List[Rewrite]] = {}
        self.add(entries)

    def add(self, entries: Iterable[Entry]) -> None:
        """These, too."""
        for entry in entries:
            if not isinstance(entry, Rewrite):
                continue
            if entry.kind is RewriteKind.OUTBOUND_DST:
                self.led.setdefault(entry.to, []).append(entry)
            elif entry.kind is RewriteKind.OUTBOUND_SRC and entry.match.destination is not None:
                self.out.setdefault(entry.match.destination, []).append(entry)


def _unheard(sent: _Sent, handover: Handover, route: Route, router: str) -> None:
    """What another phone of this router sends to an address must not find the route to somebody else who had it."""
    for holder in sent.out.get(route.destination, ()):
        if holder.stamp.handover != handover.id and not handover.names(holder.match):
            raise HandoverError(
                "selector_in_use",
                f"{route} on {router}, where {holder}",
                "a session with an address, of a phone that is led through a router, is one of the phone that a route "
                "there leads to by that address",
                "Withdraw the other handover.",
            )


def _uncaptured(held: Mapping[Key, Entry], sent: _Sent, entry: Entry, router: str) -> None:
    """What one handover sends away must not find the route of another: to routers, marked is marked."""
    holders: Iterable[Optional[Entry]] = ()
    if isinstance(entry, Route):
        holders = sent.led.get(entry.destination, ())
    elif isinstance(entry, Rewrite) and entry.kind is RewriteKind.OUTBOUND_DST:
        holders = (held.get(("route", entry.to)),)
    for holder in holders:
        if holder is not None and holder.stamp.handover != entry.stamp.handover:
            raise HandoverError(
                "selector_in_use",
                f"{entry} on {router}, where {holder}",
                "an address to which one handover sends packets is no old address of another on the same router",
                "Withdraw the other handover.",
            )


def _rival(
    held: Mapping[Key, Entry],
    sent: _Sent,
    moved: Mapping[Address, Address],
    entry: Entry,
) -> Optional[Entry]:
    """The entry of another handover whose session looks like this one's where its packets are led to, or this like it.

    Both phones use the same ports, and one has now the address from which the other one's session is. Whenever that
    one's packets are not led away, before its entries come and once they have expired, he would be shown them as his.
    """
    if not isinstance(entry, Rewrite) or entry.kind is not RewriteKind.OUTBOUND_DST:
        return None
    old = entry.match.destination
    if old is None or entry.match.protocol is None:
        return None
    others: List[Entry] = [one for one in sent.led.get(old, ()) if one.image == entry.match]
    taken = held.get(("rewrite", entry.kind, entry.image)) if entry.to in moved else None
    others += [] if taken is None else [taken]
    return next((one for one in others if one.stamp.handover != entry.stamp.handover), None)


def _ambiguous(entry: Entry, rival: Entry, router: str) -> HandoverError:
    return HandoverError(
        "ambiguous_session",
        f"{entry} on {router}, where {rival}",
        "a session is not led to an address from which another phone has one with the same correspondent and ports",
        "End one of the two sessions or leave it out, or give the phone another address.",
    )


def _unclaimed(held: Mapping[Key, Entry], entry: Entry, old: Address, router: str) -> None:
    holder = held.get(entry.key)
    holders = [] if holder is None else [holder]
    if isinstance(entry, Rewrite) and entry.kind is RewriteKind.OUTBOUND_DST:
        # Beside its phone, a correspondent's packets to the old address are only marked: they are taken all the same.
        route = held.get(("route", entry.match.destination))
        mark = held.get(("mark", entry.match)) if route is not None else None
        holders += [mark] if mark and route and mark.stamp.handover == route.stamp.handover else []
    elif isinstance(entry, Mark) and entry.match.destination == old:
        rewrite = held.get(("rewrite", RewriteKind.OUTBOUND_DST, entry.match))
        holders += [] if rewrite is None else [rewrite]
    for holder in holders:
        if holder.stamp.handover != entry.stamp.handover:
            raise HandoverError(
                "selector_in_use",
                f"{entry.key[-1]} on {router}, held by handover {holder.stamp.handover}",
                "one handover owns a selector",
                "Withdraw the other handover, or choose scope session.",
            )
