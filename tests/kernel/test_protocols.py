# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be in a session, each through the real routers: TCP, UDP, UDP-Lite, SCTP; ICMP echo under wider scopes.

This kernel has no SCTP sockets: its packets are played, over raw sockets, with their own checksum.
"""

from __future__ import annotations

import socket
import struct
from contextlib import closing

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope

from .frames import checksum
from .live import FAMILY, open_tcp
from .moving import NEW, OLD, PEER, Journey, moved
from .namespaces import Namespace

UDPLITE, SCTP = 136, 132
#: RFC 9260 section 3.2: kinds of chunks.
DATA, INIT, INIT_ACK, COOKIE_ECHO, COOKIE_ACK = 0, 1, 2, 10, 11
WIDER = [Scope.CORRESPONDENT, Scope.ADDRESS]


def exchanged(one: socket.socket, other: socket.socket, text: bytes) -> bool:
    """Whether both hear each other. A socket that knows its peer hears nobody else."""
    for sender, receiver in ((one, other), (other, one)):
        sender.send(text)
        if receiver.recv(100) != text:
            return False
    return True


@pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    ("protocol", "kind", "number"),
    [("udp", socket.SOCK_DGRAM, 0), ("udplite", socket.SOCK_DGRAM, UDPLITE)],
    ids=["udp", "udplite"],
)
def test_datagrams(road: Journey, protocol: str, kind: int, number: int, version: int, scope: Scope) -> None:
    """The receiving kernel looks at the checksum, which covers the addresses (RFC 3828 section 3.1).

    Connection tracking takes the checksum of UDP-Lite for UDP's and calls every packet invalid, wherever the phone
    is; a strict firewall that lets UDP-Lite through has told it not to look.
    """
    mobile, peer = (one.open_socket(FAMILY[version], kind, number) for one in (road.mobile, road.peer))
    with closing(mobile), closing(peer):
        for one, address in ((mobile, OLD), (peer, PEER)):
            one.bind((str(address[version]), 0))
            one.settimeout(1)
        mobile.connect(peer.getsockname()[:2])
        peer.connect(mobile.getsockname()[:2])
        road.look_at_checksums(protocol != "udplite")
        assert exchanged(mobile, peer, b"at home")
        road.move()
        session = Session(protocol, mobile.getsockname()[1], PEER[version], peer.getsockname()[1])
        road.program(moved(version, session, scope=scope))
        assert exchanged(peer, mobile, b"moved")


@pytest.mark.parametrize("scope", WIDER, ids=lambda scope: scope.value)
@pytest.mark.parametrize("version", [4, 6])
def test_echo_under_the_wider_scopes(road: Journey, version: int, scope: Scope) -> None:
    road.move()
    road.program(moved(version, scope=scope))
    assert echoed(road.peer, str(PEER[version]), str(OLD[version]))
    assert echoed(road.mobile, str(OLD[version]), str(PEER[version]))


def echoed(host: Namespace, source: str, destination: str) -> bool:
    """Whether a host answers an echo request, to the address and from the one that were asked."""
    version = 6 if ":" in source else 4
    request, reply, protocol = (8, 0, socket.IPPROTO_ICMP) if version == 4 else (128, 129, socket.IPPROTO_ICMPV6)
    head, rest = struct.pack("!BB", request, 0), struct.pack("!HH", 7082, 1) + b"are you there"
    with closing(host.open_socket(FAMILY[version], socket.SOCK_RAW, protocol)) as one:
        one.bind((source, 0))
        one.connect((destination, 0))
        one.settimeout(1)
        one.send(head + struct.pack("!H", checksum(head + bytes(2) + rest)) + rest)
        for _ in range(10):
            said = one.recv(500)[20 if version == 4 else 0 :]
            if said[0] == reply and said[4:] == rest:
                return True
    return False


def chunk(kind: int, body: bytes) -> bytes:
    """RFC 9260 section 3.2."""
    return struct.pack("!BBH", kind, 3 if kind == DATA else 0, 4 + len(body)) + body + bytes(-len(body) % 4)


def sctp(ports: tuple[int, int], tag: int, content: bytes) -> bytes:
    """RFC 9260 section 3.1, with the checksum of its appendix A, least significant byte first."""
    head = struct.pack("!HHI", *ports, tag)
    return head + struct.pack("<I", crc32c(head + bytes(4) + content)) + content


def crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


@pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)
@pytest.mark.parametrize("version", [4, 6])
def test_sctp(road: Journey, version: int, scope: Scope) -> None:
    """An association of the phone's, opened at home as a stateful firewall wants to see it."""
    mobile, peer = (one.open_socket(FAMILY[version], socket.SOCK_RAW, SCTP) for one in (road.mobile, road.peer))
    with closing(mobile), closing(peer):
        for one, address in ((mobile, OLD), (peer, PEER)):
            one.bind((str(address[version]), 0))
            one.settimeout(1)
        mobile.connect((str(PEER[version]), 0))
        peer.connect((str(OLD[version]), 0))
        parameters = struct.pack("!IIHHI", 1, 65536, 1, 1, 1)
        init, ack = parameters, struct.pack("!I", 2) + parameters[4:]

        def passes(one: socket.socket, tag: int, content: bytes) -> bool:
            ports, other = ((3000, 4000), peer) if one is mobile else ((4000, 3000), mobile)
            packet = sctp(ports, tag, content)
            one.send(packet)
            return other.recv(500)[20 if version == 4 else 0 :] == packet

        assert passes(mobile, 0, chunk(INIT, init))
        assert passes(peer, 1, chunk(INIT_ACK, ack + chunk(7, b"cookie")))
        assert passes(mobile, 2, chunk(COOKIE_ECHO, b"cookie"))
        assert passes(peer, 1, chunk(COOKIE_ACK, b""))
        road.move()
        road.program(moved(version, Session("sctp", 3000, PEER[version], 4000), scope=scope))
        for number in (1, 2):
            assert passes(peer, 1, chunk(DATA, struct.pack("!IHHI", number, 0, number, 0) + b"to the phone"))
            assert passes(mobile, 2, chunk(DATA, struct.pack("!IHHI", number, 0, number, 0) + b"from the phone"))


@pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)
@pytest.mark.parametrize("version", [4, 6])
def test_tcp(road: Journey, version: int, scope: Scope) -> None:
    with open_tcp(road, version, patience=2) as (mobile, peer, session):
        road.move()
        road.program(moved(version, session, scope=scope))
        assert exchanged(peer, mobile, b"moved")
        if scope is Scope.SESSION:
            again = road.mobile.open_socket(FAMILY[version], socket.SOCK_STREAM)
            with closing(again):
                again.settimeout(2)
                again.bind((str(NEW[version]), 0))
                with pytest.raises(ConnectionRefusedError):  # the peer's own word: nobody listens any more
                    again.connect(peer.getsockname())
