# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases and ledgers of partitions in a real NATS server: nobody has what another one has, or writes where he was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.js import JetStreamContext

from ansible_collections.sipmobility.handover.agent.stream.config import NatsConfig
from ansible_collections.sipmobility.handover.agent.stream.leases import Leases
from ansible_collections.sipmobility.handover.agent.stream.partitions import Partitions
from ansible_collections.sipmobility.handover.agent.stream.shelf import Shelf

from .nats import nats_server

_PARTITIONS = Partitions("stream", 7)
_LASTS = 1.0


class Service:
    """What a service does about its leases."""

    def __init__(self, stream: JetStreamContext, url: str, name: str) -> None:
        config = NatsConfig((url,), "stream", name, lease_seconds=_LASTS)
        self.epochs: dict[int, int] = {}
        self.leases = Leases(stream, config, _PARTITIONS, 1, self._taken, self._left)
        self.running = asyncio.create_task(self.leases.run())

    @property
    def held(self) -> set[int]:
        return set(self.leases.held)

    async def _taken(self, new: Sequence[tuple[int, int]]) -> None:
        self.epochs.update(new)

    async def _left(self, partition: int) -> None:
        pass


@asynccontextmanager
async def joined(url: str) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(url)
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def until(services: Sequence[Service], counts: Sequence[set[int]], seconds: float = 60) -> float:
    """Wait until each has as many partitions as it may; nobody has one that another has, at any moment."""
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        held = [service.held for service in services]
        assert sum(map(len, held)) == len(set().union(*held))
        all_held = sum(map(len, held)) == _PARTITIONS.count
        if all_held and all(len(one) in count for one, count in zip(held, counts, strict=True)):
            return time.monotonic() - begun
        await asyncio.sleep(0.005)
    raise AssertionError([service.held for service in services])


def test_partitions_are_shared_and_taken_over(tmp_path: Path) -> None:
    async def story(url: str) -> None:
        async with joined(url) as stream, joined(url) as other:
            one = Service(stream, url, "one")
            await until([one], [{7}])
            two = Service(other, url, "two")
            await until([one, two], [{3, 4}, {3, 4}])
            before = dict(two.epochs)
            # One dies without a word: all is the other's when its leases have ended, with higher epochs.
            one.running.cancel()
            await until([one, two], [{0}, {7}])
            assert set(two.epochs) == set(_PARTITIONS.all)
            assert all(two.epochs[number] > one.epochs[number] for number in set(two.epochs) - set(before))
            three = Service(stream, url, "three")
            await until([two, three], [{3, 4}, {3, 4}])
            # One that is stopped gives back what it has at once; its presence, too, is over.
            await two.leases.give_back()
            assert two.held == set()
            await until([two, three], [{0}, {7}], 0.9 * _LASTS)
            two.running.cancel()
            three.running.cancel()

    with nats_server(tmp_path / "nats") as server:
        asyncio.run(story(server.url))


def test_without_nats_nobody_has_anything(tmp_path: Path) -> None:
    with nats_server(tmp_path / "nats") as server:

        async def story() -> None:
            async with joined(server.url) as stream:
                one = Service(stream, server.url, "one")
                await until([one], [{7}])
                server.kill()
                deadline = time.monotonic() + 2 * _LASTS
                while one.held:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.01)
                server.start()
                await until([one], [{7}])
                one.running.cancel()

        asyncio.run(story())


def test_whoever_was_fenced_off_writes_nothing(tmp_path: Path) -> None:
    async def story(url: str) -> None:
        async with joined(url) as stream, joined(url) as other:
            first, second = Shelf(stream, "ledger-3", 5, 1), Shelf(other, "ledger-3", 9, 1)
            assert await first.take() == {}
            assert await first.put({"a": b"1", "b": b"2", "c": b"3"})
            # An answer that got lost: what was written is written again, by the one whose epoch it is.
            first._last -= 2
            assert await first.put({"b": b"4", "d": b"5"})
            await first.forget("c")
            assert await second.take() == {"a": b"1", "b": b"4", "d": b"5"}
            assert not await first.put({"a": b"late"})
            assert not await first.put({"new": b"late"})
            assert await first.take() is None
            assert await second.put({"a": b"6"})
            assert await Shelf(stream, "ledger-3", 10, 1).take() == {"a": b"6", "b": b"4", "d": b"5"}

    with nats_server(tmp_path / "nats") as server:
        asyncio.run(story(server.url))
