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
from contextlib import suppress
from typing import ParamSpec, TypeVar

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.connection import Connection
from ...plugins.module_utils.mobility.model import Address
from ...plugins.module_utils.mobility.router_state import RouterState
from ...plugins.module_utils.mobility.step import Step
from .holdings import Holdings
from .known_router import Applied, Draft, KnownRouter
from .threads import in_thread
from .way import GONE, Way

__all__ = ["Link"]

_T = TypeVar("_T")
_P = ParamSpec("_P")

#: Seconds between two attempts to reach a router, at first and at most.
_SOON, _LATEST = 0.5, 30.0
#: Entries of a step that takes no time to speak of: it is not worth a thread.
_SMALL = 64
#: Seconds that somebody else may hold a router's lock, and between two attempts.
_LOCKED, _LOOK = 5.0, 0.1


class Link:
    """One router. What is asked of it is done one after the other; while it is gone, everything is refused.

    :ivar reason: why it is not there; None while it is.
    :param executor: threads that may wait for routers.
    :param came_back: called each time that it is reached and read.
    :param checked: seconds between two signs of life.
    """

    def __init__(
        self, name: str, way: Way, executor: Executor, came_back: Callable[[Link], None], checked: float
    ) -> None:
        self.name = name
        self.reason: str | None = "not reached yet"
        self._way = way
        self._router = KnownRouter(name, way.router)
        way.ended = self._ended
        self._ending: asyncio.Task[None] | None = None
        self._executor = executor
        self._came_back = came_back
        self._checked = checked
        self._turn = asyncio.Lock()
        self._gone = asyncio.Event()
        self._gone.set()
        self._draft: Draft | None = None
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
                await self._until_gone()
                try:
                    await self.gather()
                    await self._in_thread(self._way.warm)
                    delay = _SOON
                    self._came_back(self)
                except HandoverError:
                    self.tried.set()
                    # Many routers that were lost at once do not come back at once.
                    await asyncio.sleep(delay * random.uniform(0.7, 1.3))
                    delay = min(2 * delay, _LATEST)
                self.tried.set()
        finally:
            await self._way.close()

    async def gather(self) -> RouterState:
        """Read it.

        :raises HandoverError: when it cannot be reached or read; it counts as gone then.
        """
        async with self._turn:
            try:
                state = await self._in_thread(self._router.gather)
            except HandoverError as error:
                await self._lost(error)
                raise
            self.reason = None
            self._gone.clear()
            return state

    async def apply(self, step: Step, hold: bool = False) -> Applied:
        """Carry a step out.

        :param hold: leave encoders unconfirmed until :meth:`settle` or :meth:`release`, where the router can.
        :raises HandoverError: as :meth:`KnownRouter.apply`.
        """
        return await self._asked(lambda: self._applied(step, hold))

    async def draft(self, step: Step) -> None:
        """Write the text of what will be its next step while something else is waited for.

        A router that changes meanwhile makes it worthless, and nothing else.
        """
        self._draft = None
        if not self._way.quick:
            return
        with suppress(HandoverError):  # it is told when the step is carried out
            if _is_small(step):
                self._draft = self._router.draft(step, time.time())
            else:
                async with self._turn:
                    self._draft = await self._in_thread(self._router.draft, step, time.time())

    async def settle(self, step: Step) -> None:
        """Have what it holds unconfirmed confirmed, and read it once more.

        :param step: what it holds.
        :raises HandoverError: as :meth:`KnownRouter.settle`.
        """
        await self._asked(lambda: self._in_thread(self._router.settle, step))

    async def release(self) -> None:
        """Have what it holds unconfirmed taken back, where that can be told it still."""
        with suppress(HandoverError):
            await self._asked(lambda: self._in_thread(self._router.release))

    async def connections(self, addresses: Iterable[Address]) -> tuple[Connection, ...]:
        """What its connection table says of some addresses.

        :raises HandoverError: when it does not tell.
        """
        asked = list(addresses)
        return await self._asked(lambda: self._in_thread(self._way.connections, asked))

    async def _applied(self, step: Step, hold: bool) -> Applied:
        now = time.time()
        unread = None
        if self._way.quick:
            asked = step, now, self._draft
            small = _is_small(step)
            unread = self._router.unread(*asked) if small else await self._in_thread(self._router.unread, *asked)
        if unread is not None:
            if not unread.change:
                return Applied(False, False)
            output = await self._way.step(unread.text, unread.known)
            if output is not None and "step" in output.sections:
                applied = self._router.acknowledged(unread, output)
                if applied is None:
                    applied = await self._in_thread(self._router.settle_unread, unread, output, now)
                return applied
        return await self._patiently(lambda: self._in_thread(self._router.apply, step, now, hold))

    async def _patiently(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Wait where somebody else holds a datastore's lock: for a moment, mostly. Nothing was done then."""
        until = time.monotonic() + _LOCKED
        while True:
            try:
                return await work()
            except HandoverError as error:
                if error.code != "lock_held" or time.monotonic() > until:
                    raise
            await asyncio.sleep(_LOOK)

    async def _until_gone(self) -> None:
        """Wait until it is lost, and see now and then whether it is: nobody else notices that of an idle session."""
        while not self._gone.is_set():
            try:
                async with asyncio.timeout(self._checked):
                    await self._gone.wait()
            except TimeoutError:
                with suppress(HandoverError):
                    await self._asked(lambda: self._in_thread(self._way.check))

    async def _asked(self, work: Callable[[], Awaitable[_T]]) -> _T:
        async with self._turn:
            if self.reason is not None:
                raise HandoverError("router_unreachable", f"{self.name}: {self.reason}", "a router can be reached")
            try:
                return await work()
            except HandoverError as error:
                if error.code in GONE:
                    await self._lost(error)
                raise

    async def _in_thread(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await in_thread(self._executor, work, *args, **kwargs)

    def _ended(self, error: HandoverError) -> None:
        """The session ended while nothing was asked: whatever became of the router, it is reached again and read."""

        async def lost() -> None:
            async with self._turn:
                if self.reason is None and not self._way.open:
                    await self._lost(error)

        self._ending = asyncio.create_task(lost())

    async def _lost(self, error: HandoverError) -> None:
        self.reason = str(error)
        self._router.forget()
        self._gone.set()
        await self._way.close()


def _is_small(step: Step) -> bool:
    return len(step.before) + len(step.after) <= _SMALL
