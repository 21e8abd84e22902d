# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that let foreign sources leave: the home router sends on for correspondents whose router is not managed,
and a router that a phone has left sends on what is under way to it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.in_flight import in_flight
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address, Directions, Scope, Via
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import undo
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.proof import check
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover, standing
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import OUTSIDE, Packet, trace
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import Planned, make_plan

from .worlds import NEW, NOW, OLD, PEER, SESSION, TOPOLOGY, host, patent_handover

FAR = {4: ip_address("9.9.9.9"), 6: ip_address("2001:db8:9::9")}
AT_D = host("rd", 4, 50)
EVERY_SCOPE = pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)


def letting_pass(*names: str, platform: str = "nftables") -> Topology:
    """The topology, where foreign sources may leave these routers."""
    routers = TOPOLOGY.routers.values()
    return Topology(replace(one, foreign_sources=one.name in names, platform=platform) for one in routers)


def via_home(version: int = 4, scope: Scope = Scope.SESSION, **changes: object) -> Handover:
    """A phone that moved from A to B while it talked to somebody far away."""
    old, new, far = host("ra", version, 1), host("rb", version, 2), FAR[version]
    wide = scope is not Scope.SESSION
    sessions = () if wide else (Session("tcp", 40000, far, 7000),)
    peers = (far,) if wide else ()
    base = Handover(
        "far", old, new, NOW + 600, scope=scope, sessions=sessions, correspondents=peers, via=Via.HOME_ROUTER
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def done(handover: Handover, topology: Topology, held: dict[str, RouterState] | None = None) -> Planned:
    planned = make_plan([handover], topology, held or {})
    assert planned.refused == ()
    return planned


def text(state: RouterState) -> list[str]:
    return sorted(str(entry).partition(" (")[0] for entry in state)


@EVERY_SCOPE
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("directions", Directions, ids=lambda one: one.value)
def test_the_home_router_sends_on(scope: Scope, version: int, directions: Directions) -> None:
    """To the phone by A and B, back from B as it is: nobody on the way rewrites the answer."""
    topology = letting_pass("ra", "rb")
    handover = via_home(version, scope, directions=directions)
    planned = done(handover, topology)
    order = [(stage.phase, step.router) for stage in planned.stages for step in stage.steps]
    assert order == [(Phase.DECODE, "rb"), (Phase.ENCODE, "ra")]
    ports = (7000, 40000) if scope is Scope.SESSION else (None, None)
    there = Packet(FAR[version], handover.old, "tcp", *ports)
    walk = trace(there, OUTSIDE, topology, planned.targets)
    assert (walk.packet, walk.host) == (there, handover.new)
    assert [hop.where for hop in walk.hops] == [OUTSIDE, "ra", "ra", "rb", "rb"]
    back = trace(there.turned, "rb", topology, planned.targets)
    assert (back.packet, back.left, back.hops) == (there.turned, True, ())
    (note,) = planned.notes
    assert note.text.startswith(f"ra sends the packets of {FAR[version]} on to rb")
    # It is known from the routers alone, unmade as it was made, and nothing is left.
    (found,) = standing(planned.targets)
    assert (found.via, found.new, found.directions) == (Via.HOME_ROUTER, handover.new, directions)
    assert recover(planned.targets, topology, Goal.DONE) == []
    gone = done(replace(found, ended=True), topology, planned.targets)
    phases = [(stage.phase, step.router) for stage in gone.stages for step in stage.steps]
    assert phases.index((Phase.ENCODE, "ra")) < phases.index((Phase.RETIRE, "rb"))
    assert not any(len(state) for state in gone.targets.values())
    back_again = undo(planned.stages, [step.id for stage in planned.stages for step in stage.steps])
    assert [(stage.phase, stage.wait > 0) for stage in back_again] == [(Phase.ENCODE, False), (Phase.DECODE, True)]


def test_half_of_it_is_completed_or_taken_back() -> None:
    topology = letting_pass("ra", "rb")
    planned = done(via_home(), topology)
    states = {step.router: step.applied(RouterState()) for step in planned.stages[0].steps}
    for goal, over in ((Goal.DONE, False), (Goal.UNDONE, True)):
        (finding,) = recover(states, topology, goal)
        assert finding.handover.over is over
        repaired = done(finding.handover, topology, states).targets
        assert text(repaired["ra"]) == ([] if over else text(planned.targets["ra"]))


@pytest.mark.parametrize(
    ("passing", "code", "told"),
    [
        ((), "foreign_source_dropped", "ra: packets of 9.9.9.9"),
        (("rb",), "foreign_source_dropped", "ra: packets of 9.9.9.9"),
        (("ra",), "foreign_source_dropped", "rb: answers of 1.1.1.1"),
    ],
)
def test_it_is_refused_where_the_packets_would_be_dropped(passing: tuple[str, ...], code: str, told: str) -> None:
    (refused,) = make_plan([via_home()], letting_pass(*passing), {}).refused
    assert refused.code == code
    assert told in refused.reason
    assert "handover_foreign_sources" in refused.reason


def test_it_is_refused_without_being_asked_for() -> None:
    asked = replace(via_home(), via=Via.CORRESPONDENT_ROUTER)
    (refused,) = make_plan([asked], letting_pass("ra", "rb"), {}).refused
    assert refused.code == "correspondent_unmanaged"
    assert "via: home_router" in refused.reason


def test_iptables_translates_the_answers_too_and_is_refused() -> None:
    (refused,) = make_plan([via_home()], letting_pass("ra", "rb", platform="iptables"), {}).refused
    assert refused.code == "unsupported_directions"
    assert "forward on" in refused.reason


def test_a_proof_that_does_not_trust_the_network_fails() -> None:
    states = done(via_home(), letting_pass("ra", "rb")).targets
    with pytest.raises(HandoverError, match=r"walk_failed.*ingress filtering"):
        check(via_home(), letting_pass("rb"), states)
    with pytest.raises(HandoverError, match=r"walk_failed.*ingress filtering"):
        check(via_home(), letting_pass("ra"), states)


def test_beside_one_whose_router_is_managed() -> None:
    """His session goes both ways by his own router; the other one's answers are not touched."""
    topology = letting_pass("ra", "rb")
    both = via_home(sessions=(Session("tcp", 40000, FAR[4], 7000), SESSION))
    states = done(both, topology).targets
    assert text(states["ra"]) == ["outbound_dst tcp 9.9.9.9:7000 > 1.1.1.1:40000 to 2.2.2.2"]
    assert [line for line in text(states["rb"]) if line.startswith("outbound_src")] == [
        "outbound_src tcp 1.1.1.1:40000 > 3.3.3.3:7000 to 2.2.2.2"
    ]
    (found,) = standing(states)
    assert (found.directions, set(found.sessions)) == (Directions.BOTH, set(both.sessions))
    wide = replace(both, scope=Scope.ADDRESS, sessions=(), correspondents=(FAR[4], PEER))
    (refused,) = make_plan([wide], topology, {}).refused
    assert refused.code == "scope_too_wide"
    assert done(replace(wide, directions=Directions.FORWARD), topology).refused == ()


def test_a_far_correspondent_behind_a_masquerading_router_shows_its_outer_endpoint() -> None:
    hidden = Session("tcp", 40000, ip_address("10.0.0.5"), 7000, FAR[4], 50000)
    states = done(via_home(sessions=(hidden,)), letting_pass("ra", "rb")).targets
    assert text(states["ra"]) == ["outbound_dst tcp 9.9.9.9:50000 > 1.1.1.1:40000 to 2.2.2.2"]


def test_within_one_router_a_far_correspondent_needs_nobodys_leave() -> None:
    planned = done(via_home(new=host("ra", 4, 51), via=Via.CORRESPONDENT_ROUTER), TOPOLOGY)
    assert text(planned.targets["ra"]) == [
        "mark tcp 1.1.1.1:40000 > 9.9.9.9:7000",
        "mark tcp 9.9.9.9:7000 > 1.1.1.1:40000",
        "route 1.1.1.1 via 1.1.1.51 dev lan",
    ]
    assert planned.notes == ()


@EVERY_SCOPE
@pytest.mark.parametrize("far", [False, True], ids=["managed", "unmanaged"])
def test_what_is_under_way_to_the_router_that_was_left_is_sent_on(scope: Scope, far: bool) -> None:
    """From the correspondent's router's change until packets have drained; then B holds nothing of it."""
    topology = letting_pass("ra", "rb", "rd")
    first = via_home(scope=scope) if far else _scoped(scope)
    peer = FAR[4] if far else PEER
    planned = done(replace(first, new=AT_D), topology, done(first, topology).targets)
    assert any(
        note.text == f"rb sends on to {AT_D} what is under way to it, until its decoders go" for note in planned.notes
    )
    ports = (7000, 40000) if scope is Scope.SESSION else (None, None)
    late, found = Packet(peer, NEW, "tcp", *ports), []
    held = done(first, topology).targets
    for stage in planned.stages:
        for step in stage.steps:
            held = {**held, step.router: step.applied(held[step.router])}
        walk = trace(late, OUTSIDE if far else "rc", topology, held)
        assert walk.packet in (Packet(peer, OLD, "tcp", *ports), late)
        found.append((stage.phase, walk.host, walk.packet.destination))
        passing = in_flight(held["rb"])
        assert bool(passing) is (stage.phase is Phase.ENCODE)
        (told,) = (one for one in standing(held) if one.id == first.id)
        assert told.new == AT_D
    assert (Phase.ENCODE, AT_D, OLD) in found
    assert held["rb"] == RouterState()
    for state in planned.targets.values():
        assert not in_flight(state)


def test_where_no_foreign_source_may_leave_it_is_lost_and_told() -> None:
    planned = done(patent_handover(new=AT_D), TOPOLOGY, done(patent_handover(), TOPOLOGY).targets)
    assert [note.text for note in planned.notes] == [
        "what is under way to rb is lost: no foreign source may leave it (handover_foreign_sources)"
    ]
    assert not any(in_flight(step.after) for stage in planned.stages for step in stage.steps)


def _scoped(scope: Scope) -> Handover:
    if scope is Scope.SESSION:
        return patent_handover()
    peers: tuple[Address, ...] = (PEER,)
    return patent_handover(scope=scope, sessions=(), correspondents=peers)
