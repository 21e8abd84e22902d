# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves that are not the simple one, as plans: what each router gets, that it is walked, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Address,
    Mark,
    Neighbour,
    Rewrite,
    Route,
    Scope,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import plan
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.proof import check
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover, standing
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet, trace
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import Planned, make_plan

from .worlds import NEW, NOW, OLD, PEER, TOPOLOGY, host, patent_handover

BESIDE = ip_address("1.1.1.20")
MOVED_PEER = host("rd", 4, 10)
#: The correspondent's own move, in the session that the phone has with it.
PEERS_OWN = Handover("peer", PEER, MOVED_PEER, NOW + 600, sessions=(Session("tcp", 7000, OLD, 40000),))
EVERY_SCOPE = pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)


def done(*handovers: Handover, held: dict[str, RouterState] | None = None, topology: Topology = TOPOLOGY) -> Planned:
    planned = make_plan(handovers, topology, held or {})
    assert planned.refused == ()
    return planned


def scoped(handover: Handover, scope: Scope) -> Handover:
    peers = () if scope is Scope.SESSION else tuple(one.correspondent for one in handover.sessions)
    return replace(handover, scope=scope, correspondents=peers, sessions=() if peers else handover.sessions)


def with_peer(peer: Address) -> Handover:
    return patent_handover(sessions=(Session("tcp", 40000, peer, 7000),))


@EVERY_SCOPE
def test_the_home_router_answers_on_its_link_while_it_encodes(scope: Scope) -> None:
    """A correspondent beside the old address has its packets for it carried to no router unless one answers."""
    planned = done(scoped(with_peer(BESIDE), scope))
    at_home = planned.targets["ra"]
    assert {str(entry).partition(" (")[0] for entry in at_home if isinstance(entry, (Neighbour, Route))} == {
        "neighbour 1.1.1.1 dev lan",
        "route 1.1.1.1 via None dev wan",
    }
    ((phase, put),) = [
        (stage.phase, step.after)
        for stage in planned.stages
        for step in stage.steps
        if any(isinstance(entry, Neighbour) for entry in step.after)
    ]
    assert phase is Phase.ENCODE
    assert any(isinstance(entry, Rewrite) for entry in put)


def test_without_the_neighbour_entry_the_walk_fails_on_the_link() -> None:
    handover = with_peer(BESIDE)
    states = done(handover).targets
    walk = trace(Packet(BESIDE, OLD, "tcp", 7000, 40000), "ra", TOPOLOGY, states, link=BESIDE)
    assert (walk.hops[0].what, walk.host) == ("answers for 1.1.1.1 on lan", NEW)
    cut = {**states, "ra": RouterState(one for one in states["ra"] if not isinstance(one, Neighbour))}
    with pytest.raises(HandoverError, match=r"walk_failed.*tcp 1.1.1.20:7000 > 1.1.1.1:40000.* at ra"):
        check(handover, TOPOLOGY, cut)


@EVERY_SCOPE
@pytest.mark.parametrize("order", [(0, 1), (1, 0), ()], ids=["phone first", "correspondent first", "at once"])
def test_both_ends_move(scope: Scope, order: tuple[int, ...]) -> None:
    """One after the other, the first one's entries change with the second one's move, and all that is walked."""
    both = [scoped(patent_handover(), scope), scoped(PEERS_OWN, scope)]
    if not order:
        states = done(*both).targets
    else:
        states = done(both[order[0]]).targets
        states = done(both[order[1]], held=states).targets
    moved = {OLD: NEW, PEER: MOVED_PEER}
    for handover in both:
        check(handover, TOPOLOGY, states, moved)
    assert states["rc"] == RouterState()
    there = trace(Packet(PEER, OLD, "tcp", 7000, 40000), "rd", TOPOLOGY, states)
    assert (there.packet, there.host) == (Packet(PEER, OLD, "tcp", 7000, 40000), NEW)
    # The network between sees their new addresses alone.
    assert {hop.packet for hop in there.hops if hop.what == "to rb"} == {Packet(MOVED_PEER, NEW, "tcp", 7000, 40000)}
    assert recover(states, TOPOLOGY, Goal.DONE) == []


