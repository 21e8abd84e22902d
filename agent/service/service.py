# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service: inputs, judge, programmer and links put together, started, and stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...plugins.module_utils.asking.asker import Asker
from ...plugins.module_utils.asking.client import Client
from ...plugins.module_utils.mobility.intake import Item
from ...plugins.module_utils.mobility.records import handover_to_record
from ...plugins.module_utils.mobility.recover import standing
from ...plugins.module_utils.sip.agreed import AgreedFlow
from ...plugins.module_utils.topologies import described_topology
from ...plugins.plugin_utils.rendering import Renderer
from ..home.asking import LOOKS_AFTER, asker_into
from ..policy_file import load_policy
from ..stream.followed import Followed
from ..stream.input import Parts, StreamInput
from ..stream.shared_ledger import SharedLedger
from .batch import BatchPlanner
from .config import Config, Sessions
from .court import Court
from .inputs.opened import Inputs, pushed_items
from .inputs.signed import LONGEST_BODY, Signatures, load_secret
from .inputs.webhook import Webhook
from .inventory import RouterEntry, read_inventory, routers_of
from .ledger import Ledger
from .link import Link
from .looks import serve_looks
from .outlook import Outlook
from .process import settled
from .programmer import Programmer
from .remembering import Remembering
from .report import Report
from .search import SessionSearch
from .threads import in_thread
from .upkeep import Upkeep, live_states
from .way import Way
from .ways import require_libraries, way_to

__all__ = ["Service"]

#: Routers that are worked on at one moment.
_AT_ONCE = 32
#: Most events that are judged before what follows from them is begun.
_AT_A_TIME = 128
#: A router whose session is idle is asked for a sign of life as often as SSH gives up one that gives none.
_UNANSWERED = 3


