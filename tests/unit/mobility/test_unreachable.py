# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not done while a router does not answer; and flows that are named twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import Planned, make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.repair import make_repair

from .test_plan_properties import EMPTY, States
from .test_same_ports import FIRST, D
from .worlds import TOPOLOGY, host

WIDE = replace(FIRST, scope=Scope.CORRESPONDENT, sessions=(), correspondents=(host("rc", 4, 20),))


def without(held: States, silent: str, wanted: Handover) -> Planned:
    """A plan where one router does not answer."""
    heard = {name: state for name, state in held.items() if name != silent}
    return make_plan([wanted], TOPOLOGY, heard, {silent: "no route"})


@pytest.mark.parametrize("first", [FIRST, WIDE], ids=["sessions", "correspondents"])
@pytest.mark.parametrize("how", ["returned", "ended"])
def test_decoders_stay_while_the_encoders_router_is_silent(first: Handover, how: str) -> None:
    """Undecoded packets would reach whoever has the new address, and his resets the correspondent."""
    held = make_plan([first], TOPOLOGY, EMPTY).targets
    over = replace(first, epoch=2, **({"new": first.old} if how == "returned" else {"ended": True}))
    planned = without(held, "rc", over)
    assert [item.code for item in planned.refused] == ["router_unreachable"]
    assert planned.stages == ()
    assert make_plan([over], TOPOLOGY, held).refused == ()


def test_nor_those_of_a_correspondent_that_is_no_longer_asked_for() -> None:
    both = replace(WIDE, correspondents=(host("rc", 4, 20), host("rd", 4, 20)))
    held = make_plan([both], TOPOLOGY, EMPTY).targets
    planned = without(held, "rd", replace(both, epoch=2, correspondents=both.correspondents[:1]))
    assert [item.code for item in planned.refused] == ["router_unreachable"]


def test_a_phone_whose_router_is_lost_goes_home_and_moves_on() -> None:
    """Nothing is sent there any more."""
    held = make_plan([FIRST], TOPOLOGY, EMPTY).targets
    for new in (FIRST.old, D):
        planned = without(held, "rb", replace(FIRST, epoch=2, new=new))
        assert planned.refused == ()
        assert {step.router for stage in planned.stages for step in stage.steps} >= {"rc"}


@pytest.mark.parametrize(
    "named",
    [
        replace(FIRST, sessions=FIRST.sessions * 2),
        replace(FIRST, sessions=(*FIRST.sessions, replace(FIRST.sessions[0], sources=("mn",)))),
        replace(
            FIRST,
            sessions=(
                *FIRST.sessions,
                replace(
                    FIRST.sessions[0],
                    outside=FIRST.sessions[0].correspondent,
                    outside_port=FIRST.sessions[0].correspondent_port,
                ),
            ),
        ),
        replace(WIDE, correspondents=WIDE.correspondents * 2),
    ],
    ids=["session", "with its source", "with its outside", "correspondent"],
)
def test_a_flow_that_is_named_twice_is_one(named: Handover) -> None:
    """Else a repair finds one of two, takes the rest for lost, and ends a handover that is whole."""
    assert named.flows == 1
    assert named == (FIRST if named.sessions else WIDE)
    held = make_plan([named], TOPOLOGY, EMPTY).targets
    planned, findings = make_repair(held, TOPOLOGY, Goal.DONE)
    assert (planned.stages, findings) == ((), [])


def test_two_sessions_of_one_port_are_two() -> None:
    (one,) = FIRST.sessions
    other = Session(one.protocol, one.port, one.correspondent, one.correspondent_port + 1)
    assert replace(FIRST, sessions=(one, other)).sessions == (one, other)
