# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a handover's routers can all express, where they cannot express what is asked: wider only when told to."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, Mapping, Optional, Tuple

from .errors import HandoverError
from .mobility.costs import Note
from .mobility.handover import Handover
from .mobility.model import Address, Directions, Scope
from .mobility.placing import entries_for
from .mobility.router_state import RouterState
from .mobility.topology import Topology
from .platforms.base import require
from .platforms.registry import platform_named

__all__ = ["widened"]

_COST = {
    Scope.CORRESPONDENT: "new sessions between the phone's new address and these correspondents are rewritten as well, "
    "and a TCP session among them does not come up",
    Scope.ADDRESS: "every new session of the phone's new address through these routers is rewritten as well, and a TCP "
    "session among them does not come up; nobody else can hold the old address meanwhile",
}
_BOTH = "packets from the phone are rewritten as well"


def widened(
    handover: Handover, topology: Topology, moved: Mapping[Address, Address]
) -> Tuple[Handover, Optional[Note]]:
    """The narrowest handover of this kind that its routers can hold, and what was given up for it.

    It is as it was where they can hold it, or where none can be had.
    """
    if handover.over:
        return handover, None
    asked = _refusal(handover, topology, moved)
    if asked is None or not asked.code.startswith("unsupported_"):
        return handover, None
    for wider in _wider(handover):
        if _refusal(wider, topology, moved) is None:
            given_up = [_COST[wider.scope]] if wider.scope is not handover.scope else []
            given_up += [_BOTH] if wider.directions is not handover.directions else []
            text = (
                f"{asked.subject}: {asked.rule}. Widened from scope {handover.scope.value}, directions "
                f"{handover.directions.value} to scope {wider.scope.value}, directions {wider.directions.value}: "
                f"{'; '.join(given_up)}."
            )
            return wider, Note(handover.id, "widened", text)
    return handover, None


def _wider(handover: Handover) -> Iterator[Handover]:
    hidden = any(session.seen != (session.correspondent, session.correspondent_port) for session in handover.sessions)
    peers = handover.correspondents or tuple(dict.fromkeys(session.correspondent for session in handover.sessions))
    scopes = [Scope.SESSION, Scope.CORRESPONDENT, Scope.ADDRESS]
    for scope in scopes[scopes.index(handover.scope) :]:
        # Behind a router that masquerades, correspondents cannot be told by their addresses.
        if scope is not handover.scope and hidden:
            return
        for directions in dict.fromkeys((handover.directions, Directions.BOTH)):
            if scope is handover.scope:
                yield replace(handover, directions=directions)
            else:
                yield replace(handover, scope=scope, directions=directions, sessions=(), correspondents=peers)


def _refusal(handover: Handover, topology: Topology, moved: Mapping[Address, Address]) -> Optional[HandoverError]:
    """Why its routers, or one of them, cannot hold it."""
    try:
        for name, entries in entries_for(handover, topology, moved).items():
            platform = platform_named(topology.routers[name].platform)
            require(platform, handover, name, entries)
            for error in platform.objections(RouterState(entries)).values():
                return HandoverError(error.code, f"{name}: {error.subject}", error.rule, error.advice)
    except HandoverError as error:
        return error
    return None
