# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small worlds for the tests of the core: the patent's figure, and random ones."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import (
    Handover,
    Session,
    handover_id,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address, Directions, Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology

NOW = 1_764_000_000
OLD, NEW, PEER = ip_address("1.1.1.1"), ip_address("2.2.2.2"), ip_address("3.3.3.3")

NETWORKS = {
    "ra": ("1.1.1.0/24", "2001:db8:a::/64"),
    "rb": ("2.2.2.0/24", "2001:db8:b::/64"),
    "rc": ("3.3.3.0/24", "2001:db8:c::/64"),
    "rd": ("4.4.4.0/24", "2001:db8:d::/64"),
}
TOPOLOGY = Topology(
    Router(name, tuple(map(ip_network, networks)), "nftables", "lan", "wan") for name, networks in NETWORKS.items()
)

#: The patent's call: one TCP session from 3.3.3.3:7000 to the phone's port 40000.
SESSION = Session("tcp", 40000, PEER, 7000)


def patent_handover(**changes: object) -> Handover:
    """1.1.1.1 moved to 2.2.2.2, in a session with 3.3.3.3."""
    aor = "sip:phone@example.com"
    base = Handover(handover_id(aor, None, OLD), OLD, NEW, NOW + 600, aor=aor, sessions=(SESSION,))
    return replace(base, **changes)  # type: ignore[arg-type]


def host(router: str, version: int, number: int) -> Address:
    """Host number ``number`` behind a router."""
    network = ip_network(NETWORKS[router][0 if version == 4 else 1])
    return network[number]


@st.composite
def handovers(draw: st.DrawFn, owner: int = 0) -> Handover:
    """A phone that moved between two different routers while it talked to one to three correspondents."""
    version = draw(st.sampled_from((4, 6)))
    home, visited = draw(st.permutations(("ra", "rb", "rd")))[:2]
    scope = draw(st.sampled_from(Scope))
    places = st.sampled_from([name for name in ("ra", "rb", "rc", "rd") if name != home])
    peers = tuple(
        dict.fromkeys(host(draw(places), version, draw(st.integers(20, 23))) for _ in range(draw(st.integers(1, 3))))
    )
    sessions = tuple(
        Session(draw(st.sampled_from(("tcp", "udp"))), 40000 + index + 10 * owner, peer, draw(st.integers(7000, 7002)))
        for index, peer in enumerate(peers)
    )
    old = host(home, version, 50 + owner)
    return Handover(
        handover_id(f"sip:{owner}@example.com", None, old),
        old,
        host(visited, version, 50 + owner),
        NOW + 600,
        scope=scope,
        directions=draw(st.sampled_from(Directions)),
        sessions=sessions if scope is Scope.SESSION else (),
        correspondents=() if scope is Scope.SESSION else peers,
    )
