# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All inputs of a configuration, opened, and what comes from them in its order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Protocol

from ....plugins.module_utils.mobility.intake import Item
from ....plugins.module_utils.sip.sources import open_source
from ....plugins.module_utils.sip.sources.cursor import Cursor
from ..config import EventInput
from .follow import Follower
from .pushed import datagrams, evapi

__all__ = ["Inputs", "Take", "Teller"]

#: Events that wait to be taken; those beyond are lost, and told.
_WAITING = 20_000
_MOST_AT_ONCE = 500

#: Takes what came, and from where; what follows is read when it returns.
Take = Callable[[list[Item], str], Awaitable[None]]


class Teller(Protocol):
    """Who is told of what is refused, and of what happens."""

    def refused(self, subject: str, code: str, reason: str) -> None:
        """Something was not believed, or was lost."""

    def told(self, event: str, **what: object) -> None:
        """Anything else."""


class Inputs:
    """Opens inputs and hands on what comes.

    :param known: where the logs were read up to, by their path.
    :ivar cursors: behind what was taken of each log.
    """

    def __init__(self, events: Iterable[EventInput], known: Mapping[str, Cursor], take: Take, teller: Teller) -> None:
        self.cursors: dict[str, Cursor] = {}
        self._events = tuple(events)
        self._known = known
        self._take = take
        self._teller = teller

    async def run(self) -> None:
        """Read until cancelled.

        :raises HandoverError: ``bad_input``.
        """
        loop = asyncio.get_running_loop()
        followers: list[Follower] = []
        transports: list[asyncio.DatagramTransport] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                for one in self._events:
                    if one.log is not None:
                        followers.append(self._followed(one, one.log, loop))
                        continue
                    waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
                    tasks.create_task(self._taken(one, waiting))
                    if one.evapi is not None:
                        told = _Changes(self._teller, str(one))
                        tasks.create_task(evapi(one.evapi, self._pushed(one, waiting), told))
                    else:
                        at = one.udp or one.socket or ""
                        transports.append(await datagrams(at, self._pushed(one, waiting)))
                await asyncio.Event().wait()
        finally:
            for transport in transports:
                transport.close()
            for follower in followers:
                follower.stop()

    def _followed(self, one: EventInput, path: str, loop: asyncio.AbstractEventLoop) -> Follower:
        def taken(items: list[Item], cursor: Cursor | None) -> None:
            async def on_the_loop() -> None:
                if items:
                    await self._take(items, str(one))
                if cursor is not None:
                    self.cursors[path] = cursor

            with suppress(RuntimeError, CancelledError):  # the loop is closed, or we were cancelled
                asyncio.run_coroutine_threadsafe(on_the_loop(), loop).result()

        follower = Follower(path, one.format, self._known.get(path), taken)
        follower.start()
        return follower

    def _pushed(self, one: EventInput, waiting: asyncio.Queue[bytes]) -> Callable[[bytes], None]:
        def pushed(data: bytes) -> None:
            try:
                waiting.put_nowait(data)
            except asyncio.QueueFull:
                self._teller.refused(str(one), "input_overflow", "events come faster than they can be judged")

        return pushed

    async def _taken(self, one: EventInput, waiting: asyncio.Queue[bytes]) -> None:
        while True:
            events = [await waiting.get()]
            while len(events) < _MOST_AT_ONCE and not waiting.empty():
                events.append(waiting.get_nowait())
            await self._take(await asyncio.to_thread(_items, events, one), str(one))


class _Changes:
    """Tells of the state of a connection when it changes."""

    def __init__(self, teller: Teller, name: str) -> None:
        self._teller = teller
        self._name = name
        self._last = ""

    def __call__(self, state: str) -> None:
        if state != self._last:
            self._teller.told("input", input=self._name, state=state)
        self._last = state


def _items(events: list[bytes], one: EventInput) -> list[Item]:
    """What pushed events are; each stands by itself, so a broken one takes no other with it."""
    found: list[Item] = []
    for data in events:
        found += open_source(one.format, [data.rstrip(b"\r\n\0") + b"\n"], str(one))[1]
    return found
