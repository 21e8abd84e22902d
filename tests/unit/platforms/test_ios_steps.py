# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole plans, step by step, on stand-ins of IOS: each step does what the plan says, and nothing is left in the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import undo
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Stage, Step
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ..mobility.worlds import NOW, TOPOLOGY, handovers, host
from .ios_device import Terminal
from .ios_router import router

LAND = Topology(replace(one, platform="ios", inside="GigabitEthernet1") for one in TOPOLOGY.routers.values())
WANTED = handovers().filter(lambda handover: handover.old.version == 4)


class Land:
    """All routers are stand-ins of IOS."""

    def __init__(self) -> None:
        self.terminals = {name: Terminal() for name in LAND.routers}
        self._routers: dict[str, ManagedRouter] = {name: router(one) for name, one in self.terminals.items()}
        self._before = self.configurations()

    def configurations(self) -> list[list[str]]:
        return [one.config.lines() for one in self.terminals.values()]

    @property
    def empty(self) -> bool:
        return self.configurations() == self._before

    def states(self) -> dict[str, RouterState]:
        return {name: one.gather() for name, one in self._routers.items()}

    def step(self, step: Step, now: float = NOW) -> None:
        """As apply_step does it."""
        device = self._routers[step.router]
        before = device.gather()
        change = pending(step, before)
        if change:
            device.apply(change, before, now)
        assert same_state(device.gather(), step.applied(before))

    def run(self, stages: tuple[Stage, ...], now: float = NOW) -> None:
        for stage in stages:
            for step in stage.steps:
                self.step(step, now)

    def plan(self, *wanted: Handover) -> tuple[Stage, ...]:
        return make_plan(wanted, LAND, self.states(), widen=True).stages


def moved_on(handover: Handover, data: st.DataObject) -> Handover:
    """The phone went to a third network, and its registration lasts longer."""
    taken = {LAND.router_of(handover.old, "").name, LAND.router_of(handover.new, "").name}
    free = sorted({"ra", "rb", "rd"} - taken)
    return replace(handover, new=host(data.draw(st.sampled_from(free)), 4, 60), epoch=2, expires=handover.expires + 300)


@settings(max_examples=max(20, settings().max_examples // 10))
@given(WANTED, st.data())
def test_programmed_refreshed_moved_on_and_withdrawn(handover: Handover, data: st.DataObject) -> None:
    land = Land()
    land.run(land.plan(handover))
    again = land.plan(handover)
    assert again == ()
    land.run(land.plan(replace(handover, expires=handover.expires + 60, epoch=2)))
    land.run(land.plan(moved_on(handover, data)))
    land.run(land.plan(replace(handover, ended=True, epoch=9)))
    assert land.empty


@settings(max_examples=max(20, settings().max_examples // 10))
@given(WANTED, st.data())
def test_what_is_cut_off_anywhere_is_taken_back_or_repaired(handover: Handover, data: st.DataObject) -> None:
    land = Land()
    if data.draw(st.booleans()):
        land.run(land.plan(handover))
        handover = moved_on(handover, data)
    before, stages = land.configurations(), land.plan(handover)
    steps = [step for stage in stages for step in stage.steps]
    ran = steps[: data.draw(st.integers(0, len(steps)))]
    for step in ran:
        land.step(step)
    if data.draw(st.booleans()):
        land.run(undo(stages, [step.id for step in ran]))
        assert [sorted(lines) for lines in land.configurations()] == [sorted(lines) for lines in before]
        return
    found = [finding.handover for finding in recover(land.states(), LAND, data.draw(st.sampled_from(Goal)))]
    land.run(make_plan(found, LAND, land.states()).stages)
    assert recover(land.states(), LAND, Goal.DONE) == []
    land.run(land.plan(replace(handover, ended=True, epoch=9)))
    assert land.empty


@settings(max_examples=max(20, settings().max_examples // 10))
@given(WANTED)
def test_what_has_expired_is_taken_away_by_reconcile(handover: Handover) -> None:
    land = Land()
    land.run(land.plan(handover))
    late = handover.expires + 100_000
    found = recover(land.states(), LAND, Goal.DONE, late)
    land.run(make_plan([finding.handover for finding in found], LAND, land.states()).stages, late)
    assert land.empty


def test_a_step_that_meets_another_state_is_refused() -> None:
    land, peers = Land(), (host("rc", 4, 20),)
    handover = Handover("a", host("ra", 4, 50), host("rb", 4, 50), NOW + 600, scope=Scope.ADDRESS, correspondents=peers)
    land.run(land.plan(handover))
    stages = land.plan(replace(handover, ended=True, epoch=2))
    (name,) = [name for name in land.terminals["rb"].config.environment if "_os_" in name]
    land.terminals["rb"].told(f"no event manager environment {name}")
    with pytest.raises(HandoverError, match="router_changed"):
        land.run(stages)
