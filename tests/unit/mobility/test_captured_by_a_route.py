# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one handover's encoder sends away must not find the route of another one on the same router.

A phone went from A to B, opened a session there too, and goes on to the correspondent's own router C. C still sends
the first session to the address at B, and now gets a route for that very address.
"""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Rewrite,
    RewriteKind,
    Route,
    Scope,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import plan, undo
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states

from .test_plan_properties import EMPTY, States, assert_equal, assert_no_wrong_address, reach, walk_through
from .worlds import NEW, OLD, SESSION, TOPOLOGY, host, patent_handover

BESIDE = host("rc", 4, 60)
FIRST = patent_handover()
FIRST_ON = replace(FIRST, new=BESIDE, epoch=2)
SECOND = patent_handover(id="second", old=NEW, new=BESIDE, sessions=(replace(SESSION, port=41000),))


def meet(state: RouterState) -> bool:
    led = {entry.to for entry in state if isinstance(entry, Rewrite) and entry.kind is RewriteKind.OUTBOUND_DST}
    return bool(led & {entry.destination for entry in state if isinstance(entry, Route)})


def never_meet(current: States, target: States) -> None:
    stages = plan(current, target)
    cuts = walk_through(current, stages)
    assert not any(meet(state) for pair in cuts for states in pair for state in states.values())
    assert_equal(cuts[-1][1], target)
    back = undo(stages, [step.id for stage in stages for step in stage.steps])
    assert not any(meet(state) for pair in walk_through(target, back) for states in pair for state in states.values())


def test_the_route_waits_for_the_encoder_to_go() -> None:
    held, _ = reach(EMPTY, FIRST)
    target, stages = reach(held, FIRST_ON, SECOND)
    assert_no_wrong_address(held, stages, FIRST_ON)
    never_meet(held, target)


def test_the_encoder_waits_for_the_route_to_go() -> None:
    """Back to B: the second session is at home again, the first one goes there as before."""
    held, _ = reach(EMPTY, FIRST_ON, SECOND)
    target, stages = reach(held, replace(FIRST, epoch=3), replace(SECOND, ended=True))
    assert_no_wrong_address(held, stages, FIRST)
    never_meet(held, target)


def test_a_handover_that_leads_to_anothers_old_address_stays_alone() -> None:
    """The first phone is not heard of any longer; another one has its last address, and moves beside C."""
    held, _ = reach(EMPTY, FIRST)
    target, refused = target_states(held, [SECOND], TOPOLOGY)
    assert [item.code for item in refused] == ["selector_in_use"]
    assert_equal(target, held)
    held, _ = reach(EMPTY, SECOND)
    target, refused = target_states(held, [FIRST], TOPOLOGY)
    assert [item.code for item in refused] == ["selector_in_use"]
    assert_equal(target, held)


def test_a_source_that_is_encoded_for_everybody_meets_no_route_either() -> None:
    """Two phones of one network change places, with scope address.

    The first one comes home from B, the second one goes there. What the first one sends until then, under its new
    address, must not find the second one's route at B.
    """
    other = host("ra", 4, 70)
    away = patent_handover(scope=Scope.ADDRESS, sessions=(), correspondents=(other,))
    home = replace(away, new=host("ra", 4, 60), epoch=2)
    left = replace(away, id="second", old=other, new=host("rb", 4, 70), correspondents=(OLD,))
    held, _ = reach(EMPTY, away)
    target, stages = reach(held, home, left)
    assert_no_wrong_address(held, stages, away)
    assert_no_wrong_address(held, stages, left)
    assert_equal(walk_through(held, stages)[-1][1], target)
    back = undo(stages, [step.id for stage in stages for step in stage.steps])
    assert_no_wrong_address(target, back, away)
