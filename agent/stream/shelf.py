# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of one partition, where the next one who has the partition can read it: a key-value bucket of its own.

Each write says which change of the bucket was the last one (compare-and-set). Whoever takes the partition writes the
epoch of his lease first; from then on whatever an earlier holder still writes is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig
from nats.js.errors import APIError, NotFoundError

from .connection import ANSWER_WITHIN

__all__ = ["Shelf"]

_EPOCH = "epoch"
_LAST = "Nats-Expected-Last-Sequence"
#: The server's code for: another change was the last one.
_OTHER_LAST = (10071, 10164)
#: No change has this number.
_UNKNOWN = 2**53
#: How often it is tried to be the one who writes next.
_TRIES = 20


class Shelf:
    """One bucket: under ``handover.ID`` what is to become of a handover. Make it, :meth:`take` it, :meth:`put` into it.

    :param epoch: of the lease.
    """

    def __init__(self, stream: JetStreamContext, bucket: str, epoch: int, replicas: int) -> None:
        self._stream = stream
        self._bucket = bucket
        self._epoch = epoch
        self._replicas = replicas
        self._last = 0
        self._turn = asyncio.Lock()

    async def take(self) -> dict[str, bytes] | None:
        """Fence earlier holders off. What is in it, by handover; None where a later holder has done that to us."""
        for _try in range(_TRIES):
            try:
                last, epoch = await self._state()
            except NotFoundError:
                await self._stream.create_key_value(
                    KeyValueConfig(bucket=self._bucket, history=1, replicas=self._replicas)
                )
                continue
            if epoch > self._epoch:
                return None
            try:
                await self._write(_EPOCH, str(self._epoch).encode(), last)
            except APIError as error:
                if error.err_code not in _OTHER_LAST:
                    raise
            else:
                self._last = last + 1
                return await self._all()
        return None

    async def put(self, values: Mapping[str, bytes]) -> bool:
        """Write values; whether they are stored. False where a later holder has fenced us off.

        :raises nats.errors.Error: where NATS is not there, as another of ``TROUBLE``; some of it may be stored then.
        """
        async with self._turn:
            for _try in range(_TRIES):
                writes = [
                    asyncio.ensure_future(self._write(f"handover.{key}", value, self._last + number))
                    for number, (key, value) in enumerate(values.items())
                ]
                ended = await asyncio.gather(*writes, return_exceptions=True)
                wrong = [error for error in ended if isinstance(error, BaseException)]
                if not wrong:
                    self._last += len(values)
                    return True
                other = [error for error in wrong if isinstance(error, APIError) and error.err_code in _OTHER_LAST]
                if len(other) != len(wrong):
                    self._last = _UNKNOWN
                    raise next(error for error in wrong if error not in other)
                # An answer may have got lost before: as long as the epoch is ours, nobody else writes here.
                last, epoch = await self._state()
                if epoch != self._epoch:
                    return False
                self._last = last
            return False

    async def forget(self, key: str) -> None:
        """Take a handover out; that is no change that counts."""
        await self._stream.purge_stream(f"KV_{self._bucket}", subject=self._subject(f"handover.{key}"))

    async def _state(self) -> tuple[int, int]:
        """The number of the last change, and the epoch. In this order: a later epoch is a later change."""
        info = await self._stream.stream_info(f"KV_{self._bucket}")
        try:
            held = await self._stream.get_last_msg(f"KV_{self._bucket}", self._subject(_EPOCH))
        except NotFoundError:
            return info.state.last_seq, 0
        return info.state.last_seq, int(held.data or b"0")

    async def _all(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        number = 1
        while True:
            try:
                one = await self._stream.get_msg(
                    f"KV_{self._bucket}", seq=number, subject=self._subject(">"), next=True
                )
            except NotFoundError:
                return found
            number = (one.seq or number) + 1
            if one.subject != self._subject(_EPOCH) and one.data:
                found[(one.subject or "").rpartition(".")[2]] = one.data

    async def _write(self, key: str, value: bytes, last: int) -> None:
        await self._stream.publish(self._subject(key), value, timeout=ANSWER_WITHIN, headers={_LAST: str(last)})

    def _subject(self, key: str) -> str:
        return f"$KV.{self._bucket}.{key}"
