# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of an IOS router, held open over SSH.

One dialogue at a time. Whatever is not as it should be ends the connection; the next call opens another, which begins
outside of every mode of configuration.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import asyncssh

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.platforms.ios.complaints import message_in
from ...plugins.plugin_utils.ios.command_line import QUESTION
from ...plugins.plugin_utils.rendering import Renderer
from .config import Ssh
from .inventory import RouterEntry
from .ssh_connection import connected
from .terminal import Terminal

__all__ = ["HeldLine"]

_T = TypeVar("_T")
#: The words of the dialogue itself.
_ENABLE, _CONFIGURE, _END = "enable", "configure terminal", "end"
_CHILDREN = re.compile(QUESTION)
_PASSWORD = re.compile(r"[Pp]assword: ?$")


class HeldLine:
    """A :class:`CommandLine` for code that waits, in a thread beside the event loop. Errors name the router.

    :param loop: where the connection lives.
    """

    def __init__(self, router: RouterEntry, settings: Ssh, renderer: Renderer, loop: asyncio.AbstractEventLoop) -> None:
        self._name = router.name
        self._login = router.login
        self._settings = settings
        self._renderer = renderer
        self._loop = loop
        self._connection: asyncssh.SSHClientConnection | None = None
        self._terminal: Terminal | None = None

    def running(self, pipe: str) -> str:
        """The running configuration, through a filter of IOS.

        :raises HandoverError: ``router_unreachable``, ``router_timeout``, ``login_refused``, ``unknown_host_key``.
        """
        command = self._renderer.render("ios/running.j2", {"pipe": pipe}).strip()
        return self._waited(lambda line: line.enter(command))

    def configure(self, lines: Sequence[str], forced: bool) -> Mapping[str, str]:
        """Send lines of configuration; errors as :meth:`running`.

        :returns: what was answered, by line. It stops at a complaint: the next line may belong to the refused one.
        """
        return self._waited(lambda line: _configured(line, lines, "yes" if forced else "no"))

    def ask(self, command: str) -> str:
        """What is answered to a command in privileged mode, also where it is a complaint; errors as :meth:`running`."""
        return self._waited(lambda line: line.enter(command))

    def check(self) -> None:
        """Have the router give a sign of life; errors as :meth:`running`."""
        self.ask("")

    def close(self) -> None:
        """End the connection."""
        self._in_loop(self._closed())

    def _waited(self, work: Callable[[Terminal], Awaitable[_T]]) -> _T:
        return self._in_loop(self._answered(work))

    def _in_loop(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _answered(self, work: Callable[[Terminal], Awaitable[_T]]) -> _T:
        try:
            async with asyncio.timeout(self._settings.command_timeout):
                if self._terminal is None:
                    self._terminal = await self._opened()
                return await work(self._terminal)
        except BaseException as error:
            last = "" if self._terminal is None else self._terminal.last
            await self._closed()
            raise self._told(error, last) from error

    async def _opened(self) -> Terminal:
        self._connection = await connected(self._login, self._settings)
        process = await self._connection.create_process(term_type="vt100", encoding="utf-8", errors="replace")
        terminal = Terminal(process)
        await terminal.begin()
        if not terminal.privileged and self._login.become is not None:
            said = await terminal.enter(_ENABLE, {_PASSWORD: self._login.become_password or ""})
            if not terminal.privileged:
                raise HandoverError(
                    "login_refused",
                    _last(said),
                    "the router takes the enable password",
                    "Compare ansible_become_password with the router's.",
                )
        if not terminal.privileged:
            raise HandoverError(
                "login_refused",
                "the prompt is that of an unprivileged user",
                "the login is privileged",
                "Set ansible_become, ansible_become_method enable and ansible_become_password.",
            )
        for line in self._renderer.render("ios/opening.j2", {}).splitlines():
            await terminal.enter(line)
        return terminal

    async def _closed(self) -> None:
        self._terminal, connection, self._connection = None, self._connection, None
        if connection is not None:
            connection.abort()

    def _told(self, error: BaseException, last: str) -> BaseException:
        if isinstance(error, HandoverError):
            return HandoverError(error.code, f"{self._name}: {error.subject}", error.rule, error.advice)
        if isinstance(error, TimeoutError):
            waited = f"{self._settings.command_timeout:g} s, after {_last(last)!r}"
            return HandoverError(
                "router_timeout", f"{self._name}: {waited}", "a router does what it is told in this time"
            )
        if isinstance(error, Exception):
            return HandoverError("router_unreachable", f"{self._name}: {error}", "a router can be reached")
        return error


async def _configured(terminal: Terminal, lines: Sequence[str], answer: str) -> dict[str, str]:
    answers: dict[str, str] = {}
    said = await terminal.enter(_CONFIGURE)
    if not terminal.configuring:  # somebody may have locked it
        return {lines[0]: said}
    for line in lines:
        answers[line] = await terminal.enter(line, {_CHILDREN: answer})
        if message_in(answers[line]):
            break
    await terminal.enter(_END)
    return answers


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"
