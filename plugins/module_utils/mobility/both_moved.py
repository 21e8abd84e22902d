# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both ends of a session moved: whether the other end is still the one that was at that address."""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping

from ..errors import HandoverError
from .handover import Handover
from .model import Address, Rewrite, Route, Scope, Selector
from .recover import standing
from .router_state import RouterState
from .topology import Topology

__all__ = ["BothMoved"]


class BothMoved:
    """Tells sessions with a phone that moved from those with whoever has got its old address since.

    The phone's own handover names the session; that of somebody else's session does not, and to its packets every
    router on which the phone's route stands would show them the way to the phone.

    :param asked: the handovers of a plan.
    :param current: what the routers hold.
    :param moved: where mobile nodes are, by their old addresses.
    """

    def __init__(
        self,
        asked: Iterable[Handover],
        current: Mapping[str, RouterState],
        topology: Topology,
        moved: Mapping[Address, Address],
    ) -> None:
        self._current, self._topology, self._moved = current, topology, moved
        self._known: Dict[Address, List[Handover]] = {}
        for handover in asked:
            if not handover.over:
                self._known.setdefault(handover.old, []).append(handover)

    def require(self, handover: Handover) -> None:
        """Whether each correspondent of a handover's sessions is where this plan takes it to be.

        :raises HandoverError: ``correspondent_replaced``.
        """
        if handover.over or handover.scope is not Scope.SESSION:
            return
        for session in handover.sessions:
            peer = session.correspondent
            if peer not in self._moved:
                continue
            theirs = Selector(handover.old, peer, session.protocol, session.port, session.correspondent_port)
            if not any(other.names(theirs) for other in self._at(peer)):
                raise HandoverError(
                    "correspondent_replaced",
                    f"{handover.old}: {session.protocol} {session.port} with {peer} port {session.correspondent_port}",
                    "a session with an address that a phone has left is one that the phone's own handover names, too; "
                    "else somebody else has that address now",
                    f"Leave the session out, or withdraw the handover of {peer}.",
                )

    def _at(self, peer: Address) -> Iterable[Handover]:
        known = self._known.get(peer)
        if known is not None:
            return known
        owners = {
            entry.stamp.handover
            for state in self._current.values()
            for entry in state
            if (isinstance(entry, Route) and entry.destination == peer)
            or (isinstance(entry, Rewrite) and peer in entry.pair)
        }
        found = [one for one in standing(self._current, owners, self._topology) if one.old == peer and not one.over]
        self._known[peer] = found
        return found
