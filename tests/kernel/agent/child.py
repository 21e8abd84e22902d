# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service as a process of a test: routers with a shell are namespaces, and it may be told to die at a step.

The service knows nothing of that: what dies is the shell that stands between it and the router.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Iterable

from ansible_collections.sipmobility.handover.agent.service.config import Ssh, load_config
from ansible_collections.sipmobility.handover.agent.service.held_shell import Runs
from ansible_collections.sipmobility.handover.agent.service.inventory import RouterEntry
from ansible_collections.sipmobility.handover.agent.service.process import serve_evenly
from ansible_collections.sipmobility.handover.agent.service.report import JsonLines
from ansible_collections.sipmobility.handover.agent.service.service import Service
from ansible_collections.sipmobility.handover.agent.service.shell_way import ShellWay
from ansible_collections.sipmobility.handover.agent.service.shells import LocalShell
from ansible_collections.sipmobility.handover.agent.service.way import Way
from ansible_collections.sipmobility.handover.agent.service.ways import way_to
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer


class NamespaceShell(LocalShell):
    """A root shell in a router's namespace.

    :param within: a command that runs it.
    """

    def __init__(self, router: RouterEntry, pid: int, within: str = "") -> None:
        super().__init__(router, Ssh())
        # The clock of a test, where there is one, is for the service and its judge.
        self._command = f"exec env -u LD_PRELOAD nsenter --target {pid} --net --mount {within} /bin/sh -s"


class Mortal:
    """Counts the steps of all routers; before or after one of them the process is killed, or stopped."""

    def __init__(self, number: int, after: bool, kind: signal.Signals = signal.SIGKILL) -> None:
        self._number = number
        self._after = after
        self._kind = kind
        self._count = itertools.count(1)

    def around(self, _name: str, shell: Runs) -> Runs:
        """A shell that counts its steps."""
        return _Counting(self, shell)

    def before_step(self) -> int:
        """The number of this step; routers work side by side."""
        number = next(self._count)
        if number == self._number and not self._after:
            os.kill(os.getpid(), self._kind)
        return number

    def after_step(self, number: int) -> None:
        """It is done."""
        if number == self._number and self._after:
            os.kill(os.getpid(), self._kind)


class _Counting:
    def __init__(self, mortal: Mortal, shell: Runs) -> None:
        self._mortal = mortal
        self._shell = shell

    async def run(self, script: str) -> Output:
        if "@@ step" not in script:
            return await self._shell.run(script)
        number = self._mortal.before_step()
        output = await self._shell.run(script)
        self._mortal.after_step(number)
        return output

    async def step(self, text: str, known: str) -> Output | None:
        number = self._mortal.before_step()
        output = await self._shell.step(text, known)
        self._mortal.after_step(number)
        return output

    async def connections(self, addresses: Iterable[str], rows: int) -> Output | None:
        return await self._shell.connections(addresses, rows)


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


async def _serve(service: Service) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await service.run(stop)


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--spaces", required=True, type=json.loads)
    parser.add_argument("--die", type=int, default=0)
    parser.add_argument("--after", action="store_true")
    parser.add_argument("--stop", action="store_true", help="stop there, in the place of dying")
    args = parser.parse_args()
    if "LD_PRELOAD" in os.environ:
        # libfaketime cannot sleep until a moment, as Python does.
        time.sleep = _sleep  # type: ignore[assignment]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.getLogger("sip_handover").addHandler(handler)
    logging.getLogger("sip_handover").setLevel(logging.DEBUG)

    mortal = Mortal(args.die, args.after, signal.SIGSTOP if args.stop else signal.SIGKILL)

    config = load_config(args.config)

    def way(router: RouterEntry, renderer: Renderer) -> Way:
        if router.platform.transport != "shell":
            return way_to(router, config.ssh, renderer, print)
        shell = NamespaceShell(router, args.spaces[router.name])
        return ShellWay(router.platform, renderer, shell, mortal.around)

    serve_evenly()
    asyncio.run(_serve(Service(config, way)))


if __name__ == "__main__":
    main()
