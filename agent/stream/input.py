# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input ``nats``: the whole stream is judged, and what follows in our partitions is carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from nats.aio.client import Client
from nats.js import JetStreamContext

from ..service.inputs.opened import Teller
from ..service.threads import in_thread
from .config import NatsConfig
from .connection import ANSWER_WITHIN, TROUBLE, connected
from .followed import Followed
from .leases import Leases
from .partitions import Partitions, found_stream
from .reading import Reading
from .shared_ledger import SharedLedger
from .shelf import Shelf
from .work import PartitionWork, Wants

__all__ = ["Parts", "StreamInput"]

#: Seconds until NATS is asked again.
_AGAIN = 0.5


@dataclass(frozen=True)
class Parts:
    """What a service is made of, as far as it concerns a stream.

    :ivar planner: the thread of the ledger.
    :ivar reconcile: brings these handovers and the routers together, after the routers were read anew.
    :ivar followed: opens what is remembered of a stream.
    :ivar judged: judges an event, given its number, its partition and its bytes, and notes what follows.
    """

    wants: Wants
    ledger: SharedLedger
    planner: Executor
    reconcile: Callable[[Collection[str]], Awaitable[None]]
    followed: Callable[[str], Awaitable[Followed]]
    judged: Callable[[Followed, int, int, bytes], Awaitable[None]]


class StreamInput:
    """One input. Make it, :meth:`run` it, :meth:`stop` it, :meth:`close` it.

    :param dry_run: judge everything, take no partition and acknowledge nothing.
    """

    def __init__(self, config: NatsConfig, teller: Teller, *, dry_run: bool = False) -> None:
        self._config = config
        self._teller = teller
        self._dry_run = dry_run
        self._said = ""
        self._stopping = False
        self._client: Client | None = None
        self._partitions = Partitions(config.stream, 1)
        self._leases: Leases | None = None
        self._partition_of: dict[str, int] = {}
        self._working: dict[int, tuple[PartitionWork, asyncio.Task[None]]] = {}

    @property
    def held(self) -> tuple[int, ...]:
        """The partitions that are ours."""
        return () if self._leases is None else self._leases.held

    def owns(self, handover: str) -> bool:
        """Whether a handover is in a partition of ours."""
        return self._dry_run or self.mine(self._partition_of.get(handover, -1))

    def partition(self, aor: str) -> int:
        """The partition of an address of record."""
        return self._partitions.of(aor)

    def mine(self, partition: int) -> bool:
        """Whether a partition is ours."""
        return self._leases is not None and self._leases.mine(partition)

    def fenced(self, partition: int) -> None:
        """A partition is somebody else's."""
        if self._leases is not None:
            self._leases.lost(partition)

    async def run(self, parts: Parts) -> None:
        """Take events until cancelled.

        :raises HandoverError: where what is remembered cannot be used, or the stream is another one suddenly.
        """
        self._parts = parts
        self._client = await connected(self._config, self._tell)
        self._stream: JetStreamContext = self._client.jetstream(timeout=ANSWER_WITHIN)
        made = await self._found()
        self._followed = await parts.followed(f"{self._config.stream} {made}")
        self._reading = Reading(self._client, self._partitions, made, self._followed, parts.judged, self._lost)
        self._leases = Leases(
            self._stream, self._config, self._partitions, self._replicas, self._taken, self._left, self._tell
        )
        self._tell("reading")
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._reading.run())
            if not self._dry_run:
                tasks.create_task(self._leases.run())
                tasks.create_task(self._tidied())

    def stop(self) -> None:
        """Take no further event and no further partition; what was begun is still acknowledged."""
        self._stopping = True
        for work, _task in self._working.values():
            work.stop()

    async def close(self) -> None:
        """Give our partitions back and end the connection; nothing is carried out any more."""
        for work, _task in self._working.values():
            work.abandon()
        if self._leases is not None:
            await self._leases.give_back()
        if self._client is not None:
            with suppress(*TROUBLE):
                await self._client.close()

    async def _found(self) -> str:
        """When the stream was made, which whoever publishes does."""
        while True:
            try:
                found = await found_stream(self._stream, self._config.stream)
                if found is not None:
                    self._partitions, info = found
                    self._replicas = info.config.num_replicas or 1
                    return str(info.created)
                self._tell(f"there is no stream {self._config.stream} yet; sip-handover publish makes it")
            except TROUBLE as error:
                self._tell(str(error) or type(error).__name__)
            await asyncio.sleep(_AGAIN)

    def _learn(self, handovers: Iterable[str], partition: int) -> None:
        self._partition_of.update(dict.fromkeys(handovers, partition))

    async def _taken(self, new: Sequence[tuple[int, int]]) -> None:
        """Partitions are ours: see what was owed in them, have it carried out, then go on with their events."""
        leases = self._leases
        assert leases is not None
        owed: set[str] = set()
        for number, epoch in new:
            await self._left(number)
            shelf = Shelf(self._stream, f"{self._config.stream}-ledger-{number}", epoch, self._replicas)
            while leases.mine(number, epoch):
                try:
                    values = await shelf.take()
                except TROUBLE as error:
                    self._tell(str(error) or type(error).__name__)
                    await asyncio.sleep(_AGAIN)
                    continue
                if values is None:
                    self.fenced(number)
                else:
                    handovers = await in_thread(self._parts.planner, self._parts.ledger.take, number, shelf, values)
                    self._learn(handovers, number)
                    owed.update(handovers)
                break
        ours = [(number, epoch) for number, epoch in new if leases.mine(number, epoch)]
        if owed:
            await self._parts.reconcile(owed)
        for number, epoch in ours if not self._stopping else ():
            work = PartitionWork(
                self._stream,
                self._partitions,
                number,
                self._followed,
                self._parts.wants,
                reached=self._reading.reached,
                mine=partial(leases.mine, number, epoch),
                learn=partial(self._learn, partition=number),
                redelivered_after=self._config.lease_seconds,
            )
            self._working[number] = (work, self._tasks.create_task(work.run()))
        self._teller.told("partitions", taken=[number for number, _epoch in ours], held=sorted(self._working))

    async def _left(self, number: int) -> None:
        """A partition goes: its event is finished, where it is ours still, and no other begun."""
        working = self._working.get(number)
        if working is not None:
            work, task = working
            work.stop()
            await asyncio.wait({task})
            if self._working.get(number) is working:
                del self._working[number]
                self._teller.told("partitions", left=[number], held=sorted(self._working))
        self._partition_of = {one: where for one, where in self._partition_of.items() if where != number}
        await in_thread(self._parts.planner, self._parts.ledger.leave, number)

    async def _tidied(self) -> None:
        """Of partitions that others hold: what is acknowledged need not be remembered any more."""
        while True:
            await asyncio.sleep(3 * self._config.lease_seconds)
            for number in self._partitions.all:
                if not self.mine(number):
                    with suppress(*TROUBLE):
                        info = await self._stream.consumer_info(self._config.stream, f"partition-{number}")
                        if info.ack_floor is not None:
                            self._followed.done_to(number, info.ack_floor.stream_seq)

    def _lost(self, events: int) -> None:
        reason = f"{events} events were dropped from the stream before they were read here"
        self._teller.refused(str(self._config), "lost_input", reason)

    def _tell(self, state: str) -> None:
        if state != self._said:
            self._teller.told("input", input=f"nats {self._config}", state=state)
        self._said = state
