# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configured inputs, opened: logs that are followed, and events that are pushed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import CancelledError, Executor
from contextlib import suppress
from typing import Protocol

from ....plugins.module_utils.errors import HandoverError
from ....plugins.module_utils.mobility.intake import Item
from ....plugins.module_utils.sip.sources import open_source
from ....plugins.module_utils.sip.sources.cursor import Cursor
from ..config import EventInput
from ..threads import in_thread
from .follow import Follower
from .pushed import datagrams, evapi
from .webhook import Webhook

__all__ = ["Inputs", "Teller", "pushed_items"]

#: Events that wait to be judged; those beyond are lost, and told.
_WAITING = 20_000
_MOST_AT_ONCE = 500


class Teller(Protocol):
    """Who is told of what is refused, and of what happens."""

    def refused(self, subject: str, code: str, reason: str) -> None:
        """Something was not believed, or was lost."""

    def told(self, event: str, **what: object) -> None:
        """Anything else."""


class Inputs:
    """Opens inputs and gives on what they yield, in its order.

    :param take: takes what came, and from which input.
    :param cursors: how far each log was judged; kept up to date here.
    :param reader: the thread in which pushed events are read.
    :param webhook: where events are posted.
    """

    def __init__(
        self,
        take: Callable[[list[Item], str], Awaitable[None]],
        cursors: dict[str, Cursor],
        teller: Teller,
        reader: Executor,
        webhook: Webhook | None = None,
    ) -> None:
        self._take = take
        self._cursors = cursors
        self._teller = teller
        self._reader = reader
        self._webhook = webhook
        self._loop = asyncio.get_running_loop()
        self._followers: list[Follower] = []
        self._transports: list[asyncio.BaseTransport] = []
        self._running: list[asyncio.Task[None]] = []

    async def open(self, one: EventInput, tasks: asyncio.TaskGroup, known: Mapping[str, Cursor]) -> None:
        """Open an input.

        :param known: how far logs were judged before.
        :raises HandoverError: ``bad_config`` where it cannot be opened.
        """
        if one.log is not None:
            follower = Follower(one.log, one.format, known.get(one.log), self._taker(one, one.log))
            follower.start()
            self._followers.append(follower)
        elif one.evapi is not None:
            told = _Told(self._teller, str(one))
            self._running.append(tasks.create_task(evapi(one.evapi, self._queue(one, tasks), told)))
        elif one.webhook is not None:
            if self._webhook is None:
                raise HandoverError("bad_config", f"events: {one}", "posts come to a service with http")
            self._webhook.open(self._posted(one))
        elif one.nats is not None:
            raise HandoverError(
                "bad_config", f"events: {one}", "a stream is for services that hold sessions to routers"
            )
        else:
            self._transports.append(await datagrams(one.udp or one.socket or "", self._queue(one, tasks)))

    def close(self) -> None:
        """Take nothing more from outside; what waits is still judged."""
        if self._webhook is not None:
            self._webhook.close()
        for transport in self._transports:
            transport.close()
        for follower in self._followers:
            follower.stop()

    def cancel(self) -> None:
        """Judge nothing more."""
        for task in self._running:
            task.cancel()

    def _taker(self, one: EventInput, path: str) -> Callable[[list[Item], Cursor | None], None]:
        async def judged(items: list[Item], cursor: Cursor | None) -> None:
            if items:
                await self._take(items, str(one))
            if cursor is not None and cursor != self._cursors.get(path):
                self._cursors[path] = cursor

        def taken(items: list[Item], cursor: Cursor | None) -> None:
            # The loop is closed, what took them was cancelled, or it failed and says so elsewhere.
            with suppress(RuntimeError, CancelledError, HandoverError):
                asyncio.run_coroutine_threadsafe(judged(items, cursor), self._loop).result()

        return taken

    def _posted(self, one: EventInput) -> Callable[[list[bytes]], Awaitable[None]]:
        async def posted(events: list[bytes]) -> None:
            await self._take(await in_thread(self._reader, pushed_items, events, one), str(one))

        return posted

    def _queue(self, one: EventInput, tasks: asyncio.TaskGroup) -> Callable[[bytes], None]:
        """Where the events of an input wait to be judged."""
        waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)

        def pushed(data: bytes) -> None:
            try:
                waiting.put_nowait(data)
            except asyncio.QueueFull:
                self._teller.refused(str(one), "input_overflow", "events come faster than they can be judged")

        async def judged() -> None:
            while True:
                events = [await waiting.get()]
                while len(events) < _MOST_AT_ONCE and not waiting.empty():
                    events.append(waiting.get_nowait())
                await self._take(await in_thread(self._reader, pushed_items, events, one), str(one))

        self._running.append(tasks.create_task(judged()))
        return pushed


class _Told:
    """Tells of the state of a connection when it changes."""

    def __init__(self, teller: Teller, name: str) -> None:
        self._teller = teller
        self._name = name
        self._last = ""

    def __call__(self, state: str) -> None:
        if state != self._last:
            self._teller.told("input", input=self._name, state=state)
        self._last = state


def pushed_items(events: list[bytes], one: EventInput) -> list[Item]:
    """What pushed events are; each stands by itself, so a broken one takes no other with it."""
    found: list[Item] = []
    for data in events:
        found += open_source(one.format, [data.rstrip(b"\r\n\0") + b"\n"], str(one))[1]
    return found
