# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen to now and then: what has expired, routers that came back, routers that hold something else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Coroutine, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.placing import DECODER_MARGIN, GRACE
from ...plugins.module_utils.mobility.recover import Goal
from ...plugins.module_utils.mobility.router_state import RouterState, same_state
from ...plugins.module_utils.mobility.topology import Topology
from .ledger import Ledger
from .link import Link
from .programmer import Programmer
from .reconcile import owing
from .report import Report
from .threads import in_thread

__all__ = ["Upkeep", "live_states"]

#: Seconds between two looks for handovers that have expired, and after an expiry until what is left is taken away.
_SWEPT_EVERY, _LAPSED = 10.0, GRACE + DECODER_MARGIN + 5


class Upkeep:
    """Brings ledger and routers together.

    :param every: seconds between two looks at whether routers hold what is known of them.
    :param goal: what becomes of a handover that is half-made and that the ledger does not know.
    :param planner: the thread of the ledger.
    :param shared: whether other services see to other handovers on these routers: what is not in the ledger is theirs.
    """

    def __init__(
        self,
        links: Mapping[str, Link],
        topology: Topology,
        programmer: Programmer,
        ledger: Ledger,
        report: Report,
        *,
        every: float,
        goal: Goal,
        planner: Executor,
        shared: bool = False,
    ) -> None:
        self._links = links
        self._topology = topology
        self._programmer = programmer
        self._ledger = ledger
        self._report = report
        self._every = every
        self._goal = goal
        self._planner = planner
        self._shared = shared
        self._back = asyncio.Event()

    @property
    def idle(self) -> bool:
        """Whether no router has come back since the last look."""
        return not self._back.is_set()

    def came_back(self) -> None:
        """A router was reached again."""
        self._back.set()

    def tasks(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """All that runs until it is cancelled."""
        return self._sweep(), self._look_again(), self._see_to_those_back()

    async def take_over(self, handovers: Collection[str]) -> None:
        """See to handovers that another service has left, from what the routers hold now."""
        present = [link for link in self._links.values() if link.reason is None]
        await asyncio.gather(*(link.gather() for link in present), return_exceptions=True)
        await self.reconcile(handovers)

    async def reconcile(self, only: Collection[str] | None = None) -> None:
        """Have what the ledger wants, and the routers do not hold, carried out; and what is half-made finished.

        :param only: of these handovers; None for all.
        """
        owed = [one for one in await in_thread(self._planner, self._ledger.all) if only is None or one.id in only]
        busy = {wanted.id for wanted in self._programmer.queue} | set(self._programmer.retirement.handovers)
        if any(link.held is not None and link.held.remnants for link in self._links.values()):
            self._programmer.tidy()
        now = time.time()
        states = {name: link.held.lasting(now) for name, link in self._links.items() if link.held is not None}
        if self._shared:
            known = {one.id for one in owed}
            states = {name: _of(state, known) for name, state in states.items()}
        records = await in_thread(self._planner, owing, owed, states, self._topology, self._goal, now, busy)
        if records:
            self._report.told("reconcile", handovers=len(records))
            self._programmer.want(records, time.monotonic())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEPT_EVERY)
            lapsed = await in_thread(self._planner, self._ledger.lapsed, int(time.time()) - _LAPSED)
            self._programmer.want([{**record, "ended": True} for record in lapsed], time.monotonic())
            await in_thread(self._planner, self._ledger.forget, time.time())

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            drifted = False
            known = {one.id for one in await in_thread(self._planner, self._ledger.all)} if self._shared else None
            for link in self._links.values():
                if link.reason is None and self._programmer.idle:
                    before = None if link.held is None else RouterState(link.held)
                    with suppress(HandoverError):
                        after, now = await link.gather(), time.time()
                        if before is not None and not same_state(
                            _of(before.live(now), known), _of(after.live(now), known)
                        ):
                            self._report.drifted(link.name)
                            drifted = True
            if drifted:
                await self.reconcile()

    async def _see_to_those_back(self) -> None:
        while True:
            await self._back.wait()
            self._back.clear()
            await self.reconcile()


def _of(state: RouterState, handovers: Collection[str] | None) -> RouterState:
    """What there is of these handovers; None for all."""
    if handovers is None:
        return state
    return RouterState(entry for entry in state if entry.stamp.handover in handovers)


def live_states(links: Mapping[str, Link]) -> dict[str, RouterState]:
    """What the routers hold that has not expired, as far as that is known."""
    now = time.time()
    return {name: RouterState(link.held).live(now) for name, link in links.items() if link.held is not None}
