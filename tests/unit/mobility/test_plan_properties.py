# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a plan, by walking packets while the routers stand at different steps.

A live session dies when a host is shown a wrong address for a moment. So for
every pair of router positions that can occur between two packets' hops, a
packet of a live session arrives as its hosts expect it, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import plan, undo
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.proof import check
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Stage, stands_with
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet, trace

from .worlds import NOW, OLD, PEER, TOPOLOGY, handovers, host, patent_handover

States = dict[str, RouterState]
EMPTY: States = {name: RouterState() for name in TOPOLOGY.routers}


def walk_through(current: States, stages: Sequence[Stage]) -> list[list[States]]:
    """Every combination of router positions, stage by stage: within a stage the steps end in any order."""
    positions = []
    held = dict(current)
    for stage in stages:
        after = dict(held)
        for step in stage.steps:
            after[step.router] = step.applied(held.get(step.router, RouterState()))
        positions.append([held, after])
        held = after
    return positions


def mixtures(current: States, stages: Sequence[Stage]) -> Iterator[tuple[States, States]]:
    """States that a packet can meet: at its first router, and at its later ones.

    The routers of one stage change in any order, all of them before the next stage, so two routers are one
    stage apart at most at any one time. A packet under way meets its second router any time later, but
    before a stage that waits longer than a packet lives.
    """
    cuts = [dict(current)]
    for before_after in walk_through(current, stages):
        cuts.append(before_after[1])
    drained = [index for index, stage in enumerate(stages) if stage.wait > 0]
    for first in range(len(cuts)):
        for second in range(max(0, first - 1), len(cuts)):
            if any(first < index and second > index for index in drained):
                continue
            yield cuts[first], cuts[second]


def packets_of(handover: Handover) -> Iterator[tuple[Packet, str]]:
    """Each live packet as its sender sends it, and its sender's router."""
    place = TOPOLOGY.find(handover.new)
    assert place is not None
    flows: list[tuple[Any, str, int | None, int | None]] = [
        (s.correspondent, s.protocol, s.correspondent_port, s.port) for s in handover.sessions
    ] or [(peer, "icmp", None, None) for peer in handover.correspondents]
    for peer, protocol, peer_port, port in flows:
        router = TOPOLOGY.find(peer)
        assert router is not None
        yield Packet(peer, handover.old, protocol, peer_port, port), router.name
        yield Packet(handover.old, peer, protocol, port, peer_port), place.name


def assert_no_wrong_address(current: States, stages: Sequence[Stage], handover: Handover) -> None:
    filtering = handover.directions is Directions.BOTH
    for states, later in mixtures(current, stages):
        for packet, router in packets_of(handover):
            walk = trace(packet, router, TOPOLOGY, states, later, ingress_filtering=filtering)
            assert not walk.delivered or walk.packet == packet, (
                f"{packet} is shown as {walk.packet}",
                [str(hop) for hop in walk.hops],
            )


def reach(current: States, *wanted: Handover) -> tuple[States, tuple[Stage, ...]]:
    target, refused = target_states(current, wanted, TOPOLOGY)
    if any(item.code == "scope_too_wide" for item in refused):
        reject()
    assert not refused, refused
    return target, plan(current, target)


def after(current: States, stages: Sequence[Stage]) -> States:
    positions = walk_through(current, stages)
    return positions[-1][1] if positions else current


def assert_equal(one: States, other: States) -> None:
    for name in TOPOLOGY.routers:
        assert same_state(one.get(name, RouterState()), other.get(name, RouterState())), name


@given(handovers())
def test_first_programming_delivers_and_never_shows_a_wrong_address(handover: Handover) -> None:
    target, stages = reach(EMPTY, handover)
    assert_no_wrong_address(EMPTY, stages, handover)
    assert_equal(after(EMPTY, stages), target)
    check(handover, TOPOLOGY, target)


