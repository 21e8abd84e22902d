# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service as it is seen from outside: whether it lives, its counters, its handovers and routers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from typing import Any

from .ledger import Ledger
from .link import Link
from .looks import Looks
from .page import page
from .programmer import Programmer
from .report import Report
from .threads import in_thread
from .timelines import Moment

__all__ = ["Outlook"]


class Outlook:
    """Answers from the threads that ask.

    :param begun: when the service began, Unix seconds.
    :param planner: the thread of the ledger.
    :param partitions: those of a stream that are ours; None where there is no stream.
    """

    def __init__(
        self,
        links: Mapping[str, Link],
        programmer: Programmer,
        ledger: Ledger,
        report: Report,
        *,
        begun: float,
        planner: Executor,
        partitions: Callable[[], Collection[int] | None] = lambda: None,
    ) -> None:
        self._links = links
        self._programmer = programmer
        self._ledger = ledger
        self._report = report
        self._begun = begun
        self._planner = planner
        self._partitions = partitions
        self._loop = asyncio.get_running_loop()

    def looks(self) -> Looks:
        """What may be looked at, by path."""
        return {"/": self._page, "/healthz": self._healthz, "/metrics": self._metrics, "/status": self._status}

    def _page(self) -> tuple[str, bytes]:
        told, timelines = asyncio.run_coroutine_threadsafe(self._seen(), self._loop).result(10)
        return "text/html; charset=utf-8", page(told, timelines, time.time())

    def _healthz(self) -> tuple[str, bytes]:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(2)
        return "application/json", b'{"status": "ok"}\n'

    def _metrics(self) -> tuple[str, bytes]:
        held = {name: None if link.held is None else len(link.held) for name, link in self._links.items()}
        self._report.looked(
            len(self._programmer.queue), len(self._programmer.retirement), held, len(self._partitions() or ())
        )
        return "text/plain; version=0.0.4; charset=utf-8", self._report.metrics()

    def _status(self) -> tuple[str, bytes]:
        told = asyncio.run_coroutine_threadsafe(self._told(), self._loop).result(10)
        return "application/json", json.dumps(told).encode() + b"\n"

    async def _seen(self) -> tuple[dict[str, Any], dict[str, tuple[Moment, ...]]]:
        return await self._told(), self._report.timelines.all()

    async def _told(self) -> dict[str, Any]:
        owed = await in_thread(self._planner, self._ledger.all)
        partitions = self._partitions()
        return {
            "since": round(self._begun, 3),
            "queue": len(self._programmer.queue),
            "retiring": len(self._programmer.retirement),
            "partitions": None if partitions is None else sorted(partitions),
            "routers": {
                name: {
                    "up": link.reason is None,
                    "reason": link.reason,
                    "entries": None if link.held is None else len(link.held),
                }
                for name, link in self._links.items()
            },
            "handovers": [
                {
                    **{key: item.record.get(key) for key in ("id", "aor", "old", "new", "expires", "scope", "ended")},
                    "status": item.status.value,
                    "code": item.code,
                    "reason": item.reason,
                    "changed": round(item.changed, 3),
                }
                for item in owed
            ],
            "refusals": list(self._report.refusals),
        }
