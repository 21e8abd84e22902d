# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handovers for somebody else to carry out: registrations in, a few large events out.

Whoever carries them out starts a playbook for each event, which takes seconds. So
what comes meanwhile is judged together, and of each handover only the newest word is
told: a burst of moves is one event, and a phone that moved twice is told of once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..plugins.module_utils.asking.client import Client
from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.mobility.home import HomeQuestion
from ..plugins.module_utils.mobility.intake import Item
from ..plugins.module_utils.sip.sources.cursor import Cursor
from .cursor_file import load_cursors, write_cursors
from .home.asking import LOOKS_AFTER, asker_into
from .policy_file import load_policy, load_policy_data
from .service.config import FeedConfig
from .service.inputs.opened import Inputs
from .service.judge import Judge

__all__ = ["Feed", "Teller", "judged", "opened_judge"]

_LOG = logging.getLogger("sip_handover")
#: Items that wait to be judged; a log is read no further meanwhile.
_MOST_WAITING = 20_000
#: Seconds, at least, between two commits of what concerns no handover.
_KEPT_EVERY = 1.0
#: Refusals in one event; of a flood the log has the rest.
_MOST_REFUSALS = 100
_TEMPLATE = re.compile(r"\{[{%#]")

Put = Callable[[dict[str, Any]], Awaitable[None]]


class Teller:
    """Logs, and keeps what was refused for the next event."""

    def __init__(self) -> None:
        self.refusals: list[dict[str, Any]] = []

    def refused(self, subject: str, code: str, reason: str) -> None:
        """Something was not believed, or was lost."""
        _LOG.warning("refused: %s: %s (%s)", subject, reason, code)
        self.refusals.append({"where": subject, "code": code, "reason": reason})

    def told(self, event: str, **what: Any) -> None:
        """Anything else."""
        _LOG.info("%s: %s", event, what)


def opened_judge(config: FeedConfig, teller: Teller, ask: Callable[[HomeQuestion, float], None] | None = None) -> Judge:
    """Who decides, with the history in the directory of the configuration.

    :param ask: as of :class:`Judge`.
    :raises HandoverError: for a policy or a history that cannot be used.
    """
    state = Path(config.state_dir)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Judge(
        load_policy(config.policy),
        str(state / "history.sqlite"),
        (),
        teller,
        scope=config.scope.value,
        directions=config.directions.value,
        sessions=config.sessions,
        ask=ask,
    )


def judged(judge: Judge, items: list[Item], teller: Teller) -> list[dict[str, Any]]:
    """The handovers that follow.

    They travel as extra variables, which Ansible takes for templates of its operator. So what a phone has written
    goes no further where it looks like one.
    """
    found = []
    for record in judge.take(items):
        if _TEMPLATE.search(json.dumps(record)):
            teller.refused(str(record["old"]), "template_text", "nothing in a registration is a template of Ansible")
        else:
            found.append(record)
    return found


class Feed:
    """One feed. Make it, then :meth:`run` it once.

    What was told is part of the history, and the log's cursor moves on, a pause after the
    event was taken. Whatever ends the feed before that has the same told again at the next
    start; carrying out a handover that stands changes nothing.

    :raises HandoverError: where there is nothing to read, or a certificate cannot be used.
    """

    def __init__(self, config: FeedConfig) -> None:
        if not config.events:
            raise HandoverError("bad_config", "events", "there is at least one input")
        self._config = config
        self._client = None if config.home is None else Client(config.home)
        self._teller = Teller()
        self._waiting: list[Item] = []
        self._came, self._room = asyncio.Event(), asyncio.Event()
        self._kept: dict[str, Cursor] = {}
        self._policy: dict[str, Any] = {}

    async def run(self, put: Put) -> None:
        """Hand on what follows until cancelled.

        :param put: takes one event: ``handovers``, records as plan_handover takes them, with the ``policy`` by which
            it looks for their sessions, or ``refused``. It returns when the event is taken.
        :raises HandoverError: where inputs, policy or history cannot be used.
        """
        cursors = str(Path(self._config.state_dir, "cursors.json"))
        asker = None if self._client is None else asker_into(self._client, self._teller.told, self._take)
        judge = opened_judge(self._config, self._teller, None if asker is None else asker.ask)
        self._policy = load_policy_data(self._config.policy)
        behind: dict[str, Cursor] = {}
        try:
            with ThreadPoolExecutor(1, "input") as reader:
                inputs = Inputs(self._take, behind, self._teller, reader)
                known = load_cursors(cursors, may_be_missing=True)
                try:
                    async with asyncio.TaskGroup() as tasks:
                        for one in self._config.events:
                            await inputs.open(one, tasks, known)
                        tasks.create_task(self._keep_time(judge))
                        await self._tell(judge, behind, put, cursors)
                finally:
                    inputs.close()
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            judge.close()

    async def _take(self, items: list[Item], _source: str) -> None:
        while len(self._waiting) >= _MOST_WAITING:
            self._room.clear()
            await self._room.wait()
        self._waiting += items
        self._came.set()

    async def _keep_time(self, judge: Judge) -> None:
        """Refuse what has waited in vain for a home server, until cancelled."""
        while judge.may_wait:
            await asyncio.sleep(LOOKS_AFTER)
            judge.late()
            if self._teller.refusals:
                self._came.set()

    async def _tell(self, judge: Judge, cursors: dict[str, Cursor], put: Put, path: str) -> None:
        kept, behind = time.monotonic(), dict(cursors)
        while True:
            try:
                async with asyncio.timeout(_KEPT_EVERY if behind != self._kept else None):
                    await self._came.wait()
            except TimeoutError:
                self._keep(judge, behind, path)
                kept = time.monotonic()
                continue
            self._came.clear()
            # What has been taken and the cursors behind it belong together: nothing is awaited in between.
            items, self._waiting = self._waiting, []
            behind = dict(cursors)
            self._room.set()
            events = self._judged(judge, items)
            if not events and time.monotonic() - kept < _KEPT_EVERY:
                continue
            for event in events:
                await put(event)
            try:
                await asyncio.sleep(self._config.pause if events else 0)
            finally:
                self._keep(judge, behind, path)
            kept = time.monotonic()

    def _keep(self, judge: Judge, behind: dict[str, Cursor], path: str) -> None:
        judge.commit()
        write_cursors(path, behind)
        self._kept = behind

    def _judged(self, judge: Judge, items: list[Item]) -> list[dict[str, Any]]:
        handovers = judged(judge, items, self._teller)
        refused, self._teller.refusals = self._teller.refusals, []
        events: list[dict[str, Any]] = [{"handovers": handovers, "policy": self._policy}] if handovers else []
        return [*events, {"refused": refused[:_MOST_REFUSALS]}] if refused else events
