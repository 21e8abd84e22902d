# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A correspondent behind a masquerading router (RFC 3022): its own router sees another endpoint than all others."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions, Mark, Selector
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover, standing
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology

from .worlds import NETWORKS, NOW, OLD, host, patent_handover

INSIDE = ("10.0.3.0/24", "10.0.4.0/24")
TOPOLOGY = Topology(
    Router(name, tuple(map(ip_network, (*networks, *inside))), "nftables", "lan", "wan")
    for (name, networks), inside in zip(NETWORKS.items(), ((), (), INSIDE[:1], INSIDE[1:]), strict=True)
)
AT_C = Session("udp", 5060, ip_address("10.0.3.20"), 5060, host("rc", 4, 1), 33001)
AT_D = Session("udp", 5060, ip_address("10.0.4.20"), 5060, host("rd", 4, 1), 1024)


def held(handover: Handover) -> dict[str, RouterState]:
    states, refused = target_states({}, [handover], TOPOLOGY)
    assert refused == []
    return states


def test_its_own_router_marks_its_packets_before_it_masquerades_them() -> None:
    """The phone moved beside it; what the phone sends has the outside endpoint."""
    states = held(patent_handover(new=host("rc", 4, 60), sessions=(AT_C,)))
    assert {entry.match for entry in states["rc"] if isinstance(entry, Mark)} == {
        Selector(AT_C.correspondent, OLD, "udp", 5060, 5060),
        Selector(OLD, host("rc", 4, 1), "udp", 5060, 33001),
    }


def test_any_other_router_marks_them_as_they_are_outside() -> None:
    """The phone moved within its home router's networks."""
    states = held(patent_handover(new=host("ra", 4, 60), sessions=(AT_C,)))
    outside = Selector(host("rc", 4, 1), OLD, "udp", 33001, 5060)
    assert {entry.match for entry in states["ra"] if isinstance(entry, Mark)} == {outside, outside.turned}


@pytest.mark.parametrize("directions", Directions)
@pytest.mark.parametrize("visited", ["rb", "rc"])
@pytest.mark.parametrize("sessions", [(AT_C,), (AT_C, AT_D)])
def test_a_whole_handover_is_recognised(sessions: tuple[Session, ...], visited: str, directions: Directions) -> None:
    """Two flows on the routers are one session: no repair finds work, and none would program the wrong pair."""
    handover = patent_handover(new=host(visited, 4, 60), sessions=sessions, directions=directions)
    states = held(handover)
    assert recover(states, TOPOLOGY, Goal.DONE) == []
    (seen,) = standing(states)
    assert held(replace(seen, aor=handover.aor)) == states


@pytest.mark.parametrize("directions", Directions)
@pytest.mark.parametrize("outer", ["rc", "rd"])
def test_a_whole_handover_is_recognised_where_a_route_leads_through_two_routers(
    outer: str, directions: Directions
) -> None:
    """Only the outer router is the correspondent's: the inner one marks the outside face in both ways."""
    inner = {"rc": "rd", "rd": "rc"}[outer]
    routers = dict(TOPOLOGY.routers)
    routers[inner] = replace(routers[inner], behind=outer, addresses=(host(outer, 4, 201),))
    topology = Topology(routers.values())
    session = {"rc": AT_C, "rd": AT_D}[outer]
    handover = patent_handover(
        old=host(outer, 4, 50), new=host(inner, 4, 60), sessions=(session,), directions=directions
    )
    states, refused = target_states({}, [handover], topology)
    assert refused == []
    assert recover(states, topology, Goal.DONE) == []
    (seen,) = standing(states, topology=topology)
    assert seen.sessions == (session,)


def test_a_whole_handover_is_recognised_where_the_phone_is_behind_the_visited_router() -> None:
    """The inner router marks the outside face in both ways, beside the outer one's rewrites."""
    inner = replace(TOPOLOGY.routers["rd"], behind="rb", addresses=(host("rb", 4, 201),))
    topology = Topology({**TOPOLOGY.routers, "rd": inner}.values())
    states, refused = target_states({}, [patent_handover(new=host("rd", 4, 60), sessions=(AT_C,))], topology)
    assert refused == []
    assert recover(states, topology, Goal.DONE) == []


@pytest.mark.parametrize("router", ["rb", "rc", "rd"])
def test_what_one_router_lost_is_put_back(router: str) -> None:
    """The session's two faces are on two routers each, so one of them tells enough."""
    handover = patent_handover(new=host("rb", 4, 60), sessions=(AT_C, AT_D))
    states = held(handover)
    (finding,) = recover({**states, router: RouterState()}, TOPOLOGY, Goal.DONE)
    if router == "rb":
        assert set(finding.handover.sessions) == {AT_C, AT_D}
    else:
        # Nobody knows the inside endpoint of one session any longer.
        lost = AT_C if router == "rc" else AT_D
        assert lost not in finding.handover.sessions


def test_a_hidden_session_is_not_paired_with_another_one_of_the_same_port() -> None:
    """Only the router beside both, the phone's new one, has been reached: a plain session of the same port shows there
    from outside alone, too."""
    plain = Session("udp", 5060, host("rd", 4, 20), 5060)
    handover = patent_handover(new=host("rc", 4, 60), sessions=(plain, AT_C))
    states = {**held(handover), "rd": RouterState()}
    (finding,) = recover(states, TOPOLOGY, Goal.DONE)
    assert set(finding.handover.sessions) == {plain, AT_C}


def test_nor_with_one_that_is_seen_in_the_network_of_another_router() -> None:
    """Whose encoder has not come yet; forward alone, nothing but its network tells where it is."""
    plain = Session("udp", 5060, host("rd", 4, 20), 5060)
    handover = patent_handover(new=host("rb", 4, 60), sessions=(plain, AT_C), directions=Directions.FORWARD)
    states = {**held(handover), "rd": RouterState()}
    (finding,) = recover(states, TOPOLOGY, Goal.DONE)
    assert set(finding.handover.sessions) == {plain, AT_C}


def test_nor_with_that_of_a_correspondent_that_moved() -> None:
    """Which is marked at the phone's router as it is, and rewritten as it is seen."""
    peer = Session("udp", 5060, host("rd", 4, 20), 5060)
    handover = patent_handover(new=host("rc", 4, 60), sessions=(peer, AT_C))
    peers_own = Handover(
        "peer", host("rd", 4, 20), host("rb", 4, 20), NOW + 600, sessions=(Session("udp", 5060, OLD, 5060),)
    )
    states, refused = target_states({}, [handover, peers_own], TOPOLOGY)
    assert refused == []
    for router in ("rb", "rc"):
        cut = {**states, router: RouterState(e for e in states[router] if e.role.value in ("decoder", "support"))}
        cut["rb" if router == "rc" else "rc"] = RouterState()
        for finding in recover(cut, TOPOLOGY, Goal.DONE):
            wanted = handover if finding.handover.id == handover.id else peers_own
            assert set(finding.handover.sessions) <= set(wanted.sessions)