def test_both_moved_and_one_comes_home() -> None:
    states = done(PEERS_OWN, held=done(patent_handover()).targets).targets
    states = done(patent_handover(new=OLD), held=states).targets
    check(PEERS_OWN, TOPOLOGY, states, {PEER: MOVED_PEER})
    assert states["rb"] == RouterState()
    states = done(replace(PEERS_OWN, new=PEER), held=states).targets
    assert not any(len(state) for state in states.values())


def test_both_moved_and_both_end() -> None:
    """While the peer's packets no longer go to where the phone was, none may come from the peer's new address."""
    states = done(PEERS_OWN, patent_handover()).targets
    order = [
        (stage.phase, step.router)
        for stage in done(replace(PEERS_OWN, ended=True), patent_handover(ended=True), held=states).stages
        for step in stage.steps
        if stage.phase in (Phase.CLEAR_SRC, Phase.ENCODE)
    ]
    assert order == [
        (Phase.CLEAR_SRC, "rb"),
        (Phase.CLEAR_SRC, "rd"),
        (Phase.ENCODE, "rb"),
        (Phase.ENCODE, "rd"),
    ]


def test_a_masqueraded_correspondent() -> None:
    """Two tuples for a session: its own router encodes by the inner one, everybody else knows the outer one."""
    hidden = Session("tcp", 40000, PEER, 7000, ip_address("192.0.2.3"), 50000)
    handover = patent_handover(sessions=(hidden,))
    states = done(handover).targets
    text = {name: sorted(str(one).partition(" (")[0] for one in state) for name, state in states.items()}
    assert "inbound_dst tcp 192.0.2.3:50000 > 2.2.2.2:40000 to 1.1.1.1" in text["rb"]
    assert text["rc"] == [
        "inbound_src tcp 2.2.2.2:40000 > 192.0.2.3:50000 to 1.1.1.1",
        "outbound_dst tcp 3.3.3.3:7000 > 1.1.1.1:40000 to 2.2.2.2",
    ]
    assert [one.sessions for one in standing(states)] == [(hidden,)]
    with pytest.raises(HandoverError, match=r"walk_failed.*192.0.2.3:50000"):
        check(handover, TOPOLOGY, {**states, "rc": RouterState()})


INNER = Router("re", (ip_network("5.5.5.0/24"),), "nftables", "lan", "wan", "rb", (ip_address("2.2.2.9"),))
DEEP = Topology([*TOPOLOGY.routers.values(), INNER])
AT_INNER = ip_address("5.5.5.5")


@EVERY_SCOPE
def test_a_second_router_leads_on_what_the_outer_one_has_decoded(scope: Scope) -> None:
    planned = done(scoped(patent_handover(new=AT_INNER), scope), topology=DEEP)
    routes = {
        name: [str(one.via) for one in state if isinstance(one, Route)] for name, state in planned.targets.items()
    }
    assert routes == {"ra": [], "rb": ["2.2.2.9"], "rc": [], "rd": [], "re": ["5.5.5.5"]}
    assert {type(one) for one in planned.targets["re"]} == {Mark, Route}
    walk = trace(Packet(PEER, OLD, "tcp", 7000, 40000), "rc", DEEP, planned.targets)
    assert [hop.where for hop in walk.hops] == ["rc", "rc", "rb", "rb", "re"]
    assert [one.new for one in standing(planned.targets)] == [AT_INNER]


@pytest.mark.parametrize("joint", [(), ("rb",), ("re",), ("rb", "re")], ids=str)
def test_a_router_leads_inwards_once_the_inner_one_knows_what_to_do(joint: tuple[str, ...]) -> None:
    """Or a packet for the old address would leave the inner one unmarked, for whoever has that address now."""
    by_route = patent_handover(old=AT_INNER, new=NEW)
    held = done(by_route, topology=DEEP).targets
    target = done(replace(by_route, new=ip_address("5.5.5.50")), held=held, topology=DEEP).targets
    order = [(stage.phase, step.router) for stage in plan(held, target, joint) for step in stage.steps]
    assert order.index((Phase.LEAD, "rb")) > max(at for at, (_, router) in enumerate(order) if router == "re")


