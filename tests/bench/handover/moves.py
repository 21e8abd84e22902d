# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of many phones, one after the other, and what is found of each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session

from ...kernel.agent.sip_server import SipPhone, SipServer
from ...kernel.moving import PEER

__all__ = ["Found", "Move", "Moves"]


@dataclass(frozen=True)
class Move:
    """A phone, its address at home and its new one, and its session."""

    user: str
    old: str
    new: str
    session: Session

    def begin(self, phone: SipPhone) -> float:
        """The phone tells its server; when, see :meth:`SipPhone.register`."""
        return phone.register(self.new, self.old, [self.session])


class Moves:
    """So many, 240 at most."""

    def __init__(self, count: int) -> None:
        self._moves = [
            Move(
                f"user{number}",
                f"198.51.100.{number + 2}",
                f"203.0.113.{number + 2}",
                Session("tcp", 40000, PEER[4], 7000),
            )
            for number in range(count)
        ]

    def __len__(self) -> int:
        return len(self._moves)

    def __iter__(self) -> Iterator[Move]:
        return iter(self._moves)

    @property
    def users(self) -> list[str]:
        """Who moves."""
        return [move.user for move in self]

    @property
    def addresses(self) -> list[str]:
        """Where they are."""
        return [address for move in self for address in (move.old, move.new)]

    def at_home(self, server: SipServer) -> list[tuple[Move, SipPhone]]:
        """Each with its phone, which is registered at home, and told of in the server's log.

        :raises TimeoutError: nothing was written.
        """
        phones = [(move, server.phone(move.user)) for move in self]
        for move, phone in phones:
            phone.register(move.old)
        until = time.monotonic() + 10
        while not server.log.exists():
            if time.monotonic() > until:
                raise TimeoutError(f"{server.log}: nothing is written there")
            time.sleep(0.01)
        return phones


@dataclass
class Found:
    """What one way of doing it took, in seconds for each move.

    :ivar shown: from the first REGISTER until both routers showed it.
    :ivar acknowledged: from the event until the routers had acknowledged it, by the program's own word.
    :ivar parts: what that consists of, by name.
    """

    shown: list[float]
    acknowledged: list[float]
    parts: dict[str, list[float]]

    @classmethod
    def nothing(cls) -> Found:
        """Of no move yet."""
        return cls([], [], {})
