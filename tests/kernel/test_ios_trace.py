# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk of a packet through IOS routers, and that of a kernel which carries out the stand-in's configuration.

The walk's order of operations and the stand-in's were written apart from each other, from the same documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address, Entry, Rewrite, Route
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet, trace
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.flow_lines import (
    Flow,
    Line,
    both_halves,
    flow_of,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.router import Ios
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat import Side
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.router_device import ios_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from .internetwork import CORE, HOSTS, NETWORKS, TOPOLOGY, Arrival, Internetwork, Sent, internetwork
from .ios_kernel import KernelTerminal
from .namespaces import Namespace
from .test_trace import NAMES, STAMP, Example

_IOS, _RENDERER = Ios(), Renderer()
_MASK = "255.255.255.0"


def ios(name: str, namespace: Namespace) -> ManagedRouter:
    terminal = KernelTerminal(namespace, f"{ip_network(NETWORKS[name][4])[1]} {_MASK}", f"{CORE[name][4] + 1} {_MASK}")
    return ios_router(name, _IOS, _RENDERER, lambda: terminal)


@pytest.fixture(scope="module")
def network() -> Iterator[Internetwork]:
    with internetwork(ios) as made:
        yield made


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """States that IOS can hold, of few addresses, and packets between these."""
    everybody = [address for name in NAMES for address in HOSTS[name][4]]
    few = draw(st.lists(st.sampled_from(everybody), min_size=3, max_size=4, unique=True))
    anywhere = st.sampled_from(few)
    batch = tuple(
        Sent(
            Packet(draw(anywhere), draw(anywhere), "udp", 4000, 5000), draw(st.sampled_from(NAMES)), draw(st.booleans())
        )
        for _ in range(draw(st.integers(1, 8)))
    )
    return Example({name: _state(draw, name, anywhere) for name in NAMES}, batch)


def _state(draw: st.DrawFn, name: str, anywhere: st.SearchStrategy[Address]) -> RouterState:
    held = RouterState()
    for _ in range(draw(st.integers(0, 4))):
        added: tuple[Entry, ...]
        if draw(st.booleans()):
            side, old, new = draw(st.sampled_from(Side)), draw(anywhere), draw(anywhere)
            scoped = side is Side.INSIDE and draw(st.booleans())
            peer = draw(anywhere) if scoped else None
            assert isinstance(old, IPv4Address)
            assert isinstance(new, IPv4Address)
            added = both_halves(Flow(Line(side, old, new, scoped), peer), STAMP)
            if old == new or (side is Side.OUTSIDE and TOPOLOGY.find(new) is TOPOLOGY.routers[name]):
                continue  # what lies inside is no outside address
        else:
            added = (Route(draw(anywhere), draw(st.sampled_from(HOSTS[name][4])), "lan", STAMP),)
        more = held.changed((), added)
        if any(held.get(entry.key) for entry in added) or _IOS.objections(more) or _crossed(more):
            continue
        held = more
    return held


def _crossed(state: RouterState) -> bool:
    """Whether a host route and a line lead one address, or the way to it, two ways: no plan has that."""
    routed = {entry.destination for entry in state if isinstance(entry, Route)}
    rewrites = [entry for entry in state if isinstance(entry, Rewrite)]
    led = {address for entry in rewrites if flow_of(entry).line.side is Side.OUTSIDE for address in entry.pair}
    return bool(routed & led)


def walked(sent: Sent, states: dict[str, RouterState]) -> Arrival | None:
    walk = trace(sent.packet, sent.router, TOPOLOGY, states, ingress_filtering=sent.filtered, by_side=set(NAMES))
    return None if walk.host is None else Arrival(walk.hops[-1].where, walk.host, walk.packet)


@settings(max_examples=max(60, settings().max_examples // 5), suppress_health_check=list(HealthCheck), deadline=None)
@given(examples())
def test_the_walk_is_the_kernels(network: Internetwork, case: Example) -> None:
    states = dict(case.states)
    expected = [walked(sent, states) for sent in case.batch]
    network.load(states)
    found = network.carry(case.batch, expected)
    differing = [
        f"{sent.packet} at {sent.router}: the kernel: {kernel}; the walk: {walk}"
        for sent, kernel, walk in zip(case.batch, found, expected, strict=True)
        if kernel != walk
    ]
    assert not differing, "\n".join(differing)
