# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill the stream: the SIP server's log of events is followed, and each event published until it is stored.

The log is what lasts. So nothing is lost while NATS is away, and what is published twice is stored once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from nats.js import JetStreamContext

from ...plugins.module_utils.mobility.intake import Item
from ...plugins.module_utils.sip.dialog_message import DialogMessage
from ...plugins.module_utils.sip.refusal import Refusal
from ...plugins.module_utils.sip.registration import Expired, Registration
from ...plugins.module_utils.sip.sources.cursor import Cursor
from ...plugins.module_utils.sip.sources.kamailio import event_in
from ...plugins.module_utils.sip.sources.line_items import line_items
from ...plugins.module_utils.sip.sources.lines import Position
from ..cursor_file import load_cursors, write_cursors
from ..service.inputs.follow import Follower
from .config import PublishConfig
from .connection import ANSWER_WITHIN, TROUBLE, connected
from .partitions import Partitions, made_stream

__all__ = ["Publisher"]

_LOG = logging.getLogger("sip_handover")
#: Seconds until NATS is asked again, and between two writes of the cursor.
_AGAIN, _KEPT_EVERY = 0.5, 0.5


class Publisher:
    """One publisher. Make it, then :meth:`run` it once."""

    def __init__(self, config: PublishConfig) -> None:
        self._config = config
        self._path = str(Path(config.state_dir, "published.json"))
        self._kept = time.monotonic()
        self._last: Cursor | None = None
        self._said = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until ``stop`` is set.

        :raises HandoverError: where the configuration or the cursor cannot be used.
        """
        Path(self._config.state_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
        cursor = load_cursors(self._path, may_be_missing=True).get(self._config.log)
        publishing = asyncio.create_task(self._run(cursor))
        stopping = asyncio.create_task(stop.wait())
        done, _others = await asyncio.wait((publishing, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in (publishing, stopping):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await publishing
        if self._last is not None and publishing not in done:
            write_cursors(self._path, {self._config.log: self._last})

    async def _run(self, cursor: Cursor | None) -> None:
        client = await connected(self._config.nats, self._tell)
        self._stream: JetStreamContext = client.jetstream(timeout=ANSWER_WITHIN)
        self._partitions = await self._made()
        loop = asyncio.get_running_loop()

        def taken(items: list[Item], behind: Cursor | None) -> None:
            with suppress(RuntimeError, CancelledError):  # it is being stopped
                asyncio.run_coroutine_threadsafe(self._take(items, behind), loop).result()

        follower = Follower(self._config.log, "kamailio", cursor, taken, _lines_with_events)
        follower.start()
        _LOG.info("ready", extra={"told": {"stream": str(self._config.nats), "partitions": self._partitions.count}})
        try:
            await asyncio.Event().wait()
        finally:
            follower.stop()
            await client.close()

    async def _made(self) -> Partitions:
        while True:
            try:
                return await made_stream(self._stream, self._config)
            except TROUBLE as error:
                self._tell(str(error) or type(error).__name__)
                await asyncio.sleep(_AGAIN)

    async def _take(self, items: list[Any], behind: Cursor | None) -> None:
        for item in items:
            if isinstance(item, Refusal):
                told = {"subject": item.where, "code": item.code, "reason": item.reason}
                _LOG.warning("refused", extra={"told": told})
            else:
                await self._published(item)
        if behind is not None and behind != self._last and time.monotonic() - self._kept > _KEPT_EVERY:
            await asyncio.to_thread(write_cursors, self._path, {self._config.log: behind})
            self._kept = time.monotonic()
        self._last = behind

    async def _published(self, line: _Line) -> None:
        """One after the other: were the next one under way when this one failed, it would be stored before it."""
        subject = self._partitions.subject(self._partitions.of(line.of))
        headers = {"Nats-Msg-Id": sha256(line.data).hexdigest()[:32]}
        while True:
            try:
                stored = await self._stream.publish(
                    subject, line.data, stream=self._partitions.stream, headers=dict(headers)
                )
            except TROUBLE as error:
                self._tell(str(error) or type(error).__name__)
                await asyncio.sleep(_AGAIN)
            else:
                told = {"subject": subject, "number": stored.seq, "twice": bool(stored.duplicate)}
                _LOG.debug("published", extra={"told": told})
                return

    def _tell(self, state: str) -> None:
        if state != self._said:
            _LOG.info("nats", extra={"told": {"state": state}})
        self._said = state


@dataclass(frozen=True)
class _Line:
    """A line with an event.

    :ivar of: whose it is; of a dialog, which it is.
    """

    data: bytes
    of: str


def _lines_with_events(stream: Iterable[bytes], where: str, position: Position | None) -> Iterator[Any]:
    return line_items(stream, where, position, _event)


def _event(data: bytes, where: str) -> Any:
    item = event_in(data, where)
    if isinstance(item, (Registration, Expired)):
        return _Line(data, item.aor)
    if isinstance(item, DialogMessage):
        return _Line(data, item.call_id)
    return item
