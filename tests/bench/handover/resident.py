# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves by the resident service."""

from __future__ import annotations

import json
import os
import time
from typing import Any, TextIO

from ...kernel.agent.place import Running
from ...kernel.agent.sip_server import SipServer
from ...kernel.moving import Journey
from .held import elements_of, held
from .moves import Found, Moves

__all__ = ["measure_service"]

_PARTS = ("waited", "planned", "programmed")


def measure_service(network: Journey, service: Running, server: SipServer, moves: Moves) -> Found:
    """Of so many moves; the routers are read when the service has told that they have acknowledged."""
    found = Found.nothing()
    service.await_told("ready")
    phones = moves.at_home(server)
    texts = [elements_of(network, move) for move in moves]
    time.sleep(2)  # what was judged is in the history
    with held(network) as routers, service.told_path.open(encoding="utf-8") as told:
        for (move, phone), stages in zip(phones, texts, strict=True):
            told.seek(0, os.SEEK_END)
            sent = move.begin(phone)
            one = _acknowledged(told, move.new)
            if not routers.shows(stages):
                raise RuntimeError(f"{move} was acknowledged, and the routers do not show it")
            found.shown.append(time.time() - sent)
            found.acknowledged.append(one["total_ms"] / 1000)
            for part in _PARTS:
                found.parts.setdefault(part, []).append(one[f"{part}_ms"] / 1000)
    return found


def _acknowledged(told: TextIO, new: str) -> dict[str, Any]:
    """What the service tells of the move to this address."""
    held_line = ""
    for _ in range(60_000):
        held_line += told.readline()
        if not held_line.endswith("\n"):
            time.sleep(0.0002)
            continue
        one: dict[str, Any] = json.loads(held_line)
        held_line = ""
        if one["event"] == "handover" and one["new"] == new:
            return one
        if one["event"] in ("refused", "taken back"):
            raise RuntimeError(f"{one}")
    raise RuntimeError(f"{new} was not told")
