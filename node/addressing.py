# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking for an address where the system does not do so by itself: a command of the operator's, not too often."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence

__all__ = ["Addressing"]

_LOG = logging.getLogger("sip-handover-node")
#: Seconds until the command is run again for an interface that still has no address, and that it may take.
_AGAIN, _LONGEST = 15.0, 60.0


class Addressing:
    """Runs the command for each interface that has a carrier, and for some time no address.

    :param command: with ``{interface}`` in it; empty for none.
    """

    def __init__(self, command: Sequence[str], after: float) -> None:
        self._command, self._after = tuple(command), after
        self._due: dict[str, float] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def due(self) -> float | None:
        return min(self._due.values(), default=None)

    def look(self, without: Collection[str], now: float) -> None:
        """Take which interfaces have no address."""
        if self._command:
            self._due = {name: self._due.get(name, now + self._after) for name in without}

    async def woken(self, now: float) -> None:
        for name in [name for name, due in self._due.items() if due <= now]:
            self._due[name] = now + _AGAIN
            if name not in self._running:
                self._running[name] = asyncio.create_task(self._run(name))

    async def _run(self, name: str) -> None:
        command = [word.replace("{interface}", name) for word in self._command]
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                async with asyncio.timeout(_LONGEST):
                    _out, told = await process.communicate()
            except TimeoutError:
                process.kill()
                await process.wait()
                _LOG.warning("no_address: %s took longer than %g s", command[0], _LONGEST)
            else:
                if process.returncode:
                    _LOG.warning("no_address: %s ended with %s: %.200r", command[0], process.returncode, told)
        except OSError as error:
            _LOG.warning("no_address: %s: %s", command[0], error)
        finally:
            del self._running[name]
