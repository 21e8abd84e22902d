# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted to a plan that is on disk: see to what must be known for it, plan, note it down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.connection import Connection
from ...plugins.module_utils.mobility.handover import Handover
from ...plugins.module_utils.mobility.records import handover_from_record
from ...plugins.module_utils.mobility.recover import standing
from ...plugins.module_utils.mobility.registration_policy import Policy
from ...plugins.module_utils.mobility.session_search import Evidence, find_sessions
from ...plugins.module_utils.mobility.topology import Topology
from ...plugins.module_utils.planning import Planned, make_plan
from ...plugins.module_utils.reader import address
from ...plugins.module_utils.sip.agreed import AgreedFlow
from .config import Sessions
from .holdings import Holdings, concerned
from .ledger import Ledger, Status
from .link import Link
from .retirement import split
from .threads import in_thread
from .wanted import Wanted

__all__ = ["Batch", "BatchPlanner", "Standing"]

#: By handover: how it stands, code and reason.
Standing = Mapping[str, tuple[Status, str | None, str | None]]
#: The routers' connections, those that do not tell theirs and why, and the flows of dialogs.
_Known = tuple[Mapping[str, Sequence[Connection]], Mapping[str, str], Sequence[AgreedFlow]]


@dataclass(frozen=True)
class Batch:
    """What is wanted, with its plan.

    :ivar refused: what is not made, by handover.
    :ivar number: of the plan in the ledger.
    :ivar begun: on the monotonic clock, as :ivar:`planned_at`.
    """

    wanted: Sequence[Wanted]
    planned: Planned
    refused: Mapping[str, tuple[Status, str, str]]
    number: int
    begun: float
    planned_at: float


class BatchPlanner:
    """Plans from what the routers hold.

    :param thread: one, for planning and the ledger.
    :param flows: what the SIP server's dialogs have agreed on.
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
        sessions: str,
        policy: Policy,
        drain: float,
        flows: Callable[[], Awaitable[Sequence[AgreedFlow]]],
        noted: bool = True,
        widen: bool = False,
        freeze: bool = True,
    ) -> None:
        self._links = links
        self._topology = topology
        self._ledger = ledger
        self._thread = thread
        self._sessions = sessions
        self._policy = policy
        self._drain = drain
        self._flows = flows
        self._noted = noted
        self._widen = widen
        self._freeze = freeze

    async def plan(self, wanted: Sequence[Wanted]) -> Batch:
        """Plan; the plan is on disk when this returns."""
        begun = time.monotonic()
        await self._look()
        tables, silent = await self._tables(wanted)
        flows = await self._flows() if self._sessions == Sessions.AUTO else ()
        now = time.time()
        held = {name: link.held for name, link in self._links.items() if link.reason is None and link.held is not None}
        absent = {
            name: link.reason or "its state is not known" for name, link in self._links.items() if name not in held
        }
        known = (tables, silent, flows)
        loop = asyncio.get_running_loop()

        def waits(planned: Planned) -> None:
            loop.call_soon_threadsafe(self._draft, planned)

        planned, refused, number = await in_thread(self._thread, self._made, wanted, held, absent, known, now, waits)
        return Batch(wanted, planned, refused, number, begun, time.monotonic())

    async def end(self, batch: Batch, outcome: str, standing: Standing) -> None:
        """Note what became of a plan."""
        await in_thread(self._thread, self._ledger.end, batch.number, outcome, standing, time.time())

    def _draft(self, planned: Planned) -> None:
        """Have the texts of a plan's first steps written while it is written to the disk; no router is touched."""
        for stage in split(planned.stages)[0][:1]:
            for step in stage.steps:
                self._links[step.router].draft(step)

    async def _look(self) -> None:
        """Read the routers that are there and of which nothing is known: something went wrong on them."""
        unknown = [link for link in self._links.values() if link.reason is None and link.held is None]
        if unknown:
            await asyncio.gather(*(link.gather() for link in unknown), return_exceptions=True)

    async def _tables(self, batch: Sequence[Wanted]) -> tuple[dict[str, Sequence[Connection]], dict[str, str]]:
        """What the routers' connection tables say of the old addresses, where sessions are looked for."""
        if self._sessions != Sessions.AUTO:
            return {}, {}
        asked = [address(wanted.record["old"]) for wanted in batch if not wanted.record.get("ended")]
        if not asked:
            return {}, dict.fromkeys(self._links, "not asked")
        told = await asyncio.gather(*(link.connections(asked) for link in self._links.values()), return_exceptions=True)
        tables: dict[str, Sequence[Connection]] = {}
        silent: dict[str, str] = {}
        for name, answer in zip(self._links, told, strict=True):
            if isinstance(answer, HandoverError):
                silent[name] = str(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                tables[name] = answer
        return tables, silent

    def _made(
        self,
        batch: Sequence[Wanted],
        held: Mapping[str, Holdings],
        absent: Mapping[str, str],
        known: _Known,
        now: float,
        waits: Callable[[Planned], None],
    ) -> tuple[Planned, dict[str, tuple[Status, str, str]], int]:
        """In the planner's thread.

        :param waits: is told the plan when all that is left is to wait for the disk.
        """
        handovers, refused = self._handovers(batch, held, known, now)
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
        self,
        batch: Sequence[Wanted],
        held: Mapping[str, Holdings],
        known: _Known,
        now: float,
    ) -> tuple[list[Handover], dict[str, tuple[Status, str, str]]]:
        made: list[Handover] = []
        refused: dict[str, tuple[Status, str, str]] = {}
        evidence: Evidence | None = None
        for wanted in batch:
            try:
                if self._sessions == Sessions.AUTO:
                    if evidence is None:
                        own = {name: one.part(wanted.id for wanted in batch) for name, one in held.items()}
                        evidence = Evidence(*known, {one.id: one for one in standing(own, topology=self._topology)})
                    found = find_sessions(wanted.record, self._topology, evidence, self._policy)
                    if found.error is not None:
                        raise found.error
                    handover = found.handover
                else:
                    handover = handover_from_record(wanted.record)
                if handover is None:
                    continue
                if not handover.over and handover.expires <= now:
                    handover = replace(handover, ended=True)
                made.append(handover)
            except HandoverError as error:
                refused[wanted.id] = (Status.REFUSED, error.code, str(error))
        return made, refused
