# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client: looks, asks the mind of each IP version, does what it says, writes down what must not be lost."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import signal
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.reader import Reader, interface, text
from ..plugins.module_utils.sip.grammar import Address
from ..plugins.module_utils.sip.name_addr import parse_name_addr
from ..plugins.module_utils.sip.uri import parse_uri
from .addressing import Addressing
from .config import Config
from .control import listen
from .dialogs_file import read_dialogs
from .directory import Directory
from .exchange import exchange
from .kernel import Kernel
from .locate import Where, locate, parse_where
from .mind import Mind
from .model import (
    Action,
    Answered,
    Chance,
    Dialog,
    Event,
    Failed,
    GiveUp,
    Keep,
    Leave,
    Left,
    Look,
    Notify,
    Seen,
    Send,
    State,
    Tell,
    Woken,
)
from .state_file import read_states, write_states
from .surroundings import place, without_address

__all__ = ["Service"]

_LOG = logging.getLogger("sip-handover-node")
#: More numbers than a machine sends before its disk has one.
_LOST = 100
#: Seconds between two looks, at least.
_APART = 0.01
#: Seconds until the kernel is asked again that has refused an answer.
_AGAIN = 1.0
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING}
_Item = tuple[int, Event] | None  # None: look


class Service:
    """Runs until SIGTERM or SIGINT.

    :raises HandoverError: what keeps it from beginning.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._looking, self._looked_at = False, 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._path = config.state_dir / "state.json"
        self._written = _remembered(self._path)
        profile = replace(config.profile, password=config.password(), mobility=config.enabled)
        chance = Chance(lambda: secrets.token_hex(8), random.random)
        self._minds = {version: Mind(profile, self._state(version), chance) for version in sorted(set(config.versions))}
        self._left: set[int] = set()
        self._problem = ""

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._leave)
        async with Kernel(self._config.interfaces) as kernel:
            self._kernel = kernel
            self._directory = Directory(self._config, self._look)
            self._addressing = Addressing(self._config.ask_address, self._config.ask_after)
            server = await listen(self._config.control, self._asked)
            watch = asyncio.create_task(kernel.changes(self._look))
            watch.add_done_callback(lambda _task: self._look())
            try:
                self._look()
                while len(self._left) < len(self._minds):
                    await self._one(loop)
                    if watch.done():
                        await watch  # deaf: whoever started it starts it again
            finally:
                server.close()
                self._config.control.unlink(missing_ok=True)
                await self._directory.close()
                for task in (watch, *self._tasks):
                    task.cancel()
                await asyncio.gather(watch, *self._tasks, return_exceptions=True)

    async def _one(self, loop: asyncio.AbstractEventLoop) -> None:
        due = [mind.due for mind in self._minds.values()] + [self._addressing.due]
        wait = min((time for time in due if time is not None), default=None)
        try:
            async with asyncio.timeout_at(wait):
                item = await self._queue.get()
        except TimeoutError:
            await self._woken(loop.time())
            return
        if item is None:
            self._looking, self._looked_at = False, loop.time()
            await self._looked()
        else:
            await self._take(*item)

    async def _woken(self, now: float) -> None:
        if self._addressing.due is not None and self._addressing.due <= now:
            await self._addressing.woken(now)
        for version, mind in self._minds.items():
            if mind.due is not None and mind.due <= now:
                await self._take(version, Woken())

    # -- looking -----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Look soon; several wishes are one."""
        if not self._looking:
            self._looking = True
            loop = asyncio.get_running_loop()
            # A router's routes change without end; a move is a few events within milliseconds.
            loop.call_at(max(loop.time(), self._looked_at + _APART), self._queue.put_nowait, None)

    async def _looked(self) -> None:
        try:
            attached = await self._kernel.attached()
            sessions = await self._kernel.sessions()
            up = [link.name for link in await self._kernel.links() if link.up]
            self._addressing.look(without_address(up, attached), asyncio.get_running_loop().time())
            dialogs = self._dialogs()
            for version, mind in self._minds.items():
                here = await place(self._kernel, self._directory, version, mind.state.address, attached)
                mine = {one: listed for one, listed in sessions.items() if one.version == version}
                await self._take(version, Seen(here, mine, tuple(_of(version, one) for one in dialogs)))
        except HandoverError as error:
            self._tell_problem(error)
            asyncio.get_running_loop().call_later(_AGAIN, self._look)
        else:
            self._problem = ""

    def _dialogs(self) -> tuple[Dialog, ...]:
        try:
            return () if self._config.dialogs is None else read_dialogs(self._config.dialogs)
        except HandoverError as error:
            _LOG.warning("%s", error)
            return ()

    def _tell_problem(self, error: HandoverError) -> None:
        if str(error) != self._problem:
            self._problem = str(error)
            _LOG.error("%s", error)

    # -- doing -------------------------------------------------------------------------------------------------------

    async def _take(self, version: int, event: Event) -> None:
        mind = self._minds[version]
        actions = mind.take(event, asyncio.get_running_loop().time())
        self._write()
        for action in actions:
            try:
                await self._do(version, action)
            except HandoverError as error:
                self._tell_problem(error)

    async def _do(self, version: int, action: Action) -> None:
        if isinstance(action, Keep):
            await self._kernel.keep(action.address)
        elif isinstance(action, GiveUp):
            await self._kernel.give_up(action.address)
        elif isinstance(action, (Send, Notify)):
            task = asyncio.create_task(self._send(version, action))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif isinstance(action, Tell):
            _LOG.log(_LEVELS[action.level], "%s: %s", action.code, action.text)
        elif isinstance(action, Look):
            self._look()
        elif isinstance(action, Left):
            self._left.add(version)

    async def _send(self, version: int, action: Send | Notify) -> None:
        try:
            if isinstance(action, Send):
                server = action.server
            else:
                server = (await locate(self._server_of(action.dialog), version))[0]
            answer = await exchange(action.request, action.source, server, self._config.ca_file, self._config.patience)
        except Exception as error:  # whatever it is: nobody would wait for this answer in vain
            if not isinstance(error, HandoverError):
                _LOG.exception("a fault of this client's own")
            self._queue.put_nowait((version, Failed(action.number, str(error))))
        else:
            self._queue.put_nowait((version, Answered(action.number, answer)))

    def _server_of(self, dialog: Dialog) -> Where:
        """Where a request within a call goes first (RFC 3261 section 12.2.1.1); without a route the other's server."""
        domain = parse_uri(dialog.remote_uri).host
        told = dict(self._config.correspondent_servers).get(domain)
        if told is not None:
            return told
        if dialog.route:
            uri = parse_name_addr(dialog.route[0], "Route").uri
            return Where(uri.host, uri.port, dict(uri.params).get("transport"))
        return Where(domain)

    def _leave(self) -> None:
        for version in self._minds:
            self._queue.put_nowait((version, Leave()))

    def _write(self) -> None:
        states = {**self._written, **{version: mind.state for version, mind in self._minds.items()}}
        if states != self._written:
            try:
                write_states(self._path, states)
            except HandoverError as error:
                self._tell_problem(error)
            self._written = states

    def _state(self, version: int) -> State:
        """What the last client left, or a new one. Each IP version is an instance of its own: a registrar would let one
        take the other's place (RFC 5626 section 4.1)."""
        known = self._written.get(version)
        own = self._config.instance
        if known is not None and own in (None, known.instance):
            return known
        instance = own or uuid.uuid4().urn
        if known is not None:
            return replace(known, instance=instance)
        return State(call_id=secrets.token_hex(16), instance=instance)

    # -- whoever asks ------------------------------------------------------------------------------------------------

    def _asked(self, question: object) -> dict[str, Any]:
        of = Reader(question, "question")
        what = of.take("do", text)
        if what == "look":
            name, server = of.take("interface", interface, ""), of.take("server", text, "")
            of.done()
            if name:
                self._directory.hint(name, parse_where(server) if server else None)
            self._look()
            return {"done": True}
        of.done()
        if what != "status":
            raise HandoverError("bad_question", what, "it is one of look and status")
        return {f"ipv{version}": _status(mind) for version, mind in self._minds.items()} | {"problem": self._problem}


def _remembered(path: Path) -> dict[int, State]:
    """What the last client left. It may not have written its last numbers down: none is used twice (RFC 3261 10.2)."""
    try:
        return {version: replace(state, cseq=state.cseq + _LOST) for version, state in read_states(path).items()}
    except HandoverError as error:
        _LOG.error("%s", error)
        return {}


def _of(version: int, dialog: Dialog) -> Dialog:
    return replace(dialog, media=tuple(pair for pair in dialog.media if pair[0].version == version))


def _status(mind: Mind) -> dict[str, Any]:
    state = mind.state
    return {
        "registered": mind.registered,
        "address": _text(state.address),
        "server": None if state.server is None else str(state.server),
        "held": [str(one) for one in state.kept],
    }


def _text(address: Address | None) -> str | None:
    return None if address is None else str(address)
