# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans with IOS among the routers: what all can express, what was given up for it, and in which order it goes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, reject

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions, Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet, trace
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import Planned, make_plan

from .test_plan_properties import after, assert_equal
from .worlds import NEW, NOW, OLD, PEER, TOPOLOGY, handovers, host, patent_handover


def with_ios(*names: str) -> Topology:
    """The world's routers, these of them IOS."""
    routers = TOPOLOGY.routers.values()
    return Topology(replace(one, platform="ios") if one.name in names else one for one in routers)


def wide(scope: Scope, **changes: object) -> Handover:
    return patent_handover(scope=scope, sessions=(), correspondents=(PEER,), **changes)


def phases(planned: Planned) -> list[tuple[Phase, str]]:
    return [(stage.phase, step.router) for stage in planned.stages for step in stage.steps]


def test_a_session_is_refused_with_its_reason_and_widened_only_when_told_to() -> None:
    topology = with_ios("rb")
    (refused,) = make_plan([patent_handover()], topology, {}).refused
    assert refused.code == "unsupported_scope"
    planned = make_plan([patent_handover()], topology, {}, widen=True)
    (handover,) = planned.handovers
    assert (handover.scope, handover.correspondents) == (Scope.CORRESPONDENT, (PEER,))
    assert [note.code for note in planned.notes] == ["widened", "no_expiry"]
    assert (
        "Widened from scope session, directions both to scope correspondent, directions both" in planned.notes[0].text
    )
    assert "new sessions" in planned.notes[0].text
    assert "rb will not forget it by itself" in planned.notes[1].text
    again = make_plan([patent_handover()], topology, planned.targets, widen=True)
    assert again.stages == ()


def test_at_the_correspondents_router_nothing_but_every_packet_can_be_had() -> None:
    topology = with_ios("rc")
    (refused,) = make_plan([wide(Scope.CORRESPONDENT)], topology, {}).refused
    assert (refused.code, "route-map" in refused.reason) == ("unsupported_scope", True)
    planned = make_plan([patent_handover(directions=Directions.FORWARD)], topology, {}, widen=True)
    assert planned.handovers[0].scope is Scope.ADDRESS
    assert planned.handovers[0].directions is Directions.BOTH
    assert "packets from the phone are rewritten as well" in planned.notes[0].text


def test_what_every_router_can_hold_is_not_widened() -> None:
    planned = make_plan([patent_handover()], TOPOLOGY, {}, widen=True)
    assert (planned.handovers[0].scope, planned.notes) == (Scope.SESSION, ())


def test_one_ios_router_stands_between_the_others_decoder_and_encoder() -> None:
    visited = make_plan([wide(Scope.CORRESPONDENT)], with_ios("rb"), {}, freeze=False)
    assert phases(visited) == [(Phase.DECODE, "rc"), (Phase.JOINT, "rb"), (Phase.ENCODE, "rc")]
    corresponding = make_plan([wide(Scope.ADDRESS)], with_ios("rc"), {}, freeze=False)
    assert phases(corresponding) == [(Phase.DECODE, "rb"), (Phase.JOINT, "rc"), (Phase.ENCODE, "rb")]


def test_two_ios_routers_freeze_or_are_refused_by_policy() -> None:
    topology = with_ios("rb", "rc")
    planned = make_plan([wide(Scope.ADDRESS)], topology, {})
    assert {Phase.FREEZE, Phase.THAW} <= {phase for phase, _router in phases(planned)}
    refused = make_plan([wide(Scope.ADDRESS)], topology, {}, freeze=False)
    assert (refused.stages, [item.code for item in refused.refused]) == ((), ["needs_freeze"])
    assert "rb, rc" in refused.refused[0].reason


def test_an_address_on_both_sides_of_one_router_is_refused_to_the_later_handover() -> None:
    """The correspondent in one phone's route-map is another phone's new address."""
    topology = with_ios("rb")
    first = wide(Scope.CORRESPONDENT)
    other = Handover(
        "other", host("rd", 4, 9), host("ra", 4, 9), NOW + 600, scope=Scope.ADDRESS, correspondents=(host("rb", 4, 7),)
    )
    assert make_plan([first, other], topology, {}).refused == ()
    clash = replace(other, new=PEER)
    codes = [item.code for item in make_plan([first, clash], topology, {}).refused]
    assert codes == ["address_on_both_sides"]


def test_what_ios_does_not_forget_ends_by_reconcile() -> None:
    topology = with_ios("rb")
    held = dict(make_plan([wide(Scope.CORRESPONDENT)], topology, {}).targets)
    held["rc"] = RouterState()  # nftables has forgotten it by then
    assert recover(held, topology, Goal.DONE, NOW + 600)[0].handover.ended is False
    (finding,) = recover(held, topology, Goal.DONE, NOW + 700)
    assert finding.handover.ended
    assert "its time is over" in finding.reason
    ended = make_plan([finding.handover], topology, held)
    assert all(len(state) == 0 for state in after(held, ended.stages).values())


@given(handovers().filter(lambda handover: handover.old.version == 4))
def test_whatever_can_be_planned_is_walked_in_the_order_of_ios(handover: Handover) -> None:
    """The plan's own check walks it; a handover that is refused says so by a known code."""
    topology = with_ios("ra", "rb", "rc", "rd")
    planned = make_plan([handover], topology, {}, widen=True)
    if planned.refused:
        assert planned.refused[0].code in {"unsupported_scope", "unsupported_directions", "scope_too_wide"}
        reject()
    assert_equal(
        after(planned.targets, make_plan(planned.handovers, topology, planned.targets).stages), planned.targets
    )


def test_a_trace_translates_between_the_sides_alone() -> None:
    topology = with_ios("rb")
    targets = make_plan([wide(Scope.ADDRESS)], topology, {}).targets
    inside, outside = Packet(OLD, host("rb", 4, 9)), Packet(OLD, PEER)
    assert trace(inside, "rb", topology, targets, by_side={"rb"}).packet == inside, "it stays on the inside"
    walk = trace(outside, "rb", topology, targets, by_side={"rb"})
    assert next(hop.packet.source for hop in walk.hops if hop.where == "rb") == NEW
    assert walk.packet == outside
    assert trace(inside, "rb", topology, targets).packet != inside, "nftables rewrites whatever matches"
