# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of ansible-playbook after each step, and reconcile.yml from elsewhere with nothing but the inventory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from lab import Lab

from .operator import Routers, handover, playbook

States = dict[str, RouterState]

#: Playbook, and how many steps it has.
BEGIN, REPOINT, WITHDRAW = ("begin", 4), ("repoint", 7), ("withdraw", 6)
CASES = [(name, step) for name, steps in (BEGIN, REPOINT, WITHDRAW) for step in range(1, steps + 1)]


class Scene:
    """The states before and after the run that is killed, and how to run it."""

    def __init__(self, lab: Lab, routers: Routers, name: str) -> None:
        mn, cn = lab.topology.address("mn"), lab.topology.address("cn")
        peer = cn.v4.ip
        sessions = [Session("tcp", 40000, peer, 7101), Session("udp", 7102, peer, 7102)]
        at_b = handover(mn.v4.ip, lab.topology.address("mn", "b").v4.ip, sessions)
        at_d = replace(at_b, new=lab.topology.address("mn", "d").v4.ip, expires=at_b.expires + 60)
        self._routers = routers
        self.before: States = {} if name == "begin" else self._targets({}, at_b)
        if name == "withdraw":
            self.after = self._targets(self.before, replace(at_b, ended=True))
            self.run: tuple[str, dict[str, Any]] = ("withdraw", {"handover_withdraw": [str(mn.v4.ip)]})
        else:
            wanted = at_b if name == "begin" else at_d
            self.after = self._targets(self.before, wanted)
            self.run = ("handover", {"handover_records": [handover_to_record(wanted)]})

    def _targets(self, current: States, wanted: Handover) -> States:
        return make_plan([wanted], self._routers.topology, current).targets


@pytest.mark.parametrize(("name", "step"), CASES, ids=[f"{name} after step {step}" for name, step in CASES])
def test_reconcile_repairs_a_killed_run_both_ways(
    prepared: Lab, routers: Routers, tmp_path: Path, name: str, step: int
) -> None:
    scene = Scene(prepared, routers, name)
    routers.put(scene.before)
    book, variables = scene.run
    # One fork, so that the steps of a stage run one after the other and the kill falls between them.
    killed = playbook(book, {**variables, "handover_drain": 0}, "--forks", "1", after=f"{step}:kill")
    assert killed.status == -9, killed.output
    # A router whose step was under way may hold a remnant: a route without its record.
    left = {router: state.without([""]) for router, state in routers.states().items()}
    # The step after it was under way on its router already, and may have ended by itself.
    remaining = dict((BEGIN, REPOINT, WITHDRAW))[name] - step
    complete = bare(left) == bare(scene.after)
    assert complete if remaining == 0 else not complete or remaining == 1

    done = reconcile(tmp_path, "done")
    assert done.status == 0, done.output
    assert bare(routers.states()) == bare(scene.after)

    routers.put(left)
    undone = reconcile(tmp_path, "undone")
    assert undone.status == 0, undone.output
    assert bare(routers.states()) == bare(scene.after if complete else scene.before)

    again = reconcile(tmp_path, "undone")
    assert "nothing to repair" in again.output


def reconcile(cwd: Path, goal: str) -> Any:
    """From another directory, with the inventory alone."""
    variables = {"handover_goal": goal, "handover_drain": 0}
    return playbook("reconcile", variables, cwd=cwd)


def bare(states: States) -> dict[str, list[str]]:
    """What stands on each router; epochs, which rise with each change, and expiries left out."""
    plain = {
        name: sorted(str(replace(entry, stamp=replace(entry.stamp, epoch=0, expires=0))) for entry in state)
        for name, state in states.items()
    }
    return {name: entries for name, entries in plain.items() if entries}
