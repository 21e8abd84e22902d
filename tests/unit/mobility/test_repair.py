# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A repair that cannot go the way it was asked to goes the other one, and says so; it leaves what can go neither.

A controller was lost in the middle, others went on, and what they did stands in the way of one of the ways.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.proof import check
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.repair import make_repair

from .test_plan_properties import EMPTY, States, after, assert_equal, assert_no_wrong_address
from .test_recover import bare
from .test_same_ports import FIRST, LEAVER, D
from .worlds import TOPOLOGY, host

#: The phone moves on to D, from where another one with the same ports went elsewhere.
ON = replace(FIRST, new=D, epoch=2)
FROM_D = replace(LEAVER, id="fromd", old=D, new=host("ra", 4, 71))
LEFT_B = replace(LEAVER, new=host("ra", 4, 70))


def done(held: States, *wanted: Handover) -> States:
    planned = make_plan(wanted, TOPOLOGY, held)
    assert planned.refused == ()
    return after(held, planned.stages)


def cut(held: States, wanted: Handover, last: Phase) -> States:
    """The controller is lost after this phase."""
    stages = make_plan([wanted], TOPOLOGY, held).stages
    return after(held, stages[: [stage.phase for stage in stages].index(last) + 1])


def told(held: States, goal: Goal) -> tuple[States, dict[str, str]]:
    """The states after the repair, and what was said of each handover, without what was found."""
    planned, findings = make_repair(held, TOPOLOGY, goal)
    end = after(held, planned.stages)
    for finding in findings:
        if not finding.left:
            check(finding.handover, TOPOLOGY, end)
            if not finding.handover.over:
                assert_no_wrong_address(held, planned.stages, finding.handover)
    refused = {item.handover.id for item in planned.refused}
    assert refused == {finding.handover.id for finding in findings if finding.left}
    return end, {finding.handover.id: finding.reason[len(finding.found) + 2 :] for finding in findings}


def test_what_cannot_be_completed_is_taken_back() -> None:
    """Meanwhile the same ports are in use at the new address, by a handover that is whole."""
    held = done(cut(EMPTY, FIRST, Phase.DECODE), LEAVER)
    end, reasons = told(held, Goal.DONE)
    assert reasons["first"].startswith("taken back; cannot be completed: ambiguous_session: ")
    assert_equal(end, done(EMPTY, LEAVER))


def test_two_that_are_in_each_others_way_are_both_taken_back() -> None:
    """Each could be completed, were it alone."""
    held = cut(cut(EMPTY, FIRST, Phase.DECODE), LEAVER, Phase.DECODE)
    assert [finding.ways[0].what for finding in recover(held, TOPOLOGY, Goal.DONE)] == ["completed", "completed"]
    end, reasons = told(held, Goal.DONE)
    assert all("taken back; cannot be completed: ambiguous_session: " in reasons[name] for name in ("first", "leaver"))
    assert_equal(end, EMPTY)


def test_what_cannot_be_taken_back_is_completed() -> None:
    """The phone went on, and the address that it left is another one's former address of the same ports by now."""
    held = done(cut(done(EMPTY, FIRST), ON, Phase.ENCODE), LEFT_B)
    end, reasons = told(held, Goal.UNDONE)
    assert reasons["first"].startswith("completed; cannot be taken back: ambiguous_session: ")
    assert bare(end) == bare(done(done(EMPTY, ON), LEFT_B))


@pytest.mark.parametrize("goal", Goal)
def test_what_can_go_neither_way_is_left_as_it_is(goal: Goal) -> None:
    held = cut(done(EMPTY, FIRST), ON, Phase.DECODE)
    # Hand-made: no plan would let both come while the first one's encoders stand.
    for other in (LEFT_B, FROM_D):
        alone = make_plan([other], TOPOLOGY, EMPTY).targets
        held = {name: state.changed((), alone[name]) for name, state in held.items()}
    end, reasons = told(held, goal)
    assert reasons["first"].startswith("left as it is; cannot be ")
    assert {"completed", "taken back"} == {part.split(":")[0] for part in reasons["first"].split("; cannot be ")[1:]}
    assert set(reasons) == {"first"}, "the others are whole"
    assert_equal(end, held)


def test_a_router_that_does_not_answer_turns_nothing_round() -> None:
    """It may hold encoders for the decoders that would be taken away."""
    held = cut(EMPTY, FIRST, Phase.DECODE)
    unheard = {name: state for name, state in held.items() if name != "rc"}
    planned, (finding,) = make_repair(unheard, TOPOLOGY, Goal.DONE, {"rc": "timed out"})
    assert [item.code for item in planned.refused] == ["router_unreachable"]
    assert planned.stages == ()
    assert finding.left
    assert "cannot be completed: router_unreachable: " in finding.reason


@pytest.mark.parametrize("goal", Goal)
def test_a_hidden_session_by_route_alone_is_known_at_every_step(goal: Goal) -> None:
    """The phone comes back from behind its home router, where the correspondent is hidden; the route changes there."""
    hidden = Session("udp", 5060, ip_address("10.0.1.20"), 5060, host("ra", 4, 2), 33001)
    inner = Router("re", (ip_network("5.5.5.0/24"),), "nftables", "lan", "wan", "ra", (host("ra", 4, 9),))
    home = replace(TOPOLOGY.routers["ra"], networks=(*TOPOLOGY.routers["ra"].networks, ip_network("10.0.1.0/24")))
    topology = Topology([home, inner])
    away = replace(FIRST, new=ip_address("5.5.5.5"), sessions=(hidden,))
    held = make_plan([away], topology, {}).targets
    states = dict(held)
    for stage in make_plan([replace(away, new=host("ra", 4, 60))], topology, held).stages:
        for step in stage.steps:
            states[step.router] = step.applied(states[step.router])
        planned, findings = make_repair(states, topology, goal)
        assert planned.refused == ()
        assert all(finding.handover.sessions == (hidden,) for finding in findings)


@pytest.mark.parametrize("goal", Goal)
def test_a_correspondent_that_went_behind_its_home_router_is_not_beside_it(goal: Goal) -> None:
    """A route alone leads to it there: no rewrite tells where it is. The one that it talks to went to B."""
    inner = Router("re", (ip_network("5.5.5.0/24"),), "nftables", "lan", "wan", "ra", (host("ra", 4, 9),))
    topology = Topology([*TOPOLOGY.routers.values(), inner])
    peer = host("ra", 4, 70)
    gone = replace(FIRST, sessions=(Session("tcp", 5060, peer, 5060),))
    inside = replace(FIRST, id="inside", old=peer, new=ip_address("5.5.5.5"))
    inside = replace(inside, sessions=(Session("tcp", 5060, gone.old, 5060),))
    planned = make_plan([inside, gone], topology, {})
    assert planned.refused == ()
    assert recover(planned.targets, topology, goal) == []
