# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk data across a move after which some link takes 1,300 bytes only: no session stalls."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.iptables import Iptables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.iptables import IptablesBackend

from .live import FAMILY, open_tcp
from .moving import NEW, OLD, PEER, PLACES, Journey, journey, moved

BULK = 400_000
#: Longer than anything takes that does not stall: the sender learns the path's MTU at once.
PATIENCE = 4.0


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
    with open_tcp(road, version, PATIENCE) as (mobile, peer, session):
        road.move()
        road.program(moved(version, session, scope=scope))
        road.narrow(place, 1300)
        assert received(mobile, peer) == BULK
        assert received(peer, mobile) == BULK


@pytest.fixture
def trusting(road: Journey) -> Iterator[Journey]:
    """With a core that takes what comes under the old address from the visited network."""
    road.trust(True)
    yield road
    road.trust(False)


@pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)
@pytest.mark.parametrize("version", [4, 6])
def test_bulk_where_only_packets_to_the_phone_are_rewritten(trusting: Journey, version: int, scope: Scope) -> None:
    """``forward``: all errors come back on the way to the phone; on the way from it, those of its own router."""
    with open_tcp(trusting, version, PATIENCE) as (mobile, peer, session):
        trusting.move()
        trusting.program(moved(version, session, scope=scope, both=False))
        trusting.narrow("visited uplink", 1300)
        assert received(mobile, peer) == BULK
        assert received(peer, mobile) == BULK
        trusting.narrow("correspondent uplink", 1280)
        assert received(mobile, peer) == BULK


DOCUMENTED = """
table ip operator {
    chain fragmentable {
        type filter hook forward priority filter
        meta mark and 0xff000000 == 0x6d000000 iifname lan ip frag-off & 0x4000 != 0 ip frag-off set 0
    }
}
"""


def test_what_the_documentation_advises_for_the_other_errors(trusting: Journey) -> None:
    """The errors from further away go to the network that the old address belongs to. IPv4 can do without them."""
    with open_tcp(trusting, 4, PATIENCE) as (mobile, peer, session):
        trusting.move()
        trusting.program(moved(4, session, both=False))
        trusting.narrow("correspondent uplink", 1300)
        trusting.spaces["rb"].shell(f"nft -f - <<'RULES'{DOCUMENTED}RULES\n")
        try:
            assert received(peer, mobile) == BULK
        finally:
            trusting.spaces["rb"].shell("nft delete table ip operator")


@pytest.mark.parametrize("version", [4, 6])
def test_the_errors_of_new_sessions_stay_theirs(road: Journey, version: int) -> None:
    """Between the same hosts, under the phone's new address, and while an old session is rewritten."""
    with open_tcp(road, version, PATIENCE) as (mobile, peer, session):
        road.move()
        road.program(moved(version, session))
        with open_tcp(road, version, PATIENCE, NEW) as (new_mobile, new_peer, _session):
            for place in ("visited uplink", "correspondent uplink"):
                road.narrow(place, 1300)
            assert received(new_mobile, new_peer) == BULK
            assert received(new_peer, new_mobile) == BULK
            assert received(peer, mobile) == BULK


@pytest.mark.parametrize("way", ["to the phone", "from the phone"])
@pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)
@pytest.mark.parametrize("version", [4, 6])
def test_datagrams_in_fragments(road: Journey, version: int, scope: Scope, way: str) -> None:
    """4,000 bytes of UDP: over links of 1,500 bytes, then over one that takes 1,300."""
    mobile, peer = (one.open_socket(FAMILY[version], socket.SOCK_DGRAM) for one in (road.mobile, road.peer))
    with closing(mobile), closing(peer):
        for one, address in ((mobile, OLD), (peer, PEER)):
            one.bind((str(address[version]), 0))
            one.settimeout(0.2)
        mobile.connect(peer.getsockname()[:2])
        peer.connect(mobile.getsockname()[:2])
        session = Session("udp", mobile.getsockname()[1], PEER[version], peer.getsockname()[1])
        one, other = (peer, mobile) if way == "to the phone" else (mobile, peer)
        road.move()
        road.program(moved(version, session, scope=scope))
        assert arrives(one, other)
        # The far link, before which a router in the middle sees the fragments that were sent.
        road.narrow("visited uplink" if one is peer else "correspondent uplink", 1300)
        # Only IPv6 has to learn it: there, routers fragment nothing.
        assert arrives(one, other, attempts=3)


def arrives(one: socket.socket, other: socket.socket, attempts: int = 1) -> bool:
    """Whether a datagram of 4,000 bytes comes through whole."""
    for _ in range(attempts):
        # A socket that knows its peer is told of a path-MTU error: "message too long", once.
        try:
            one.send(bytes(range(250)) * 16)
            return other.recv(5000) == bytes(range(250)) * 16
        except OSError as error:
            if not isinstance(error, TimeoutError) and error.errno != errno.EMSGSIZE:
                raise
    return False


@pytest.mark.parametrize("version", [4, 6])
def test_iptables_translates_errors_by_itself(version: int) -> None:
    """Connection tracking does: what is translated here are sessions that it saw from its rules' beginning."""
    with journey(Iptables(), IptablesBackend()) as road:
        road.at_home()
        with open_tcp(road, version, PATIENCE) as (mobile, peer, session):
            road.move()
            road.program(moved(version, session))
            road.narrow("visited uplink", 1300)
            assert received(mobile, peer) == BULK
            road.narrow("correspondent uplink", 1280)
            assert received(peer, mobile) == BULK
