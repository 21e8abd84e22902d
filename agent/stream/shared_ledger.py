# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger that several services share: what each keeps on its own disk is a copy of its own partitions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from ...plugins.module_utils.mobility.step import Stage
from ..service.ledger import Ledger, Status
from .connection import TROUBLE
from .shelf import Shelf

__all__ = ["SharedLedger"]

#: Seconds until a write is tried again while NATS is away.
_AGAIN = 0.2


class SharedLedger(Ledger):
    """As :class:`Ledger`; what it notes is in NATS, too, when it returns, or the partition is lost.

    :param partition: of an address of record.
    :param mine: whether a partition is still ours.
    :param fenced: is told that a partition is somebody else's.
    """

    def __init__(
        self,
        path: str,
        loop: asyncio.AbstractEventLoop,
        *,
        partition: Callable[[str], int],
        mine: Callable[[int], bool],
        fenced: Callable[[int], None],
    ) -> None:
        super().__init__(path)
        self._loop = loop
        self._partition = partition
        self._mine = mine
        self._fenced = fenced
        self._shelves: dict[int, Shelf] = {}
        with self._transaction():
            # What was owed when this service last ran is in NATS; somebody else may have seen to it.
            self._db.execute("DELETE FROM handovers")

    def take(self, partition: int, shelf: Shelf, values: Mapping[str, bytes]) -> tuple[str, ...]:
        """A partition is ours; what its shelf holds. Returns the handovers in it."""
        self.leave(partition)
        rows = [(identity, *json.loads(value)) for identity, value in values.items()]
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO handovers (id, record, status, code, reason, changed)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
        self._shelves[partition] = shelf
        return tuple(values)

    def leave(self, partition: int) -> None:
        """A partition is ours no more."""
        self._shelves.pop(partition, None)
        gone = [(one.id,) for one in self.all() if self._partition(str(one.record["aor"])) == partition]
        with self._transaction("NORMAL"):
            self._db.executemany("DELETE FROM handovers WHERE id = ?", gone)

    def want(self, records: Iterable[Mapping[str, Any]], now: float) -> None:
        listed = list(records)
        super().want(listed, now)
        self._share(str(record["id"]) for record in listed)

    def begin(
        self,
        records: Iterable[Mapping[str, Any]],
        refused: Mapping[str, tuple[Status, str, str]],
        stages: Iterable[Stage],
        now: float,
        waits: Callable[[], object] = lambda: None,
    ) -> int:
        listed = list(records)
        number = super().begin(listed, refused, stages, now, waits)
        self._share(str(record["id"]) for record in listed)
        return number

    def end(
        self, number: int, outcome: str, standing: Mapping[str, tuple[Status, str | None, str | None]], now: float
    ) -> None:
        super().end(number, outcome, standing, now)
        self._share(standing)

    def forget(self, now: float) -> list[Mapping[str, Any]]:
        gone = super().forget(now)
        keys = [(self._shelves.get(self._partition(str(record["aor"]))), str(record["id"])) for record in gone]
        if keys:
            asyncio.run_coroutine_threadsafe(_forgotten(keys), self._loop).result()
        return gone

    def _share(self, handovers: Iterable[str]) -> None:
        by_partition: dict[int, dict[str, bytes]] = {}
        with self._told():
            for identity in handovers:
                found = self._db.execute(
                    "SELECT record, status, code, reason, changed FROM handovers WHERE id = ?", (identity,)
                ).fetchone()
                if found is not None:
                    partition = self._partition(str(json.loads(found[0])["aor"]))
                    by_partition.setdefault(partition, {})[identity] = json.dumps(found).encode()
        asyncio.run_coroutine_threadsafe(self._shared(by_partition), self._loop).result()

    async def _shared(self, by_partition: Mapping[int, Mapping[str, bytes]]) -> None:
        await asyncio.gather(*(self._put(partition, values) for partition, values in by_partition.items()))

    async def _put(self, partition: int, values: Mapping[str, bytes]) -> None:
        while self._mine(partition) and partition in self._shelves:
            try:
                if not await self._shelves[partition].put(values):
                    self._fenced(partition)
                return
            except TROUBLE:
                await asyncio.sleep(_AGAIN)


async def _forgotten(keys: Iterable[tuple[Shelf | None, str]]) -> None:
    for shelf, key in keys:
        with suppress(*TROUBLE):
            if shelf is not None:
                await shelf.forget(key)
