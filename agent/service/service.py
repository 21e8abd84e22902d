# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service: inputs, judge, programmer and links put together, started, and stopped."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.intake import Item
from ...plugins.module_utils.mobility.model import RouterState, same_state
from ...plugins.module_utils.mobility.placing import DECODER_MARGIN, GRACE
from ...plugins.module_utils.mobility.records import handover_to_record
from ...plugins.module_utils.mobility.recover import standing
from ...plugins.module_utils.mobility.topology import Topology
from ...plugins.module_utils.platforms.registry import platform_named
from ...plugins.module_utils.sip.agreed import AgreedFlow
from ...plugins.module_utils.sip.sources import open_source
from ...plugins.module_utils.sip.sources.cursor import Cursor
from ...plugins.plugin_utils.rendering import Renderer
from ...plugins.plugin_utils.shell_device import Shell
from ..cursor_file import load_cursors, write_cursors
from ..policy_file import load_policy
from .config import Config, EventInput
from .held_shell import HeldShell
from .inputs.follow import Follower
from .inputs.pushed import datagrams, evapi
from .inventory import RouterEntry, read_inventory, routers_of
from .judge import Judge
from .ledger import Ledger
from .link import Link
from .looks import Looks, serve_looks
from .programmer import Programmer
from .reconcile import owing
from .report import Report
from .shells import held_shell

__all__ = ["Service"]

#: Seconds between two looks at what has been judged and is not in the history yet; at the latest it is put there then.
_KEPT_EVERY, _KEPT_LATEST = 0.5, 5.0
#: Seconds between two looks for handovers that have expired, and after an expiry until what is left is taken away.
_SWEPT_EVERY, _LAPSED = 10.0, GRACE + DECODER_MARGIN + 5
#: Events that wait to be judged; those beyond are lost, and told.
_WAITING = 20_000
_MOST_AT_ONCE = 500
#: Routers that are worked on at one moment.
_AT_ONCE = 32

Wrapped = Callable[[str, Shell], Shell]