@given(handovers())
def test_withdrawal_leaves_nothing_and_never_shows_a_wrong_address(handover: Handover) -> None:
    held, _ = reach(EMPTY, handover)
    target, stages = reach(held, replace(handover, ended=True, epoch=2))
    assert_no_wrong_address(held, stages, handover)
    assert_equal(after(held, stages), EMPTY)
    assert_equal(target, EMPTY)


@given(handovers(), st.data())
def test_repoint_never_shows_a_wrong_address(handover: Handover, data: st.DataObject) -> None:
    held, _ = reach(EMPTY, handover)
    taken = [TOPOLOGY.find(handover.old), TOPOLOGY.find(handover.new)]
    others = [name for name in ("ra", "rb", "rd") if TOPOLOGY.routers[name] not in taken]
    moved = replace(handover, new=host(data.draw(st.sampled_from(others)), handover.old.version, 60), epoch=2)
    target, stages = reach(held, moved)
    assert_no_wrong_address(held, stages, moved)
    assert_equal(after(held, stages), target)
    check(moved, TOPOLOGY, target)
    assert not any(entry.stamp.epoch == 1 for state in target.values() for entry in state)


@given(handovers(), st.integers(-500, 5000))
def test_refresh_extends_decoders_before_encoders_and_shortens_them_after(handover: Handover, change: int) -> None:
    held, _ = reach(EMPTY, handover)
    refreshed = replace(handover, expires=handover.expires + change, epoch=2)
    target, stages = reach(held, refreshed)
    assert_equal(after(held, stages), target)
    for cut, _ in mixtures(held, stages):
        ends: dict[str, list[int]] = {"decoder": [], "encoder": []}
        for state in cut.values():
            for entry in state:
                ends["encoder" if entry.role.value.startswith("encoder") else "decoder"].append(entry.stamp.expires)
        if ends["encoder"]:
            assert min(ends["decoder"]) >= max(ends["encoder"]) + 30


@given(handovers(), st.data())
def test_undo_at_any_point_restores_and_never_shows_a_wrong_address(handover: Handover, data: st.DataObject) -> None:
    _, stages = reach(EMPTY, handover)
    steps = [step for stage in stages for step in stage.steps]
    ran = steps[: data.draw(st.integers(0, len(steps)))]
    held = dict(EMPTY)
    for step in ran:
        held[step.router] = step.applied(held[step.router])
    back = undo(stages, [step.id for step in ran])
    assert_no_wrong_address(held, back, handover)
    assert_equal(after(held, back), EMPTY)


def taken_back(stages: Sequence[Stage], lost: str) -> tuple[Stage, ...]:
    """What comes about of an undo whose steps on one router come to nothing."""
    found: list[Stage] = []
    stuck: set[Phase] = set()
    for stage in stages:
        stays = stands_with(stage.phase) & stuck
        if stays or lost in [step.router for step in stage.steps]:
            stuck.add(stage.phase)
        if not stays:
            found.append(replace(stage, steps=tuple(step for step in stage.steps if step.router != lost)))
    return tuple(found)


@given(handovers(), st.booleans(), st.booleans(), st.data())
def test_undo_without_a_router_that_was_lost_never_shows_a_wrong_address(
    handover: Handover, goes_on: bool, acknowledges: bool, data: st.DataObject
) -> None:
    """It was lost before its encoders, or only its acknowledgement was."""
    held, moved = dict(EMPTY), handover
    if goes_on:
        held, _ = reach(EMPTY, handover)
        taken = [TOPOLOGY.find(handover.old), TOPOLOGY.find(handover.new)]
        others = [name for name in ("ra", "rb", "rd") if TOPOLOGY.routers[name] not in taken]
        moved = replace(handover, new=host(data.draw(st.sampled_from(others)), handover.old.version, 60), epoch=2)
    _, stages = reach(held, moved)
    encoding = [number for number, one in enumerate(stages) if one.phase in (Phase.CLEAR_SRC, Phase.ENCODE)]
    assume(encoding)  # behind one router there are none
    last = data.draw(st.sampled_from(encoding))
    lost = data.draw(st.sampled_from([step.router for step in stages[last].steps]))
    ran = [step for stage in stages[: last + 1] for step in stage.steps]
    for step in ran:
        if acknowledges or step not in stages[last].steps or step.router != lost:
            held[step.router] = step.applied(held.get(step.router, RouterState()))
    back = taken_back(undo(stages, [step.id for step in ran]), lost)
    assert_no_wrong_address(held, back, moved)


