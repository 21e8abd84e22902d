# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk of a packet and the kernel's: random small states, the same packets through both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Address,
    Entry,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet, trace

from ..unit.mobility.entries import encoded
from ..unit.mobility.worlds import NOW
from .internetwork import CORE, HOSTS, OUTSIDE, TOPOLOGY, Arrival, Internetwork, Sent, internetwork

STAMP = Stamp("a", 1, NOW + 90_000)
NAMES = sorted(TOPOLOGY.routers)
#: Two endpoints' ports, either way, and one that is in no selector of a session.
PORTS = ((4000, 5000), (5000, 4000), (4000, 5001))


@dataclass(frozen=True)
class Example:
    """What the routers hold, and what is sent."""

    states: Mapping[str, RouterState]
    batch: tuple[Sent, ...]


@pytest.fixture(scope="module")
def network() -> Iterator[Internetwork]:
    with internetwork() as made:
        yield made


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """States whose entries match what is sent, and what becomes of it at a router and at the next one.

    Few addresses, so that entries collide and rewrites follow upon each other.
    """
    version = draw(st.sampled_from((4, 6)))
    everybody = [address for name in NAMES for address in HOSTS[name][version]]
    few = draw(st.lists(st.sampled_from(everybody), min_size=3, max_size=4, unique=True))
    anywhere = st.sampled_from((*few, *few, *few, OUTSIDE[version]))
    batch = tuple(_sent(draw, anywhere) for _ in range(draw(st.integers(1, 8))))
    flights = [(sent.packet, sent.router) for sent in batch]
    held: dict[str, dict[object, Entry]] = {name: {} for name in NAMES}
    for _ in range(draw(st.integers(1, 24))):
        packet, name = draw(st.sampled_from((*flights, *flights[len(batch) :])))
        entry = _entry(draw, name, packet, anywhere)
        if all(encoded(other) != encoded(entry) for other in held[name].values()):
            held[name].setdefault(entry.key, entry)
        if isinstance(entry, Rewrite):
            changes = {"destination" if entry.kind.changes_destination else "source": entry.to}
            packet = packet._replace(**changes)  # type: ignore[arg-type]
        serving = TOPOLOGY.find(packet.destination)
        flights += [(packet, at) for at in sorted({name, serving.name if serving else name})]
    return Example({name: RouterState(entries.values()) for name, entries in held.items()}, batch)


def _sent(draw: st.DrawFn, anywhere: st.SearchStrategy[Address]) -> Sent:
    """Often from where the source belongs."""
    packet = Packet(draw(anywhere), draw(anywhere), "udp", *draw(st.sampled_from(PORTS)))
    owner = TOPOLOGY.find(packet.source)
    routers = (*NAMES, owner.name, owner.name) if owner else NAMES
    return Sent(packet, draw(st.sampled_from(routers)), draw(st.sampled_from((False, False, True))))


def _entry(draw: st.DrawFn, name: str, packet: Packet, anywhere: st.SearchStrategy[Address]) -> Entry:
    version, what = packet.source.version, draw(st.sampled_from(("rewrite", "rewrite", "rewrite", "mark", "route")))
    if what == "route":
        inside = st.tuples(st.none() | st.sampled_from(HOSTS[name][version]), st.just("lan"))
        # Off the device, as for a correspondent on the home network; and one whose device went down since.
        others = st.sampled_from(((CORE[name][version], "wan"), (None, None)))
        return Route(packet.destination, *draw(inside | others), STAMP)
    if what == "mark":
        return Mark(_selector(packet, draw(st.sampled_from((Scope.SESSION, Scope.CORRESPONDENT))), None), STAMP)
    kind, scope = draw(st.sampled_from(RewriteKind)), draw(st.sampled_from((*Scope, Scope.SESSION)))
    return Rewrite(kind, _selector(packet, scope, kind), draw(anywhere), STAMP)


def _selector(packet: Packet, scope: Scope, kind: RewriteKind | None) -> Selector:
    if scope is Scope.SESSION:
        return Selector(packet.source, packet.destination, "udp", packet.source_port, packet.destination_port)
    if scope is Scope.CORRESPONDENT:
        return Selector(packet.source, packet.destination)
    to = kind is not None and kind.changes_destination
    return Selector(destination=packet.destination) if to else Selector(packet.source)


def walked(sent: Sent, states: Mapping[str, RouterState]) -> Arrival | None:
    """Where the walk ends."""
    walk = trace(sent.packet, sent.router, TOPOLOGY, states, ingress_filtering=sent.filtered)
    return None if walk.host is None else Arrival(walk.hops[-1].where, walk.host, walk.packet)


def to_and_fro(rounds: int) -> Example:
    """Two routers pass a packet to each other, each time from another source: a long way, and no loop."""
    at_b, at_c = HOSTS["rb"][4][0], HOSTS["rc"][4][0]
    sources = [OUTSIDE[4] + number for number in range(rounds + 1)]
    at_rb: list[Entry] = []
    for one, other in pairwise(sources):
        at_rb.append(Rewrite(RewriteKind.INBOUND_SRC, Selector(one, at_b), other, STAMP))
        at_rb.append(Rewrite(RewriteKind.OUTBOUND_DST, Selector(other, at_b), at_c, STAMP))
    at_rc = [Rewrite(RewriteKind.OUTBOUND_DST, Selector(one, at_c), at_b, STAMP) for one in sources[1:-1]]
    states = {"ra": RouterState(), "rb": RouterState(at_rb), "rc": RouterState(at_rc)}
    return Example(states, (Sent(Packet(sources[0], at_b, "udp", 4000, 5000), "rb", False),))


@example(to_and_fro(10))
@settings(max_examples=max(100, settings().max_examples // 5), suppress_health_check=list(HealthCheck))
@given(examples())
def test_the_walk_is_the_kernels(network: Internetwork, case: Example) -> None:
    """Per packet: at which router it leaves, to which next hop, with which addresses and ports, or nowhere."""
    expected = [walked(sent, case.states) for sent in case.batch]
    network.load(case.states)
    found = network.carry(case.batch, expected)
    differing = [
        f"{sent.packet} at {sent.router}: the kernel: {kernel}; the walk: {walk}"
        for sent, kernel, walk in zip(case.batch, found, expected, strict=True)
        if kernel != walk
    ]
    assert not differing, "\n".join(differing)
