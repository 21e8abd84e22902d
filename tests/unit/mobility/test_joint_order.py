# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a plan where some routers cannot split decoder and encoder (design rule 3): walked as the rest is.

Such a router changes as a whole while the flows concerned are frozen on it. Any set of routers may be of that
kind: B, C, both, or one that the mobile node leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions, Freeze, Rewrite
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import plan, undo
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.proof import check
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Stage
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet, trace

from .test_plan_properties import EMPTY, States, after, assert_equal, assert_no_wrong_address, mixtures, reach
from .worlds import NOW, OLD, PEER, TOPOLOGY, handovers, host, patent_handover

JOINT = st.sets(st.sampled_from(sorted(TOPOLOGY.routers)), min_size=1)


def joint_plan(current: States, wanted: Handover, joint: set[str]) -> tuple[States, Sequence[Stage]]:
    """Target and stages; a joint router holds both directions, so both are asked for."""
    target, _ = reach(current, wanted)
    return target, plan(current, target, joint)


def both(handover: Handover) -> Handover:
    return replace(handover, directions=Directions.BOTH)


@given(handovers().map(both), JOINT)
def test_first_programming(handover: Handover, joint: set[str]) -> None:
    target, stages = joint_plan(EMPTY, handover, joint)
    assert_no_wrong_address(EMPTY, stages, handover)
    assert_equal(after(EMPTY, stages), target)
    check(handover, TOPOLOGY, target)


@given(handovers().map(both), JOINT)
def test_withdrawal(handover: Handover, joint: set[str]) -> None:
    held, _ = reach(EMPTY, handover)
    _, stages = joint_plan(held, replace(handover, ended=True, epoch=2), joint)
    assert_no_wrong_address(held, stages, handover)
    assert_equal(after(held, stages), EMPTY)


@given(handovers().map(both), JOINT, st.data())
def test_repoint(handover: Handover, joint: set[str], data: st.DataObject) -> None:
    held, _ = reach(EMPTY, handover)
    taken = [TOPOLOGY.find(handover.old), TOPOLOGY.find(handover.new)]
    others = [name for name in ("ra", "rb", "rd") if TOPOLOGY.routers[name] not in taken]
    moved = replace(handover, new=host(data.draw(st.sampled_from(others)), handover.old.version, 60), epoch=2)
    target, stages = joint_plan(held, moved, joint)
    assert_no_wrong_address(held, stages, moved)
    assert_equal(after(held, stages), target)


@given(handovers().map(both), JOINT, st.data())
def test_undo_at_any_point(handover: Handover, joint: set[str], data: st.DataObject) -> None:
    _, stages = joint_plan(EMPTY, handover, joint)
    steps = [step for stage in stages for step in stage.steps]
    ran = steps[: data.draw(st.integers(0, len(steps)))]
    held = dict(EMPTY)
    for step in ran:
        held[step.router] = step.applied(held[step.router])
    back = undo(stages, [step.id for step in ran])
    assert_no_wrong_address(held, back, handover)
    assert_equal(after(held, back), EMPTY)


@given(handovers().map(both), JOINT, st.integers(-500, 5000))
def test_a_refresh_freezes_nothing(handover: Handover, joint: set[str], change: int) -> None:
    """The rewrites stay as they are: no packet needs to be dropped for a new expiry."""
    held, _ = reach(EMPTY, handover)
    target, stages = joint_plan(held, replace(handover, expires=handover.expires + change, epoch=2), joint)
    assert not {stage.phase for stage in stages} & {Phase.FREEZE, Phase.JOINT, Phase.THAW}
    assert_equal(after(held, stages), target)


def test_nothing_stays_frozen_in_the_end_and_the_other_router_encodes_last() -> None:
    """US 7,082,118's two routers, the visited one joint: C decodes, B changes, C encodes, B is thawed."""
    target, stages = joint_plan(EMPTY, patent_handover(), {"rb"})
    order = [(stage.phase, step.router) for stage in stages for step in stage.steps]
    assert order == [
        (Phase.FREEZE, "rb"),
        (Phase.DECODE, "rc"),
        (Phase.JOINT, "rb"),
        (Phase.ENCODE, "rc"),
        (Phase.THAW, "rb"),
    ]
    assert not any(isinstance(entry, Freeze) for state in after(EMPTY, stages).values() for entry in state)
    assert_equal(after(EMPTY, stages), target)


