# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was judged is in the history no sooner than what follows is in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.sipmobility.handover.agent.service.ledger import Ledger
from ansible_collections.sipmobility.handover.agent.service.remembering import Remembering
from ansible_collections.sipmobility.handover.agent.service.wanted import Wanted, WantedQueue
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.cursor import Cursor

from .played import moved


class _Judge(SimpleNamespace):
    """Has something to commit, and has been asked so often."""

    taken = 0
    dirty = True


@contextmanager
def _memory(
    directory: Path,
    judge: _Judge,
    ledger: Ledger,
    queue: WantedQueue,
    judging: asyncio.Lock,
) -> Iterator[Remembering]:
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as planner:
        yield Remembering(
            str(directory / "cursors.json"),
            cast("Any", judge),
            cast("Any", SimpleNamespace(queue=queue, idle=True, unrecorded=asyncio.Lock())),
            ledger,
            reader=reader,
            judging=judging,
            planner=planner,
        )


def test_what_follows_from_what_is_being_judged_is_waited_for(tmp_path: Path) -> None:
    ledger, queue = Ledger(str(tmp_path / "ledger.sqlite")), WantedQueue()
    when_committed: list[list[str]] = []

    async def commit() -> None:
        when_committed.append([one.id for one in ledger.all()])

    judging = asyncio.Lock()
    with _memory(tmp_path, _Judge(commit=commit), ledger, queue, judging) as memory:

        async def story() -> None:
            async with judging:
                remembering = asyncio.create_task(memory.remember())
                await asyncio.sleep(0.05)  # it is judged, and not wanted yet
                queue.put(Wanted(handover_to_record(moved("call", "1.1.1.1", "2.2.2.2")), 0.0))
            await remembering

        asyncio.run(story())
    assert when_committed == [["call"]]


def test_no_log_counts_as_judged_that_the_history_did_not_take(tmp_path: Path) -> None:
    disk = SimpleNamespace(full=True)

    async def commit() -> None:
        if disk.full:
            raise HandoverError("store_unreadable", "history.sqlite: disk full", "a store can be opened and is whole")

    async def story() -> None:
        with _memory(
            tmp_path, _Judge(commit=commit), Ledger(str(tmp_path / "ledger.sqlite")), WantedQueue(), asyncio.Lock()
        ) as memory:
            memory.cursors["/var/log/sip.log"] = cursor = Cursor("events", 345, 3, 1, 2, 0, "")
            with pytest.raises(HandoverError, match="disk full"):
                await memory.remember()
            assert not memory.known()
            disk.full = False
            await memory.remember()
            assert memory.known() == {"/var/log/sip.log": cursor}

    asyncio.run(story())


def test_while_events_come_nothing_is_written(tmp_path: Path) -> None:
    """They would wait for the disk; where nothing ends, it is written all the same."""
    committed: list[float] = []
    judge = _Judge()

    async def commit() -> None:
        judge.dirty = False
        committed.append(asyncio.get_running_loop().time())

    judge.commit = commit

    async def story() -> None:
        ledger = Ledger(str(tmp_path / "ledger.sqlite"))
        with _memory(tmp_path, judge, ledger, WantedQueue(), asyncio.Lock()) as memory:
            running = asyncio.create_task(memory.run())
            for _moment in range(15):
                judge.taken += 1
                await asyncio.sleep(0.1)
            assert not committed
            async with asyncio.timeout(20):
                while not committed:
                    await asyncio.sleep(0.05)
            judge.dirty, begun = True, asyncio.get_running_loop().time()
            async with asyncio.timeout(20):
                while len(committed) < 2:
                    judge.taken += 1
                    await asyncio.sleep(0.05)
            assert committed[1] - begun > 4
            running.cancel()

    asyncio.run(story())
