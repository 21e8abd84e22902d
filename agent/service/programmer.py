# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out what is wanted: plan, note it down, program every router stage by stage, and take back what failed.

One batch at a time: what comes meanwhile waits in the queue, and is the next batch. A batch does not wait for
decoders that go (see :mod:`.retirement`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.connection import Connection
from ...plugins.module_utils.mobility.handover import Handover
from ...plugins.module_utils.mobility.plan import Step, undo
from ...plugins.module_utils.mobility.records import handover_from_record
from ...plugins.module_utils.mobility.recover import standing
from ...plugins.module_utils.mobility.registration_policy import Policy
from ...plugins.module_utils.mobility.session_search import Evidence, find_sessions
from ...plugins.module_utils.mobility.topology import Topology
from ...plugins.module_utils.planning import Planned, make_plan
from ...plugins.module_utils.reader import address
from ...plugins.module_utils.sip.agreed import AgreedFlow
from .config import Sessions
from .held_shell import GONE
from .holdings import Holdings, concerned
from .ledger import Ledger, Status
from .link import Link
from .report import Report
from .retirement import Retirement, split
from .wanted import Wanted, WantedQueue

__all__ = ["Programmer"]

#: Most handovers of one batch: a burst is few transactions, and the first of it do not wait for the planning of all.
_BATCH = 256
#: How often a handover is tried whose routers changed, or were lost, in the middle.
_TRIES = 3
#: What another controller did at the same moment; planned anew it may be right.
_AGAIN = frozenset({"router_changed"})
#: Seconds until what could not be retired is tried again.
_LATER = 30.0


#: The routers' connections, those that do not tell theirs and why, and the flows of dialogs.
_Known = tuple[Mapping[str, Sequence[Connection]], Mapping[str, str], Sequence[AgreedFlow]]


@dataclass(frozen=True)
class _Made:
    """A batch with its plan."""

    planned: Planned
    refused: Mapping[str, tuple[Status, str, str]]
    number: int
    begun: float


class Programmer:
    """Takes what is wanted and makes the routers hold it.

    :param planner: one thread, for planning and the ledger.
    :param flows: what the SIP server's dialogs have agreed on.
    """

    def __init__(
        self,
        links: Mapping[str, Link],
        topology: Topology,
        ledger: Ledger,
        planner: Executor,
        report: Report,
        *,
        sessions: str,
        policy: Policy,
        drain: float,
        dry_run: bool,
        flows: Callable[[], Awaitable[Sequence[AgreedFlow]]],
    ) -> None:
        self.queue = WantedQueue()
        self.retirement = Retirement()
        self._links = links
        self._topology = topology
        self._ledger = ledger
        self._planner = planner
        self._report = report
        self._sessions = sessions
        self._policy = policy
        self._drain = drain
        self._dry_run = dry_run
        self._flows = flows
        #: Held from the moment that a batch leaves the queue until it is on disk.
        self.unrecorded = asyncio.Lock()
        self._news = asyncio.Event()
        self._busy = False
        self._stopping = False
        self._untidy = False
        self._ended = asyncio.Event()

    @property
    def idle(self) -> bool:
        """Whether nothing is wanted, under way, or still to go."""
        return not self._busy and not self._untidy and not len(self.queue) and not len(self.retirement)

    def want(self, records: Iterable[Mapping[str, Any]], heard: float) -> None:
        """Newest words on handovers.

        :param heard: on the monotonic clock.
        """
        for record in records:
            self.queue.put(Wanted(record, heard))
        self._news.set()

    def tidy(self) -> None:
        """Take away what no handover is known of; every plan does."""
        self._untidy = True
        self._news.set()

    async def stop(self) -> None:
        """Begin nothing more, and wait until what was begun is done or taken back."""
        self._stopping = True
        self._news.set()
        await self._ended.wait()

    async def run(self) -> None:
        """Work until stopped."""
        while not self._stopping:
            due = self.retirement.due
            try:
                async with asyncio.timeout(None if due is None else max(0.0, due - time.monotonic())):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            while not self._stopping:
                self._busy = True
                try:
                    await self.unrecorded.acquire()
                    try:
                        batch = self.queue.take(_BATCH)
                        made = await self._made(batch) if batch or self._untidy else None
                        self._untidy = False
                    finally:
                        self.unrecorded.release()
                    if made is not None:
                        await self._carry_out(batch, made)
                    await self._retire()
                finally:
                    self._busy = False
                if not len(self.queue):
                    break
        self._ended.set()

    async def _made(self, batch: list[Wanted]) -> _Made:
        """Plan a batch, from what the routers hold, and note it down."""
        begun = time.monotonic()
        await self._look()
        tables, silent = await self._tables(batch)
        flows = await self._flows() if self._sessions == Sessions.AUTO else ()
        now = time.time()
        held = {name: link.held for name, link in self._links.items() if link.reason is None and link.held is not None}
        absent = {
            name: link.reason or "its state is not known" for name, link in self._links.items() if name not in held
        }
        known = (tables, silent, flows)
        made: _Made = await self._planned(lambda: self._make(batch, held, absent, known, now, begun))
        return made

    async def _carry_out(self, batch: list[Wanted], made: _Made) -> None:
        planned_at = time.monotonic()
        for identity, (_status, code, reason) in made.refused.items():
            self._report.refused(identity, code, reason)
        if self._dry_run:
            self._report.dry(made.planned)
            return
        replaced = self.retirement.drop(handover.id for handover in made.planned.handovers)
        body, tail = split(made.planned.stages)
        ran: set[str] = set()
        failed: dict[str, HandoverError] = {}
        for stage in body:
            await asyncio.sleep(stage.wait)
            ran |= {step.id for step in stage.steps}
            failed = await self._stage(stage.steps)
            if failed:
                break
        if failed:
            self.retirement.restore(replaced)
            await self._taken_back(batch, made, ran, failed)
            return
        acknowledged, at = time.monotonic(), time.time()
        if tail is not None:
            self.retirement.put(tail, acknowledged + tail.wait)
        done = {handover.id: (Status.DONE, None, None) for handover in made.planned.handovers}
        await self._planned(lambda: self._ledger.end(made.number, "done", done, time.time()))
        heard = {wanted.id: wanted.heard for wanted in batch}
        for handover in made.planned.handovers:
            self._report.done(
                handover,
                waited=made.begun - heard.get(handover.id, made.begun),
                planned=planned_at - made.begun,
                programmed=acknowledged - planned_at,
                at=at,
                changed=bool(ran),
            )

    def _make(
        self,
        batch: list[Wanted],
        held: Mapping[str, Holdings],
        absent: Mapping[str, str],
        known: _Known,
        now: float,
        begun: float,
    ) -> _Made:
        """Plan a batch and note it down. In the planner's thread."""
        handovers, refused = self._handovers(batch, held, known, now)
        ids = concerned(held, handovers)
        states = {name: one.part(ids).live(now) for name, one in held.items()}
        planned = make_plan(handovers, self._topology, states, absent, self._drain)
        for item in planned.refused:
            status = Status.WAITING if item.code == "router_unreachable" else Status.REFUSED
            refused[item.handover.id] = (status, item.code, item.reason)
        number = 0
        if not self._dry_run:
            number = self._ledger.begin([one.record for one in batch], refused, planned.stages, now)
        return _Made(planned, refused, number, begun)

    def _handovers(
        self,
        batch: list[Wanted],
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
                        evidence = Evidence(*known, {one.id: one for one in standing(own)})
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

    async def _look(self) -> None:
        """Read the routers that are there and of which nothing is known: something went wrong on them."""
        unknown = [link for link in self._links.values() if link.reason is None and link.held is None]
        await asyncio.gather(*(link.gather() for link in unknown), return_exceptions=True)

    async def _tables(self, batch: list[Wanted]) -> tuple[dict[str, Sequence[Connection]], dict[str, str]]:
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

    async def _stage(self, steps: Sequence[Step]) -> dict[str, HandoverError]:
        """Carry steps out on all their routers at once; what went wrong, by router."""
        answers = await asyncio.gather(*(self._step(step) for step in steps), return_exceptions=True)
        failed = {}
        for step, answer in zip(steps, answers, strict=True):
            if isinstance(answer, HandoverError):
                failed[step.router] = answer
            elif isinstance(answer, BaseException):
                raise answer
        return failed

    async def _step(self, step: Step) -> None:
        begun = time.monotonic()
        applied = await self._links[step.router].apply(step)
        self._report.step(step, time.monotonic() - begun, applied)

    async def _taken_back(
        self, batch: list[Wanted], made: _Made, ran: set[str], failed: Mapping[str, HandoverError]
    ) -> None:
        """Undo a plan in the mirrored order, and see to what was in it."""
        reasons = "; ".join(f"{name}: {error}" for name, error in sorted(failed.items()))
        left: dict[str, HandoverError] = {}
        for stage in undo(made.planned.stages, ran, self._drain):
            await asyncio.sleep(stage.wait)
            left.update(await self._stage(stage.steps))
        self._report.taken_back(made.planned, reasons, {name: str(error) for name, error in left.items()})
        codes = {error.code for error in failed.values()}
        lost = codes <= GONE or "router_unreachable" in codes
        known = {wanted.id: wanted for wanted in batch}
        standing_now: dict[str, tuple[Status, str | None, str | None]] = {}
        code = min(codes)
        for handover in made.planned.handovers:
            wanted = known.get(handover.id)
            anew = wanted is not None and wanted.tries < _TRIES
            if wanted is not None and anew and (lost or codes <= _AGAIN or len(batch) > 1):
                # A lost router refuses those that need it; the others go on. One bad step is found one by one.
                self.queue.again(replace(wanted, alone=not lost and not codes <= _AGAIN))
                standing_now[handover.id] = (Status.WANTED, code, reasons)
            else:
                standing_now[handover.id] = (Status.WAITING if lost else Status.REFUSED, code, reasons)
                self._report.refused(handover.id, code, reasons)
        outcome = "undone" if not left else "half"
        await self._planned(lambda: self._ledger.end(made.number, outcome, standing_now, time.time()))
        self._news.set()

    async def _retire(self) -> None:
        stage = self.retirement.take(time.monotonic(), 0)
        if stage is None:
            return
        failed = await self._stage(stage.steps)
        left = tuple(step for step in stage.steps if step.router in failed)
        for name, error in failed.items():
            self._report.not_retired(name, error)
        # One that is gone is looked at when it is back; and what is left there ends by itself.
        present = tuple(step for step in left if self._links[step.router].reason is None)
        if present:
            self.retirement.put(replace(stage, steps=present), time.monotonic() + _LATER)

    async def _planned(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._planner, work)
