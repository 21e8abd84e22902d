# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of one partition, one after the other: each is acknowledged when the routers have what follows from it,
or when it was refused. One that was not acknowledged is delivered again, to whoever has the partition then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from ..service.settling import Settling
from .connection import ANSWER_WITHIN, TROUBLE
from .followed import Followed
from .partitions import Partitions

__all__ = ["PartitionWork", "Wants"]

#: Seconds that one asks for an event, and until NATS is asked again.
_ASK, _AGAIN = 1.0, 0.5


class Wants(Protocol):
    """Who carries out."""

    settling: Settling

    def want(self, records: Sequence[Mapping[str, Any]], heard: float) -> None:
        """Newest words on handovers."""


class PartitionWork:
    """The work of one partition.

    :param reached: waits until an event is judged.
    :param mine: whether the partition is still ours.
    :param learn: is told of handovers before they are wanted.
    :param redelivered_after: seconds without a sign of life until an event is delivered again.
    """

    def __init__(
        self,
        stream: JetStreamContext,
        partitions: Partitions,
        number: int,
        followed: Followed,
        wants: Wants,
        *,
        reached: Callable[[int], Any],
        mine: Callable[[], bool],
        learn: Callable[[list[str]], None],
        redelivered_after: float,
    ) -> None:
        self._stream = stream
        self._partitions = partitions
        self._number = number
        self._followed = followed
        self._wants = wants
        self._reached = reached
        self._mine = mine
        self._learn = learn
        self._redelivered_after = redelivered_after
        self._stopping = self._abandoned = False

    def stop(self) -> None:
        """Take no further event."""
        self._stopping = True

    def abandon(self) -> None:
        """Nobody carries anything out any more; what was carried out is still acknowledged."""
        self._stopping = self._abandoned = True

    async def run(self) -> None:
        """Work until stopped, or until the partition is somebody else's."""
        events: JetStreamContext.PullSubscription | None = None
        try:
            while self._mine() and not self._stopping:
                try:
                    if events is None:
                        events = await self._opened()
                    (event,) = await events.fetch(1, _ASK)
                except TROUBLE as error:
                    if events is None or not isinstance(error, TimeoutError):
                        events = None
                        await asyncio.sleep(_AGAIN)
                else:
                    await self._done(event)
        finally:
            if events is not None:
                with suppress(*TROUBLE):
                    await events.unsubscribe()

    async def _opened(self) -> JetStreamContext.PullSubscription:
        name, subject = f"partition-{self._number}", self._partitions.subject(self._number)
        events = await self._stream.pull_subscribe(
            subject,
            durable=name,
            stream=self._partitions.stream,
            config=ConsumerConfig(
                ack_policy=AckPolicy.EXPLICIT, ack_wait=self._redelivered_after, max_ack_pending=1, max_deliver=-1
            ),
        )
        info = await events.consumer_info()
        if info.ack_floor is not None:
            self._followed.done_to(self._number, info.ack_floor.stream_seq)
        return events

    async def _done(self, event: Msg) -> None:
        number = event.metadata.sequence.stream
        alive = asyncio.create_task(self._signs_of_life(event))
        try:
            await self._reached(number)
            records = self._followed.records(number)
            if records and not await self._carried_out(records, event):
                return
            if self._mine():
                await self._acknowledged(event)
                self._followed.done(number)
        finally:
            alive.cancel()

    async def _carried_out(self, records: Sequence[Mapping[str, Any]], event: Msg) -> bool:
        """Whether all is settled; not where the partition was lost meanwhile."""
        handovers = [str(record["id"]) for record in records]
        self._learn(handovers)
        expected = self._wants.settling.expect(handovers)
        waited = max(0.0, time.time() - event.metadata.timestamp.timestamp())
        self._wants.want(records, time.monotonic() - waited)
        try:
            while expected.left:
                with suppress(TimeoutError):
                    await asyncio.wait_for(expected.wait(), _ASK)
                if expected.left and (self._abandoned or not self._mine()):
                    return False
            return True
        finally:
            self._wants.settling.forget(expected)

    async def _acknowledged(self, event: Msg) -> None:
        """Until NATS has it: what is acknowledged twice, or after it was delivered again, is acknowledged."""
        while self._mine():
            try:
                await event.ack_sync(ANSWER_WITHIN)
            except TROUBLE:
                await asyncio.sleep(_AGAIN)
            else:
                return

    async def _signs_of_life(self, event: Msg) -> None:
        while True:
            await asyncio.sleep(self._redelivered_after / 3)
            with suppress(*TROUBLE):
                await event.in_progress()
