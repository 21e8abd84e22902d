# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repair of a run that was cut off anywhere, from what the routers hold and nothing else (design rule 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.placing import GRACE
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import DRAIN, plan
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover, standing
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Stage
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.repair import make_repair

from .test_plan_properties import EMPTY, States, after, assert_no_wrong_address, reach
from .worlds import PEER, TOPOLOGY, handovers, host, patent_handover

CHANGES = ("begin", "repoint", "withdraw", "refresh")


def scene(change: str, handover: Handover, data: st.DataObject) -> tuple[States, States, Sequence[Stage]]:
    """The states before and after a change, and its stages."""
    if change == "begin":
        target, stages = reach(EMPTY, handover)
        return EMPTY, target, stages
    held, _ = reach(EMPTY, handover)
    if change == "withdraw":
        wanted = replace(handover, ended=True, epoch=2)
    elif change == "refresh":
        wanted = replace(handover, expires=handover.expires + 300, epoch=2)
    else:
        taken = [TOPOLOGY.find(handover.old), TOPOLOGY.find(handover.new)]
        free = [name for name in ("ra", "rb", "rd") if TOPOLOGY.routers[name] not in taken]
        wanted = replace(handover, new=host(data.draw(st.sampled_from(free)), handover.old.version, 60), epoch=2)
    target, stages = reach(held, wanted)
    return held, target, stages


def cut(current: States, stages: Sequence[Stage], data: st.DataObject) -> States:
    """The states when a controller dies somewhere in these stages; within a stage, any of its steps may be done."""
    held = dict(current)
    number = data.draw(st.integers(0, len(stages)))
    for stage in stages[:number]:
        for step in stage.steps:
            held[step.router] = step.applied(held[step.router])
    if number < len(stages):
        for step in stages[number].steps:
            if data.draw(st.booleans()):
                held[step.router] = step.applied(held[step.router])
    return held


def repaired(held: States, goal: Goal) -> tuple[States, Sequence[Stage], list[Handover]]:
    planned, found = make_repair(held, TOPOLOGY, goal)
    assert not planned.refused, planned.refused
    return after(held, planned.stages), planned.stages, [finding.handover for finding in found]


def bare(states: States) -> dict[str, list[str]]:
    """The states without epochs and expiries."""
    plain = {
        name: sorted(str(replace(entry, stamp=replace(entry.stamp, epoch=0, expires=0))) for entry in state)
        for name, state in states.items()
    }
    return {name: entries for name, entries in plain.items() if entries}


@pytest.mark.parametrize("change", CHANGES)
@given(handovers(), st.data())
def test_completion_or_the_state_before(change: str, handover: Handover, data: st.DataObject) -> None:
    """Done leads to the end of the change, or to before it where nothing tells that it had begun."""
    before, target, stages = scene(change, handover, data)
    held = cut(before, stages, data)
    end, _, _ = repaired(held, Goal.DONE)
    untouched = bare(held) == bare(before)
    if untouched:
        assert bare(end) == bare(before)
    else:
        # Where the routers that know all the flows were not reached, what was begun is taken back.
        assert bare(end) in (bare(target), bare(before))


@pytest.mark.parametrize("change", CHANGES)
@given(handovers(), st.data())
def test_undoing_leads_back(change: str, handover: Handover, data: st.DataObject) -> None:
    before, target, stages = scene(change, handover, data)
    held = cut(before, stages, data)
    end, _, _ = repaired(held, Goal.UNDONE)
    if bare(held) in (bare(before), bare(target)) and change != "refresh":
        assert bare(end) == bare(held)
    else:
        # What no router knows any longer cannot be restored; then the change is finished.
        assert bare(end) in (bare(before), bare(target))


@pytest.mark.parametrize("goal", Goal)
@pytest.mark.parametrize("change", CHANGES)
@given(handovers(), st.data())
def test_repair_never_shows_a_wrong_address(change: str, goal: Goal, handover: Handover, data: st.DataObject) -> None:
    before, _, stages = scene(change, handover, data)
    held = cut(before, stages, data)
    _, repair, found = repaired(held, goal)
    for item in found:
        flows = replace(handover, new=item.new) if not item.over else handover
        assert_no_wrong_address(held, repair, flows)


