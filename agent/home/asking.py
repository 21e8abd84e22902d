# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Home servers, asked beside an event loop: the answers come into it as any other item."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ...plugins.module_utils.asking.asker import Asker
from ...plugins.module_utils.asking.client import Client
from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.intake import Item

__all__ = ["LOOKS_AFTER", "asker_into"]

#: Seconds between two looks at who has waited long enough for his home server.
LOOKS_AFTER = 0.2


def asker_into(client: Client, told: Callable[..., None], take: Callable[[list[Item], str], Awaitable[None]]) -> Asker:
    """Who puts questions, and has the running loop take the answers.

    :param told: is told, by another thread, of servers that give no answer.
    :param take: takes answers and where they are from; called in the loop.
    """
    loop = asyncio.get_running_loop()

    def problem(server: str, error: HandoverError) -> None:
        told("home server", server=server, problem=str(error))

    async def taken() -> None:
        if answers := asker.ready():
            await take([*answers], "home servers")

    def arrived() -> None:
        with suppress(RuntimeError):  # the loop is closed
            asyncio.run_coroutine_threadsafe(taken(), loop)

    asker = Asker(client, problem, arrived)
    return asker
