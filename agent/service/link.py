# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link to one router: its session is kept alive, its work is done in order, its state is known."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from typing import ParamSpec, TypeVar

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.connection import Connection
from ...plugins.module_utils.mobility.model import Address, RouterState
from ...plugins.module_utils.mobility.plan import Step
from ...plugins.module_utils.platforms.base import Platform
from ...plugins.plugin_utils.connections import gathered
from ...plugins.plugin_utils.rendering import Renderer
from ...plugins.plugin_utils.router import ManagedRouter
from .held_shell import GONE, HeldShell, LoopShell, Runs
from .holdings import Holdings
from .known_router import Applied, KnownRouter
from .resident_device import ResidentDevice
from .threads import in_thread

__all__ = ["Link"]

_T = TypeVar("_T")
_P = ParamSpec("_P")

#: Seconds between two attempts to reach a router, at first and at most.
_SOON, _LATEST = 0.5, 30.0
#: Entries of a step that takes no time to speak of: it is not worth a thread.
_SMALL = 64


class Link:
    """One router. What is asked of it is done one after the other; while it is gone, everything is refused.

    :ivar reason: why it is not there; None while it is.
    :param executor: threads that may wait for routers.
    :param came_back: called each time that it is reached and read.
    :param wrapped: what stands between us and the shell, for tests.
    """

    def __init__(
        self,
        name: str,
        platform: Platform,
        renderer: Renderer,
        held: HeldShell,
        executor: Executor,
        came_back: Callable[[Link], None],
        wrapped: Callable[[str, Runs], Runs] = lambda _name, shell: shell,
    ) -> None:
        self.name = name
        self.reason: str | None = "not reached yet"
        self._held = held
        held.ended = self._ended
        self._ending: asyncio.Task[None] | None = None
        self._renderer = renderer
        self._steps = wrapped(name, held)
        self._shell = LoopShell(self._steps, asyncio.get_running_loop())
        if platform.resident_template:
            program = renderer.render(platform.resident_template, platform.settings)
            held.become(program, str(platform.settings["save_command"]))
        device = ResidentDevice(platform, renderer, self._shell)
        self._router = KnownRouter(name, ManagedRouter(name, platform, device))
        self._executor = executor
        self._came_back = came_back
        self._turn = asyncio.Lock()
        self._gone = asyncio.Event()
        self._gone.set()
        self.tried = asyncio.Event()

    @property
    def held(self) -> Holdings | None:
        """What it holds, as far as that is known."""
        return self._router.held

    async def keep(self) -> None:
        """Reach it, and reach it again whenever it was lost; until cancelled."""
        delay = _SOON
        try:
            while True:
                await self._gone.wait()
                try:
                    await self.gather()
                    delay = _SOON
                    self._came_back(self)
                except HandoverError:
                    self.tried.set()
                    # Many routers that were lost at once do not come back at once.
                    await asyncio.sleep(delay * random.uniform(0.7, 1.3))
                    delay = min(2 * delay, _LATEST)
                self.tried.set()
        finally:
            await self._held.close()

    async def gather(self) -> RouterState:
        """Read it.

        :raises HandoverError: when it cannot be reached or read; it counts as gone then.
        """
        async with self._turn:
            try:
                state = await self._in_thread(self._router.gather)
            except HandoverError as error:
                self._lost(error)
                raise
            self.reason = None
            self._gone.clear()
            return state

    async def apply(self, step: Step) -> Applied:
        """Carry a step out.

        :raises HandoverError: as :meth:`KnownRouter.apply`.
        """
        return await self._asked(lambda: self._applied(step))

    async def connections(self, addresses: Iterable[Address]) -> tuple[Connection, ...]:
        """What its connection table says of some addresses.

        :raises HandoverError: when it does not tell.
        """
        asked = list(addresses)
        found = await self._asked(lambda: self._in_thread(lambda: gathered(asked, self._shell, self._renderer)))
        return found.connections

    async def _applied(self, step: Step) -> Applied:
        now = time.time()
        small = len(step.before) + len(step.after) <= _SMALL
        unread = self._router.unread(step, now) if small else None
        if unread is not None:
            if not unread.change:
                return Applied(False, False)
            output = await self._steps.step(unread.text, unread.known)
            if output is not None and "step" in output.sections:
                applied = self._router.acknowledged(unread, output)
                if applied is None:
                    applied = await self._in_thread(self._router.settle, unread, output, now)
                return applied
        return await self._in_thread(self._router.apply, step, now)

    async def _asked(self, work: Callable[[], Awaitable[_T]]) -> _T:
        async with self._turn:
            if self.reason is not None:
                raise HandoverError("router_unreachable", f"{self.name}: {self.reason}", "a router can be reached")
            try:
                return await work()
            except HandoverError as error:
                if error.code in GONE:
                    self._lost(error)
                raise

    async def _in_thread(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await in_thread(self._executor, work, *args, **kwargs)

    def _ended(self, error: HandoverError) -> None:
        """The shell ended while nothing was asked: whatever became of the router, it is reached again and read."""

        async def lost() -> None:
            async with self._turn:
                if self.reason is None and not self._held.open:
                    self._lost(error)

        self._ending = asyncio.create_task(lost())

    def _lost(self, error: HandoverError) -> None:
        self.reason = str(error)
        self._router.forget()
        self._gone.set()