def test_without_the_freeze_a_wrong_address_is_shown() -> None:
    """What rule 3 says was tried: two joint routers in either order, and no freeze."""
    handover = patent_handover()
    _, stages = joint_plan(EMPTY, handover, {"rb", "rc"})
    (joint,) = (stage for stage in stages if stage.phase is Phase.JOINT)
    bare = [replace(joint, steps=(step,)) for step in joint.steps]
    for order in (bare, bare[::-1]):
        with pytest.raises(AssertionError, match="is shown as"):
            assert_no_wrong_address(EMPTY, order, handover)


def test_a_repair_keeps_frozen_what_it_finds_no_decoder_for_until_packets_have_drained() -> None:
    """Cut off after the joint router changed: the other one encoded until a moment before."""
    held, _ = reach(EMPTY, patent_handover())
    target, stages = joint_plan(held, patent_handover(ended=True, epoch=2), {"rc"})
    cut = next(number for number, stage in enumerate(stages) if stage.phase is Phase.JOINT) + 1
    broken = after(held, stages[:cut])
    repair = plan(broken, target, {"rc"})
    assert_no_wrong_address(held, [*stages[:cut], *repair], patent_handover())
    assert_equal(after(broken, repair), target)


def test_marks_and_a_route_that_go_wait_for_packets_under_way() -> None:
    """A phone that moved within the joint router's networks goes on: what was sent before comes after."""
    beside = patent_handover(new=host("ra", 4, 60))
    held, _ = reach(EMPTY, beside)
    _, stages = joint_plan(held, replace(beside, new=host("rc", 4, 60), epoch=2), {"ra"})
    order = [(stage.phase, stage.wait, step.router) for stage in stages for step in stage.steps]
    assert order == [(Phase.DECODE, 0.0, "rc"), (Phase.RETIRE, 2.0, "ra")]


def test_frozen_is_also_what_a_rewrite_that_stays_turns_into_what_changes() -> None:
    """Both ends moved, and the peer's own handover comes last: its router sends on to the phone's new address what the
    peer sends to the old one, and only then is that another handover's."""
    peers_own = Handover("peer", PEER, host("rd", 4, 10), NOW + 600, sessions=(Session("tcp", 7000, OLD, 40000),))
    target, refused = target_states({}, [patent_handover(), peers_own], TOPOLOGY)
    assert not refused
    held = {name: state.without(["peer"]) for name, state in target.items()}
    stages = plan(held, target, {"rb", "rd"})
    sent = Packet(PEER, OLD, "tcp", 7000, 40000)
    for states, later in mixtures(held, stages):
        for packet, router in ((sent, "rd"), (sent.turned, "rb")):
            walk = trace(packet, router, TOPOLOGY, states, later)
            assert not walk.delivered or walk.packet == packet, [str(hop) for hop in walk.hops]
    assert_equal(after(held, stages), target)


def test_what_is_frozen_stays_so_as_long_as_any_router_may_go_on() -> None:
    """The controller is lost while joint routers change, and a refresh was on its way: one has the later expiry."""
    held, _ = reach(EMPTY, patent_handover())
    target, _ = reach(held, patent_handover(new=host("rd", 4, 60), expires=NOW + 900, epoch=2))
    stages = plan(held, target, {"rc"})
    freeze = next(step for step in stages[0].steps if step.router == "rc")
    ends = {entry.match: entry.stamp.expires for entry in target["rc"] if isinstance(entry, Rewrite)}
    for entry in freeze.after:
        assert isinstance(entry, Freeze)
        assert entry.stamp.expires >= ends.get(entry.match, 0)


