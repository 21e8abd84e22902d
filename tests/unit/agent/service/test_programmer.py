# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches, one bad handover among good ones, lost routers, moves that overtake each other; the routers are played."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.agent.service.holdings import Holdings
from ansible_collections.sipmobility.handover.agent.service.ledger import Status
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Rewrite,
    RewriteKind,
    Route,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Step
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address

from .played import CONFIRMING, LATER, World, moved, run


def _of(identity: str) -> Callable[[Step], bool]:
    return lambda step: any(entry.stamp.handover == identity for entry in (*step.before, *step.after))


def test_one_bad_handover_of_a_burst_is_refused_alone(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        def refuses(step: Step) -> str | None:
            return "step_refused" if step.phase is Phase.ENCODE and _of("bad")(step) and step.after else None

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
        stamp = Stamp("", 1, LATER)
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

    world = run(tmp_path, story, CONFIRMING)
    assert world.held() == {"one": "2.2.2.2"}
    assert world.routers["rc"].confirmations == ["encode held", "encode confirmed"]
    assert world.routers["rb"].confirmations == ["encode held", "encode confirmed"]


@pytest.mark.parametrize("fails", ["step", "settle"])
def test_what_is_unconfirmed_is_taken_back_by_the_router_itself(tmp_path: Path, fails: str) -> None:
    async def story(world: World) -> None:
        def refuses(step: Step) -> str | None:
            wanted = step.id == "settle" if fails == "settle" else step.phase is Phase.ENCODE and step.after
            return "step_refused" if wanted else None

        world.routers["rb"].refuses = refuses
        world.want(moved("one", "1.1.1.1", "2.2.2.2"))

    world = run(tmp_path, story, CONFIRMING)
    assert not any(len(state) for state in world.states().values())
    assert world.statuses() == {"one": (Status.REFUSED, "step_refused")}
    assert world.routers["rc"].unconfirmed is None
    if fails == "step":
        assert world.routers["rc"].confirmations == ["encode held", "released"]


def test_what_is_somebody_elses_in_the_middle_is_left_as_it_is(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        def lost(step: Step) -> str | None:
            if step.phase is Phase.DECODE:
                world.others.add("lost")
            return None

        world.others.add("never")
        world.routers["rc"].refuses = lost
        waits = world.programmer.settling.expect(["kept"])
        world.want(*(moved(name, f"1.1.1.{n}", f"2.2.2.{n}") for n, name in enumerate(("lost", "kept", "never"), 1)))
        await waits.wait()

    world = run(tmp_path, story)
    # The encoders were still to come. What is ours was planned anew, and is whole.
    assert world.held()["kept"] == "2.2.2.2"
    steps = {name: [step for step in router.steps if _of("lost")(step)] for name, router in world.routers.items()}
    assert [step.phase for step in steps["rb"]] == [step.phase for step in steps["rc"]] == [Phase.DECODE]
    assert not any(_of("never")(step) for router in world.routers.values() for step in router.steps)
    assert world.statuses() == {"lost": (Status.WANTED, None), "kept": (Status.DONE, None)}


def test_what_was_lost_is_not_taken_back_either(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        def fails(step: Step) -> str | None:
            if step.phase is not Phase.ENCODE:
                return None
            world.others.add("lost")
            return "step_refused"

        world.routers["rb"].refuses = fails
        world.want(moved("lost", "1.1.1.1", "2.2.2.1"))
        while not world.others:
            await asyncio.sleep(0.01)

    world = run(tmp_path, story)
    assert [step.phase for step in world.routers["rc"].steps] == [Phase.DECODE, Phase.ENCODE]
    assert world.statuses() == {"lost": (Status.WANTED, None)}


def test_what_encoders_rely_on_that_could_not_be_taken_back_stays(tmp_path: Path) -> None:
    """rc has its new encoder, and is lost before it says so: packets go on to come to rd, which gives the old address
    back to them."""

    async def story(world: World) -> None:
        def lost(step: Step) -> str | None:
            if step.phase is Phase.ENCODE and world.routers["rc"].reason is None:
                held = world.routers["rc"].held
                assert held is not None
                held.change(pending(step, RouterState(held)))
                world.routers["rc"].reason = "gone"
            return None if world.routers["rc"].reason is None else "router_unreachable"

        world.want(moved("one", "1.1.1.1", "2.2.2.2"))
        await world.settled()
        world.routers["rc"].refuses = lost
        world.want(moved("one", "1.1.1.1", "4.4.4.4"))

    world = run(tmp_path, story)
    kinds = {
        name: {entry.kind: str(entry.to) for entry in state if isinstance(entry, Rewrite)}
        for name, state in world.states().items()
    }
    assert kinds["rc"][RewriteKind.OUTBOUND_DST] == "4.4.4.4"
    assert kinds["rd"] == {RewriteKind.INBOUND_DST: "1.1.1.1"}  # its encoder is taken back
    assert kinds["rb"] == {RewriteKind.INBOUND_DST: "1.1.1.1", RewriteKind.OUTBOUND_SRC: "2.2.2.2"}
    assert world.statuses() == {"one": (Status.WAITING, "router_unreachable")}