@pytest.mark.parametrize("goal", Goal)
def test_a_router_on_the_way_is_not_taken_for_the_phone(goal: Goal) -> None:
    """Within the inner router, or between it and the outer one: routes are all there is to tell the new address by."""
    for old, new in ((AT_INNER, ip_address("5.5.5.50")), (NEW, AT_INNER)):
        handover = patent_handover(old=old, new=new)
        states = done(handover, topology=DEEP).targets
        assert [one.new for one in standing(states, topology=DEEP)] == [new]
        assert recover(states, DEEP, goal) == []
        outer = {**states, "re": RouterState()}
        assert all(finding.handover.over for finding in recover(outer, DEEP, goal))


def test_a_correspondents_packets_turn_before_they_come_to_a_router_that_leads_them_on() -> None:
    """From one inner router to another one behind it: what the outermost one has, they never see."""
    inmost = Router("rf", (ip_network("6.6.6.0/24"),), "nftables", "lan", "wan", "re", (ip_address("5.5.5.9"),))
    topology = Topology([*DEEP.routers.values(), inmost])
    old, peer = ip_address("6.6.6.6"), Session("tcp", 40000, AT_INNER, 7000)
    for new in (NEW, host("ra", 4, 60)):
        (refused,) = make_plan([patent_handover(old=old, new=new, sessions=(peer,))], topology, {}).refused
        assert refused.code == "correspondent_on_home_network"
        assert "turn at re" in refused.reason
    done(patent_handover(old=old, new=ip_address("5.5.5.50"), sessions=(peer,)), topology=topology)


@EVERY_SCOPE
def test_within_one_router_a_route_is_all(scope: Scope) -> None:
    sessions = (Session("tcp", 40000, PEER, 7000), Session("tcp", 40001, BESIDE, 7000))
    planned = done(scoped(patent_handover(new=host("ra", 4, 51), sessions=sessions), scope))
    assert {type(one) for one in planned.targets["ra"]} == {Mark, Route}
    assert sum(len(state) for state in planned.targets.values()) == len(planned.targets["ra"])


def test_what_cannot_work_says_why() -> None:
    far = with_peer(ip_address("9.9.9.9"))
    (refused,) = make_plan([far], TOPOLOGY, {}).refused
    assert refused.code == "correspondent_unmanaged"
    by_iptables = Topology(replace(one, platform="iptables") for one in TOPOLOGY.routers.values())
    (refused,) = make_plan([with_peer(BESIDE)], by_iptables, {}).refused
    assert refused.code == "unsupported_neighbour"
    home = patent_handover(old=AT_INNER, new=NEW, sessions=(Session("tcp", 40000, ip_address("5.5.5.6"), 7000),))
    (refused,) = make_plan([home], DEEP, {}).refused
    assert refused.code == "correspondent_on_home_network"


@pytest.mark.parametrize(
    "changes",
    [{"behind": "rx"}, {"behind": "re"}, {"behind": ""}, {"addresses": []}, {"addresses": ["x"]}, {"behind": 7}],
    ids=str,
)
def test_a_router_is_behind_another_one(changes: dict[str, object]) -> None:
    inner = {"networks": ["5.5.5.0/24"], "platform": "nftables", "inside": "lan", "outside": "wan"}
    outer = {**inner, "networks": ["2.2.2.0/24"]}
    good: dict[str, object] = {**inner, "behind": "rb", "addresses": ["2.2.2.9"]}
    assert Topology.from_mapping({"rb": outer, "re": good}).path(AT_INNER)[0].name == "rb"
    with pytest.raises(HandoverError, match="bad_topology"):
        Topology.from_mapping({"rb": outer, "re": {**good, **changes}})
