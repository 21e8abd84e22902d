# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to a shell that stays open: by SSH, or on this machine."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import Any

import asyncssh

from .config import Ssh
from .held_shell import HeldShell
from .inventory import RouterEntry
from .ssh_connection import connected

__all__ = ["LocalShell", "SshShell", "held_shell"]


def held_shell(router: RouterEntry, settings: Ssh) -> HeldShell:
    """The shell of a router."""
    return LocalShell(router, settings) if router.login.host is None else SshShell(router, settings)


class SshShell(HeldShell):
    """Over SSH: one connection, one channel, one shell."""

    def __init__(self, router: RouterEntry, settings: Ssh) -> None:
        super().__init__(router.name, settings.command_timeout)
        self._login = router.login
        self._settings = settings
        self._connection: asyncssh.SSHClientConnection | None = None

    async def _opened(self) -> Any:
        self._connection = await connected(self._login, self._settings)
        return await self._connection.create_process(self._login.shell, encoding=None)

    async def _ended(self, process: Any) -> None:
        connection, self._connection = self._connection, None
        process.close()
        if connection is not None:
            connection.abort()

    async def close(self) -> None:
        await super().close()
        connection, self._connection = self._connection, None
        if connection is not None:  # it came to no shell
            connection.abort()


class LocalShell(HeldShell):
    """On this machine."""

    def __init__(self, router: RouterEntry, settings: Ssh) -> None:
        super().__init__(router.name, settings.command_timeout)
        self._command = router.login.shell

    async def _opened(self) -> Any:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", self._command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )

    async def _ended(self, process: Any) -> None:
        process.stdin.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