class Service:
    """One service. Make it, then :meth:`run` it once.

    :param way: makes the way to a router, for tests.
    :raises HandoverError: for a configuration, policy or inventory that cannot be used.
    """

    def __init__(self, config: Config, way: Callable[[RouterEntry, Renderer], Way] | None = None) -> None:
        self._config = config
        self._policy = load_policy(config.policy)
        self._routers = routers_of(read_inventory(*config.inventory), config.group, config.inventory[0])
        for router in self._routers:
            require_libraries(router)
        self._topology = described_topology({router.name: router.described for router in self._routers})
        self._renderer = Renderer(config.template_dir)
        self._client = None if config.home is None else Client(config.home)
        self._asker: Asker | None = None
        self._state = Path(config.state_dir)
        self._report = Report()
        self._way = way or (lambda router, renderer: way_to(router, config.ssh, renderer, self._warn))
        self._stream = (
            None if config.stream is None else StreamInput(config.stream, self._report, dry_run=config.dry_run)
        )
        hook = None if config.webhook is None else config.webhook.webhook
        self._webhook = None if hook is None else Webhook(Signatures(load_secret(hook.secret_file), hook.window))
        self._judging = asyncio.Lock()
        self._ready = False

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do, for tests."""
        return self._ready and self._programmer.idle and self._upkeep.idle

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set.

        :raises HandoverError: where it cannot begin, or ledger, history or the judge fail.
        """
        begun = time.time()
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._planner = ThreadPoolExecutor(1, "planner")
        self._reader = ThreadPoolExecutor(1, "reader")
        workers = ThreadPoolExecutor(min(_AT_ONCE, len(self._routers)), "router")
        self._ledger = await in_thread(self._planner, self._opened_ledger, asyncio.get_running_loop())
        self._links = {router.name: self._link(router, workers) for router in self._routers}
        self._programmer = self._made_programmer()
        self._upkeep = Upkeep(
            self._links,
            self._topology,
            self._programmer,
            self._ledger,
            self._report,
            every=self._config.reconcile_seconds,
            goal=self._config.recover,
            planner=self._planner,
            shared=self._stream is not None,
        )
        keepers = [asyncio.create_task(link.keep()) for link in self._links.values()]
        self._judge = await Court.begun(self._report)
        http = None
        try:
            await asyncio.gather(*(link.tried.wait() for link in self._links.values()))
            self._asker = None if self._client is None else asker_into(self._client, self._report.told, self.take)
            await self._open_judge()
            await self._upkeep.reconcile()
            if self._config.http is not None:
                seen = Outlook(
                    self._links,
                    self._programmer,
                    self._ledger,
                    self._report,
                    begun=begun,
                    planner=self._planner,
                    partitions=lambda: self._stream.held if self._stream is not None else None,
                )
                posts = {"/events": self._webhook.post} if self._webhook else {}
                http = serve_looks(self._config.http, seen.looks(), posts, LONGEST_BODY)
            await self._serve(stop)
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            if http is not None:
                http.shutdown()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            workers.shutdown(wait=False)
            await self._judge.close()
            await in_thread(self._planner, self._ledger.close)

    async def take(self, items: Iterable[Item], source: str) -> None:
        """Judge what came, and have what follows carried out."""
        heard = time.monotonic()
        found = list(items)
        self._report.heard(source, len(found))
        async with self._judging:
            for begun in range(0, len(found), _AT_A_TIME):
                self._programmer.want(await self._judge.take(found[begun : begun + _AT_A_TIME]), heard)

    async def _serve(self, stop: asyncio.Event) -> None:
        memory = Remembering(
            str(self._state / "cursors.json"),
            self._judge,
            self._programmer,
            self._ledger,
            reader=self._reader,
            judging=self._judging,
            planner=self._planner,
        )
        inputs = Inputs(self.take, memory.cursors, self._report, self._reader, self._webhook)
        stream = self._stream
        try:
            async with asyncio.TaskGroup() as tasks:
                working = [self._programmer.run(), *self._upkeep.tasks(), self._keep_time(), self._judge.trouble()]
                if not self._config.dry_run:
                    working.append(memory.run())
                running = [tasks.create_task(work) for work in working]
                settled()
                self._ready = True
                self._report.told("ready", routers={name: link.reason or "up" for name, link in self._links.items()})
                known = memory.known()
                if stream is not None and isinstance(self._ledger, SharedLedger):
                    running.append(tasks.create_task(stream.run(self._parts(memory, self._ledger))))
                else:
                    for one in self._config.events:
                        await inputs.open(one, tasks, known)
                await stop.wait()
                self._ready = False
                inputs.close()
                if stream is not None:
                    stream.stop()
                await self._programmer.stop()
                if not self._config.dry_run:
                    await memory.remember()
                inputs.cancel()
                if stream is not None:
                    await stream.close()
                for task in running:
                    task.cancel()
        finally:
            inputs.close()

    def _parts(self, memory: Remembering, ledger: SharedLedger) -> Parts:
        """What the input nats needs of us."""

        async def followed(stream: str) -> Followed:
            memory.followed = await in_thread(self._reader, Followed, str(self._state / "followed.sqlite"), stream)
            return memory.followed

        async def judged(followed: Followed, number: int, partition: int, data: bytes) -> None:
            self._report.heard(f"nats {self._config.stream}", 1)
            # What follows is noted before anything else is judged.
            async with self._judging:
                items = await in_thread(self._reader, pushed_items, [data], self._config.events[0])
                records = await self._judge.take(items)
                followed.note(number, partition, records)
            if self._config.dry_run:
                self._programmer.want(records, time.monotonic())

        return Parts(
            wants=self._programmer,
            ledger=ledger,
            planner=self._planner,
            reconcile=self._upkeep.take_over,
            followed=followed,
            judged=judged,
        )

    def _opened_ledger(self, loop: asyncio.AbstractEventLoop) -> Ledger:
        """In the planner's thread."""
        path, stream = str(self._state / "ledger.sqlite"), self._stream
        if stream is None:
            return Ledger(path)
        return SharedLedger(path, loop, partition=stream.partition, mine=stream.mine, fenced=stream.fenced)

    def _made_programmer(self) -> Programmer:
        config = self._config
        planner = BatchPlanner(
            self._links,
            self._topology,
            self._ledger,
            self._planner,
            drain=config.drain,
            search=self._made_search() if config.sessions == Sessions.AUTO else None,
            noted=not config.dry_run,
            widen=config.widen,
            freeze=config.freeze,
        )
        mine = {} if self._stream is None else {"mine": self._stream.owns}
        return Programmer(self._links, planner, self._report, drain=config.drain, dry_run=config.dry_run, **mine)

    def _made_search(self) -> SessionSearch:
        return SessionSearch(
            self._links, self._topology, self._policy, self._planner, self._flows, patient=self._config.dry_run
        )

    def _link(self, router: RouterEntry, workers: ThreadPoolExecutor) -> Link:
        checked = _UNANSWERED * self._config.ssh.keepalive
        return Link(router.name, self._way(router, self._renderer), workers, self._back, checked)

    def _warn(self, text: str) -> None:
        self._report.told("warning", text=text)

    def _back(self, link: Link) -> None:
        self._report.told("router reached", router=link.name)
        if self._ready:
            self._upkeep.came_back()

    async def _keep_time(self) -> None:
        """Refuse what has waited in vain for a home server, until cancelled."""
        while self._judge.may_wait:
            await asyncio.sleep(LOOKS_AFTER)
            await self._judge.late()

    async def _open_judge(self) -> None:
        held = standing(live_states(self._links), topology=self._topology)
        await self._judge.open(
            self._policy,
            str(self._state / "history.sqlite"),
            [handover_to_record(one) for one in held if not one.over],
            None if self._asker is None else self._asker.ask,
            scope=self._config.scope.value,
            directions=self._config.directions.value,
            sessions=self._config.sessions,
        )

    async def _flows(self) -> Sequence[AgreedFlow]:
        return await self._judge.flows() if self._judge.dialogs else ()