@given(handovers(owner=1), handovers(owner=2))
def test_two_phones_do_not_disturb_each_other(one: Handover, other: Handover) -> None:
    held, _ = reach(EMPTY, one)
    target, refused = target_states(held, [other], TOPOLOGY)
    if refused:
        assert {item.code for item in refused} <= {"selector_in_use", "scope_too_wide"}
        assert_equal(target, held)
        return
    stages = plan(held, target)
    assert_equal(after(held, stages), target)
    check(one, TOPOLOGY, target)
    gone, _ = target_states(target, [replace(other, ended=True, epoch=2)], TOPOLOGY)
    assert_equal(gone, held)


@given(handovers())
def test_a_plan_changes_every_router_once_in_a_stage(handover: Handover) -> None:
    _, stages = reach(EMPTY, handover)
    for stage in stages:
        routers = [step.router for step in stage.steps]
        assert len(routers) == len(set(routers))


@given(handovers())
def test_planning_from_the_target_plans_nothing(handover: Handover) -> None:
    target, _ = reach(EMPTY, handover)
    again, stages = reach(target, handover)
    assert stages == ()
    assert_equal(again, target)


@pytest.mark.parametrize("router", ["rb", "rc"])
def test_the_walk_sees_what_is_wrong_with_an_encoder_first_order(router: str) -> None:
    """At the visited router, or at the correspondent's."""
    handover = patent_handover()
    _, (decoding, encoding) = reach(EMPTY, handover)
    early = tuple(step for step in encoding.steps if step.router == router)
    late = tuple(step for step in encoding.steps if step.router != router)
    wrong = [replace(encoding, steps=early), decoding, replace(encoding, steps=late)]
    with pytest.raises(AssertionError, match="is shown as"):
        assert_no_wrong_address(EMPTY, wrong, handover)


def test_the_walk_sees_what_is_wrong_when_decoders_go_first() -> None:
    handover = patent_handover()
    held, _ = reach(EMPTY, handover)
    _, stages = reach(held, replace(handover, ended=True, epoch=2))
    wrong = [stage for stage in stages if stage.phase is Phase.RETIRE] + [
        stage for stage in stages if stage.phase is not Phase.RETIRE
    ]
    with pytest.raises(AssertionError, match="is shown as"):
        assert_no_wrong_address(held, wrong, handover)


def test_the_patents_example_in_the_patents_words() -> None:
    """US 7,082,118, figure 2: C rewrites 1.1.1.1 to 2.2.2.2, B rewrites it back and routes it (step 240)."""
    target, stages = reach(EMPTY, patent_handover(directions=Directions.FORWARD))
    assert [stage.phase for stage in stages] == [Phase.DECODE, Phase.ENCODE]
    walk = trace(Packet(PEER, OLD, "tcp", 7000, 40000), "rc", TOPOLOGY, target)
    assert [(hop.where, hop.what) for hop in walk.hops] == [
        ("rc", "outbound_dst to 2.2.2.2"),
        ("rc", "to rb"),
        ("rb", "inbound_dst to 1.1.1.1"),
        ("rb", "route 1.1.1.1 via 2.2.2.2 dev lan"),
    ]


def test_a_new_session_to_the_new_address_is_not_touched_with_scope_session() -> None:
    target, _ = reach(EMPTY, patent_handover())
    packet = Packet(PEER, patent_handover().new, "tcp", 50000, 7100)
    assert trace(packet, "rc", TOPOLOGY, target).packet == packet
    assert NOW < patent_handover().expires
