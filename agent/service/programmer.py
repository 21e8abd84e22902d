# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out what is wanted: program every router stage by stage, and take back what failed.

One batch at a time: what comes meanwhile waits in the queue, and is the next batch. A batch does not wait for
decoders that go (see :mod:`.retirement`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.plan import undo
from ...plugins.module_utils.mobility.step import Phase, Step, stands_with
from .batch import Batch, BatchPlanner
from .ledger import Status
from .link import Link
from .report import Report
from .retirement import Retirement, split
from .settling import Settling
from .wanted import Wanted, WantedQueue
from .way import GONE

__all__ = ["Programmer"]

#: Most handovers of one batch: a burst is few transactions, and the first of it do not wait for the planning of all.
_BATCH = 256
#: How often a handover is tried whose routers changed, or were lost, in the middle.
_TRIES = 3
#: What another controller did at the same moment; planned anew it may be right.
_AGAIN = frozenset({"router_changed"})
#: Seconds until what could not be retired is tried again.
_LATER = 30.0


class Programmer:
    """Takes what is wanted and makes the routers hold it.

    :param drain: seconds between the last encoder and the first decoder that goes.
    :param dry_run: tell what would be done, and do nothing.
    :param mine: whether a handover is ours to see to; what is not, or no more, is left as it is.
    """

    def __init__(
        self,
        links: Mapping[str, Link],
        planner: BatchPlanner,
        report: Report,
        *,
        drain: float,
        dry_run: bool = False,
        mine: Callable[[str], bool] = lambda _handover: True,
    ) -> None:
        self.queue = WantedQueue()
        self.retirement = Retirement()
        self.settling = Settling()
        self._links = links
        self._planner = planner
        self._report = report
        self._drain = drain
        self._dry_run = dry_run
        self._mine = mine
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
                    await self._next()
                finally:
                    self._busy = False
                if not len(self.queue):
                    break
        self._ended.set()

    async def _next(self) -> None:
        batch = None
        async with self.unrecorded:
            wanted = [one for one in self.queue.take(_BATCH) if self._mine(one.id)]
            if wanted or self._untidy:
                batch = await self._planner.plan(wanted)
            self._untidy = False
        if batch is not None:
            await self._carry_out(batch)
        await self._retire()

    async def _carry_out(self, batch: Batch) -> None:
        for identity, (_status, code, reason) in batch.refused.items():
            self._report.refused(identity, code, reason, handover=True)
        for note in batch.planned.notes if batch.planned.stages else ():
            self._report.told("note", handover=note.handover, code=note.code, text=note.text)
        if self._dry_run:
            self._report.dry(batch.planned)
            return
        self.settling.settled(batch.refused, self.queue)
        replaced = self.retirement.drop(handover.id for handover in batch.planned.handovers)
        body, tail = split(batch.planned.stages)
        ran: set[str] = set()
        failed: dict[str, HandoverError] = {}
        held: dict[str, Step] = {}
        following = [*body[1:], None]
        for stage, waiting, after in zip(body, batch.planned.confirming, following, strict=False):
            await asyncio.sleep(stage.wait)
            if self._left_alone(batch):
                return
            ran |= {step.id for step in stage.steps}
            failed = await self._stage(stage.steps, waiting.hold, () if after is None else after.steps)
            held.update((step.router, step) for step in stage.steps if step.router in waiting.hold)
            failed = failed or await self._settled([held[name] for name in sorted(waiting.confirm)])
            if failed:
                break
        if failed:
            self.retirement.restore(replaced)
            await self._taken_back(batch, ran, failed)
            return
        acknowledged, at = time.monotonic(), time.time()
        if tail is not None:
            self.retirement.put(tail, acknowledged + tail.wait)
        heard = {wanted.id: wanted.heard for wanted in batch.wanted}
        known = {wanted.id for wanted in batch.wanted if wanted.early}
        for handover in batch.planned.handovers:
            if handover.id in known and not ran:
                continue  # told already, and routers know no more of it
            self._report.done(
                handover,
                waited=batch.begun - heard.get(handover.id, batch.begun),
                planned=batch.planned_at - batch.begun,
                programmed=acknowledged - batch.planned_at,
                at=at,
                changed=bool(ran),
            )
        # It is told first: a service that dies before this is on disk plans it anew, to no step.
        done = {
            handover.id: (Status.WANTED if handover.id in batch.early else Status.DONE, None, None)
            for handover in batch.planned.handovers
            if handover.id not in batch.refused
        }
        for wanted in batch.wanted:
            if wanted.id in done and wanted.id in batch.early:
                self.queue.back(replace(wanted, early=True, heard=acknowledged))
        await self._planner.end(batch, "done", done)
        self.settling.settled([wanted.id for wanted in batch.wanted], self.queue)

    def _left_alone(self, batch: Batch) -> bool:
        """Whether something in a batch is somebody else's by now, who finishes it; the rest is tried anew."""
        gone = [handover.id for handover in batch.planned.handovers if not self._mine(handover.id)]
        if not gone:
            return False
        self._report.told("left to others", handovers=gone)
        for wanted in batch.wanted:
            if wanted.id not in gone:
                self.queue.again(wanted)
        self._news.set()
        return True

    async def _stage(
        self, steps: Sequence[Step], hold: Container[str] = (), after: Sequence[Step] = ()
    ) -> dict[str, HandoverError]:
        """Carry steps out on all their routers at once; what went wrong, by router.

        :param hold: the routers that leave theirs unconfirmed, where they can.
        :param after: the next ones, whose texts are written while the routers work.
        """
        drafting = asyncio.create_task(self._drafted(after))
        try:
            return await self._each(steps, lambda step: self._step(step, step.router in hold))
        finally:
            await drafting

    async def _drafted(self, steps: Sequence[Step]) -> None:
        await asyncio.sleep(0)  # until the steps that were begun after this are on their way
        await asyncio.gather(*(self._links[step.router].draft(step) for step in steps))

    async def _settled(self, steps: Sequence[Step]) -> dict[str, HandoverError]:
        """Have routers confirm what they hold, all at once: each has its encoders by now."""
        return await self._each(steps, lambda step: self._links[step.router].settle(step))

    async def _each(self, steps: Sequence[Step], work: Callable[[Step], Awaitable[None]]) -> dict[str, HandoverError]:
        answers = await asyncio.gather(*map(work, steps), return_exceptions=True)
        failed = {}
        for step, answer in zip(steps, answers, strict=True):
            if isinstance(answer, HandoverError):
                failed[step.router] = answer
            elif isinstance(answer, BaseException):
                raise answer
        return failed

    async def _step(self, step: Step, hold: bool) -> None:
        begun = time.monotonic()
        applied = await self._links[step.router].apply(step, hold)
        self._report.step(step, time.monotonic() - begun, applied)

    async def _taken_back(self, batch: Batch, ran: set[str], failed: Mapping[str, HandoverError]) -> None:
        """Undo a plan in the mirrored order, and see to what was in it."""
        reasons = "; ".join(f"{name}: {error}" for name, error in sorted(failed.items()))
        left: dict[str, str] = {}
        stuck: set[Phase] = set()
        await asyncio.gather(*(self._links[name].release() for name in batch.planned.holders & _routers(batch, ran)))
        for stage in undo(batch.planned.stages, ran, self._drain):
            relying = sorted(phase.value for phase in stands_with(stage.phase) & stuck)
            if not relying:
                await asyncio.sleep(stage.wait)
            if self._left_alone(batch):
                return
            if relying:
                told = f"its {stage.phase.value} stays, as {', '.join(relying)} could not be taken back everywhere"
                undone = {step.router: told for step in stage.steps if step.router not in left}
            else:
                undone = {name: str(error) for name, error in (await self._stage(stage.steps)).items()}
            left.update(undone)
            if relying or undone:
                stuck.add(stage.phase)
        self._report.taken_back(batch.planned, reasons, left)
        codes = {error.code for error in failed.values()}
        lost = codes <= GONE or "router_unreachable" in codes
        known = {wanted.id: wanted for wanted in batch.wanted}
        standing: dict[str, tuple[Status, str | None, str | None]] = {}
        code = min(codes)
        for handover in batch.planned.handovers:
            wanted = known.get(handover.id)
            anew = wanted is not None and wanted.tries < _TRIES
            if wanted is not None and anew and (lost or codes <= _AGAIN or len(batch.wanted) > 1):
                # A lost router refuses those that need it; the others go on. One bad step is found one by one.
                self.queue.again(replace(wanted, alone=not lost and not codes <= _AGAIN))
                standing[handover.id] = (Status.WANTED, code, reasons)
            else:
                standing[handover.id] = (Status.WAITING if lost else Status.REFUSED, code, reasons)
                self._report.refused(handover.id, code, reasons, handover=True)
        await self._planner.end(batch, "undone" if not left else "half", standing)
        self.settling.settled([wanted.id for wanted in batch.wanted], self.queue)
        self._news.set()

    async def _retire(self) -> None:
        self.retirement.drop([one for one in self.retirement.handovers if not self._mine(one)])
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


def _routers(batch: Batch, steps: Container[str]) -> set[str]:
    """The routers of these steps."""
    return {step.router for stage in batch.planned.stages for step in stage.steps if step.id in steps}
