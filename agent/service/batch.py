# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted to a plan that is on disk: see to what must be known for it, plan, note it down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.handover import Handover
from ...plugins.module_utils.mobility.records import handover_from_record
from ...plugins.module_utils.mobility.topology import Topology
from ...plugins.module_utils.planning import Planned, make_plan
from .holdings import Holdings, concerned
from .ledger import Ledger, Status
from .link import Link
from .retirement import split
from .search import SessionSearch, Sought
from .threads import in_thread
from .wanted import Wanted

__all__ = ["Batch", "BatchPlanner", "Standing"]

#: By handover: how it stands, code and reason.
Standing = Mapping[str, tuple[Status, str | None, str | None]]


@dataclass(frozen=True)
class Batch:
    """What is wanted, with its plan.

    :ivar refused: what is not made, by handover.
    :ivar early: what is made as it was known, and is wanted once more: routers are still to be asked for its sessions.
    :ivar number: of the plan in the ledger.
    :ivar begun: on the monotonic clock, as :ivar:`planned_at`.
    """

    wanted: Sequence[Wanted]
    planned: Planned
    refused: Mapping[str, tuple[Status, str, str]]
    early: frozenset[str]
    number: int
    begun: float
    planned_at: float


class BatchPlanner:
    """Plans from what the routers hold.

    :param thread: one, for planning and the ledger.
    :param search: looks for sessions; None where they are listed.
    :param noted: whether plans are written to the ledger.
    :param widen: as :func:`make_plan`, and so ``freeze``.
    """

    def __init__(
        self,
        links: Mapping[str, Link],
        topology: Topology,
        ledger: Ledger,
        thread: Executor,
        *,
        drain: float,
        search: SessionSearch | None = None,
        noted: bool = True,
        widen: bool = False,
        freeze: bool = True,
    ) -> None:
        self._links = links
        self._topology = topology
        self._ledger = ledger
        self._thread = thread
        self._drain = drain
        self._search = search
        self._noted = noted
        self._widen = widen
        self._freeze = freeze

    async def plan(self, wanted: Sequence[Wanted]) -> Batch:
        """Plan; the plan is on disk when this returns."""
        begun = time.monotonic()
        await self._look()
        sought = None if self._search is None else await self._search.look(wanted, self._held())
        now = time.time()
        held = self._held()
        absent = {
            name: link.reason or "its state is not known" for name, link in self._links.items() if name not in held
        }
        loop = asyncio.get_running_loop()
        drafting: list[asyncio.Task[None]] = []

        def waits(planned: Planned) -> None:
            loop.call_soon_threadsafe(lambda: drafting.append(loop.create_task(self._drafted(planned))))

        planned, refused, number = await in_thread(self._thread, self._made, wanted, held, absent, sought, now, waits)
        await asyncio.gather(*drafting)
        early = frozenset() if sought is None else sought.early
        return Batch(wanted, planned, refused, early, number, begun, time.monotonic())

    async def end(self, batch: Batch, outcome: str, standing: Standing) -> None:
        """Note what became of a plan."""
        await in_thread(self._thread, self._ledger.end, batch.number, outcome, standing, time.time())

    async def _drafted(self, planned: Planned) -> None:
        """Have the texts of a plan's first steps written while it is written to the disk; no router is touched."""
        steps = [step for stage in split(planned.stages)[0][:1] for step in stage.steps]
        await asyncio.gather(*(self._links[step.router].draft(step) for step in steps))

    async def _look(self) -> None:
        """Read the routers that are there and of which nothing is known: something went wrong on them."""
        unknown = [link for link in self._links.values() if link.reason is None and link.held is None]
        if unknown:
            await asyncio.gather(*(link.gather() for link in unknown), return_exceptions=True)

    def _held(self) -> dict[str, Holdings]:
        """What the routers hold that are there."""
        return {name: link.held for name, link in self._links.items() if link.reason is None and link.held is not None}

    def _made(
        self,
        batch: Sequence[Wanted],
        held: Mapping[str, Holdings],
        absent: Mapping[str, str],
        sought: Sought | None,
        now: float,
        waits: Callable[[Planned], None],
    ) -> tuple[Planned, dict[str, tuple[Status, str, str]], int]:
        """In the planner's thread.

        :param waits: is told the plan when all that is left is to wait for the disk.
        """
        handovers, refused = _handovers(batch, sought, now)
        ids = concerned(held, handovers)
        states = {name: one.part(ids, now) for name, one in held.items()}
        planned = make_plan(handovers, self._topology, states, absent, self._drain, self._widen, self._freeze)
        for item in planned.refused:
            status = Status.WAITING if item.code == "router_unreachable" else Status.REFUSED
            refused[item.handover.id] = (status, item.code, item.reason)
        number = 0
        if self._noted:
            records = [one.record for one in batch]
            number = self._ledger.begin(records, refused, planned.stages, now, lambda: waits(planned))
        return planned, refused, number


def _handovers(
    batch: Sequence[Wanted], sought: Sought | None, now: float
) -> tuple[list[Handover], dict[str, tuple[Status, str, str]]]:
    """Those to be planned, and those that cannot be made.

    :param sought: None where sessions are listed.
    """
    made: list[Handover] = []
    refused: dict[str, tuple[Status, str, str]] = {}
    for wanted in batch:
        try:
            found = handover_from_record(wanted.record) if sought is None else sought.handovers[wanted.id]
            if isinstance(found, HandoverError):
                raise found
        except HandoverError as error:
            refused[wanted.id] = (Status.REFUSED, error.code, str(error))
            if not wanted.early:
                continue
            # It stands as it was known before routers were asked, who know better.
            found = handover_from_record({**wanted.record, "ended": True})
        made.append(replace(found, ended=True) if not found.over and found.expires <= now else found)
    return made, refused