class Service:
    """One service. Make it, then :meth:`run` it once.

    :param shell: makes the shell of a router.
    :param wrapped: what stands between the service and each shell, for tests.
    :raises HandoverError: for a configuration, policy or inventory that cannot be used.
    """

    def __init__(
        self,
        config: Config,
        *,
        shell: Callable[[RouterEntry], HeldShell] | None = None,
        wrapped: Wrapped = lambda _name, shell: shell,
    ) -> None:
        self._config = config
        self._policy = load_policy(config.policy)
        self._routers = routers_of(read_inventory(config.inventory), config.group, config.inventory)
        self._topology = Topology.from_mapping({router.name: router.described for router in self._routers})
        self._renderer = Renderer(config.template_dir)
        self._shell = shell or (lambda router: held_shell(router, config.ssh))
        self._wrapped = wrapped
        self._state = Path(config.state_dir)
        self._cursor_path = str(self._state / "cursors.json")
        self._report = Report()
        self._begun = time.time()
        self._cursors: dict[str, Cursor] = {}
        self._came_back = asyncio.Event()
        self._ready = False

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do, for tests."""
        return self._ready and self._programmer.idle and not self._came_back.is_set()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set.

        :raises HandoverError: where it cannot begin, or ledger or history fail.
        """
        self._loop = asyncio.get_running_loop()
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._planner = ThreadPoolExecutor(1, "planner")
        self._court = ThreadPoolExecutor(1, "judge")
        workers = ThreadPoolExecutor(min(_AT_ONCE, len(self._routers)), "router")
        self._ledger = await self._in(self._planner, Ledger, str(self._state / "ledger.sqlite"))
        self._links = {router.name: self._link(router, workers) for router in self._routers}
        self._programmer = Programmer(
            self._links,
            self._topology,
            self._ledger,
            self._planner,
            self._report,
            sessions=self._config.sessions,
            policy=self._policy,
            drain=self._config.drain,
            dry_run=self._config.dry_run,
            flows=self._flows,
        )
        keepers = [asyncio.create_task(link.keep()) for link in self._links.values()]
        http, followers, transports = None, [], []
        try:
            await asyncio.gather(*(link.tried.wait() for link in self._links.values()))
            self._judge = await self._in(self._court, self._opened_judge)
            await self._reconcile()
            if self._config.http is not None:
                http = serve_looks(self._config.http, self._looks())
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(work) for work in (self._programmer.run(), self._keep(), self._sweep())]
                running += [tasks.create_task(work) for work in (self._look_again(), self._see_to_those_back())]
                self._ready = True
                self._report.told("ready", routers={name: link.reason or "up" for name, link in self._links.items()})
                for one in self._config.events:
                    if one.log is not None:
                        followers.append(self._followed(one, one.log))
                    elif one.evapi is not None:
                        queue = self._queue(one, tasks, running)
                        told = _Told(self._report, str(one))
                        running.append(tasks.create_task(evapi(one.evapi, queue, told)))
                    else:
                        at = one.udp or one.socket or ""
                        transports.append(await datagrams(at, self._queue(one, tasks, running)))
                await stop.wait()
                self._ready = False
                for transport in transports:
                    transport.close()
                for follower in followers:
                    follower.stop()
                await self._programmer.stop()
                await self._record()
                for task in running:
                    task.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            for follower in followers:
                follower.stop()
            if http is not None:
                http.shutdown()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            workers.shutdown(wait=False)
            await self._in(self._planner, self._ledger.close)

    async def take(self, items: Iterable[Item], source: str) -> None:
        """Judge what came, and have what follows carried out."""
        heard = time.monotonic()
        found = list(items)
        for _item in found:
            self._report.heard(source)
        self._programmer.want(await self._in(self._court, self._judge.take, found), heard)

    def _link(self, router: RouterEntry, workers: ThreadPoolExecutor) -> Link:
        platform = platform_named(self._topology.routers[router.name].platform)
        shell = self._shell(router)
        return Link(router.name, platform, self._renderer, shell, workers, self._back, self._wrapped)

    def _opened_judge(self) -> Judge:
        live = [handover_to_record(one) for one in standing(self._states()) if not one.over]
        return Judge(
            self._policy,
            str(self._state / "history.sqlite"),
            live,
            self._report,
            scope=self._config.scope.value,
            directions=self._config.directions.value,
            sessions=self._config.sessions,
        )

    def _states(self) -> dict[str, RouterState]:
        now = time.time()
        return {name: RouterState(link.held).live(now) for name, link in self._links.items() if link.held is not None}

    async def _flows(self) -> Sequence[AgreedFlow]:
        found: Sequence[AgreedFlow] = await self._in(self._court, self._judge.flows)
        return found

    # What comes in.

    def _followed(self, one: EventInput, path: str) -> Follower:
        known = load_cursors(self._cursor_path, may_be_missing=True)

        def taken(items: list[Item], cursor: Cursor | None) -> None:
            async def judged() -> None:
                if items:
                    await self.take(items, str(one))
                if cursor is not None and cursor != self._cursors.get(path):
                    self._cursors[path] = cursor

            with suppress(RuntimeError):  # the loop is closed
                asyncio.run_coroutine_threadsafe(judged(), self._loop).result()

        follower = Follower(path, one.format, known.get(path), taken)
        follower.start()
        return follower

    def _queue(
        self, one: EventInput, tasks: asyncio.TaskGroup, running: list[asyncio.Task[None]]
    ) -> Callable[[bytes], None]:
        """Where the events of an input wait to be judged, in their order."""
        waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)

        def pushed(data: bytes) -> None:
            try:
                waiting.put_nowait(data)
            except asyncio.QueueFull:
                self._report.refused(str(one), "input_overflow", "events come faster than they can be judged")

        async def judged() -> None:
            while True:
                events = [await waiting.get()]
                while len(events) < _MOST_AT_ONCE and not waiting.empty():
                    events.append(waiting.get_nowait())
                items = await self._in(self._court, _items, events, one)
                await self.take(items, str(one))

        running.append(tasks.create_task(judged()))
        return pushed

    # What is seen to now and then.

    async def _keep(self) -> None:
        """Put what was judged into the history, and the cursors behind it, when all that follows is in the ledger."""
        kept, since = dict(self._cursors), time.monotonic()
        while True:
            await asyncio.sleep(_KEPT_EVERY)
            if not self._judge.dirty and self._cursors == kept:
                since = time.monotonic()
                continue
            if self._programmer.idle or time.monotonic() - since > _KEPT_LATEST:
                async with self._programmer.unrecorded:
                    await self._record()
                kept, since = dict(self._cursors), time.monotonic()

    async def _record(self) -> None:
        if self._config.dry_run:
            return
        cursors = dict(self._cursors)
        # In the judge's thread: nothing is judged between the look at the queue and the commit.
        pending = [wanted.record for wanted in self._programmer.queue]
        await self._in(self._court, self._judge_committed, pending)
        if cursors:
            await self._in(self._court, write_cursors, self._cursor_path, cursors)

    def _judge_committed(self, pending: list[Mapping[str, Any]]) -> None:
        if pending:
            self._planner.submit(self._ledger.want, pending, time.time()).result()
        try:
            self._judge.commit()
        except HandoverError as error:
            self._report.refused("history", error.code, str(error))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEPT_EVERY)
            lapsed = await self._in(self._planner, self._ledger.lapsed, int(time.time()) - _LAPSED)
            self._programmer.want([{**record, "ended": True} for record in lapsed], time.monotonic())
            await self._in(self._planner, self._ledger.forget, time.time())

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(self._config.reconcile_seconds)
            drifted = False
            for link in self._links.values():
                if link.reason is None and self._programmer.idle:
                    before = None if link.held is None else RouterState(link.held)
                    with suppress(HandoverError):
                        after, now = await link.gather(), time.time()
                        if before is not None and not same_state(before.live(now), after.live(now)):
                            self._report.drifted(link.name)
                            drifted = True
            if drifted:
                await self._reconcile()

    async def _see_to_those_back(self) -> None:
        while True:
            await self._came_back.wait()
            self._came_back.clear()
            await self._reconcile()

    async def _reconcile(self) -> None:
        owed = await self._in(self._planner, self._ledger.all)
        busy = {wanted.id for wanted in self._programmer.queue} | set(self._programmer.retirement.handovers)
        goal = self._config.recover
        if any(link.held is not None and link.held.remnants for link in self._links.values()):
            self._programmer.tidy()
        records = await self._in(self._planner, owing, owed, self._states(), self._topology, goal, busy)
        if records:
            self._report.told("reconcile", handovers=len(records))
            self._programmer.want(records, time.monotonic())

    def _back(self, link: Link) -> None:
        self._report.told("router reached", router=link.name)
        if self._ready:
            self._came_back.set()

    # What is seen from outside.

    def _looks(self) -> Looks:
        def healthz() -> tuple[str, bytes]:
            asyncio.run_coroutine_threadsafe(_nothing(), self._loop).result(2)
            return "application/json", b'{"status": "ok"}\n'

        def metrics() -> tuple[str, bytes]:
            held = {name: None if link.held is None else len(link.held) for name, link in self._links.items()}
            self._report.looked(len(self._programmer.queue), len(self._programmer.retirement), held)
            return "text/plain; version=0.0.4; charset=utf-8", self._report.metrics()

        def status() -> tuple[str, bytes]:
            told = asyncio.run_coroutine_threadsafe(self._status(), self._loop).result(10)
            return "application/json", json.dumps(told).encode() + b"\n"

        return {"/healthz": healthz, "/metrics": metrics, "/status": status}

    async def _status(self) -> dict[str, Any]:
        owed = await self._in(self._planner, self._ledger.all)
        return {
            "since": round(self._begun, 3),
            "queue": len(self._programmer.queue),
            "retiring": len(self._programmer.retirement),
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

    async def _in(self, executor: ThreadPoolExecutor, work: Callable[..., Any], *values: Any) -> Any:
        return await self._loop.run_in_executor(executor, lambda: work(*values))


class _Told:
    """Tells of the state of a connection when it changes."""

    def __init__(self, report: Report, name: str) -> None:
        self._report = report
        self._name = name
        self._last = ""

    def __call__(self, state: str) -> None:
        if state != self._last:
            self._report.told("input", input=self._name, state=state)
        self._last = state


def _items(events: list[bytes], one: EventInput) -> list[Item]:
    """What pushed events are; each stands by itself, so a broken one takes no other with it."""
    found: list[Item] = []
    for data in events:
        found += open_source(one.format, [data.rstrip(b"\r\n\0") + b"\n"], str(one))[1]
    return found


async def _nothing() -> None:
    pass