def test_a_freeze_that_is_found_is_made_to_last() -> None:
    """By whoever repairs what was cut off, with a later expiry than it was begun with."""
    held, _ = reach(EMPTY, patent_handover())
    _, stages = joint_plan(held, patent_handover(new=host("rd", 4, 60), epoch=2), {"rc"})
    frozen = after(held, stages[:1])
    target, again = joint_plan(frozen, patent_handover(new=host("rd", 4, 60), expires=NOW + 900, epoch=2), {"rc"})
    put = [entry for step in again[0].steps for entry in step.after if isinstance(entry, Freeze)]
    assert put
    assert_equal(after(frozen, again), target)


ONE = st.sampled_from(sorted(TOPOLOGY.routers))
FROZEN = {Phase.FREEZE, Phase.THAW}


@given(handovers().map(both), ONE)
def test_one_atomic_router_is_programmed_and_withdrawn_without_a_freeze(handover: Handover, name: str) -> None:
    """Design, rule 3: the others' decoders, the atomic one, the others' encoders; and the other way round."""
    target, _ = reach(EMPTY, handover)
    there = plan(EMPTY, target, {name}, atomic={name})
    back = plan(target, reach(target, replace(handover, ended=True, epoch=2))[0], {name}, atomic={name})
    for held, stages, goal in ((EMPTY, there, target), (target, back, EMPTY)):
        assert not {stage.phase for stage in stages} & FROZEN
        assert_no_wrong_address(held, stages, handover)
        assert_equal(after(held, stages), goal)


@given(handovers().map(both), ONE, st.booleans(), st.data())
def test_undo_with_an_atomic_router(handover: Handover, name: str, withdrawn: bool, data: st.DataObject) -> None:
    held, _ = reach(EMPTY, handover)
    goal = reach(held, replace(handover, ended=True, epoch=2))[0] if withdrawn else held
    start = held if withdrawn else EMPTY
    stages = plan(start, goal, {name}, atomic={name})
    steps = [step for stage in stages for step in stage.steps]
    ran = steps[: data.draw(st.integers(0, len(steps)))]
    reached = dict(start)
    for step in ran:
        reached[step.router] = step.applied(reached[step.router])
    back = undo(stages, [step.id for step in ran])
    assert_no_wrong_address(reached, back, handover)
    assert_equal(after(reached, back), start)


@given(handovers().map(both), JOINT, st.data())
def test_repoint_with_atomic_routers(handover: Handover, joint: set[str], data: st.DataObject) -> None:
    held, _ = reach(EMPTY, handover)
    taken = [TOPOLOGY.find(handover.old), TOPOLOGY.find(handover.new)]
    others = [name for name in ("ra", "rb", "rd") if TOPOLOGY.routers[name] not in taken]
    moved = replace(handover, new=host(data.draw(st.sampled_from(others)), handover.old.version, 60), epoch=2)
    target, _ = reach(held, moved)
    stages = plan(held, target, joint, atomic=joint)
    assert_no_wrong_address(held, stages, moved)
    assert_equal(after(held, stages), target)


def test_the_patents_two_routers_with_the_visited_one_atomic() -> None:
    target, _ = reach(EMPTY, patent_handover())
    stages = plan(EMPTY, target, {"rb"}, atomic={"rb"})
    order = [(stage.phase, step.router) for stage in stages for step in stage.steps]
    assert order == [(Phase.DECODE, "rc"), (Phase.JOINT, "rb"), (Phase.ENCODE, "rc")]
    gone = plan(target, reach(target, patent_handover(ended=True, epoch=2))[0], {"rb"}, atomic={"rb"})
    moving = [(stage.phase, stage.wait, step.router) for stage in gone for step in stage.steps]
    assert [item for item in moving if item[0] is not Phase.DECODE] == [
        (Phase.ENCODE, 0.0, "rc"),
        (Phase.RETIRE_JOINT, 2.0, "rb"),
        (Phase.RETIRE, 2.0, "rb"),
        (Phase.RETIRE, 2.0, "rc"),
    ]


def test_two_atomic_routers_freeze() -> None:
    target, _ = reach(EMPTY, patent_handover())
    stages = plan(EMPTY, target, {"rb", "rc"}, atomic={"rb", "rc"})
    assert {stage.phase for stage in stages} >= FROZEN
