# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk data across a move after which some link takes 1,300 bytes only: no session stalls."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope

from .moving import OLD, PEER, PLACES, Journey, journey, moved

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
BULK = 400_000
#: Longer than anything takes that does not stall: the sender learns the path's MTU at once.
PATIENCE = 4.0


@pytest.fixture(scope="module")
def network() -> Iterator[Journey]:
    with journey() as made:
        yield made


@pytest.fixture
def road(network: Journey) -> Journey:
    """The phone at home, the routers empty."""
    network.at_home()
    return network


def tcp(road: Journey, version: int) -> tuple[socket.socket, socket.socket, Session]:
    """A session of the phone's, and what it is."""
    with closing(road.peer.socket(FAMILY[version], socket.SOCK_STREAM)) as listener:
        listener.bind((str(PEER[version]), 0))
        listener.listen()
        listener.settimeout(PATIENCE)
        mobile = road.mobile.socket(FAMILY[version], socket.SOCK_STREAM)
        mobile.bind((str(OLD[version]), 0))
        mobile.settimeout(PATIENCE)
        mobile.connect(listener.getsockname())
        peer, _address = listener.accept()
    peer.settimeout(PATIENCE)
    return mobile, peer, Session("tcp", mobile.getsockname()[1], PEER[version], peer.getsockname()[1])


def received(by: socket.socket, of: socket.socket) -> int:
    """How much of the bulk arrives."""
    with ThreadPoolExecutor(1) as worker:
        sending = worker.submit(of.sendall, bytes(BULK))
        count = 0
        try:
            while count < BULK:
                count += len(by.recv(65536))
            sending.result()
        except TimeoutError:
            of.shutdown(socket.SHUT_RDWR)
    return count


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)
@pytest.mark.parametrize("version", [4, 6])
def test_bulk_both_ways_over_a_narrow_link(road: Journey, version: int, scope: Scope, place: str) -> None:
    mobile, peer, session = tcp(road, version)
    with closing(mobile), closing(peer):
        road.move()
        road.program(moved(version, session, scope=scope))
        road.narrow(place, 1300)
        assert received(mobile, peer) == BULK
        assert received(peer, mobile) == BULK
