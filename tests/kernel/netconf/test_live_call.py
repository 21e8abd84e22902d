# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live TCP session through a move between routers that are configured over NETCONF, with the real kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import groupby
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import (
    Handover,
    Session,
    handover_id,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import plan
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Stage
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf import IetfNetconf
from ansible_collections.sipmobility.handover.plugins.plugin_utils.all_or_nothing import AllOrNothing
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ncclient_session import NcclientSession
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_device import NetconfSession, netconf_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ...standins.netconf_router import crashes
from ..one_call import MOVE, NETWORKS, NEW, OLD, PEER, PORT, Call
from .world import BCP38, NETCONF, World, kernel, worlds

pytestmark = crashes.once_more

TOPOLOGY = Topology(
    Router(name, (ip_network(network),), "ietf_netconf", "lan", "wan") for name, network in NETWORKS.items()
)


@dataclass
class Managed:
    """A world, and its routers with a session to each that is held."""

    world: World
    routers: dict[str, ManagedRouter]


@contextmanager
def managed(
    built: Path,
    home: Path,
    platforms: Mapping[str, str] = NETCONF,
    through: Callable[[NcclientSession], NetconfSession] = lambda session: session,
) -> Iterator[Managed]:
    """A world, as long as it is used.

    :param through: what stands before each session.
    """
    with worlds(built, home, platforms) as world, ExitStack() as stack:
        sessions = {name: stack.enter_context(world.servers[name].session()) for name in NETCONF}
        routers = {name: netconf_router(name, IetfNetconf(), Renderer(), through(it)) for name, it in sessions.items()}
        yield Managed(world, routers)


def carry_out(
    them: Managed, target: dict[str, RouterState], now: float, then: Callable[[], object] = lambda: None
) -> None:
    """The planner's steps, in its order, through the sessions that are held; ``then`` comes before the encoders."""
    held = {name: router.gather() for name, router in them.routers.items()}
    stages = {name: list(group) for name, group in groupby(plan(held, target, (), drain=0.5), _kind)}

    def take(stage: Stage, routers: AllOrNothing | None) -> None:
        time.sleep(stage.wait)
        for step in stage.steps:
            name, router, before = step.router, them.routers[step.router], held[step.router]
            change = pending(step, before)
            if routers is None:
                held[name] = router.apply(change, before, now)
            else:
                held[name] = routers.apply(name, router, change, before)

    for stage in stages.get("before", ()):
        take(stage, None)
    then()
    with AllOrNothing(now) as together:
        for stage in stages.get("encoders", ()):
            take(stage, together)
    for stage in stages.get("after", ()):
        take(stage, None)


def _kind(stage: Stage) -> str:
    return {Phase.DECODE: "before", Phase.RETIRE: "after"}.get(stage.phase, "encoders")


def handed_over(port: int, directions: Directions, now: float) -> dict[str, RouterState]:
    """What the two routers hold when the phone has moved."""
    handover = Handover(
        handover_id("sip:phone@example.com", None, OLD),
        OLD,
        NEW,
        int(now) + 600,
        directions=directions,
        sessions=(Session("tcp", port, PEER, PORT),),
    )
    target, refused = target_states({}, [handover], TOPOLOGY)
    assert not refused
    return {name: target[name] for name in ("rb", "rc")}


@pytest.mark.parametrize("directions", Directions)
def test_a_live_session_moves(netconf_built: Path, tmp_path: Path, directions: Directions) -> None:
    with managed(netconf_built, tmp_path) as them, ExitStack() as stack:
        now, world = time.time(), them.world
        call = Call(world.spaces, stack)
        call.say(b"at home")
        assert call.hears(b"at home")
        world.spaces["phone"].shell(MOVE)
        if directions is Directions.BOTH:
            world.spaces["rc"].shell(BCP38)
        before = kernel(world)
        call.say(b"lost without us")
        assert not call.hears(b"lost without us", seconds=0.5)
        wanted = handed_over(call.port, directions, now)
        carry_out(them, wanted, now)
        assert call.hears(b"lost without us")
        for name, router in them.routers.items():
            assert router.gather() == wanted[name]
        carry_out(them, {name: RouterState() for name in wanted}, now)
        assert kernel(world) == before
        call.say(b"over")
        assert not call.hears(b"over", seconds=0.5)


def test_one_router_that_refuses_its_encoder_spoils_no_call(netconf_built: Path, tmp_path: Path) -> None:
    """Design rule 4. The visited router has its encoder by then, unconfirmed; the phone is still at home."""
    with managed(netconf_built, tmp_path) as them, ExitStack() as stack:
        now, world = time.time(), them.world
        call = Call(world.spaces, stack)
        other = stack.enter_context(world.servers["rc"].session())
        wanted = handed_over(call.port, Directions.BOTH, now)
        with pytest.raises(HandoverError) as told:
            carry_out(them, wanted, now, then=lambda: world.servers["rc"].lock(other))
        assert told.value.code == "lock_held"
        assert told.value.advice.endswith("The other routers are as before.")
        for router in them.routers.values():
            assert not [entry for entry in router.gather() if entry.role.value.startswith("encoder")]
        call.say(b"still at home")
        assert call.hears(b"still at home")
