# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where handovers are in each other's way, one of them waits: a plan then has more than one goal."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Optional, Set, Tuple

from .delta import leads_elsewhere
from .model import Address, Mark, Rewrite, Role, Route
from .router_state import RouterState

__all__ = ["goals"]

_States = Mapping[str, RouterState]


def goals(current: _States, target: _States) -> List[_States]:
    """The states to reach one after the other, the last of them ``target``.

    A decoder that must give another address than it does now cannot be swapped while the encoders of its
    former handover still run: that handover is ended first. And what an encoder sends away must not meet a route
    of another handover on the same router: the later one of the two waits until the earlier one is gone. Nor must
    what got another source, which the other end's former place does not know. Nor can a router's route lead to two
    phones that held the same old address. Whoever talks with a phone that waits, and has moved, too, waits with it.
    """
    found: List[_States] = []
    losers = {
        entry.stamp.handover
        for name, state in current.items()
        for entry in state
        if isinstance(entry, Rewrite) and entry.role is Role.DECODER
        for wanted in [target.get(name, RouterState()).get(entry.key)]
        if isinstance(wanted, Rewrite) and wanted.to != entry.to
    }
    if losers:
        current = _without(current, losers)
        found.append(current)
    waiting, met = _waiting(current, target)
    if waiting:
        between = _held_back(current, target, _with_facing(current, target, waiting))
        if between is None or _waiting(current, between)[0] or _waiting(between, target)[0]:
            between = _without(current, met)
        found.append(between)
    return [*found, target]


def _waiting(current: _States, target: _States) -> Tuple[Set[str], Set[str]]:
    """The handovers that must wait, and those with the ones they wait for."""
    waiting, met = _captured(current, target)
    for heir, former in _inherited(current, target):
        waiting.add(heir)
        met.update((heir, former))
    return waiting, met


def _captured(current: _States, target: _States) -> Tuple[Set[str], Set[str]]:
    """Those whose packets would meet a route of another handover: who must wait, and they with whom they wait for.

    Whatever a router rewrites it marks, and what is marked finds the route of an old address. When an address that
    a mobile node left becomes the old address of other sessions, encoders may still lead there.
    """
    waiting: Set[str] = set()
    met: Set[str] = set()
    for name, held in current.items():
        wanted = target.get(name, RouterState())
        for routes, but, encoders, route_waits in ((wanted, held, held, True), (held, wanted, wanted, False)):
            owners = {
                entry.destination: entry.stamp.handover
                for entry in routes
                if isinstance(entry, Route) and but.get(entry.key) is None
            }
            for entry, address in _led_away(encoders) if owners else ():
                owner = owners.get(address)
                if owner is not None:
                    waiting.add(owner if route_waits else entry.stamp.handover)
                    met.update((owner, entry.stamp.handover))
    return waiting, met


def _inherited(current: _States, target: _States) -> Iterator[Tuple[str, str]]:
    """The handovers that come to a router whose route another one has now, each with that one.

    Two phones held the same old address one after the other, and the later one comes where the earlier one leaves, or
    both change places. Until the route leads to the later one, what is sent to it would find the earlier one, and then
    what is under way to the earlier one the later.
    """
    for name, held in current.items():
        for route in target.get(name, ()) if held else ():
            now = held.get(route.key) if isinstance(route, Route) else None
            if now is not None and now.stamp.handover != route.stamp.handover and leads_elsewhere(now, route):
                yield route.stamp.handover, now.stamp.handover


def _led_away(state: RouterState) -> Iterator[Tuple[Rewrite, Address]]:
    """The encoders of a router, each with where its packets go that find a route of ours there."""
    correspondents: Dict[Tuple[str, Optional[Address]], List[Address]] = {}
    for entry in state:
        if isinstance(entry, Mark) and entry.match.destination is not None:
            correspondents.setdefault((entry.stamp.handover, entry.match.source), []).append(entry.match.destination)
    for entry in state:
        if not isinstance(entry, Rewrite) or entry.role is Role.DECODER:
            continue
        if entry.role is Role.ENCODER_DST:
            yield entry, entry.to
        elif entry.match.destination is not None:
            yield entry, entry.match.destination
        else:  # scope address: marks tell the correspondents
            for address in correspondents.get((entry.stamp.handover, entry.match.source), ()):
                yield entry, address


def _with_facing(current: _States, target: _States, waiting: Set[str]) -> Set[str]:
    """The waiting handovers, and those with whose mobile nodes theirs talk.

    Where both ends moved, what one handover decodes comes from where the other one has its mobile node.
    """
    peers: Dict[str, Set[Address]] = {}
    places: Dict[str, Set[Address]] = {}
    for state in (*current.values(), *target.values()):
        for entry in state:
            if isinstance(entry, Rewrite):
                match = entry.match
                peer = match.source if entry.kind.changes_destination else match.destination
                if peer is not None:
                    peers.setdefault(entry.stamp.handover, set()).add(peer)
                places.setdefault(entry.stamp.handover, set()).add(entry.pair[1])
    found = set(waiting)
    more = True
    while more:
        away = set().union(*(places.get(one, set()) for one in found))
        facing = {one for one, met in peers.items() if met & away}
        more = not facing <= found
        found |= facing
    return found


def _held_back(current: _States, target: _States, waiting: Set[str]) -> Optional[_States]:
    """The target with these handovers still as they are; None where others need their keys."""
    found = {}
    for name in {*current, *target}:
        held = [entry for entry in current.get(name, RouterState()) if entry.stamp.handover in waiting]
        others = target.get(name, RouterState()).without(waiting)
        if any(others.get(entry.key) is not None for entry in held):
            return None
        found[name] = others.changed((), held)
    return found


def _without(states: _States, handovers: Set[str]) -> _States:
    return {name: state.without(handovers) for name, state in states.items()}
