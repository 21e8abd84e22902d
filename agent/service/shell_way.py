# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a router with a shell: a held one, in whose place a program of ours may stay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.connection import Connection
from ...plugins.module_utils.mobility.model import Address, Change
from ...plugins.module_utils.platforms.base import Output, Platform
from ...plugins.module_utils.platforms.conntrack import MAX_ROWS, read_connections
from ...plugins.plugin_utils.connections import CONNECTIONS, gathered
from ...plugins.plugin_utils.rendering import Renderer
from ...plugins.plugin_utils.router import ManagedRouter
from .held_shell import HeldShell, LoopShell, Runs
from .resident_device import ResidentDevice
from .way import Way

__all__ = ["ShellWay"]


class ShellWay(Way):
    """One shell.

    :param wrapped: what stands between us and the shell, for tests.
    """

    def __init__(
        self,
        platform: Platform,
        renderer: Renderer,
        held: HeldShell,
        wrapped: Callable[[str, Runs], Runs] = lambda _name, shell: shell,
    ) -> None:
        self._renderer = renderer
        self._held = held
        self._steps = wrapped(held.name, held)
        if platform.resident_template:
            program = renderer.render(platform.resident_template, platform.settings)
            held.become(program, str(platform.settings["save_command"]))
        self._shell = LoopShell(self._steps, asyncio.get_running_loop())
        device = ResidentDevice(platform, renderer, self._shell)
        super().__init__(ManagedRouter(held.name, platform, device))
        held.ended = self._ended

    @property
    def open(self) -> bool:
        return self._held.open

    @property
    def quick(self) -> bool:
        return self._held.resident

    def _ended(self, error: HandoverError) -> None:
        self.ended(error)

    async def step(self, text: str, known: str) -> Output | None:
        return await self._steps.step(text, known)

    def warm(self) -> None:
        with suppress(HandoverError):  # it is told when a step is carried out
            self.router.text(Change(), time.time())

    async def close(self) -> None:
        await self._held.close()

    def connections(self, addresses: Iterable[Address]) -> tuple[Connection, ...]:
        asked = tuple(addresses)
        # What an operator has put in the place of our script is what tells.
        output = self._shell.connections(map(str, asked), MAX_ROWS) if self._renderer.ours(CONNECTIONS) else None
        table = gathered(asked, self._shell, self._renderer) if output is None else read_connections(output)
        return table.connections
