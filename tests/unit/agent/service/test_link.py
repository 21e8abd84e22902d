# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a step is written once, before its turn, whether one phone moves or a hundred."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from ansible_collections.sipmobility.handover.agent.service.link import Link
from ansible_collections.sipmobility.handover.agent.service.way import Way
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Step
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ....kernel.internetwork import TOPOLOGY
from ....kernel.moving import PEER, moved

_SIZES = pytest.mark.parametrize("sessions", [1, 100])


class _Router:
    """Counts the texts that it writes, and believes what it is told."""

    generation = "of a boot 7"
    forgets = True
    held = False

    def __init__(self) -> None:
        self.texts: list[str] = []

    def gather(self) -> RouterState:
        return RouterState()

    def text(self, change: Change, _now: float) -> str:
        self.texts.append(f"{len(self.texts)}: {len(change.put)} put")
        return self.texts[-1]

    def acknowledged(self, _change: Change, _known: str, _output: Output) -> bool:
        return True

    def close(self) -> None:
        pass


class _Way(Way):
    """Notes which texts were carried out."""

    def __init__(self, router: _Router) -> None:
        super().__init__(cast(ManagedRouter, router))
        self.told: list[str] = []

    @property
    def quick(self) -> bool:
        return True

    async def step(self, text: str, _known: str) -> Output:
        self.told.append(text)
        return Output({"step": "", "after": "8"}, {})


def _first_step(sessions: int) -> Step:
    handover = moved(4, *(Session("tcp", 40000 + number, PEER[4], 7000) for number in range(sessions)))
    stages = make_plan([handover], TOPOLOGY, {name: RouterState() for name in TOPOLOGY.routers}).stages
    return next(step for stage in stages for step in stage.steps if step.router == "rb")


def _with_link(story: Callable[[Link], Awaitable[None]]) -> tuple[_Router, _Way]:
    router = _Router()
    way = _Way(router)

    async def run() -> None:
        with ThreadPoolExecutor(2) as executor:
            link = Link("rb", way, executor, lambda _link: None, 60)
            await link.gather()
            await story(link)

    asyncio.run(run())
    return router, way


@_SIZES
def test_what_was_written_before_its_turn_is_carried_out(sessions: int) -> None:
    step = _first_step(sessions)

    async def story(link: Link) -> None:
        await link.draft(step)
        assert (await link.apply(step)).changed
        assert link.held is not None
        assert len(link.held) == len(step.after)
        assert not (await link.apply(step)).changed

    router, way = _with_link(story)
    assert router.texts == way.told == [f"0: {len(step.after)} put"]


@_SIZES
def test_it_is_written_anew_where_the_router_was_changed(sessions: int) -> None:
    step = _first_step(sessions)

    async def story(link: Link) -> None:
        await link.draft(step)
        assert link.held is not None
        link.held.change(Change((), step.after[:1]))
        assert (await link.apply(step)).changed

    _router, way = _with_link(story)
    assert way.told == [f"1: {len(step.after) - 1} put"]


@_SIZES
def test_without_a_draft_it_is_written_at_its_turn(sessions: int) -> None:
    step = _first_step(sessions)

    async def story(link: Link) -> None:
        assert (await link.apply(step)).changed

    router, way = _with_link(story)
    assert router.texts == way.told == [f"0: {len(step.after)} put"]
