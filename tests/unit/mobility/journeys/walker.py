# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way that a packet can take through a timeline, router by router."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address, Rewrite, Route
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Hop, Packet, trace

from .hosts import End, Hosts
from .timeline import Timeline

__all__ = ["Arrival", "Walker"]

_FARTHEST = 8


@dataclass(frozen=True)
class _Passed:
    """What one router makes of a packet: the next router, or the host on its link, or the reason why neither."""

    packet: Packet
    next: str | None
    host: Address | None
    verdict: str
    hops: tuple[Hop, ...]
    touched: bool


@dataclass(frozen=True)
class Arrival:
    """One way of a packet to its end.

    :ivar host: where it was handed over; None where it was dropped.
    :ivar touched: whether any router rewrote it. A masquerading one's own translation does not count.
    :ivar way: slot, and what happened in it, in order.
    """

    packet: Packet
    host: Address | None
    verdict: str
    touched: bool
    way: tuple[tuple[int, _Passed], ...]

    def __str__(self) -> str:
        lines = [
            f"  time {slot}, {hop.where}: {hop.what}: {hop.packet}" for slot, passed in self.way for hop in passed.hops
        ]
        return "\n".join([*lines, f"  {self.packet}: {self.verdict} {self.host or ''}"])


class Walker:
    """Walks of one world. What a router makes of a packet is remembered for as long as it holds the same."""

    def __init__(self, topology: Topology, ingress_filtering: bool) -> None:
        self._topology = topology
        self._filtering = ingress_filtering
        self._passed: dict[tuple[str, Packet, int], _Passed] = {}
        self._effects: dict[frozenset[object], int] = {}
        self._known: dict[int, tuple[RouterState, int]] = {}

    def arrivals(self, sender: End, packet: Packet, router: str, hosts: Hosts, timeline: Timeline) -> Iterator[Arrival]:
        """Where a packet can come out, for every time at which it can be sent and can pass each router."""
        seen: set[tuple[object, ...]] = set()
        for born, until, lives in timeline.births():
            for span in timeline.spans[router]:
                if span.first <= until and span.last >= born:
                    slot = max(span.first, born)
                    passed = self._outwards(sender, self._pass(router, packet, span.state))
                    yield from self._onwards(((slot, passed),), lives, hosts, timeline, seen)

    def _onwards(
        self,
        way: tuple[tuple[int, _Passed], ...],
        lives: int,
        hosts: Hosts,
        timeline: Timeline,
        seen: set[tuple[object, ...]],
    ) -> Iterator[Arrival]:
        slot, passed = way[-1]
        touched = any(item.touched for _, item in way)
        state = (passed.next, passed.packet, passed.host, slot, lives, touched)
        if state in seen:
            return
        seen.add(state)
        if passed.next is None or len(way) == _FARTHEST:
            yield self._arrival(passed, touched, way, hosts)
            return
        for span in timeline.spans[passed.next]:
            if span.first <= lives and span.last >= slot:
                further = (max(slot, span.first), self._pass(passed.next, passed.packet, span.state))
                yield from self._onwards((*way, further), lives, hosts, timeline, seen)

    def _arrival(self, passed: _Passed, touched: bool, way: tuple[tuple[int, _Passed], ...], hosts: Hosts) -> Arrival:
        packet, host = passed.packet, passed.host
        if host is not None and host == packet.destination:
            inside = hosts.inwards(packet)
            if inside is not None:
                packet, host = inside, inside.destination
        return Arrival(packet, host, passed.verdict, touched, way)

    def _outwards(self, sender: End, passed: _Passed) -> _Passed:
        """What leaves a masquerading router has its address, wherever it goes."""
        if not sender.masqueraded:
            return passed
        return replace(passed, packet=passed.packet._replace(source=sender.seen, source_port=sender.seen_port))

    def _pass(self, router: str, packet: Packet, state: RouterState) -> _Passed:
        key = (router, packet, self._effect(state))
        found = self._passed.get(key)
        if found is None:
            found = self._passed[key] = self._trace(router, packet, state)
        return found

    def _trace(self, router: str, packet: Packet, state: RouterState) -> _Passed:
        walk = trace(packet, router, self._topology, {router: state}, {}, self._filtering)
        hops: list[Hop] = []
        for hop in walk.hops:
            # The other routers' part of this walk is not used: they may hold other things by then.
            if hop.where != router:  # a route led to the next one inwards
                return _Passed(hops[-1].packet, hop.where, None, "", tuple(hops), _touched(packet, hops))
            hops.append(hop)
            if hop.what.startswith("to "):
                return _Passed(hop.packet, hop.what[3:], None, "", tuple(hops), _touched(packet, hops))
        host = walk.packet.destination if walk.left else walk.host
        return _Passed(walk.packet, None, host, walk.verdict, tuple(hops), _touched(packet, hops))

    def _effect(self, state: RouterState) -> int:
        """A number for what a state does to packets, whatever its stamps say."""
        known = self._known.get(id(state))
        if known is None:
            effects = frozenset(
                (key, entry.to if isinstance(entry, Rewrite) else (entry.via, entry.interface))
                if isinstance(entry, (Rewrite, Route))
                else key
                for key, entry in state.entries.items()
            )
            known = self._known[id(state)] = (state, self._effects.setdefault(effects, len(self._effects)))
        return known[1]


def _touched(packet: Packet, hops: list[Hop]) -> bool:
    return any(hop.packet != packet for hop in hops)
