# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A programmer with routers that are played: they hold what they are told, and refuse what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import cast

from ansible_collections.sipmobility.handover.agent.service.batch import BatchPlanner
from ansible_collections.sipmobility.handover.agent.service.holdings import Holdings
from ansible_collections.sipmobility.handover.agent.service.known_router import Applied
from ansible_collections.sipmobility.handover.agent.service.ledger import Ledger, Status
from ansible_collections.sipmobility.handover.agent.service.link import Link
from ansible_collections.sipmobility.handover.agent.service.programmer import Programmer
from ansible_collections.sipmobility.handover.agent.service.report import Report
from ansible_collections.sipmobility.handover.agent.service.search import SessionSearch
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.connection import Connection
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address, Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover, standing
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Step
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.agreed import AgreedFlow

from ...mobility.worlds import TOPOLOGY

__all__ = ["CONFIRMING", "DRAIN", "LATER", "Played", "World", "moved", "run"]

#: Long after every test.
LATER = 2_000_000_000
DRAIN = 0.1
#: Routers that hold encoders unconfirmed.
CONFIRMING = Topology(replace(router, platform="ietf_netconf") for router in TOPOLOGY.routers.values())


class Played:
    """A router that holds what it is told, and refuses what a test wants."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.held: Holdings | None = Holdings()
        self.reason: str | None = None
        self.steps: list[Step] = []
        self.drafted: list[str] = []
        self.refuses: Callable[[Step], str | None] = lambda _step: None
        #: What is unconfirmed, and all that became of such steps.
        self.unconfirmed: Change | None = None
        self.confirmations: list[str] = []
        #: What its connection table has, and how often it was asked for.
        self.table: tuple[Connection, ...] = ()
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def gather(self) -> RouterState:
        self.held = self.held or Holdings()
        return RouterState(self.held)

    async def draft(self, step: Step) -> None:
        self.drafted.append(step.id)

    async def apply(self, step: Step, hold: bool = False) -> Applied:
        await asyncio.sleep(0)
        await self.gate.wait()
        code = self.refuses(step)
        if code is not None:
            if code == "router_unreachable":
                self.reason = "gone"
            raise HandoverError(code, self.name, "for this test")
        assert self.held is not None
        change = pending(step, RouterState(self.held))
        self.steps.append(step)
        self.held.change(change)
        if hold:
            assert self.unconfirmed is None
            self.unconfirmed = change
            self.confirmations.append(f"{step.phase.value} held")
        return Applied(bool(change), False)

    async def connections(self, addresses: Sequence[Address]) -> tuple[Connection, ...]:
        self.asked += 1
        return tuple(one for one in self.table if {one.source, one.destination} & set(addresses))

    async def settle(self, step: Step) -> None:
        code = self.refuses(replace(step, id="settle"))
        if code is not None:
            raise HandoverError(code, self.name, "for this test")
        self.unconfirmed = None
        self.confirmations.append(f"{step.phase.value} confirmed")

    async def release(self) -> None:
        if self.unconfirmed is not None and self.held is not None:
            self.held.change(Change(self.unconfirmed.put, self.unconfirmed.remove))
            self.unconfirmed = None
            self.confirmations.append("released")


class World:
    """A programmer with its routers.

    :param search: whether sessions are looked for.
    """

    def __init__(self, path: Path, topology: Topology = TOPOLOGY, search: bool = False) -> None:
        self.topology = topology
        self.routers = {name: Played(name) for name in TOPOLOGY.routers}
        self.ledger = Ledger(str(path / "ledger.sqlite"))
        self._planner = ThreadPoolExecutor(1)
        links = cast("dict[str, Link]", self.routers)
        planner = BatchPlanner(
            links,
            topology,
            self.ledger,
            self._planner,
            drain=DRAIN,
            search=SessionSearch(links, topology, Policy(managed_networks={}), self._planner, _no_flows)
            if search
            else None,
        )
        #: Handovers that are somebody else's.
        self.others: set[str] = set()
        self.programmer = Programmer(
            links, planner, Report(), drain=DRAIN, mine=lambda handover: handover not in self.others
        )

    def want(self, *handovers: Handover) -> None:
        self.programmer.want([handover_to_record(one) for one in handovers], 0.0)

    async def settled(self) -> None:
        """Until there is nothing more to do."""
        async with asyncio.timeout(60):
            while not self.programmer.idle:
                await asyncio.sleep(0.01)

    def held(self) -> dict[str, str]:
        """Where each standing handover leads."""
        return {one.id: str(one.new) for one in standing(self.states()) if not one.over}

    def states(self) -> dict[str, RouterState]:
        return {name: RouterState(router.held or ()) for name, router in self.routers.items()}

    def whole(self) -> bool:
        return not recover(self.states(), self.topology, Goal.DONE)

    def statuses(self) -> dict[str, tuple[Status, str | None]]:
        return {one.id: (one.status, one.code) for one in self.ledger.all()}


async def _no_flows() -> Sequence[AgreedFlow]:
    return ()


def moved(identity: str, old: str, new: str, peer: str = "3.3.3.3") -> Handover:
    session = Session("tcp", 40000, address(peer), 7000)
    return Handover(identity, address(old), address(new), LATER, sessions=(session,))


def run(
    path: Path, story: Callable[[World], Awaitable[None]], topology: Topology = TOPOLOGY, search: bool = False
) -> World:
    """Tell a story while the programmer works.

    :param search: whether sessions are looked for.
    """
    made: list[World] = []

    async def told() -> None:
        world = World(path, topology, search)
        made.append(world)
        async with asyncio.timeout(60):
            working = asyncio.create_task(world.programmer.run())
            await story(world)
            await world.settled()
            await world.programmer.stop()
            await working

    asyncio.run(told())
    return made[0]
