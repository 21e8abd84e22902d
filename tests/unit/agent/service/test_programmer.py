# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches, one bad handover among good ones, lost routers, moves that overtake each other; the routers are played."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from ansible_collections.sipmobility.handover.agent.service.batch import BatchPlanner
from ansible_collections.sipmobility.handover.agent.service.config import Sessions
from ansible_collections.sipmobility.handover.agent.service.holdings import Holdings
from ansible_collections.sipmobility.handover.agent.service.known_router import Applied
from ansible_collections.sipmobility.handover.agent.service.ledger import Ledger, Status
from ansible_collections.sipmobility.handover.agent.service.link import Link
from ansible_collections.sipmobility.handover.agent.service.programmer import Programmer
from ansible_collections.sipmobility.handover.agent.service.report import Report
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change, Route, Stamp
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover, standing
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Step
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.agreed import AgreedFlow

from ...mobility.worlds import TOPOLOGY

#: Long after every test.
_LATER = 2_000_000_000
_DRAIN = 0.1
#: Routers that hold encoders unconfirmed.
_CONFIRMING = Topology(replace(router, platform="ietf_netconf") for router in TOPOLOGY.routers.values())


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
        self.gate = asyncio.Event()
        self.gate.set()

    async def gather(self) -> RouterState:
        self.held = self.held or Holdings()
        return RouterState(self.held)

    def draft(self, step: Step) -> None:
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
    """A programmer with three routers that are played."""

    def __init__(self, path: Path, topology: Topology = TOPOLOGY) -> None:
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
            sessions=Sessions.LISTED,
            policy=Policy(managed_networks={}),
            drain=_DRAIN,
            flows=_no_flows,
        )
        #: Handovers that are somebody else's.
        self.others: set[str] = set()
        self.programmer = Programmer(
            links, planner, Report(), drain=_DRAIN, mine=lambda handover: handover not in self.others
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
    return Handover(identity, address(old), address(new), _LATER, sessions=(session,))


def run(path: Path, story: Callable[[World], Awaitable[None]], topology: Topology = TOPOLOGY) -> World:
    """Tell a story while the programmer works."""
    made: list[World] = []

    async def told() -> None:
        world = World(path, topology)
        made.append(world)
        async with asyncio.timeout(60):
            working = asyncio.create_task(world.programmer.run())
            await story(world)
            await world.settled()
            await world.programmer.stop()
            await working

    asyncio.run(told())
    return made[0]


def _of(identity: str) -> Callable[[Step], bool]:
    return lambda step: any(entry.stamp.handover == identity for entry in (*step.before, *step.after))


def test_one_bad_handover_of_a_burst_is_refused_alone(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        def refuses(step: Step) -> str | None:
            return "step_refused" if step.phase is Phase.ENCODE_DST and _of("bad")(step) and step.after else None

        world.routers["rc"].refuses = refuses
        world.want(moved("bad", "1.1.1.1", "2.2.2.2"), moved("good", "1.1.1.2", "2.2.2.3"))

    world = run(tmp_path, story)
    assert world.held() == {"good": "2.2.2.3"}
    assert world.whole()
    assert world.statuses() == {"good": (Status.DONE, None), "bad": (Status.REFUSED, "step_refused")}
    assert world.ledger.unended() == []


def test_who_needs_a_lost_router_waits_and_the_others_go_on(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.routers["rd"].refuses = lambda _step: "router_unreachable"
        world.want(moved("waits", "1.1.1.1", "4.4.4.4"), moved("goes", "1.1.1.2", "2.2.2.3"))

    world = run(tmp_path, story)
    assert world.held() == {"goes": "2.2.2.3"}
    assert world.whole()
    assert world.statuses() == {"goes": (Status.DONE, None), "waits": (Status.WAITING, "router_unreachable")}


def test_the_newest_move_wins_while_one_is_under_way(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.routers["rb"].gate.clear()
        world.want(moved("one", "1.1.1.1", "2.2.2.2"))
        await asyncio.sleep(0.2)
        for last in (3, 4, 5):
            world.want(moved("one", "1.1.1.1", f"2.2.2.{last}"))
        world.routers["rb"].gate.set()

    world = run(tmp_path, story)
    assert world.held() == {"one": "2.2.2.5"}
    assert world.whole()
    told = [str(entry) for router in world.routers.values() for step in router.steps for entry in step.after]
    assert not any("2.2.2.3" in text or "2.2.2.4" in text for text in told)


def test_texts_are_written_while_the_ledger_is(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.want(moved("one", "1.1.1.1", "2.2.2.2"))

    world = run(tmp_path, story)
    for name in ("rb", "rc"):
        assert world.routers[name].drafted == [step.id for step in world.routers[name].steps] != []


def test_decoders_go_later_and_a_new_move_takes_them_with_it(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.want(moved("one", "1.1.1.1", "2.2.2.2"))
        await world.settled()
        world.want(moved("one", "1.1.1.1", "2.2.2.3"))
        while not len(world.programmer.retirement):
            await asyncio.sleep(0.001)
        assert world.held() == {"one": "2.2.2.3"}
        assert not world.whole()
        world.want(moved("one", "1.1.1.1", "2.2.2.4"))

    world = run(tmp_path, story)
    assert world.held() == {"one": "2.2.2.4"}
    assert world.whole()


def test_what_has_ended_leaves_nothing(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.want(moved("one", "1.1.1.1", "2.2.2.2"))
        await world.settled()
        record: dict[str, Any] = {**handover_to_record(moved("one", "1.1.1.1", "2.2.2.2")), "ended": True}
        world.programmer.want([record], 0.0)

    world = run(tmp_path, story)
    assert not any(len(state) for state in world.states().values())
    assert world.statuses() == {"one": (Status.DONE, None)}


def test_what_a_step_left_that_was_cut_goes(tmp_path: Path) -> None:
    """A route whose record went before it: no router knows its handover."""

    async def story(world: World) -> None:
        stamp = Stamp("", 1, _LATER)
        held = Holdings([Route(address("1.1.1.1"), address("2.2.2.2"), "lan", stamp)])
        world.routers["rb"].held = held
        assert held.remnants
        world.programmer.tidy()

    world = run(tmp_path, story)
    assert not any(len(state) for state in world.states().values())
    assert world.ledger.unended() == []


def test_encoders_are_confirmed_when_the_last_router_has_its_own(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.want(moved("one", "1.1.1.1", "2.2.2.2"))

    world = run(tmp_path, story, _CONFIRMING)
    assert world.held() == {"one": "2.2.2.2"}
    assert world.routers["rc"].confirmations == ["encode_dst held", "encode_dst confirmed"]
    assert world.routers["rb"].confirmations == ["encode_src held", "encode_src confirmed"]


@pytest.mark.parametrize("fails", ["step", "settle"])
def test_what_is_unconfirmed_is_taken_back_by_the_router_itself(tmp_path: Path, fails: str) -> None:
    async def story(world: World) -> None:
        def refuses(step: Step) -> str | None:
            wanted = step.id == "settle" if fails == "settle" else step.phase is Phase.ENCODE_SRC and step.after
            return "step_refused" if wanted else None

        world.routers["rb"].refuses = refuses
        world.want(moved("one", "1.1.1.1", "2.2.2.2"))

    world = run(tmp_path, story, _CONFIRMING)
    assert not any(len(state) for state in world.states().values())
    assert world.statuses() == {"one": (Status.REFUSED, "step_refused")}
    assert world.routers["rc"].unconfirmed is None
    if fails == "step":
        assert world.routers["rc"].confirmations == ["encode_dst held", "released"]


def test_what_is_somebody_elses_in_the_middle_is_left_as_it_is(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        def lost(step: Step) -> str | None:
            if step.phase is Phase.ENCODE_DST:
                world.others.add("lost")
            return None

        world.others.add("never")
        world.routers["rc"].refuses = lost
        waits = world.programmer.settling.expect(["kept"])
        world.want(*(moved(name, f"1.1.1.{n}", f"2.2.2.{n}") for n, name in enumerate(("lost", "kept", "never"), 1)))
        await waits.wait()

    world = run(tmp_path, story)
    # The encoder at B was still to come. What is ours was planned anew, and is whole.
    assert world.held()["kept"] == "2.2.2.2"
    steps = {name: [step for step in router.steps if _of("lost")(step)] for name, router in world.routers.items()}
    assert [step.phase for step in steps["rb"]] == [Phase.DECODE]
    assert [step.phase for step in steps["rc"]] == [Phase.DECODE, Phase.ENCODE_DST]
    assert not any(_of("never")(step) for router in world.routers.values() for step in router.steps)
    assert world.statuses() == {"lost": (Status.WANTED, None), "kept": (Status.DONE, None)}


def test_what_was_lost_is_not_taken_back_either(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        def fails(step: Step) -> str | None:
            if step.phase is not Phase.ENCODE_SRC:
                return None
            world.others.add("lost")
            return "step_refused"

        world.routers["rb"].refuses = fails
        world.want(moved("lost", "1.1.1.1", "2.2.2.1"))
        while not world.others:
            await asyncio.sleep(0.01)

    world = run(tmp_path, story)
    assert [step.phase for step in world.routers["rc"].steps] == [Phase.DECODE, Phase.ENCODE_DST]
    assert world.statuses() == {"lost": (Status.WANTED, None)}
