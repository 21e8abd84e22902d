# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every router must hold, from handovers and from what the routers hold now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

from ..errors import HandoverError
from .handover import Handover
from .model import Address, Entry, Key, Rewrite, RewriteKind, Route, RouterState, same
from .placing import Placing, entries_for
from .topology import Topology

__all__ = ["Refused", "elsewhere", "renewed", "target_states"]


@dataclass(frozen=True)
class Refused:
    """A handover that was left out, and why."""

    handover: Handover
    code: str
    reason: str


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
