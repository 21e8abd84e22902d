# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traffic that a handover is about, correspondent by correspondent."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Mapping, NamedTuple, Optional

from .handover import Handover, Session
from .model import Address, Scope, Selector
from .topology import Topology

__all__ = ["Flow", "flows_of"]


class Flow(NamedTuple):
    """The traffic between the mobile node and one correspondent, as one scope sees it."""

    scope: Scope
    correspondent: Address  # as its own router sees it
    known: Address  # as the mobile node sees it
    outside: Address  # as the network between sees it
    at: Address  # where it is now
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

    @property
    def from_outside(self) -> Flow:
        """As everybody but the correspondent's own router sees it."""
        if self.session is None or (self.session.outside, self.session.outside_port) == (None, None):
            return self
        address, port = self.session.seen
        session = replace(self.session, correspondent=address, correspondent_port=port, outside=None, outside_port=None)
        return self._replace(correspondent=address, session=session)

    @property
    def between(self) -> Flow:
        """The same, never wider than what passes between the two ends."""
        return self._replace(scope=Scope.CORRESPONDENT) if self.scope is Scope.ADDRESS else self

    def pair(self, source: Optional[Address], destination: Optional[Address], abroad: bool = True) -> Selector:
        """As :meth:`selector`, but never wider than the pair of addresses.

        :param abroad: as the mobile node sees it; otherwise as the correspondent's own router does.
        """
        narrow = self if self.outside == self.known else self._replace(outside=self.known)
        return narrow.between.selector(source, destination, abroad)


def flows_of(handover: Handover, topology: Topology, moved: Mapping[Address, Address]) -> List[Flow]:
    """The traffic that a handover is about.

    :param moved: where others are now, by their old addresses: correspondents may be mobile, too.
    """
    if handover.scope is Scope.SESSION:
        return [_flow(handover, s.correspondent, s.seen[0], topology, moved, s) for s in handover.sessions]
    return [_flow(handover, peer, peer, topology, moved) for peer in handover.correspondents]


def _flow(
    handover: Handover,
    peer: Address,
    known: Address,
    topology: Topology,
    moved: Mapping[Address, Address],
    session: Optional[Session] = None,
) -> Flow:
    at = moved.get(peer)
    if at is None:
        return Flow(handover.scope, peer, known, known, peer, session)
    # Within its own router it moved by a route alone, which the network between does not see.
    rewritten = topology.place(at).outermost is not topology.place(peer).outermost
    return Flow(handover.scope, peer, known, at if rewritten else known, at, session)
