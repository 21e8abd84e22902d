# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was judged is in the history no sooner than what follows is in the ledger."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ansible_collections.sipmobility.handover.agent.service.ledger import Ledger
from ansible_collections.sipmobility.handover.agent.service.remembering import Remembering
from ansible_collections.sipmobility.handover.agent.service.report import Report
from ansible_collections.sipmobility.handover.agent.service.wanted import Wanted, WantedQueue
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record

from .played import moved


def test_what_follows_from_what_is_being_judged_is_waited_for(tmp_path: Path) -> None:
    ledger, queue = Ledger(str(tmp_path / "ledger.sqlite")), WantedQueue()
    when_committed: list[list[str]] = []
    judge = SimpleNamespace(dirty=True, commit=lambda: when_committed.append([one.id for one in ledger.all()]))
    judging = asyncio.Lock()
    with ThreadPoolExecutor(1) as court, ThreadPoolExecutor(1) as planner:
        memory = Remembering(
            str(tmp_path / "cursors.json"),
            cast("Any", judge),
            cast("Any", SimpleNamespace(queue=queue, idle=True, unrecorded=asyncio.Lock())),
            ledger,
            Report(),
            court=court,
            judging=judging,
            planner=planner,
        )

        async def story() -> None:
            async with judging:
                remembering = asyncio.create_task(memory.remember())
                await asyncio.sleep(0.05)  # it is judged, and not wanted yet
                queue.put(Wanted(handover_to_record(moved("call", "1.1.1.1", "2.2.2.2")), 0.0))
            await remembering

        asyncio.run(story())
    assert when_committed == [["call"]]
