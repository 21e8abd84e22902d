# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The least: the elements of a handover, told to a libnftables that is held open in each router.

It neither judges, plans, remembers nor routes, and its routers keep nothing for their next boot.
"""

from __future__ import annotations

import time
from typing import TextIO

from ...kernel.agent.sip_server import SipServer
from ...kernel.moving import Journey
from .held import elements_of, held
from .moves import Found, Moves

__all__ = ["measure_floor"]

_PATIENCE = 10.0


def measure_floor(network: Journey, server: SipServer, moves: Moves) -> Found:
    """Of so many moves; each is begun when its event stands in the server's log."""
    found = Found.nothing()
    phones = moves.at_home(server)
    texts = [elements_of(network, move) for move in moves]
    with held(network) as routers, server.log.open(encoding="utf-8") as log:
        _await_line(log, moves.users[-1])
        for (move, phone), stages in zip(phones, texts, strict=True):
            sent = move.begin(phone)
            _await_line(log, move.user)
            begun = time.time()
            routers.program(stages)
            found.acknowledged.append(time.time() - begun)
            found.shown.append(routers.await_shown(stages) - sent)
    return found


def _await_line(log: TextIO, user: str) -> None:
    """Read the log up to the next event of somebody."""
    deadline, held_line = time.monotonic() + _PATIENCE, ""
    while time.monotonic() < deadline:
        held_line += log.readline()
        if not held_line.endswith("\n"):
            time.sleep(0.0002)
        elif f'"sip:{user}@' in held_line:
            return
        else:
            held_line = ""
    raise RuntimeError(f"no event of {user}")
