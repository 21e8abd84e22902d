# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A way to a router that is held open, whatever is at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.connection import Connection
from ...plugins.module_utils.mobility.model import Address
from ...plugins.module_utils.platforms.base import Output
from ...plugins.plugin_utils.router import ManagedRouter

__all__ = ["GONE", "Way"]

#: The codes of a router that is not there, or did not answer: what it holds is not known until it is read again.
GONE = frozenset(
    {
        "login_refused",
        "router_timeout",
        "router_unreachable",
        "script_cut",
        "session_lost",
        "unknown_engine",
        "unknown_host_key",
    }
)


class Way:
    """What a link needs of its router. Whoever waits for an answer is a thread beside the event loop.

    :ivar router: is opened when it is used, and again after each :meth:`ManagedRouter.close`.
    :ivar check: has the router give a sign of life where its session is held; raises one of :data:`GONE`.
    :ivar ended: is called when its session ends while nothing is asked, where that is noticed.
    """

    def __init__(self, router: ManagedRouter, check: Callable[[], object] = lambda: None) -> None:
        self.router = router
        self.check = check
        self.ended: Callable[[HandoverError], None] = lambda _error: None

    @property
    def open(self) -> bool:
        """Whether its session is held, as far as that is known."""
        return True

    @property
    def quick(self) -> bool:
        """Whether :meth:`step` knows a faster way, as far as that is known."""
        return False

    async def step(self, text: str, known: str) -> Output | None:
        """Carry out the text of a step in a faster way; None where there is none: nothing was done."""
        return None

    def warm(self) -> None:
        """Do what the first step would wait for beside its router, as compiling templates; no router is asked."""

    async def close(self) -> None:
        """End what is held open; it is opened again when it is used again."""
        await asyncio.to_thread(self.router.close)

    def connections(self, addresses: Iterable[Address]) -> tuple[Connection, ...]:
        """What the router's connection table says of some addresses.

        :raises HandoverError: ``connections_unknown``, or what the router says.
        """
        raise HandoverError("connections_unknown", "no shell", "a router with a shell tells of its connections")
