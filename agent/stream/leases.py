# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has which partition: leases in a bucket, taken by compare-and-set, which end when they are not renewed.

A lease counts from the moment that its renewal was asked for, on our own clock, and a little shorter than for NATS,
whose clock alone decides when it is free: so two services never have one at once, whatever their clocks say.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig
from nats.js.errors import BucketNotFoundError, KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue

from .config import NatsConfig
from .connection import TROUBLE
from .partitions import Partitions

__all__ = ["Leases"]

#: How many times in the life of a lease it is renewed, and how much of that life we believe in.
_RENEWALS, _BELIEVED = 4, 0.85

#: Takes partitions, each with the epoch of its lease.
Taken = Callable[[Sequence[tuple[int, int]]], Coroutine[Any, Any, None]]
#: Leaves one, before its lease is given back, or when it is lost.
Left = Callable[[int], Coroutine[Any, Any, None]]


@dataclass
class _Lease:
    """One lease. Its epoch is the number of the bucket's change that it began with, so a later one is higher."""

    epoch: int
    revision: int
    until: float


class Leases:
    """The leases of this service. Of several services each has its share.

    :param replicas: on how many servers of a cluster the bucket is.
    :param told: is told what is in the way.
    """

    def __init__(
        self,
        stream: JetStreamContext,
        config: NatsConfig,
        partitions: Partitions,
        replicas: int,
        taken: Taken,
        left: Left,
        told: Callable[[str], None] = lambda _state: None,
    ) -> None:
        self._stream = stream
        self._partitions = partitions
        self._replicas = replicas
        self._taken = taken
        self._left = left
        self._told = told
        self._bucket = f"{config.stream}-leases"
        self._lasts = config.lease_seconds
        self._who = f"{config.own_name}-{secrets.token_hex(4)}"
        self._held: dict[int, _Lease] = {}
        self._returning: set[int] = set()
        self._closing = False
        #: What takes its time while leases are renewed.
        self._beside: set[asyncio.Task[None]] = set()
        self._values: KeyValue | None = None

    @property
    def held(self) -> tuple[int, ...]:
        """The partitions that are ours now."""
        return tuple(number for number in sorted(self._held) if self.mine(number))

    def mine(self, partition: int, epoch: int | None = None) -> bool:
        """Whether a partition is ours at this moment.

        :param epoch: of the lease that is meant; None for any.
        """
        lease = self._held.get(partition)
        return lease is not None and time.monotonic() < lease.until and epoch in (None, lease.epoch)

    async def run(self) -> None:
        """Renew, take and give back, until cancelled."""
        try:
            while True:
                begun = time.monotonic()
                try:
                    await self._turn()
                except TROUBLE as error:
                    self._told(f"leases: {error or type(error).__name__}")
                for number in [number for number in self._held if not self.mine(number)]:
                    self.lost(number)
                for task in [task for task in self._beside if task.done()]:
                    self._beside.remove(task)
                    task.result()
                await asyncio.sleep(max(0.05, self._lasts / _RENEWALS - (time.monotonic() - begun)))
        finally:
            for task in self._beside:
                task.cancel()

    def lost(self, partition: int) -> None:
        """A partition is ours no more."""
        if self._held.pop(partition, None) is not None:
            self._in_background(self._left(partition))

    async def give_back(self) -> None:
        """All, so that others need not wait for their end; no other is taken any more."""
        self._closing = True
        with suppress(*TROUBLE):
            await asyncio.gather(*(self._returned(number) for number in tuple(self._held)))
            await self._purged(f"service.{self._who}")

    async def _turn(self) -> None:
        values = await self._opened()
        if not self._closing:
            await values.put(f"service.{self._who}", b"")
        await asyncio.gather(*(self._renewed(values, number) for number in tuple(self._held)))
        info = await self._stream.stream_info(f"KV_{self._bucket}", subjects_filter=self._subject(">"))
        there = set(info.state.subjects or {})
        services = sum(subject.startswith(self._subject("service.")) for subject in there)
        if self._closing:
            return
        share = -(-self._partitions.count // max(1, services))
        staying = sorted(set(self._held) - self._returning)
        for number in staying[share:]:
            self._in_background(self._returned(number))
        free = [number for number in self._partitions.all if self._subject(f"partition.{number}") not in there]
        random.shuffle(free)
        new = []
        for number in free[: max(0, share - len(staying))]:
            asked = time.monotonic()
            if self._closing:
                break
            with suppress(KeyWrongLastSequenceError):  # another one was faster
                revision = await values.create(f"partition.{number}", self._who.encode())
                self._held[number] = _Lease(revision, revision, asked + _BELIEVED * self._lasts)
                new.append((number, revision))
        if new:
            self._in_background(self._taken(new))

    async def _renewed(self, values: KeyValue, number: int) -> None:
        lease, asked = self._held[number], time.monotonic()
        try:
            lease.revision = await values.update(f"partition.{number}", self._who.encode(), last=lease.revision)
        except KeyWrongLastSequenceError:
            # It ended and is somebody else's. Or the answer to a renewal got lost: then it ends, and is taken again.
            self.lost(number)
        else:
            # One in which we did not believe any more is over: somebody may have acted on that.
            if self.mine(number):
                lease.until = asked + _BELIEVED * self._lasts
            else:
                self.lost(number)

    async def _returned(self, number: int) -> None:
        """Give a partition back while it is ours; nobody else can have changed its key."""
        self._returning.add(number)
        try:
            await self._left(number)
            if self.mine(number):
                await self._purged(f"partition.{number}")
            self._held.pop(number, None)
        except TROUBLE:
            pass  # it is renewed, and given back with the next turn; or it ends
        finally:
            self._returning.discard(number)

    async def _purged(self, key: str) -> None:
        await self._stream.purge_stream(f"KV_{self._bucket}", subject=self._subject(key))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        self._beside.add(asyncio.create_task(work))

    async def _opened(self) -> KeyValue:
        if self._values is None:
            try:
                self._values = await self._stream.key_value(self._bucket)
            except (BucketNotFoundError, NotFoundError):
                config = KeyValueConfig(bucket=self._bucket, ttl=self._lasts, history=1, replicas=self._replicas)
                self._values = await self._stream.create_key_value(config)
            # Whoever made it has decided how long leases last.
            self._lasts = (await self._values.status()).ttl or self._lasts
        return self._values

    def _subject(self, key: str) -> str:
        return f"$KV.{self._bucket}.{key}"
