# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits until handovers are settled: carried out, refused, or put off because a router is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable

__all__ = ["Expected", "Settling"]


class Expected:
    """What somebody waits for."""

    def __init__(self, handovers: Iterable[str]) -> None:
        self.left = set(handovers)
        self._over = asyncio.Event()
        self.settled(())

    def settled(self, handovers: Iterable[str]) -> None:
        """These are settled."""
        self.left.difference_update(handovers)
        if not self.left:
            self._over.set()

    async def wait(self) -> None:
        """Until all are."""
        await self._over.wait()


class Settling:
    """All who wait."""

    def __init__(self) -> None:
        self._waiting: list[Expected] = []

    def expect(self, handovers: Iterable[str]) -> Expected:
        """Say what is waited for, before it is wanted."""
        expected = Expected(handovers)
        self._waiting.append(expected)
        return expected

    def settled(self, handovers: Iterable[str], queue: Container[str]) -> None:
        """A batch came to an end.

        :param queue: what is wanted anew meanwhile, which is not settled.
        """
        ended = [identity for identity in handovers if identity not in queue]
        for expected in self._waiting:
            expected.settled(ended)
        self._waiting = [expected for expected in self._waiting if expected.left]

    def forget(self, expected: Expected) -> None:
        """Nobody waits for that any more."""
        self._waiting = [one for one in self._waiting if one is not expected]