@given(handovers())
def test_whole_handovers_are_recognised(handover: Handover) -> None:
    target, _ = reach(EMPTY, handover)
    assert recover(target, TOPOLOGY, Goal.DONE) == []
    (seen,) = standing(target)
    assert (seen.id, seen.old, seen.new, seen.expires) == (handover.id, handover.old, handover.new, handover.expires)
    assert not seen.over


def test_remnants_belong_to_nobody() -> None:
    assert standing({"rb": RouterState()}) == []


def test_a_plan_refuses_a_second_handover_of_one_old_address() -> None:
    """Or half of one and half of the other would stand under one id."""
    one, other = patent_handover(), patent_handover(new=host("rd", 4, 60))
    planned = make_plan([one, other], TOPOLOGY, EMPTY)
    assert [handover.new for handover in planned.handovers] == [one.new]
    assert [item.code for item in planned.refused] == ["duplicate_handover"]


def test_a_repair_drains_what_was_encoded_before_the_crash() -> None:
    """Encoders went just before the controller did, and the repair begins with decoders."""
    held, _ = reach(EMPTY, patent_handover())
    _, stages = reach(held, patent_handover(ended=True, epoch=2))
    before_last = after(held, stages[:-1])
    assert stages[-1].phase is Phase.RETIRE
    _, repair, _ = repaired(before_last, Goal.DONE)
    assert [(stage.phase, stage.wait) for stage in repair] == [(Phase.RETIRE, DRAIN)]


@pytest.mark.parametrize("goal", Goal)
def test_a_whole_handover_that_was_only_frozen_is_thawed(goal: Goal) -> None:
    """Cut off in the first stage of another change of a joint router: taking that back takes back nothing else."""
    held, _ = reach(EMPTY, patent_handover())
    target, _ = reach(held, patent_handover(new=host("rd", 4, 60), epoch=2))
    freeze, *_ = plan(held, target, {"rb", "rc"})
    assert freeze.phase is Phase.FREEZE
    end, _, found = repaired(after(held, [replace(freeze, steps=freeze.steps[:1])]), goal)
    assert [handover.new for handover in found] == [patent_handover().new]
    assert bare(end) == bare(held)


@pytest.mark.parametrize("goal", Goal)
def test_a_refresh_that_was_cut_off_keeps_where_a_masqueraded_correspondent_is_seen(goal: Goal) -> None:
    """Each router's entries are of another epoch then, and each of them knows one side only."""
    session = Session("tcp", 40000, PEER, 7000, host("rc", 4, 1), 7221)
    call = patent_handover(sessions=(session,), directions=Directions.FORWARD)
    held, _ = reach(EMPTY, call)
    _, stages = reach(held, replace(call, expires=call.expires + 300, epoch=2))
    assert [step.router for step in stages[0].steps] == ["rb"]
    end, _, found = repaired(after(held, stages[:1]), goal)
    assert [handover.sessions for handover in found] == [(session,)]
    assert bare(end) == bare(held)


def test_what_stood_before_is_not_put_back_once_its_time_is_over() -> None:
    """No router would take it: what is put there has not expired."""
    former = patent_handover()
    held, _ = reach(EMPTY, former)
    wanted = replace(former, new=host("rd", 4, 60), expires=former.expires + 600, epoch=2)
    _, stages = reach(held, wanted)
    for step in stages[0].steps:
        held[step.router] = step.applied(held[step.router])
    for now, over in ((former.expires, False), (former.expires + GRACE, True)):
        (finding,) = recover(held, TOPOLOGY, Goal.UNDONE, now)
        assert (finding.ways[0].what, finding.handover.over) == ("taken back", over)
        assert (finding.ways[1].what, finding.ways[1].handover.new) == ("completed", wanted.new)


def test_a_later_change_of_which_nothing_older_is_left_is_completed() -> None:
    """Nothing stood before a first programming alone."""
    begun, _ = reach(EMPTY, patent_handover())
    held = {
        name: RouterState(entry for entry in state if entry.role.value != "encoder_src")
        for name, state in begun.items()
    }
    later = {
        name: RouterState(replace(entry, stamp=replace(entry.stamp, epoch=2)) for entry in state)
        for name, state in held.items()
    }
    assert [finding.ways[0].what for finding in recover(held, TOPOLOGY, Goal.UNDONE)] == ["taken back"]
    assert [finding.ways[0].what for finding in recover(later, TOPOLOGY, Goal.UNDONE)] == ["completed"]
