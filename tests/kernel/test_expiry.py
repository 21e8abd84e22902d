# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A handover that nobody refreshes ends by itself, under live traffic: in silence (design rule 6)."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Rewrite
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState

from ..unit.mobility.worlds import NOW
from .live import open_tcp
from .moving import OLD, PEER, Journey, moved

#: Seconds that the encoders live, and the decoders: the order that matters, in less time than design rule 6 has.
ENCODERS, DECODERS = 3, 5


def expiring(state: RouterState) -> RouterState:
    """The state with lifetimes that a test can wait for."""
    return RouterState(
        replace(entry, stamp=replace(entry.stamp, expires=NOW + (ENCODERS if encodes(entry) else DECODERS)))
        for entry in state
    )


def encodes(entry: object) -> bool:
    return isinstance(entry, Rewrite) and not entry.kind.is_decoder


@pytest.mark.parametrize("version", [4, 6])
def test_a_live_session_falls_silent_and_is_not_reset(road: Journey, version: int) -> None:
    with ExitStack() as stack:
        mobile, peer, session = stack.enter_context(open_tcp(road, version, patience=2))
        wires = [stack.enter_context(closing(host.wire())) for host in (road.mobile, road.peer)]
        road.move()
        road.program(moved(version, session))
        road.load({name: expiring(state) for name, state in road.held.items()})
        start = time.monotonic()
        for end in (mobile, peer):
            end.setblocking(False)
        heard, last = [0, 0], [0.0, 0.0]
        while (passed := time.monotonic() - start) < DECODERS + 2:
            for number, (sender, receiver) in enumerate(((mobile, peer), (peer, mobile))):
                sender.send(b"alive?")  # a reset would be an error here
                try:
                    heard[number] += len(receiver.recv(1000))
                    last[number] = passed
                except BlockingIOError:
                    pass
            time.sleep(0.02)
        assert all(heard), "it lived"
        assert max(last) < ENCODERS + 1.5, "it ended"
        road.held = {name: road.routers[name].gather() for name in road.routers}
        assert all(not any(isinstance(entry, Rewrite) for entry in state) for state in road.held.values())
        for wire in wires:
            shown = set(segments(wire, version))
            assert {address for both in shown for address in both} == {OLD[version].packed, PEER[version].packed}


def segments(wire: socket.socket, version: int) -> Iterator[tuple[bytes, bytes]]:
    """Source and destination of every TCP segment on a host's link."""
    wire.setblocking(False)
    try:
        while True:
            data = wire.recv(100)
            if version == 4 and data[12:14] == b"\x08\0" and data[23] == socket.IPPROTO_TCP:
                yield data[26:30], data[30:34]
            elif version == 6 and data[12:14] == b"\x86\xdd" and data[20] == socket.IPPROTO_TCP:
                yield data[22:38], data[38:54]
    except BlockingIOError:
        return
