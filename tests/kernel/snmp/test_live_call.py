# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live TCP session through a move between routers that are configured over SNMP, also beside nftables."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, handover_id
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions, Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Stage
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.plugin_utils.all_or_nothing import AllOrNothing

from ..one_call import NEW, OLD, PEER, Call
from .world import World, topology, worlds

PAIRS = [("snmp", "snmp"), ("snmp", "nftables"), ("nftables", "snmp")]


def handover(now: float, directions: Directions, ended: bool = False) -> Handover:
    return Handover(
        handover_id("sip:phone@example.com", None, OLD),
        OLD,
        NEW,
        int(now) + 600,
        scope=Scope.ADDRESS,
        directions=directions,
        correspondents=(PEER,),
        ended=ended,
    )


def carry_out(world: World, wanted: Handover, platforms: Mapping[str, str], now: float) -> None:
    """The planner's steps, in its order; encoders of all routers or of none."""
    held = {name: router.gather() for name, router in world.routers.items()}
    planned = make_plan([wanted], topology(platforms), held, drain=0.5)
    assert not planned.refused
    for stage in planned.stages:
        time.sleep(stage.wait)
        held = take(world, held, now, stage)


def take(world: World, held: Mapping[str, RouterState], now: float, *stages: Stage) -> dict[str, RouterState]:
    """These stages or nothing of them; what the routers hold then."""
    after = dict(held)
    with AllOrNothing(now) as together:
        for stage in stages:
            for step in stage.steps:
                router, before = world.routers[step.router], after[step.router]
                after[step.router] = together.apply(step.router, router, pending(step, before), before)
    return after


@pytest.mark.parametrize(("b", "c"), PAIRS)
@pytest.mark.parametrize("directions", Directions)
def test_a_live_session_moves(tmp_path: Path, b: str, c: str, directions: Directions) -> None:
    platforms = {"rb": b, "rc": c}
    with worlds(tmp_path, **platforms) as world, ExitStack() as stack:
        now = time.time()
        call = Call(world.spaces, stack)
        call.say(b"at home")
        assert call.hears(b"at home")
        before = world.kernel()
        world.move()
        call.say(b"lost without us")
        assert not call.hears(b"lost without us", seconds=0.5)
        carry_out(world, handover(now, directions), platforms, now)
        assert call.hears(b"lost without us")
        carry_out(world, handover(now, directions, ended=True), platforms, now)
        for router in world.routers.values():
            assert router.gather() == RouterState()
        assert world.kernel() == before
        call.say(b"over")
        assert not call.hears(b"over", seconds=0.5)


def test_one_router_that_refuses_its_encoder_spoils_no_call(tmp_path: Path) -> None:
    """Design rule 4: SNMP has no commit to be confirmed, so the other router's encoder is undone; the phone is home."""
    platforms = {"rb": "snmp", "rc": "snmp"}
    with worlds(tmp_path, **platforms) as world, ExitStack() as stack:
        now = time.time()
        call = Call(world.spaces, stack)
        held = {name: router.gather() for name, router in world.routers.items()}
        planned = make_plan([handover(now, Directions.BOTH)], topology(platforms), held, drain=0)
        decode, *encode = planned.stages
        held = take(world, held, now, decode)
        world.servers["rc"].relay.asks = False
        with pytest.raises(HandoverError) as told:
            take(world, held, now, *encode)
        assert told.value.subject.startswith("rc: ")
        assert told.value.advice.endswith("not known: run reconcile. The other routers are as before.")
        world.servers["rc"].relay.asks = True
        for name, router in world.routers.items():
            assert router.gather() == held[name]
        call.say(b"still at home")
        assert call.hears(b"still at home")
