# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell that is held open on a router, without a service around it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from ansible_collections.sipmobility.handover.agent.service.held_shell import HeldShell, LoopShell
from ansible_collections.sipmobility.handover.agent.service.inventory import RouterEntry
from ansible_collections.sipmobility.handover.agent.service.login import Login
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

from ..namespaces import Namespace
from .child import NamespaceShell

__all__ = ["resident_shell"]


@contextmanager
def resident_shell(space: Namespace, within: str = "") -> Iterator[tuple[LoopShell, HeldShell]]:
    """Hold a shell open, in whose place the program that carries steps out may come; for code that waits, and itself.

    :param within: a command that runs the shell.
    """
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    shell = NamespaceShell(RouterEntry("rb", Login(None), {}), space.pid, within)
    platform = Nftables()
    program = Renderer().render(platform.resident_template, platform.settings)
    shell.become(program, str(platform.settings["save_command"]))
    try:
        yield LoopShell(shell, loop), shell
    finally:
        asyncio.run_coroutine_threadsafe(shell.close(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()
