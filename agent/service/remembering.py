# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inputs yielded is remembered: in the history, and by cursors that say how far each log was read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

from ...plugins.module_utils.sip.sources.cursor import Cursor
from ..cursor_file import load_cursors, write_cursors
from ..stream.followed import Followed
from .court import Court
from .ledger import Ledger
from .programmer import Programmer
from .threads import in_thread

__all__ = ["Remembering"]

#: Seconds between two looks at what has been judged and is not in the history yet; at the latest it is put there then.
_EVERY, _LATEST = 0.5, 5.0


class Remembering:
    """Puts what was judged into the history, and the cursors behind it, when all that follows is in the ledger.

    So an event is lost nowhere between log and router.

    :ivar cursors: how far each log was judged.
    :ivar followed: what followed from the events of a stream, where they come from one; in the ledger is what the
        service has begun, and not what waits: another one may be the one to begin it.
    :param path: file of the cursors.
    :param reader: the thread of ``followed``.
    :param judging: held from the moment that something is judged until what follows is wanted.
    :param planner: the thread of the ledger.
    """

    def __init__(
        self,
        path: str,
        judge: Court,
        programmer: Programmer,
        ledger: Ledger,
        *,
        reader: Executor,
        judging: asyncio.Lock,
        planner: Executor,
    ) -> None:
        self.cursors: dict[str, Cursor] = {}
        self.followed: Followed | None = None
        self._path = path
        self._judge = judge
        self._programmer = programmer
        self._ledger = ledger
        self._reader = reader
        self._judging = judging
        self._planner = planner
        self._writing = asyncio.Lock()

    def known(self) -> Mapping[str, Cursor]:
        """How far each log was judged when a service last ran.

        :raises HandoverError: as :func:`load_cursors`.
        """
        return load_cursors(self._path, may_be_missing=True)

    async def run(self) -> None:
        """Remember now and then, until cancelled."""
        kept, since, taken = dict(self.cursors), time.monotonic(), 0
        while True:
            await asyncio.sleep(_EVERY)
            before, taken = taken, self._judge.taken
            if not self._judge.dirty and self.cursors == kept:
                since = time.monotonic()
                continue
            # Nothing is judged meanwhile: in the middle of a burst that would hold up all that comes.
            if (self._programmer.idle and before == taken) or time.monotonic() - since > _LATEST:
                async with self._programmer.unrecorded:
                    await self.remember()
                kept, since = dict(self.cursors), time.monotonic()

    async def remember(self) -> None:
        """All that has been judged.

        :raises HandoverError: where history, ledger or cursors cannot be written; nothing is behind the cursors then
            that is not in the history.
        """
        # What was judged, and of which nobody knows yet what follows, would be in the history, and in no ledger.
        async with self._writing, self._judging:
            await self._remember()

    async def _remember(self) -> None:
        cursors = dict(self.cursors)
        # Nothing is judged between the look at the queue and the commit.
        pending = [wanted.record for wanted in self._programmer.queue]
        await self._committed(pending)
        if cursors:
            # Not in the judge's thread, which would wait for the disk.
            await asyncio.to_thread(write_cursors, self._path, cursors)

    async def _committed(self, pending: list[Mapping[str, Any]]) -> None:
        if self.followed is not None:
            await in_thread(self._reader, self.followed.keep)
        elif pending:
            await in_thread(self._planner, self._ledger.want, pending, time.time())
        await self._judge.commit()
        if self.followed is not None:
            await in_thread(self._reader, self.followed.reached)
