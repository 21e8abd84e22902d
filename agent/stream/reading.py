# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole stream, read in its order and judged. Every service does that, for all partitions: whose an address was
is a question about all phones. What is judged is carried out by the service that holds the partition."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from ...plugins.module_utils.errors import HandoverError
from .connection import ANSWER_WITHIN, TROUBLE
from .followed import Followed
from .partitions import Partitions, found_stream

__all__ = ["Reading"]

#: Seconds until the stream is looked at although nobody told of an event, and until NATS is asked again.
_LOOK, _AGAIN = 1.0, 0.5

#: Judges the event of this number and partition, and notes what follows.
Judged = Callable[[Followed, int, int, bytes], Awaitable[None]]


class Reading:
    """Reads on from what was judged last.

    :param made: when the stream was made: one that was made anew counts from 1.
    :param lost: is told how many events are gone that were never read.
    """

    def __init__(
        self,
        client: Client,
        partitions: Partitions,
        made: str,
        followed: Followed,
        judged: Judged,
        lost: Callable[[int], None],
    ) -> None:
        self._client = client
        self._stream = client.jetstream(timeout=ANSWER_WITHIN)
        self._partitions = partitions
        self._made = made
        self._followed = followed
        self._judged = judged
        self._lost = lost
        #: All that follows from events up to here is known to whoever carries it out.
        self._through = followed.judged
        self._news = asyncio.Event()
        self._progress = asyncio.Condition()

    async def run(self) -> None:
        """Read until cancelled.

        :raises HandoverError: ``stream_made_anew``.
        """
        # What is published wakes us; what is in it is read from where it is stored, in the order of the store.
        await self._client.subscribe(self._partitions.subjects, cb=self._wake)
        quiet = 0
        while True:
            try:
                found = await self._stream.get_msg(
                    self._partitions.stream,
                    seq=self._followed.judged + 1,
                    subject=self._partitions.subjects,
                    next=True,
                )
            except NotFoundError:
                quiet += 1
                if quiet % 5 == 0:
                    await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), _LOOK)
                self._news.clear()
                continue
            except TROUBLE:
                await asyncio.sleep(_AGAIN)
                await self._look()
                continue
            quiet = 0
            number, before = found.seq or 0, self._followed.judged
            if before and number > before + 1:
                self._lost(number - before - 1)
            await self._judged(
                self._followed, number, self._partitions.numbered(found.subject or ""), found.data or b""
            )
            async with self._progress:
                self._through = number
                self._progress.notify_all()

    async def reached(self, number: int) -> None:
        """Wait until an event is judged."""
        self._news.set()
        async with self._progress:
            await self._progress.wait_for(lambda: self._through >= number)

    async def _wake(self, _message: Msg) -> None:
        self._news.set()

    async def _look(self) -> None:
        """Whether this is the stream still."""
        with suppress(*TROUBLE):
            found = await found_stream(self._stream, self._partitions.stream)
            if found is not None and str(found[1].created) != self._made:
                raise HandoverError(
                    "stream_made_anew", self._partitions.stream, "a stream lasts", "Start the service again."
                )
