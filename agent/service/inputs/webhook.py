# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input ``webhook``: events that are posted, from the thread of a request to the judge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import CancelledError

from ....plugins.module_utils.errors import HandoverError
from .signed import Answer, Signatures

__all__ = ["Webhook"]

#: Seconds that the judge may take.
_JUDGED_WITHIN = 10.0

Take = Callable[[list[bytes]], Awaitable[None]]


class Webhook:
    """What ``/events`` is behind. While it is not open, senders are told to come again."""

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures
        self._taking: tuple[asyncio.AbstractEventLoop, Take] | None = None

    def open(self, take: Take) -> None:
        """Take events from now on.

        :param take: takes the events of one post, each a line; they are judged when it returns.
        """
        self._taking = asyncio.get_running_loop(), take

    def close(self) -> None:
        """Take no more."""
        self._taking = None

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer a post: 202 when its events are judged, whatever was decided."""
        if self._taking is None:
            return 503, "the service is not ready"
        loop, take = self._taking
        refused = self._signatures.refusal(headers, body)
        if refused is not None:
            return refused
        events = [line for line in body.splitlines() if line.strip()]
        judged = asyncio.run_coroutine_threadsafe(_taken(take, events), loop)
        try:
            judged.result(_JUDGED_WITHIN)
        except (TimeoutError, CancelledError, HandoverError):
            return 503, "the service does not answer"
        return 202, f"{len(events)} judged"


async def _taken(take: Take, events: list[bytes]) -> None:
    await take(events)
